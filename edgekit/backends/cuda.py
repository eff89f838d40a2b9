"""Whether ONNX Runtime's CUDA provider runs here, asked in a process of its own.

A driver and libraries that do not fit each other may end the process that loads them, and a
session on a GPU never gives back all it took. Neither may happen to the conversion.
"""

from __future__ import annotations

import ctypes
import json
import sys
from dataclasses import asdict, dataclass

import numpy as np
from onnx import TensorProto, helper

from edgekit.backends.apart import ask_apart
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import EdgekitError, MissingError

_ENTRY = "from edgekit.backends.cuda import tell; tell()"
_PATIENCE_S = 120.0
_MAJOR, _MINOR = 75, 76  # CUdevice_attribute of the compute capability


@dataclass(frozen=True)
class CudaGpu:
    """The GPU of this computer, as far as ONNX Runtime can use it.

    Attributes:
        name: The GPU's own; empty where there is none.
        compute_capability: As NVIDIA numbers its generations, ``8.6``; 0 where unknown.
        absence: Why nothing runs on it here; ``None`` where a network did.
    """

    name: str = ""
    compute_capability: float = 0.0
    absence: str | None = None


def probe_cuda() -> CudaGpu:
    """Return the GPU here, or why there is none to use; a small network is run on it to know."""
    return _ask(_ENTRY)


def tell() -> None:
    """Print what ``probe_cuda`` returns, as JSON: what the process it starts does."""
    try:
        _run_something()
    except EdgekitError as err:
        found = CudaGpu(absence=str(err))
    else:
        found = CudaGpu(*_first_gpu())
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


def _ask(code: str) -> CudaGpu:
    try:
        return CudaGpu(**ask_apart(code, "the GPU", _PATIENCE_S))
    except MissingError as err:
        return CudaGpu(absence=str(err))


def _run_something() -> None:
    """Run a sum in float16 on the GPU.

    Raises:
        EdgekitError: There is no CUDA provider, or it does not run.
    """
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT16, [4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "sum", [x], [y])
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    with OnnxRuntime(provider="cuda").open(model.SerializeToString()) as session:
        session.run({"x": np.ones(4, np.float16)})


def _first_gpu() -> tuple[str, float]:
    """Return name and compute capability of the first GPU, as its driver tells them."""
    driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    name, device = ctypes.create_string_buffer(256), ctypes.c_int()
    major, minor = ctypes.c_int(), ctypes.c_int()
    driver.cuInit(0)
    driver.cuDeviceGet(ctypes.byref(device), 0)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device)
    driver.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device)
    return name.value.decode(errors="replace"), float(f"{major.value}.{minor.value}")
