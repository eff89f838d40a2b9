import numpy as np
import torch
from torch import nn

from edgekit.nets.blocks import yolov10


class Pick(nn.Module):
    """Some channels, scaled."""

    def __init__(self, *channels: int, factor: float = 1.0) -> None:
        super().__init__()
        self.channels = list(channels)
        self.factor = factor

    def forward(self, x):
        return self.factor * x[:, self.channels]


def test_parallel_kernels_are_added_before_the_activation():
    torch.manual_seed(0)
    three, seven = nn.Conv2d(4, 4, 3, 1, 1, groups=4), nn.Conv2d(4, 4, 7, 1, 3, groups=4)
    x = torch.randn(1, 4, 9, 9)
    merged = nn.Conv2d(4, 4, 7, 1, 3, groups=4)
    merged.weight.data = seven.weight + nn.functional.pad(three.weight, (2, 2, 2, 2))
    merged.bias.data = seven.bias + three.bias

    both = yolov10.RepVggDw(conv=seven, conv1=three, act=nn.SiLU())(x)
    one = yolov10.RepVggDw(conv=merged, act=nn.SiLU())(x)

    torch.testing.assert_close(both, one, rtol=1e-5, atol=1e-6)


def test_an_inverted_block_adds_its_input_only_when_told():
    x, body = torch.ones(1, 1), Pick(0, factor=5)

    assert yolov10.Cib(body, add=True)(x) == 6
    assert yolov10.Cib(body, add=False)(x) == 5


def test_downsampling_changes_channels_first():
    down = yolov10.ScDown(Pick(0, 0), nn.MaxPool2d(2))

    assert down(torch.ones(1, 1, 4, 4)).shape == (1, 2, 2, 2)


def test_attention_is_the_textbook_formula_per_head():
    torch.manual_seed(0)
    heads, key, head = 2, 2, 3
    x = torch.randn(1, heads * (2 * key + head), 3, 4)
    module = yolov10.Attention(
        num_heads=heads,
        key_dim=key,
        head_dim=head,
        qkv=nn.Identity(),
        proj=nn.Identity(),
        pe=nn.Identity(),
    )

    found = module(x)[0].reshape(heads, head, 12).numpy()

    flat = x[0].double().reshape(heads, 2 * key + head, 12).numpy()
    for one, given in zip(found, flat, strict=True):
        query, keys, value = given[:key].T, given[key : 2 * key].T, given[2 * key :].T
        scores = np.exp(query @ keys.T / np.sqrt(key))
        attended = scores / scores.sum(1, keepdims=True) @ value
        np.testing.assert_allclose(one, (attended + value).T, rtol=1e-4, atol=1e-6)


def test_only_half_of_the_channels_attends():
    x = torch.tensor([[1.0, 2.0]])
    module = yolov10.Psa(
        attn=Pick(0, factor=10), ffn=Pick(0, factor=1), cv1=Pick(0, 1), cv2=Pick(0, 1)
    )

    assert module(x).tolist() == [[1, 2 * 11 * 2]]
