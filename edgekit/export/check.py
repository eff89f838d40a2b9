"""Whether a model file that is about to be written is valid ONNX, by ONNX's own checker."""

from __future__ import annotations

import onnx

from edgekit.errors import StageError


def valid_onnx(data: bytes, name: str) -> bytes:
    """Return ``data``, a serialized model, if ONNX's checker accepts it, types and shapes included.

    Of an operator that ONNX does not define the checker looks at the spelling alone.

    Args:
        data: What is to be written.
        name: What a message calls it.

    Raises:
        StageError: The checker refuses it; the message has what it says, and of which node.
    """
    try:
        onnx.checker.check_model(data, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as err:
        raise StageError(
            f"{name} was not written: expected a model that onnx.checker accepts, found: "
            f"{' '.join(str(err).split()).removesuffix('.')}. This is a fault of edgekit, unless "
            "onnx.checker.check_model(FILE, full_check=True) refuses your own ONNX file as well: "
            "then export that again."
        ) from err
    return data
