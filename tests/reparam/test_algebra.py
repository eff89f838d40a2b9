import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgekit.reparam.algebra import (
    BatchNorm,
    Linear,
    Places,
    average_branch,
    batchnorm_branch,
    chain,
    fold_conv,
    fold_conv_transpose,
    fold_gemm,
    identity_branch,
    regroup,
    spread,
)
from tests.strategies import seeds


def batchnorm(rng: np.random.Generator, channels: int) -> BatchNorm:
    return BatchNorm(
        rng.normal(size=channels),
        rng.normal(size=channels),
        rng.normal(size=channels),
        rng.uniform(1e-3, 2, size=channels),
        1e-3,
    )


def normalized(values: np.ndarray, bn: BatchNorm) -> np.ndarray:
    """The definition in Ioffe and Szegedy (2015), applied to the last axis."""
    return bn.gamma * (values - bn.mean) / np.sqrt(bn.var + bn.epsilon) + bn.beta


@given(seeds, st.integers(1, 5), st.integers(1, 5))
def test_a_folded_matrix_product_equals_product_then_normalization(seed, inputs, outputs):
    rng = np.random.default_rng(seed)
    layer = Linear(rng.normal(size=(inputs, outputs)), rng.normal(size=outputs))
    bn, x = batchnorm(rng, outputs), rng.normal(size=inputs)
    one = fold_gemm(layer, bn)
    np.testing.assert_allclose(
        x @ one.weight + one.bias, normalized(x @ layer.weight + layer.bias, bn), atol=1e-9
    )


@given(seeds, st.integers(1, 3), st.integers(1, 3))
def test_a_folded_convolution_scales_each_output_channel(seed, outputs, inputs):
    rng = np.random.default_rng(seed)
    layer = Linear(rng.normal(size=(outputs, inputs, 2, 3)), rng.normal(size=outputs))
    bn, patch = batchnorm(rng, outputs), rng.normal(size=(inputs, 2, 3))
    one = fold_conv(layer, bn)
    pair = np.array([(kernel * patch).sum() for kernel in layer.weight]) + layer.bias
    single = np.array([(kernel * patch).sum() for kernel in one.weight]) + one.bias
    np.testing.assert_allclose(single, normalized(pair, bn), atol=1e-9)


@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_a_folded_transposed_convolution_knows_which_group_a_channel_is_of(
    seed, groups, inputs_per_group, outputs_per_group
):
    rng = np.random.default_rng(seed)
    inputs, outputs = groups * inputs_per_group, groups * outputs_per_group
    layer = Linear(rng.normal(size=(inputs, outputs_per_group, 2, 2)), rng.normal(size=outputs))
    bn, pixel = batchnorm(rng, outputs), rng.normal(size=inputs)
    one = fold_conv_transpose(layer, bn, groups)

    def stamp(weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """What one input pixel stamps on the output, ``(kh, kw, outputs)``."""
        result = np.zeros((2, 2, outputs))
        for source in range(inputs):
            for target in range(outputs_per_group):
                channel = source // inputs_per_group * outputs_per_group + target
                result[:, :, channel] += pixel[source] * weight[source, target]
        return result + bias

    np.testing.assert_allclose(
        stamp(one.weight, one.bias), normalized(stamp(layer.weight, layer.bias), bn), atol=1e-9
    )


def test_a_convolution_without_effect_stays_without_effect():
    identity = BatchNorm(np.ones(2), np.zeros(2), np.zeros(2), np.ones(2), 0.0)
    layer = Linear(np.ones((2, 1, 1, 1)), np.array([3.0, 4.0]))
    one = fold_conv(layer, identity)
    np.testing.assert_array_equal(one.weight, layer.weight)
    np.testing.assert_array_equal(one.bias, layer.bias)


@given(seeds, st.integers(1, 5))
def test_a_normalization_on_its_own_is_a_depthwise_pixel(seed, channels):
    rng = np.random.default_rng(seed)
    bn, pixel = batchnorm(rng, channels), rng.normal(size=channels)
    one = batchnorm_branch(bn)
    assert one.weight.shape == (channels, 1, 1, 1)
    np.testing.assert_allclose(
        one.weight[:, 0, 0, 0] * pixel + one.bias, normalized(pixel, bn), atol=1e-9
    )


def test_an_identity_is_a_depthwise_pixel_of_one():
    one = identity_branch(3)
    np.testing.assert_array_equal(one.weight, np.ones((3, 1, 1, 1)))
    np.testing.assert_array_equal(one.bias, np.zeros(3))


@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_a_kernel_of_fewer_groups_reads_the_same_inputs(seed, into, parts, inputs, outputs):
    rng = np.random.default_rng(seed)
    groups = into * parts
    weight = rng.normal(size=(groups * outputs, inputs, 1, 2))

    def dense(kernel: np.ndarray, groups: int) -> np.ndarray:
        """The kernel over all inputs, written one output channel at a time."""
        whole = np.zeros((len(kernel), kernel.shape[1] * groups, *kernel.shape[2:]))
        for out, row in enumerate(kernel):
            start = out * groups // len(kernel) * len(row)
            whole[out, start : start + len(row)] = row
        return whole

    wide = regroup(weight, groups, into)
    assert wide.shape == (groups * outputs, parts * inputs, 1, 2)
    np.testing.assert_array_equal(dense(wide, into), dense(weight, groups))


@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2))
def test_a_chain_of_two_kernels_is_one_after_the_other(seed, inputs, outputs, groups):
    rng = np.random.default_rng(seed)
    one = Linear(rng.normal(size=(2 * groups, inputs, 1, 2)), rng.normal(size=2 * groups))
    two = Linear(rng.normal(size=(outputs * groups, 2, 2, 3)), rng.normal(size=outputs * groups))
    places = Places(
        tuple(np.arange(1) + j for j in range(2)), tuple(np.arange(2) + j for j in range(3)), (2, 4)
    )
    x = rng.normal(size=(inputs * groups, 6, 7))

    def apply(layer: Linear, image: np.ndarray) -> np.ndarray:
        """A grouped convolution without padding, one output at a time."""
        out, per_group, height, width = layer.weight.shape
        shape = (image.shape[1] - height + 1, image.shape[2] - width + 1)
        result = np.zeros((out, *shape))
        for channel, row, col in np.ndindex(result.shape):
            start = channel // (out // groups) * per_group
            seen = image[start : start + per_group, row : row + height, col : col + width]
            result[channel, row, col] = (seen * layer.weight[channel]).sum()
        return result + layer.bias[:, None, None]

    both = chain(one, two, groups, places)

    np.testing.assert_allclose(apply(both, x), apply(two, apply(one, x)), atol=1e-9)


def test_an_average_is_a_depthwise_kernel_that_sums_to_one():
    one = average_branch(3, (2, 4))
    np.testing.assert_array_equal(one.weight, np.full((3, 1, 2, 4), 0.125))
    np.testing.assert_array_equal(one.bias, np.zeros(3))


def test_a_spread_kernel_is_zero_where_it_was_not():
    kernel = np.arange(1.0, 5).reshape(1, 1, 2, 2)
    wide = spread(kernel, (np.array([0, 2]), np.array([1, 2])), (3, 4))
    assert wide[0, 0].tolist() == [[0, 1, 2, 0], [0, 0, 0, 0], [0, 3, 4, 0]]
