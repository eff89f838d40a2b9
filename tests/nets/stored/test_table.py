from collections import OrderedDict

import pytest
import torch
from torch import nn

from edgekit.errors import ModelError, UnknownClassError
from edgekit.nets.blocks.yolo import C2f, ConvBlock
from edgekit.nets.blocks.yolov9 import SummedBranches
from edgekit.nets.stored.module import StoredModule
from edgekit.nets.stored.table import build_module, kind_of
from tests.upstream import (
    V5,
    V8,
    V8_EARLY,
    V9,
    c2f,
    conv,
    record,
    rep_conv,
    saved,
    sppf,
)


def stored(module: nn.Module, key: str = "model.3") -> StoredModule:
    return StoredModule(record(module), "a.pt", key)


@pytest.mark.parametrize("home", [V5, V8_EARLY, V8])
def test_a_class_is_known_wherever_its_package_kept_it(home):
    built = build_module(stored(conv(3, 4, 3, home=home)))

    assert isinstance(built, ConvBlock)
    assert built.conv.weight.shape == (4, 3, 3, 3)


def test_parts_go_to_their_places_with_their_weights():
    module = c2f(8, 12, depth=2)

    built = build_module(stored(module))

    assert isinstance(built, C2f)
    assert built.state_dict().keys() == module.state_dict().keys()
    assert all(torch.equal(a, module.state_dict()[k]) for k, a in built.state_dict().items())


@pytest.mark.parametrize(
    "name", ["os.system", "models.common.Secret", "evil.Conv", "torch.nn.modules.rnn.LSTM"]
)
def test_an_unknown_class_is_refused_by_name_and_layer(name):
    module = nn.Sequential(conv(3, 4), saved(name))

    with pytest.raises(ModelError, match=rf"'{name}' \(layer 3, model\.3\.1\)"):
        build_module(stored(module))


@pytest.mark.parametrize(
    ("name", "parts", "kind"),
    [
        ("models.common.Secret", {"conv": nn.Conv2d(3, 4, 1)}, UnknownClassError),
        ("models.common.Secret", {}, ModelError),
        ("torch.nn.modules.rnn.LSTM", {"conv": nn.Conv2d(3, 4, 1)}, ModelError),
    ],
)
def test_only_of_a_block_with_weights_may_they_tell_what_it_is(name, parts, kind):
    with pytest.raises(ModelError) as refusal:
        build_module(stored(saved(name, parts)))

    assert type(refusal.value) is kind


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("torch.nn.modules.activation.CELU", "Known activations: GELU, Hardswish, LeakyReLU, "),
        ("torch.nn.modules.rnn.LSTM", "Known layers of torch: BatchNorm2d, Conv2d, "),
        ("models.common.Secret", "Known: AConv, ADown, "),
    ],
)
def test_what_is_known_of_its_kind_is_listed(name, listed):
    with pytest.raises(ModelError, match=listed):
        build_module(stored(saved(name)))


@pytest.mark.parametrize("layer", [nn.Mish(), nn.ReLU6(), nn.GELU(), nn.PReLU(2)])
def test_an_activation_is_computed_as_torch_does(layer):
    x = torch.randn(1, 2, 5, 5)

    assert torch.equal(build_module(stored(layer))(x), layer(x))


def test_a_part_that_the_block_does_not_have_is_refused():
    module = conv(3, 4)
    module.add_module("extra", nn.Identity())

    with pytest.raises(ModelError, match="nothing but conv, act, bn inside, found extra"):
        build_module(stored(module))


def test_a_weight_that_the_block_does_not_have_is_refused():
    module = conv(3, 4)
    module.register_parameter("gamma", nn.Parameter(torch.ones(1)))

    with pytest.raises(ModelError, match="found gamma"):
        build_module(stored(module))


def test_a_list_with_gaps_is_refused():
    module = nn.ModuleList([nn.ReLU(), nn.ReLU()])
    del module._modules["0"]

    with pytest.raises(ModelError, match="numbered from 0"):
        build_module(stored(module))


def test_the_package_of_a_known_class_is_left_out_of_its_kind():
    assert kind_of(stored(conv(3, 4, home=V5))) == "Conv"
    assert kind_of(stored(nn.ReLU())) == "torch.nn.modules.activation.ReLU"


@pytest.mark.parametrize(
    "act", [nn.SiLU(), nn.ReLU(), nn.Hardswish(), nn.LeakyReLU(0.1), nn.Identity()]
)
def test_activations_are_those_of_the_file(act):
    x = torch.linspace(-4, 4, 9)

    torch.testing.assert_close(build_module(stored(act))(x), act(x), rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["RepConvN", "RepConv"])
def test_branches_of_one_class_name_are_told_apart_by_what_is_stored(kind):
    module = rep_conv(4, 6, kind)

    built = build_module(stored(module))

    assert isinstance(built, SummedBranches)
    assert built.state_dict().keys() == module.state_dict().keys()


@pytest.mark.parametrize("name", ["conv", "rbr_reparam"])
def test_branches_that_were_merged_are_one_convolution(name):
    merged = nn.Conv2d(2, 2, 3, padding=1)
    x = torch.ones(1, 2, 3, 3)

    built = build_module(stored(saved(f"{V9.block}.RepConv", {name: merged, "act": nn.ReLU()})))

    torch.testing.assert_close(built(x), merged(x).clamp(min=0))


def test_an_identity_branch_is_added_too():
    module = rep_conv(2, 2, "RepConv")
    plain = build_module(stored(module)).eval()
    module.add_module("rbr_identity", nn.BatchNorm2d(2))
    x = torch.randn(1, 2, 3, 3)

    built = build_module(stored(module)).eval()

    assert built.names[-1] == "rbr_identity"
    assert not torch.allclose(built(x), plain(x))


@pytest.mark.parametrize(
    ("said", "expected"), [({}, (3, False)), ({"n": 2, "add": True}, (2, True))]
)
def test_poolings_in_a_row_are_three_unless_the_file_says_so(said, expected):
    module = sppf(8, home=V8)
    for name, value in said.items():
        setattr(module, name, value)

    built = build_module(stored(module))

    assert (built.poolings, built.add) == expected


@pytest.mark.parametrize("kind", ["ImplicitA", "ImplicitM"])
def test_learned_numbers_are_one_per_channel(kind):
    module = saved(f"{V9.block}.{kind}")
    module.register_parameter("implicit", nn.Parameter(torch.rand(1, 3, 1, 1)))

    built = build_module(stored(module))

    assert torch.equal(built.implicit, module.implicit)
    assert built.multiplies == (kind == "ImplicitM")


def test_widths_that_are_no_whole_numbers_are_refused():
    module = saved(f"{V9.block}.CBLinear", {"conv": nn.Conv2d(2, 3, 1)}, c2s=[1.5, 1.5])

    with pytest.raises(ModelError, match="whole numbers 'c2s'"):
        build_module(stored(module))


@pytest.mark.parametrize("home", ["yolov5.models.common", "yolov7.models.common"])
def test_packages_made_for_installation_are_known(home):
    assert kind_of(stored(saved(f"{home}.Conv"))) == "Conv"


def test_pixels_side_by_side_as_channels_come_columns_last():
    x = torch.arange(4.0).reshape(1, 1, 2, 2)

    built = build_module(stored(saved(f"{V9.block}.ReOrg")))

    assert built(x).flatten().tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize("home", [V5, V8])
@torch.inference_mode()
def test_ghost_blocks_are_built_with_and_without_a_stride(home):
    def ghost(inputs, outputs):
        half = outputs // 2
        parts = {"cv1": conv(inputs, half), "cv2": conv(half, half, 5, groups=half)}
        return saved(f"{home.conv if home is V8 else home.block}.GhostConv", parts)

    def bottleneck(stride):
        through = conv(4, 4, 3, 2, groups=4) if stride == 2 else nn.Identity()
        beside = nn.Sequential(conv(8, 8, 3, 2, groups=8), conv(8, 8))
        parts = {
            "conv": nn.Sequential(ghost(8, 4), through, ghost(4, 8)),
            "shortcut": beside if stride == 2 else nn.Identity(),
        }
        return saved(f"{home.block}.GhostBottleneck", parts)

    inner = nn.Sequential(*(bottleneck(1) for _ in range(2)))
    convs = {"cv1": conv(8, 8), "cv2": conv(8, 8), "cv3": conv(16, 8)}
    module = nn.Sequential(bottleneck(2), saved(f"{home.block}.C3Ghost", {**convs, "m": inner}))

    built = build_module(stored(module)).eval()

    assert built.state_dict().keys() == module.state_dict().keys()
    assert built(torch.zeros(1, 8, 8, 8)).shape == (1, 8, 4, 4)


@torch.inference_mode()
def test_shuffle_blocks_are_built_with_one_branch_and_two():
    def branch(inputs, stride):
        return nn.Sequential(nn.Conv2d(inputs, 6, 3, stride, 1), nn.BatchNorm2d(6), nn.ReLU())

    home = V5.block
    stem = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU())
    module = nn.Sequential(
        saved(f"{home}.conv_bn_relu_maxpool", {"conv": stem, "maxpool": nn.MaxPool2d(3, 2, 1)}),
        saved(f"{home}.Shuffle_Block", {"branch1": branch(4, 2), "branch2": branch(4, 2)}),
        saved(f"{home}.Shuffle_Block", {"branch2": branch(6, 1)}),
    )

    built = build_module(stored(module)).eval()

    assert built.state_dict().keys() == module.state_dict().keys()
    assert built(torch.zeros(1, 3, 32, 32)).shape == (1, 12, 4, 4)


@pytest.mark.parametrize("merged", [True, False])
def test_mobileone_blocks_are_built_as_trained_and_as_deployed(merged):
    def branch(kernel):
        layer = nn.Conv2d(4, 4, kernel, 1, kernel // 2, groups=4, bias=False)
        return nn.Sequential(OrderedDict(conv=layer, bn=nn.BatchNorm2d(4)))

    trained = {
        "rbr_skip": nn.BatchNorm2d(4),
        "rbr_conv": nn.ModuleList([branch(3), branch(3)]),
        "rbr_scale": branch(1),
    }
    parts = {"reparam_conv": nn.Conv2d(4, 4, 3, 1, 1, groups=4)} if merged else trained
    around = {"se": nn.Identity(), "activation": nn.ReLU()}
    module = saved(f"{V5.block}.MobileOneBlock", {**around, **parts})

    built = build_module(stored(module)).eval()

    assert built.state_dict().keys() == module.state_dict().keys()
    assert len(list(built.branches())) == (1 if merged else 4)
