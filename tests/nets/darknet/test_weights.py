import numpy as np
import pytest
import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.nets.darknet.layers import LocalConv, Window
from edgekit.nets.darknet.weights import DarknetWeights


def counted(count):
    return DarknetWeights(np.arange(count, dtype=np.float32), "net.cfg")


def test_statistics_come_before_the_kernel():
    conv, bn = nn.Conv2d(1, 2, 2, bias=False), nn.BatchNorm2d(2)
    weights = counted(16)

    weights.fill(conv, bn)
    weights.finish()

    found = [bn.bias, bn.weight, bn.running_mean, bn.running_var]
    assert [tensor.tolist() for tensor in found] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert torch.equal(conv.weight, torch.arange(8.0, 16).reshape(2, 1, 2, 2))


def test_without_statistics_the_bias_comes_first():
    conv = nn.Conv2d(2, 1, 1)

    counted(3).fill(conv, None)

    assert (conv.bias.tolist(), conv.weight.flatten().tolist()) == ([0], [1, 2])


def test_layers_are_filled_one_after_the_other():
    first, second, weights = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1), counted(4)

    weights.fill(first, None)
    weights.fill(second, None)

    assert second.bias.item() == 2


@pytest.mark.parametrize(("count", "message"), [(2, "at least 3"), (4, "expected 3 numbers")])
def test_too_few_and_too_many_numbers_are_refused(count, message):
    weights = counted(count)

    def load():
        weights.fill(nn.Conv2d(2, 1, 1), None)
        weights.finish()

    with pytest.raises(ModelError, match=message):
        load()


def test_what_is_not_finite_is_refused():
    weights = DarknetWeights(np.float32([0, np.nan]), "net.cfg")

    with pytest.raises(ModelError, match="NaN"):
        weights.fill(nn.Conv2d(1, 1, 1), None)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_matrix_may_stand_with_its_inputs_first(transposed):
    linear = nn.Linear(3, 2)
    weights = DarknetWeights(np.arange(8, dtype=np.float32), "net.cfg", transposed=transposed)

    weights.fill_connected(linear)
    weights.finish()

    assert linear.bias.tolist() == [0, 1]
    expected = [[2, 4, 6], [3, 5, 7]] if transposed else [[2, 3, 4], [5, 6, 7]]
    assert linear.weight.tolist() == expected


def test_kernels_stand_place_by_place():
    local, weights = LocalConv((1, 2), (1, 2), Window(1), nn.Identity()), counted(8)

    weights.fill_local(local)
    weights.finish()

    assert local.bias.tolist() == [[0, 1], [2, 3]]
    assert local.weight.flatten(1).tolist() == [[4, 5], [6, 7]]
