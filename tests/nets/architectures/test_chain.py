import pytest
import torch
from torch import nn

from edgekit.nets.architectures.chain import Chain, aggregate, repeats, scaled


def test_layers_read_the_one_before_or_those_they_name():
    chain = Chain()
    first = chain.conv(4, 3, 2)
    second = chain.conv(6)
    chain.conv(2, reads=first)
    joined = chain.concat(chain.last, second)

    network = chain.network(nn.Identity(), (joined,)).eval()

    assert chain.width_of(joined) == 8
    assert network.sources == (-1, 0, 0, (2, 1), (3,))
    assert network(torch.zeros(1, 3, 8, 8))[0].shape == (1, 8, 4, 4)


def test_every_convolution_has_the_activation_of_the_network():
    chain = Chain(nn.ReLU)
    chain.conv(4)

    assert isinstance(chain.network(nn.Identity(), (0,)).model[0].act, nn.ReLU)


@pytest.mark.parametrize(
    ("width", "by", "most", "expected"),
    [(64, 0.25, 1024, 16), (64, 0.3, 1024, 24), (1024, 0.5, 512, 256)],
)
def test_widths_are_scaled_up_to_a_multiple_of_8(width, by, most, expected):
    assert scaled(width, by, most) == expected


@pytest.mark.parametrize(("count", "expected"), [(3, 1), (6, 2), (9, 3), (1, 1)])
def test_blocks_are_repeated_at_least_once(count, expected):
    assert repeats(count, 0.33) == expected


def test_the_pyramid_is_walked_down_and_up_again():
    chain = Chain()
    maps = tuple(chain.conv(width, 3, 2) for width in (4, 8, 16))
    widths = (8, 4, 8, 16)

    found = aggregate(
        chain,
        maps,
        lambda step: chain.conv(widths[step]),
        lambda step: chain.conv((4, 8)[step], 3, 2),
    )

    outs = chain.network(nn.Identity(), found).eval()(torch.zeros(1, 3, 32, 32))
    assert [tuple(out.shape[1:]) for out in outs] == [(4, 16, 16), (8, 8, 8), (16, 4, 4)]
