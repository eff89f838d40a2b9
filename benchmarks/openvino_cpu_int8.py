"""INT8 on OpenVINO's CPU device: edgekit beside NNCF, same models, same images.

Usage: python benchmarks/openvino_cpu_int8.py [--kernels avx2]
       [--rows edgekit|mixed|onnxruntime|peers] [--latency] [MODEL...]

The models, images and rules are those of ``ort_cpu_int8.py``, and so are ``--kernels``, ``--rows``
and ``--latency``; the bundled detector, ``digits``, joins them, on scenes that are rendered. NNCF
quantizes at its defaults and by a scope that a person wrote, the file as given and the float
network that edgekit starts from. All rows run on OpenVINO, in float32 where they are in float, but
for edgekit's on ONNX Runtime, which ``convert --target cpu`` compares them with. Needs the folder
EDGEKIT_DATA and the extras ``openvino`` and ``demo``.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.backends.coverage import read_coverage
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.backends.openvino import OpenVino, write_ir
from edgekit.config.recipe import Int8, find_recipe
from edgekit.graphs import graph_to_bytes
from edgekit.pipeline.int8 import Int8Options, quantize_network, weight_rule
from edgekit.pipeline.rows import Entry
from edgekit.quantize.rules import OPENVINO_X86
from edgekit.tune.search import choose, search

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import ort_cpu_int8  # noqa: E402  (a sibling script)
import tuned  # noqa: E402
from cases import DIGITS, FP32, MODELS, open_case  # noqa: E402
from ort_cpu_int8 import INT8, MIXED, Rows, file_stem  # noqa: E402

if TYPE_CHECKING:
    from cases import Case

    from edgekit.config.device import Device
    from edgekit.quantize.quantize import QuantizedGraph

TARGET = "openvino-cpu-int8"
RUNTIME = OpenVino()


def main() -> None:
    """Run every model and write the result."""
    rows = Rows(PARTS, kept_entries, opened, (*MODELS, DIGITS))
    ort_cpu_int8.measure("openvino_cpu_int8", __doc__, rows)


def opened(name: str, device: Device, kept: Path) -> Case:
    """Return one model, its float rows on OpenVINO."""
    case = open_case(name, device, kept)
    given, fp32 = (replace(candidate, backend=RUNTIME) for candidate in (case.given, case.fp32))
    return replace(case, given=given, fp32=fp32)


def edgekit_entries(case: Case) -> list[Entry]:
    """Return edgekit's INT8, as the recipe ``openvino-cpu-int8`` makes it."""
    recipe = find_recipe(TARGET).precision
    assert isinstance(recipe, Int8)
    rule = weight_rule(recipe, case.device, OPENVINO_X86)
    options = Int8Options(recipe, rule, case.kept, OPENVINO_X86)
    quantized = quantize_network(case.network, case.calibration, options)
    return [written(case, quantized, Entry(case.fp32, "int8"), INT8)]


def mixed_entries(case: Case) -> list[Entry]:
    """Return what ``edgekit tune`` chooses, on images that neither calibrate nor score."""
    ready = tuned.searched(case, TARGET)
    choice = choose(search([ready.network], ready.bench, tuned.NEED, tuned.EVALUATIONS), tuned.NEED)
    words = f"{case.name}: chose {choice.name}, {len(choice.in_float)} layers in float"
    print(words, file=sys.stderr, flush=True)
    if choice.precision == "fp32":
        return [written(case, None, Entry(case.fp32, "fp32"), MIXED)]
    quantized = ready.network.quantized(choice.in_float)
    return [written(case, quantized, Entry(case.fp32, "mixed"), MIXED)]


def written(case: Case, quantized: QuantizedGraph | None, entry: Entry, row: str) -> Entry:
    """Return ``entry`` as the row ``row``, written: as ``quantized``, or the float network."""
    model = row_path(case, row)
    candidate = replace(entry.candidate, name=row, model=model)
    if quantized is None:
        write_ir(case.fp32.model.read_bytes(), model)
        return replace(entry, candidate=candidate)
    write_ir(graph_to_bytes(quantized.graph), model)
    kept_float = quantized.plan.kept_float
    coverage = read_coverage(case.network.graph, quantized.graph, kept_float, RUNTIME)
    return replace(entry, candidate=candidate, coverage=coverage)


def onnxruntime_entries(case: Case) -> list[Entry]:
    """Return edgekit's FP32 and INT8 on ONNX Runtime, as ``convert --target cpu`` compares them."""
    (int8,) = ort_cpu_int8.edgekit_entries(case)
    rows = {FP32: Entry(case.fp32, "fp32"), INT8: int8}
    return [_on_onnxruntime(entry, name) for name, entry in rows.items()]


def _on_onnxruntime(entry: Entry, name: str) -> Entry:
    candidate = replace(entry.candidate, name=f"{name} on onnxruntime", backend=OnnxRuntime())
    return replace(entry, candidate=candidate)


def peer_entries(case: Case) -> list[Entry]:
    """Return NNCF's networks, on the file as given and on the float network of edgekit."""
    entries = ort_cpu_int8.peer_entries(case)
    return [entry for entry in entries if entry.candidate.name.startswith("nncf")]


def kept_entries(case: Case) -> list[Entry]:
    """Return every row that was made, from the files that are kept."""
    ours = [
        Entry(replace(case.fp32, name=name, model=row_path(case, name)), "int8")
        for name in (INT8, MIXED)
        if row_path(case, name).exists()
    ]
    other = ort_cpu_int8.row_path(case, INT8)
    theirs = {FP32: case.fp32, INT8: replace(case.fp32, model=other)}
    return [
        *ort_cpu_int8.float_entries(case),
        *ours,
        *(_on_onnxruntime(Entry(c, "int8"), n) for n, c in theirs.items() if c.model.exists()),
        *peer_entries(case),
    ]


def row_path(case: Case, row: str) -> Path:
    """Return where the network of edgekit's ``row`` is kept."""
    stem = file_stem(case.name, case.fp32, f"{row} openvino", case.device.exact_u8s8)
    return case.fp32.model.with_name(f"{stem}.xml")


PARTS = {
    "edgekit": edgekit_entries,
    "mixed": mixed_entries,
    "onnxruntime": onnxruntime_entries,
    "peers": peer_entries,
}


if __name__ == "__main__":
    main()
