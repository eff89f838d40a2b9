import torch
from torch import nn

from edgekit.nets.networks.repvgg_classifier import RepVggClassifier


def shrinking(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 2, 2))


def classifier():
    torch.manual_seed(0)
    stages = {f"stage{i}": shrinking(i + 1, i + 2) for i in range(1, 5)}
    return RepVggClassifier(shrinking(3, 2), nn.Linear(6, 10), **stages).eval()


def test_features_are_the_maps_at_strides_8_16_and_32():
    maps = classifier().features(torch.zeros(1, 3, 64, 96))

    assert [tuple(x.shape) for x in maps] == [(1, 4, 8, 12), (1, 5, 4, 6), (1, 6, 2, 3)]


def test_logits_are_those_of_the_mean_over_the_last_map():
    network, image = classifier(), torch.rand(2, 3, 64, 64)

    last = network.features(image)[-1]
    expected = torch.stack([network.linear(one.flatten(1).mean(1)) for one in last])

    torch.testing.assert_close(network(image), expected)
