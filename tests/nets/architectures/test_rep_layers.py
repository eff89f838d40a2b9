import pytest
import torch
from torch import nn

from edgekit.nets.architectures.rep_layers import rep_layer


@pytest.mark.parametrize(
    ("shape", "branches"),
    [((4, 4, 1), 3), ((4, 4, 2), 2), ((4, 6, 1), 2)],
)
def test_the_input_passes_by_only_where_shapes_allow_it(shape, branches):
    layer = rep_layer(*shape, eps=1e-3)

    assert len({key.partition(".")[0] for key in layer.state_dict()}) == branches
    assert layer(torch.rand(1, 4, 8, 8)).shape == (1, shape[1], 8 // shape[2], 8 // shape[2])


def test_its_branches_add_up_before_the_activation():
    torch.manual_seed(0)
    layer, x = rep_layer(2, 2, eps=0.25).eval(), torch.randn(1, 2, 5, 5)
    for part in layer.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_var, 0.5, 2)

    scale = [1 / (norm.running_var + 0.25).sqrt() for norm in norms(layer)]
    kernel = layer.rbr_dense.conv.weight * scale[0].reshape(-1, 1, 1, 1)
    kernel[:, :, 1:2, 1:2] += layer.rbr_1x1.conv.weight * scale[1].reshape(-1, 1, 1, 1)
    kernel[:, :, 1, 1] += torch.diag(scale[2])
    expected = nn.functional.conv2d(x, kernel, padding=1).relu()

    torch.testing.assert_close(layer(x), expected)


def norms(layer):
    return layer.rbr_dense.bn, layer.rbr_1x1.bn, layer.rbr_identity
