import numpy as np
import pytest
import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.load.darknet import Section
from edgekit.nets.darknet.network import DarknetNetwork
from edgekit.nets.darknet.parts import add_layer
from edgekit.nets.darknet.section import DarknetSection
from edgekit.nets.darknet.weights import DarknetWeights


def network(*sections, width=4):
    """The layers of ``sections``, on an image of ``width`` channels."""
    found = DarknetNetwork(width, DarknetWeights(np.zeros(9999, np.float32), "net.cfg"))
    for place, (kind, options) in enumerate(sections):
        texts = {name: str(value) for name, value in options.items()}
        add_layer(DarknetSection(Section(kind, texts, f"[{kind}]"), place), found)
    return found


def conv(**options):
    return ("convolutional", {"filters": 6, "activation": "leaky", **options})


@pytest.mark.parametrize(
    ("options", "side"),
    [
        ({"size": 3, "pad": 1}, 8),
        ({"size": 3, "padding": 1}, 8),
        ({"size": 3}, 6),
        ({"size": 3, "stride": 2, "pad": 1}, 4),
    ],
)
def test_a_convolution_pads_as_its_options_say(options, side):
    layer = network(conv(**options)).layers[0]

    assert layer.module.eval()(torch.zeros(1, 4, 8, 8)).shape == (1, 6, side, side)
    assert (layer.width, layer.stride) == (6, options.get("stride", 1))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("leaky", nn.LeakyReLU),
        ("linear", nn.Identity),
        ("mish", nn.Mish),
        ("swish", nn.SiLU),
        ("logistic", nn.Sigmoid),
        ("relu", nn.ReLU),
    ],
)
def test_activations_are_known_by_name(name, kind):
    assert isinstance(network(conv(activation=name)).layers[0].module.act, kind)


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (2, 1), (5, 1), (13, 1), (3, 2)])
@pytest.mark.parametrize("side", [8, 9])
def test_a_pool_covers_what_darknet_covers(size, stride, side):
    torch.manual_seed(0)
    image = torch.randn(1, 4, side, side)
    before = (size - 1) // 2

    found = network(("maxpool", {"size": size, "stride": stride})).layers[0].module(image)

    padded = nn.functional.pad(image, (before, size) * 2, value=-torch.inf)
    count = (side - 1) // stride + 1
    windows = padded.unfold(2, size, stride).unfold(3, size, stride).amax((-2, -1))
    assert torch.equal(found, windows[:, :, :count, :count])


def test_widths_and_strides_follow_the_maps_that_are_read():
    layers = network(
        conv(size=3, stride=2, pad=1),
        conv(filters=8),
        ("upsample", {"stride": 2}),
        ("route", {"layers": "-1,0"}),
        ("route", {"layers": "-3", "groups": 2, "group_id": 1}),
        ("dropout", {}),
    ).layers

    assert [layer.width for layer in layers] == [6, 8, 8, 14, 4, 4]
    assert [layer.stride for layer in layers] == [2, 2, 1, 1, 2, 2]
    assert [layer.source for layer in layers] == [-1, 0, 1, (2, 0), (1,), 4]


def test_a_yolo_layer_takes_the_anchors_of_its_mask():
    options = {"anchors": "1,2,3,4,5,6", "mask": "0,2", "classes": 2, "scale_x_y": 1.1}
    found = network(conv(filters=14, activation="linear"), ("yolo", options))

    ((place, level, classes),) = found.yolo
    assert (place, classes) == (0, 2)
    assert (level.anchors, level.xy_scale) == (((1, 2), (5, 6)), 1.1)


YOLO = {"anchors": "1,2", "mask": "0", "classes": 1}


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ([conv(activation="elu")], "'activation' of"),
        ([conv(xnor=1)], "no 'xnor'"),
        ([conv(dilation=2)], "'dilation' of 1"),
        ([conv(groups=3)], "'groups' that divide"),
        ([("maxpool", {"size": 4, "stride": 3})], "a pool that"),
        ([conv(), ("route", {"layers": "1"})], "layers before it"),
        ([conv(), ("route", {"layers": "-2"})], "layers before it"),
        ([conv(), ("route", {"layers": "-1", "groups": 4})], "'group_id' below"),
        ([conv(), conv(filters=3), ("shortcut", {"from": -2})], "maps of as many channels"),
        ([conv(), conv(), ("shortcut", {"from": -2, "weights_type": "per_channel"})], "weights_t"),
        ([conv(), ("upsample", {"scale": 2})], "'scale' of 1"),
        ([conv(), ("yolo", YOLO | {"mask": 1})], "'mask' of 0 to 0"),
        ([conv(), ("yolo", YOLO | {"anchors": "0,2"})], "anchors above 0"),
        ([conv(filters=7), ("yolo", YOLO)], "6 channels to read, found 7"),
        (
            [conv(), ("yolo", YOLO), conv(filters=7), ("yolo", YOLO | {"classes": 2})],
            "1 classes as before",
        ),
        ([("rnn", {})], r"\[rnn\], layer 0: expected a layer of connected, convolutional"),
    ],
)
def test_what_is_not_computed_as_darknet_does_is_refused(sections, message):
    with pytest.raises(ModelError, match=message):
        network(*sections)
