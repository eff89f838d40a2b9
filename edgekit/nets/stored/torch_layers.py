"""Torch's own layers, made from what a checkpoint says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.nets.blocks.yolov7 import Implicit

if TYPE_CHECKING:
    from edgekit.nets.stored.module import Array, StoredModule

Layer = TypeVar("Layer", bound=nn.Module)
_MOST = 64  # strides, paddings and windows of real layers are far below; memory is not


def tensor_of(array: Array) -> Tensor:
    """Return a float32 copy of ``array``."""
    return torch.from_numpy(np.array(array, dtype=np.float32))


def conv2d(stored: StoredModule) -> nn.Conv2d:
    """Return the convolution, its sizes read from its kernel.

    Raises:
        ModelError: Kernel and attributes disagree, or it pads with anything but zeros.
    """
    arrays = _arrays(stored, required=("weight",), optional=("bias",))
    kernel, groups = arrays["weight"], stored.whole("groups")
    if stored.attribute("padding_mode") not in {None, "zeros"}:
        raise stored.error("padding with zeros", f"{stored.attribute('padding_mode')!r}")
    if kernel.ndim != 4 or kernel.shape[2:] != stored.pair("kernel_size"):
        raise stored.error(f"a kernel of {stored.pair('kernel_size')}", f"{kernel.shape}")
    if groups < 1 or kernel.shape[0] % groups:
        raise stored.error(f"channels in groups of {kernel.shape[0]}", f"{groups} groups")
    layer = nn.Conv2d(
        kernel.shape[1] * groups,
        kernel.shape[0],
        stored.pair("kernel_size"),
        stride=_positive(stored, "stride"),
        padding=_within(stored, "padding", 0),
        dilation=_positive(stored, "dilation"),
        groups=groups,
        bias="bias" in arrays,
        device="meta",
    )
    return _filled(layer, stored, arrays)


def conv_transpose2d(stored: StoredModule) -> nn.ConvTranspose2d:
    """Return the transposed convolution whose windows lie side by side.

    Raises:
        ModelError: Windows overlap, groups are more than one, or kernel and attributes disagree.
    """
    arrays = _arrays(stored, required=("weight",), optional=("bias",))
    kernel, size = arrays["weight"], stored.pair("kernel_size")
    plain = {"stride": size, "dilation": (1, 1), "padding": (0, 0), "output_padding": (0, 0)}
    other = [name for name, pair in plain.items() if stored.pair(name) != pair]
    if other or stored.whole("groups") != 1:
        raise stored.error("windows side by side, in one group", ", ".join(other) or "groups")
    if kernel.ndim != 4 or kernel.shape[2:] != size:
        raise stored.error(f"a kernel of {size}", f"{kernel.shape}")
    layer = nn.ConvTranspose2d(
        kernel.shape[0],
        kernel.shape[1],
        _within(stored, "kernel_size", 1),
        size,
        bias="bias" in arrays,
        device="meta",
    )
    return _filled(layer, stored, arrays)


def batch_norm(stored: StoredModule) -> nn.BatchNorm2d:
    """Return the batch normalization.

    Raises:
        ModelError: It has no running statistics, or they disagree with its channels.
    """
    required = ("weight", "bias", "running_mean", "running_var")
    arrays = _arrays(stored, required, optional=("num_batches_tracked",))
    layer = nn.BatchNorm2d(arrays["weight"].size, eps=stored.number("eps"), device="meta")
    return _filled(layer, stored, arrays)


def max_pool(stored: StoredModule) -> nn.MaxPool2d:
    """Return the pooling."""
    return nn.MaxPool2d(
        _positive(stored, "kernel_size"),
        _positive(stored, "stride"),
        _within(stored, "padding", 0),
        _positive(stored, "dilation"),
        ceil_mode=stored.flag("ceil_mode"),
    )


def upsample(stored: StoredModule) -> nn.Upsample:
    """Return the enlargement by a whole factor.

    Raises:
        ModelError: It does something else than repeat pixels.
    """
    mode = stored.attribute("mode")
    if mode != "nearest" or stored.attribute("size") is not None:
        raise stored.error("enlarging by a factor with mode 'nearest'", f"mode {mode!r}")
    factor = stored.number("scale_factor")
    if not 1 <= factor <= _MOST:
        raise stored.error(f"a 'scale_factor' of 1 to {_MOST}", f"{factor}")
    return nn.Upsample(scale_factor=factor, mode="nearest")


def leaky_relu(stored: StoredModule) -> nn.LeakyReLU:
    """Return the activation with its slope."""
    return nn.LeakyReLU(stored.number("negative_slope"))


def gelu(stored: StoredModule) -> nn.GELU:
    """Return the activation: by the error function, or by the approximation it says.

    Raises:
        ModelError: It says another.
    """
    formula = stored.attribute("approximate")
    if formula not in {None, "none", "tanh"}:  # torch before 1.12 knew one formula, and no name
        raise stored.error("'approximate' of 'none' or 'tanh'", f"{formula!r}")
    return nn.GELU(formula or "none")


def prelu(stored: StoredModule) -> nn.PReLU:
    """Return the activation with its learned slopes, one for each channel or one for all.

    Raises:
        ModelError: They are no row of finite numbers.
    """
    arrays = _arrays(stored, required=("weight",), optional=())
    return _filled(nn.PReLU(arrays["weight"].size, device="meta"), stored, arrays)


def learned(stored: StoredModule, *, multiplies: bool) -> Implicit:
    """Return the learned numbers of YOLOv7, one per channel.

    Raises:
        ModelError: They are not, or one is not finite.
    """
    array = _arrays(stored, required=("implicit",), optional=())["implicit"]
    if array.ndim != 4 or array.shape[0] != 1 or array.shape[2:] != (1, 1):
        raise stored.error("'implicit' of shape (1, n, 1, 1)", f"{array.shape}")
    if not np.isfinite(array).all():
        raise stored.error("finite numbers in 'implicit'", "NaN or infinity")
    return Implicit(tensor_of(array), multiplies=multiplies)


def _positive(stored: StoredModule, name: str) -> tuple[int, int]:
    return _within(stored, name, 1)


def _within(stored: StoredModule, name: str, least: int) -> tuple[int, int]:
    pair = stored.pair(name)
    if min(pair) < least or max(pair) > _MOST:
        raise stored.error(f"'{name}' of {least} to {_MOST}", f"{pair}")
    return pair


def _arrays(
    stored: StoredModule, required: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, Array]:
    arrays = stored.arrays()
    missing = [name for name in required if name not in arrays]
    # A weight split in two by weight normalization comes under other names.
    more = [name for name in arrays if name not in required + optional]
    if missing or more:
        raise stored.error(f"tensors {', '.join(required)}", ", ".join(arrays) or "none")
    return arrays


def _filled(layer: Layer, stored: StoredModule, arrays: dict[str, Array]) -> Layer:
    """Return ``layer`` with the stored tensors in it.

    Raises:
        ModelError: A shape differs, or a weight is not finite.
    """
    tensors = {}
    for name, own in layer.state_dict().items():
        array = arrays.get(name, np.zeros(own.shape))
        if tuple(own.shape) != array.shape:
            raise stored.error(f"'{name}' of shape {tuple(own.shape)}", f"{array.shape}")
        if not np.isfinite(array).all():
            raise stored.error(f"finite numbers in '{name}'", "NaN or infinity")
        tensors[name] = tensor_of(array).to(own.dtype)
    layer.load_state_dict(tensors, assign=True)
    return layer
