"""TorchScript as an ONNX graph: by tracing, since torch's newer exporter does not take it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import onnx
import onnx_ir as ir

from edgekit.optional import require

_OPSET = 17


def is_scripted(module: Any) -> bool:
    """Return whether ``module`` is TorchScript, or holds some."""
    torch = require("torch", extra="torch", needed_for="Exporting a torch module")
    return any(isinstance(part, torch.jit.ScriptModule) for part in module.modules())


def export_script(module: Any, images: Any, name: str) -> ir.Model:
    """Return ``module`` as a graph of opset 17, batch normalizations and branches as they are.

    What the script decides by what it computes stays a decision; what Python around it decides is
    taken as it is for ``images``.

    Args:
        module: TorchScript, or a module around it.
        images: ``(N, 3, H, W)``, a tensor.
        name: Of the input.
    """
    torch = require("torch", extra="torch", needed_for="Exporting a torch module")
    # The exporter would hand on lists as sequences; a trace has single tensors.
    traced = torch.jit.trace(module, images, check_trace=False)
    file = BytesIO()
    # What it fails on it prints in full, to stdout, where results go.
    torch._C._jit_set_onnx_log_output_stream("stderr")  # noqa: SLF001
    torch.onnx.export(
        traced,
        (images,),
        file,
        dynamo=False,
        do_constant_folding=False,  # it would fold batch normalizations, without a proof
        opset_version=_OPSET,
        input_names=[name],
    )
    return ir.serde.deserialize_model(onnx.load_from_string(file.getvalue()))
