import numpy as np
import pytest
from torch import nn

from edgekit.errors import ModelError
from edgekit.load.darknet import Section
from edgekit.nets.darknet.network import DarknetLayer, DarknetNetwork, activation
from edgekit.nets.darknet.section import DarknetSection
from edgekit.nets.darknet.weights import DarknetWeights

SECTION = DarknetSection(Section("local", {"activation": "mish"}, "[local]"), 1)


def network(*layers):
    weights = DarknetWeights(np.zeros(1, np.float32), "net.cfg")
    return DarknetNetwork(3, weights, (96, 64), list(layers))


def layer(stride, *, flat=False):
    return DarknetLayer(nn.Identity(), -1, 8, stride, flat)


def test_the_image_stands_before_the_first_layer():
    assert network().at(-1)[2:] == (3, 1.0, False)
    assert network().last == -1


def test_cells_are_counted_in_the_image_of_the_configuration():
    assert network().cells_hw(SECTION) == (96, 64)
    assert network(layer(32)).cells_hw(SECTION) == (3, 2)


@pytest.mark.parametrize(
    ("before", "found"), [(layer(64), "1.5 x 1"), (layer(32, flat=True), "none")]
)
def test_a_map_without_whole_cells_is_refused(before, found):
    with pytest.raises(ModelError, match=f"whole rows and columns before it, found {found}"):
        network(before).cells_hw(SECTION)


def test_an_activation_is_known_by_name():
    assert isinstance(activation(SECTION, "linear"), nn.Mish)
