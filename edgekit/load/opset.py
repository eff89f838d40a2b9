"""Older opsets converted up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir
from onnx import version_converter

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

TARGET_OPSET = 17
_LOWEST_OPSET = 13  # the first with per-channel quantization


def raise_opset(model: ir.Model, path: Path) -> ir.Model:
    """Return ``model`` at opset 17 or later; where the converter cannot, at 13 or later.

    Raises:
        ModelError: The converter knows no way for some node; the message names it.
    """
    current = model.opset_imports.get("", 0)
    if current >= TARGET_OPSET:
        return model
    proto = ir.serde.serialize_model(model)
    failure: Exception | None = None
    for opset in range(TARGET_OPSET, max(current, _LOWEST_OPSET - 1), -1):
        try:
            converted = version_converter.convert_version(proto, opset)
        except Exception as err:  # noqa: BLE001  the converter's errors share no base
            failure = failure or err
            continue
        imports = converted.opset_import
        needed = onnx.helper.find_min_ir_version_for(imports, ignore_unknown=True)
        converted.ir_version = max(proto.ir_version, needed)
        return ir.serde.deserialize_model(converted)
    if current >= _LOWEST_OPSET:
        return model
    raise ModelError(
        f"Cannot load '{path}': expected a model that converts from opset {current} to "
        f"{_LOWEST_OPSET} or later, found {_culprit(model, str(failure))}: {failure}. "
        f"Export the model again with opset {TARGET_OPSET}."
    ) from failure


def _culprit(model: ir.Model, message: str) -> str:
    """Return the node the converter's ``message`` is about, as far as it says."""
    words = set(re.findall(r"\w+", message))
    node = next((node for node in model.graph if node.op_type in words), None)
    return "an unknown obstacle" if node is None else f"node '{node.name}' ({node.op_type})"
