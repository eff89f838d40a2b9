"""Files beside the real parser and builder of TensorRT-RTX, on a machine with no GPU.

    python benchmarks/trt_parser_check.py [FILE.onnx...]

Without files it feeds small networks with one known trap each, and says what ``backends/tensorrt/
check.py`` says of the same. TensorRT-RTX builds for other GPUs than the one it runs on and its
library is on the package index, so no GPU is needed, but it is not TensorRT: the Python package of
TensorRT 11.4 is given the libraries of TensorRT-RTX 1.7 by the names it looks for. NVIDIA supports
no such mix, and one bad call ends the process: each file has a process of its own. A check for
developers; edgekit does not depend on it. Needs a C compiler, and on x86-64 Linux

    pip install --no-deps onnxruntime-ep-nv-tensorrt-rtx-cu13==0.5.0
    pip install --no-deps tensorrt-cu13-bindings==11.4.0.106
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import numpy_helper

from edgekit.backends.tensorrt.check import check_file

RTX, BINDINGS = "onnxruntime_ep_nv_tensorrt_rtx", "tensorrt_bindings"
LINKS = {
    "libnvinfer.so.11": "libtensorrt_rtx.so.1.*",
    "libtensorrt_rtx.so.1": "libtensorrt_rtx.so.1.*",
    "libnvonnxparser.so.11": "libtensorrt_onnxparser_rtx.so.1.*",
}
NO_PLUGINS = "int initLibNvInferPlugins(void *logger, const char *space) { return 1; }\n"
VERSION = (11, 4)
SECONDS = 300

HEADER = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,16,8,8] x) => (float[1,16,8,8] y)"""
PAIR = "q = QuantizeLinear(x, s, {0}) d = DequantizeLinear(q, s, {0}) "
LAYER = "k = DequantizeLinear<axis = {}>(w, ws, wz) y = Conv(d, k{})"
TRAPS = {
    "as edgekit writes it": PAIR.format("z") + LAYER.format(0, ", b"),
    "bias of 32-bit integers": PAIR.format("z")
    + "c = DequantizeLinear<axis = 0>(i, ws, iz) "
    + LAYER.format(0, ", c"),
    "unsigned integers from 0": PAIR.format("u") + LAYER.format(0, ""),
    "unsigned integers around 128": PAIR.format("u128") + LAYER.format(0, ""),
    "zero at the integer 5": PAIR.format("five") + LAYER.format(0, ""),
    "scales along the wrong axis": PAIR.format("z") + LAYER.format(1, ""),
    "a scale per channel of an activation": "q = QuantizeLinear<axis = 1>(x, ws, wz) "
    "d = DequantizeLinear<axis = 1>(q, ws, wz) " + LAYER.format(0, ""),
    "QOperator format": "q = QuantizeLinear(x, s, z) "
    "a = QLinearConv(q, s, z, w, s, z, s, z) y = DequantizeLinear(a, s, z)",
}
CONSTANTS = {
    "s": np.float32(0.05),
    "z": np.int8(0),
    "u": np.uint8(0),
    "u128": np.uint8(128),
    "five": np.int8(5),
    "w": np.ones((16, 16, 1, 1), np.int8),
    "ws": np.full(16, 0.01, np.float32),
    "wz": np.zeros(16, np.int8),
    "b": np.ones(16, np.float32),
    "i": np.ones(16, np.int32),
    "iz": np.zeros(16, np.int32),
}

# Runs in the process that may crash; prints one line of JSON.
CHILD = """
import json, sys, tensorrt_bindings as trt

class Log(trt.ILogger):
    said = []

    def log(self, severity, text):
        if severity <= trt.ILogger.Severity.WARNING:
            self.said.append(text)

    def __init__(self):
        trt.ILogger.__init__(self)

log = Log()
builder = trt.Builder(log)
network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
parser = trt.OnnxParser(network, log)
parsed = parser.parse(open(sys.argv[1], "rb").read())
errors = [parser.get_error(number).desc() for number in range(parser.num_errors)]
config = builder.create_builder_config()
plan = builder.build_serialized_network(network, config) if parsed else None
said = sorted(set(log.said))
print(json.dumps({
    "parsed": parsed, "built": plan is not None, "layers": network.num_layers, "errors": errors,
    "said": said,
}))
"""


def main() -> None:
    """Check the files named, or the traps."""
    with TemporaryDirectory(prefix="edgekit-") as name:
        folder = Path(name)
        environment = linked(folder)
        files = [Path(given) for given in sys.argv[1:]] or written_traps(folder)
        for path in files:
            findings = [str(finding) for finding in check_file(path, VERSION)]
            result = {"file": path.stem, **asked(path, environment), "edgekit": findings}
            print(json.dumps(result, indent=2))


def linked(folder: Path) -> dict[str, str]:
    """Return the environment in which the package finds its libraries, linked into ``folder``."""
    specs = {name: find_spec(name) for name in (RTX, BINDINGS)}
    missing = [name for name, spec in specs.items() if spec is None]
    compiler = shutil.which("cc")
    if missing or compiler is None:
        wanted = ", ".join(missing) or "a C compiler"
        sys.exit(f"Expected packages and a compiler, found no {wanted}. {__doc__}")
    libraries = Path(str(specs[RTX].origin)).parent
    for link, pattern in LINKS.items():
        (folder / link).symlink_to(next(libraries.glob(pattern)))
    source, plugins = folder / "plugins.c", folder / "libnvinfer_plugin.so.11"
    source.write_text(NO_PLUGINS, encoding="utf-8")
    command = [compiler, "-shared", "-fPIC", "-o", str(plugins), str(source)]
    subprocess.run(command, check=True)
    return {**os.environ, "LD_LIBRARY_PATH": str(folder)}


def written_traps(folder: Path) -> list[Path]:
    """Return a file for every trap."""
    paths = []
    for name, body in TRAPS.items():
        model = onnx.parser.parse_model(f"{HEADER} {{ {body} }}")
        used = {given for node in model.graph.node for given in node.input}
        constants = {n: c for n, c in CONSTANTS.items() if n in used}
        model.graph.initializer.extend(numpy_helper.from_array(c, n) for n, c in constants.items())
        paths.append(folder / f"{name}.onnx")
        onnx.save(model, paths[-1])
    return paths


def asked(path: Path, environment: dict[str, str]) -> dict[str, object]:
    """Return what TensorRT-RTX says of a file; ``ended`` where it took the process with it."""
    command = [sys.executable, "-c", CHILD, str(path)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    last = done.stdout.strip().splitlines()[-1:] if done.returncode == 0 else []
    return json.loads(last[0]) if last else {"ended": done.returncode, "said": done.stderr[-500:]}


if __name__ == "__main__":
    main()
