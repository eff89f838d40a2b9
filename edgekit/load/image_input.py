"""The image input of a network, and its one fixed form: float32, ``(1, 3, H, W)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import onnx_ir as ir

from edgekit.errors import ModelError
from edgekit.reparam.normal_form import infer_shapes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_ACCEPTED = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.UINT8)


@dataclass(frozen=True)
class ImageInput:
    """The image input as the file has it; ``None`` stands for what the file leaves open."""

    name: str
    dtype: ir.DataType
    layout: Literal["nchw", "nhwc"]
    batch: int | None
    size_hw: tuple[int | None, int | None]

    @property
    def is_pixels(self) -> bool:
        """Whether it takes u8."""
        return self.dtype == ir.DataType.UINT8

    @property
    def is_plain(self) -> bool:
        """Whether its type and batch are what edgekit works with anyway."""
        return not self.is_pixels and self.batch in (None, 1)

    def whole(self, image: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return ``image`` in values that the file's input can take exactly."""
        return np.floor(image) if self.is_pixels else image

    def feed(self, image: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the float ``(1, 3, H, W)`` ``image`` as the file's own input takes it.

        The rest of a larger batch is the image mirrored, so that mixing within a batch shows.
        """
        mirrored = np.repeat(image[..., ::-1], (self.batch or 1) - 1, axis=0)
        batch = np.concatenate([image, mirrored]).astype(self.dtype.numpy())
        return batch if self.layout == "nchw" else batch.transpose(0, 2, 3, 1)

    def first(self, outputs: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Return the part of the file's ``outputs`` that is about the first image."""
        if self.batch in (None, 1):
            return outputs
        return {name: value[: len(value) // self.batch] for name, value in outputs.items()}


def find_image_input(model: ir.Model, path: Path) -> ImageInput:
    """Return the one image input of ``model``.

    Raises:
        ModelError: There are several inputs, or the one there is takes no color images.
    """
    inputs = [value for value in model.graph.inputs if not value.is_initializer()]
    listed = [f"{v.name} {v.dtype} {v.shape}" for v in inputs]
    if len(listed) != 1:
        raise ModelError(
            f"Cannot load '{path}': expected one image input, found {len(listed)}: {listed}. "
            "Export the network without its pre- and postprocessing."
        )
    value = inputs[0]
    dims = [dim if isinstance(dim, int) and dim > 0 else None for dim in value.shape or ()]
    layout = _layout(dims)
    if layout is None or value.dtype not in _ACCEPTED:
        raise ModelError(
            f"Cannot load '{path}': expected an input of color images, (N, 3, H, W) or "
            f"(N, H, W, 3) in float32, float16 or uint8, found {listed[0]}. "
            "Export a detector of color images."
        )
    height, width = dims[2:] if layout == "nchw" else dims[1:3]
    return ImageInput(value.name or "", value.dtype, layout, dims[0], (height, width))


def _layout(dims: list[int | None]) -> Literal["nchw", "nhwc"] | None:
    if len(dims) != 4:
        return None
    if dims[1] == 3:
        return "nchw"
    if dims[3] == 3:
        return "nhwc"
    return "nchw" if dims[1] is None else None


def fix_image_input(model: ir.Model, image: ImageInput, size_hw: tuple[int, int]) -> ir.Model:
    """Return ``model`` with its image input as float32 ``(1, 3, H, W)``, all shapes inferred.

    A network that took u8 takes the same whole pixel values as floats.
    """
    copy = model.clone()
    old = copy.graph.inputs[0]
    old.type = ir.TensorType(ir.DataType.FLOAT)  # a clone shares type objects
    if image.layout == "nchw":
        old.shape = ir.Shape((1, 3, *size_hw))
    else:
        old.shape = ir.Shape((1, *size_hw, 3))
        planar = ir.val(image.name, ir.DataType.FLOAT, (1, 3, *size_hw))
        node = ir.node("Transpose", [planar], {"perm": [0, 2, 3, 1]}, name=f"{image.name}.nhwc")
        interleaved = node.outputs[0]
        interleaved.name, interleaved.type, interleaved.shape = node.name, old.type, old.shape
        old.replace_all_uses_with(interleaved)
        copy.graph.inputs[0] = planar
        copy.graph.insert_before(copy.graph[0], node)
    return infer_shapes(copy)
