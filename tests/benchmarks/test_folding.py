import sys
from pathlib import Path

import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.measure.latency import LatencyOptions, LatencyResult, LatencyRun
from edgekit.measure.machine import read_conditions
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from edgekit.values import Latency
from tests.networks import network

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import folding
import render
import render_folding


def result(name: str, *rounds_ms: float) -> LatencyResult:
    latency = Latency(rounds_ms[0], rounds_ms[0], rounds_ms[0], len(rounds_ms), 0.0, 0.0)
    return LatencyResult(name, latency, 1.0, rounds_ms, None, 0.0, 1, 1, "", 0.25, 0)


def test_folding_is_compared_within_each_setting_of_the_runtime():
    conditions = read_conditions()
    results = (
        result("as trained, optimized", 4.0, 8.0, 6.0),
        result("folded, optimized", 4.0, 8.0, 6.0),
        result("as trained, not optimized", 10.0, 20.0, 30.0),
        result("folded, not optimized", 5.0, 10.0, 15.0),
    )

    found = folding.latency_figures(LatencyRun(results, conditions, conditions))

    assert found["optimized"]["speedup"] == 1.0
    assert found["not optimized"]["speedup"] == 2.0
    assert found["not optimized"]["p50_ms"] == {"as trained": 10.0, "folded": 5.0}
    assert found["throttled"] is False


def test_what_the_rewrites_did_is_told():
    graph = network(
        "g (float[1,2,4,4] x) => (y) { a = Conv(x, w) b = Conv(x, w) c = Add(a, b) "
        "d = BatchNormalization(c, k, k, k, k) y = Relu(d) }",
        w=np.ones((2, 2, 1, 1), np.float32),
        k=np.ones(2, np.float32),
    )
    folded = reparameterize(graph, OnnxRuntime(optimize=False), probe_inputs(graph))

    told, sizes = folding.told(folded), [folding.size_of(g) for g in (graph, folded.graph)]

    assert sum(told["rules"].values()) == 3
    assert 0 <= told["largest_difference"] < 1e-6
    assert [size["nodes"] for size in sizes] == [5, 2]
    assert [size["macs"] for size in sizes] == [128, 64]


@pytest.mark.data
@pytest.mark.slow
def test_the_files_run_in_every_setting(data_dir, tmp_path):
    path = data_dir / "models" / "yolox_nano_kazuhito.onnx"

    part = folding.measured(path, tmp_path, LatencyOptions(min_runs=5, min_seconds=0))

    assert all(part["latency"][setting]["speedup"] > 0 for setting in folding.SETTINGS)
    assert part["rewrites"]["rules"] == {
        "blocks spread to channels": 5,
        "a pool of a smaller pool": 2,
    }
    trained, folded = part["files"].values()
    assert trained["nodes"] - folded["nodes"] == 5
    assert trained["macs"] == folded["macs"]


def test_a_line_for_every_setting_of_every_network_that_was_measured():
    part = {
        "p50_ms": {"as trained": 10.0, "folded": 8.04},
        "speedup": 1.244,
        "speedup_ci95": [1.2, 1.3],
    }
    files = {"as trained": {"nodes": 90}, "folded": {"nodes": 60}}
    measured = {"files": files, "latency": dict.fromkeys(render_folding.SETTINGS, part)}

    lines = render_folding.table({"yolov10s": measured})

    assert lines[3] == "| YOLOv10-S | on | 90 to 60 | 10.0 | 8.0 | 1.24 (1.20 to 1.30) |"
    assert len(lines) == 6
    assert render_folding.table({}) == [""]
    assert "folding" in render.PARTS
    assert set(render_folding.TITLES) == set(folding.MODELS)
