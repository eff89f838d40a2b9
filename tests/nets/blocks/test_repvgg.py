import numpy as np
import pytest
import torch
from torch import nn

from edgekit.nets.blocks.repvgg import RepVggBlock
from edgekit.reparam.algebra import BatchNorm, Linear, batchnorm_branch, fold_conv

SIZE = 7


def trained(block):
    """Give every batch normalization statistics of its own, as training would."""
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.2, 2.0)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.2, 2.0)
    return block.eval()


def statistics(bn):
    arrays = (bn.weight, bn.bias, bn.running_mean, bn.running_var)
    return BatchNorm(*(a.detach().double().numpy() for a in arrays), bn.eps)


def folded(conv_bn):
    conv, bn = conv_bn
    weight = conv.weight.detach().double().numpy()
    return fold_conv(Linear(weight, np.zeros(len(weight))), statistics(bn))


@pytest.mark.parametrize(
    ("inputs", "outputs", "stride", "branches"), [(4, 4, 1, 3), (4, 6, 1, 2), (4, 4, 2, 2)]
)
def test_a_block_equals_one_convolution_and_its_activation(inputs, outputs, stride, branches):
    torch.manual_seed(0)
    block = trained(RepVggBlock(inputs, outputs, stride))
    x = torch.randn(2, inputs, SIZE, SIZE)
    dense, pointwise = folded(block.dense), folded(block.pointwise)
    weight = dense.weight.copy()
    weight[:, :, 1:2, 1:2] += pointwise.weight
    bias = dense.bias + pointwise.bias
    if block.identity is not None:
        single = batchnorm_branch(statistics(block.identity))
        for channel in range(inputs):
            weight[channel, channel, 1, 1] += single.weight[channel, 0, 0, 0]
        bias = bias + single.bias

    expected = nn.functional.relu(
        nn.functional.conv2d(
            x.double(), torch.from_numpy(weight), torch.from_numpy(bias), stride, padding=1
        )
    )

    assert sum(isinstance(m, nn.BatchNorm2d) for m in block.modules()) == branches
    torch.testing.assert_close(block(x).double(), expected, rtol=1e-4, atol=1e-5)
