import numpy as np
import pytest
import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.nets.stored import torch_layers
from edgekit.nets.stored.module import StoredModule
from tests.upstream import record


def stored(layer: nn.Module, **changed) -> StoredModule:
    read = record(layer)
    read.state.update(changed)
    return StoredModule(read, "a.pt", "model.0.conv")


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, (3, 5), (1, 2), (1, 0), (2, 1), 2),
        nn.Conv2d(4, 4, 3, 2, 1, groups=4, bias=False),
        nn.ConvTranspose2d(4, 6, 2, 2),
        nn.ConvTranspose2d(4, 3, 3, 3, bias=False),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.Upsample(scale_factor=3.0, mode="nearest"),
        nn.LeakyReLU(0.3),
        nn.PReLU(),
        nn.PReLU(4, 0.1),
        nn.GELU(),
        nn.GELU("tanh"),
    ],
)
def test_a_layer_computes_what_the_stored_one_did(layer):
    build = {
        nn.Conv2d: torch_layers.conv2d,
        nn.ConvTranspose2d: torch_layers.conv_transpose2d,
        nn.MaxPool2d: torch_layers.max_pool,
        nn.Upsample: torch_layers.upsample,
        nn.LeakyReLU: torch_layers.leaky_relu,
        nn.PReLU: torch_layers.prelu,
        nn.GELU: torch_layers.gelu,
    }[type(layer)]
    x = torch.randn(2, 4, 9, 11)

    torch.testing.assert_close(build(stored(layer))(x), layer(x), rtol=0, atol=0)


def test_a_gelu_of_before_it_had_a_choice_is_the_exact_one():
    x = torch.randn(2, 4, 3, 3)
    exact = x * (1 + torch.erf(x / 2**0.5)) / 2

    built = torch_layers.gelu(stored(nn.GELU("tanh"), approximate=None))

    torch.testing.assert_close(built(x), exact)


def test_slopes_that_are_no_row_are_refused():
    slopes = {"_parameters": {"weight": np.ones((4, 1))}}

    with pytest.raises(ModelError, match=r"'weight' of shape \(4,\), found \(4, 1\)"):
        torch_layers.prelu(stored(nn.PReLU(4), **slopes))


def test_a_gelu_of_another_formula_is_refused():
    with pytest.raises(ModelError, match="'approximate' of 'none' or 'tanh', found 'sigmoid'"):
        torch_layers.gelu(stored(nn.GELU(), approximate="sigmoid"))


@pytest.mark.parametrize(
    ("layer", "changed", "message"),
    [
        (nn.ConvTranspose2d(4, 6, 3, 2), {}, "windows side by side, in one group, found stride"),
        (nn.ConvTranspose2d(4, 6, 2, 2, 1), {}, "found padding"),
        (nn.ConvTranspose2d(4, 6, 2, 2, groups=2), {}, "found groups"),
        (nn.ConvTranspose2d(4, 6, 2, 2), {"kernel_size": (3, 3), "stride": (3, 3)}, "a kernel of"),
    ],
)
def test_other_transposed_convolutions_are_refused(layer, changed, message):
    with pytest.raises(ModelError, match=message):
        torch_layers.conv_transpose2d(stored(layer, **changed))


def test_a_batch_norm_keeps_its_statistics_and_epsilon():
    layer = nn.BatchNorm2d(3, eps=0.25).eval()
    layer.running_var.fill_(0.5)
    layer.running_mean.fill_(2.0)
    x = torch.randn(1, 3, 2, 2)

    found = torch_layers.batch_norm(stored(layer)).eval()(x)

    torch.testing.assert_close(found, (x - 2) / (0.5 + 0.25) ** 0.5)


def test_half_precision_weights_become_float32():
    layer = nn.Conv2d(2, 2, 1).half()

    found = torch_layers.conv2d(stored(layer))

    assert found.weight.dtype == torch.float32
    assert torch.equal(found.weight, layer.weight.float())


def test_weights_do_not_share_memory_with_the_file():
    array = np.ones(3, np.float32)

    torch_layers.tensor_of(array).zero_()

    assert array.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"padding_mode": "reflect"}, "zeros, found 'reflect'"),
        ({"kernel_size": (5, 5)}, "a kernel of"),
        ({"groups": 3}, "3 groups"),
        ({"groups": 0}, "0 groups"),
        ({"stride": (0, 1)}, "'stride' of 1"),
        ({"padding": (10**9, 1)}, "'padding' of 0 to 64"),
        ({"_parameters": {}}, "tensors weight, found none"),
        ({"_parameters": {"weight_g": np.ones(1), "weight_v": np.ones(1)}}, "weight_g"),
        ({"_parameters": {"weight": np.full((2, 2, 3, 3), np.nan)}}, "NaN"),
        ({"_parameters": {"weight": np.ones((2, 2, 3, 3)), "bias": np.ones(5)}}, "'bias'"),
    ],
)
def test_a_convolution_that_contradicts_itself_is_refused(changed, message):
    with pytest.raises(ModelError, match=message):
        torch_layers.conv2d(stored(nn.Conv2d(2, 2, 3, padding=1), **changed))


def test_a_batch_norm_without_statistics_is_refused():
    with pytest.raises(ModelError, match="running_mean"):
        torch_layers.batch_norm(stored(nn.BatchNorm2d(2, track_running_stats=False)))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Upsample(scale_factor=2.0, mode="bilinear"),
        nn.Upsample(size=(8, 8)),
        nn.Upsample(scale_factor=1e9),
    ],
)
def test_other_ways_to_enlarge_are_refused(layer):
    with pytest.raises(ModelError, match=r"enlarging|scale_factor"):
        torch_layers.upsample(stored(layer))


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (torch.ones(1, 3), r"shape \(1, n, 1, 1\), found \(1, 3\)"),
        (torch.ones(2, 3, 1, 1), r"shape \(1, n, 1, 1\)"),
        (torch.full((1, 3, 1, 1), torch.nan), "finite numbers"),
    ],
)
def test_learned_numbers_of_another_form_are_refused(numbers, message):
    layer = nn.Module()
    layer.register_parameter("implicit", nn.Parameter(numbers))

    with pytest.raises(ModelError, match=message):
        torch_layers.learned(stored(layer), multiplies=True)
