import json
from dataclasses import replace

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgekit.backends.artifact import read_artifact
from edgekit.backends.cuda import CudaGpu
from edgekit.config.calibration import open_source
from edgekit.config.recipe import Fp16
from edgekit.errors import ConfigError, ParityError
from edgekit.graphs import graph_from_model
from edgekit.pipeline import convert as conversion
from edgekit.pipeline import fp16 as module
from edgekit.pipeline import place
from edgekit.pipeline.convert import convert, open_job
from edgekit.pipeline.fp16 import HalfOptions, halve_network, uncalibrated_plan
from edgekit.pipeline.inspect import inspect
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.protocols import silent
from edgekit.quantize.half_plan import DECODE

USUAL = HalfOptions(Fp16(kind="fp16"))
TARGET = {"target": "ort-cuda-fp16", "calib": None}
ABSENT = CudaGpu(absence="no GPU on this desk")


@pytest.fixture(scope="module")
def network(tiny):
    return network_of(prepare(tiny.model, ModelOptions()))


@pytest.fixture(scope="module")
def halved(tiny, tmp_path_factory):
    """A folder that a conversion wrote where there is no GPU, and its report."""
    patch = pytest.MonkeyPatch()
    patch.setattr(place, "probe_cuda", lambda: ABSENT)
    out = tmp_path_factory.mktemp("halved") / "out"
    report = convert(tiny.model, tiny.options(out, **TARGET)).report
    patch.undo()
    return out, report


def louder(network, factor):
    """``network`` with the weights of its first convolution times ``factor``."""
    model = network.graph.model.clone()
    conv = next(node for node in model.graph if node.op_type == "Conv")
    weight = conv.inputs[1]
    weight.const_value = ir.tensor(
        weight.const_value.numpy() * np.float32(factor), name=weight.name
    )
    return replace(network, graph=graph_from_model(model))


def test_layers_run_in_16_bits_and_the_network_takes_and_gives_what_it_did(network):
    found = halve_network(network, USUAL)

    convs = [n for n in found.graph.model.graph if n.op_type == "Conv"]
    assert {n.outputs[0].dtype for n in convs} == {ir.DataType.FLOAT16}
    for side in ("inputs", "outputs"):
        before, after = (
            [(v.name, v.dtype) for v in getattr(g.model.graph, side)]
            for g in (network.graph, found.graph)
        )
        assert before == after


def test_the_decode_left_in_the_network_stays_in_float32(network):
    last = [node.name for node in network.graph.model.graph][-1]

    plan = uncalibrated_plan(replace(network, decode=frozenset({last})), USUAL.precision)

    assert plan.kept_float == {last: DECODE}


def test_nodes_named_in_the_recipe_stay_in_float32_and_a_name_of_none_is_an_error(network):
    plan = uncalibrated_plan(network, Fp16(kind="fp16", keep_float=("Conv_1?",)))

    assert set(plan.kept_float) == {"Conv_10", "Conv_11"}
    with pytest.raises(ConfigError, match="keep_float 'Convv'"):
        uncalibrated_plan(network, Fp16(kind="fp16", keep_float=("Convv",)))


def test_what_images_show_to_be_too_large_for_16_bits_stays_in_float32(network, tiny):
    loud = louder(network, 1e5)
    images = open_source(str(tiny.calib))

    found = halve_network(loud, replace(USUAL, calibration=images))

    reasons = set(found.plan.kept_float.values())
    assert any("in calibration" in reason for reason in reasons)


def test_a_network_that_16_bits_would_ruin_is_refused(network, monkeypatch):
    loud = louder(network, 1e5)
    monkeypatch.setattr(module, "_statistics", lambda *_: None)

    with pytest.raises(ParityError, match=r"output '.*keep_float"):
        halve_network(loud, USUAL)


def test_without_a_gpu_rows_are_scored_by_rounding_and_have_no_times(halved):
    _, report = halved

    assert [r.name for r in report.rows] == ["as-given", "fp32", "fp16"]
    assert {r.status for r in report.rows} == {"simulated"}
    assert all("no GPU on this desk" in r.reason and r.latency_ms is None for r in report.rows)
    assert report.row("fp16").precision == "fp16"
    assert report.row("fp16").agreement > 0.95
    assert report.row("fp16").size_bytes < 0.75 * report.row("fp32").size_bytes


def test_nothing_is_shipped_that_was_not_measured(halved):
    verdict = halved[1].verdict

    assert (verdict.ship, verdict.candidate) == (None, "fp16")
    assert "fp16 is the candidate to measure there" in verdict.because


def test_the_artifact_is_in_16_bits_and_not_what_stood_in_for_it(halved):
    out, report = halved
    manifest, model = read_artifact(out)
    lock = json.loads((out / "edgekit.lock").read_text())

    types = {t.data_type for t in onnx.load(model).graph.initializer}
    assert onnx.TensorProto.FLOAT16 in types
    assert onnx.TensorProto.FLOAT not in types
    assert (manifest.precision, manifest.provider) == ("fp16", "cuda")
    assert lock["recipe"]["precision"]["kind"] == "fp16"
    assert lock["artifact_sha256"] == manifest.sha256
    assert model.stat().st_size == report.row("fp16").size_bytes


@pytest.mark.parametrize(
    ("gpu", "provider", "warnings"),
    [
        (
            ABSENT,
            "cpu",
            ("mine was made for a GPU and runs on the CPU here: no GPU on this desk.",),
        ),
        (CudaGpu("GPU of today", 9.0), "cuda", ()),
    ],
)
def test_the_artifact_runs_on_a_gpu_or_with_a_word_on_a_cpu(
    halved, monkeypatch, gpu, provider, warnings
):
    monkeypatch.setattr(place, "probe_cuda", lambda: gpu)

    found = open_detector(halved[0], ModelOptions(), "mine")

    assert found.candidate.backend.provider == provider
    assert found.warnings == warnings


def test_with_a_gpu_every_row_runs_on_it_and_nothing_stands_in(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(place, "probe_cuda", lambda: CudaGpu("GPU of today", 9.0))
    job = open_job(tiny.model, tiny.options("out", **TARGET))

    built = conversion._build(job, tmp_path, silent)

    assert [e.candidate.backend.provider for e in built.entries] == ["cuda"] * 3
    assert [e.stand_in for e in built.entries] == [None] * 3
    assert job.place.absence is None


def test_without_images_to_score_on_nothing_was_run(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(place, "probe_cuda", lambda: ABSENT)

    report = convert(tiny.model, tiny.options(tmp_path / "out", **TARGET, evaluation=None)).report

    assert {r.status for r in report.rows} == {"not-run"}
    assert report.verdict.ship is None
    assert (tmp_path / "out/artifact/model.onnx").is_file()


@pytest.mark.parametrize(
    ("gpu", "name", "absent"),
    [
        (CudaGpu("GPU of today", 9.0), "GPU of today", None),
        (CudaGpu("GPU of old", 6.1), "NVIDIA GPU with tensor cores", "compute capability 6.1"),
        (ABSENT, "NVIDIA GPU with tensor cores", "no GPU on this desk"),
    ],
)
def test_a_generic_gpu_is_called_what_it_is_here(tiny, monkeypatch, gpu, name, absent):
    monkeypatch.setattr(place, "probe_cuda", lambda: gpu)

    job = open_job(tiny.model, tiny.options("out", **TARGET))

    assert job.device.name == name
    assert (absent is None) == (job.place.absence is None)
    assert absent is None or absent in job.place.absence


@pytest.mark.parametrize(
    ("target", "device"), [("ort-cuda-fp16", "host"), ("ort-cpu-int8", "generic-nvidia-gpu")]
)
def test_a_device_that_the_recipe_cannot_run_on_is_refused(tiny, tmp_path, target, device):
    with pytest.raises(ConfigError, match=f"found '{device}'.*Leave out --device"):
        open_job(tiny.model, tiny.options(tmp_path / "out", target=target, device=device))


def test_an_inspection_says_what_would_be_in_16_bits(tiny):
    found = inspect(tiny.model, ModelOptions(), "ort-cuda-fp16")

    assert {f.precision for f in found.fates} == {"fp16"}
    assert "values go beyond 16 bits" in found.notes[-1]
