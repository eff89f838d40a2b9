"""What trtexec says, on lines in its own format."""

import numpy as np
import pytest

from edgekit.backends.tensorrt.on_device.readings import (
    device_of,
    errors_of,
    fallbacks_of,
    layers_of,
    percentile,
    profile_of,
    spread_of,
    summary_of,
    times_of,
    type_of,
    version_of,
)

# After a log that a user of trtexec published in 2023.
SUMMARY = """\
[09/18/2023-09:54:19] [I] Timing trace has 2580 queries over 3.00366 s
[09/18/2023-09:54:19] [I] === Performance summary ===
[09/18/2023-09:54:19] [I] Throughput: 858.971 qps
[09/18/2023-09:54:19] [I] Latency: min = 1.53241 ms, max = 2.40356 ms, mean = 1.57121 ms, \
median = 1.56714 ms, percentile(90%) = 1.58105 ms, percentile(95%) = 1.58569 ms, \
percentile(99%) = 1.60509 ms
[09/18/2023-09:54:19] [I] H2D Latency: min = 0.15625 ms, max = 0.230347 ms, mean = 0.166099 ms, \
median = 0.16687 ms, percentile(90%) = 0.167908 ms, percentile(99%) = 0.178223 ms
[09/18/2023-09:54:19] [I] GPU Compute Time: min = 1.12231 ms, max = 1.99365 ms, mean = 1.16186 ms, \
median = 1.15918 ms, percentile(90%) = 1.17041 ms, percentile(99%) = 1.19501 ms
"""
DEVICE = """\
[05/12/2025-10:00:00] [I] === Device Information ===
[05/12/2025-10:00:00] [I] Available Devices:
[05/12/2025-10:00:00] [I]   Device 0: "Orin" UUID: GPU-54f8
[05/12/2025-10:00:00] [I] Selected Device: Orin
[05/12/2025-10:00:00] [I] Compute Capability: 8.7
[05/12/2025-10:00:00] [I] SMs: 8
[05/12/2025-10:00:00] [I] Device Global Memory: 7620 MiB
"""


def layer(name, kind, types=("Half", "Half"), **more):
    into, out = ([{"Name": "x", "Format/Datatype": described}] for described in types)
    return {"Name": name, "LayerType": kind, "Inputs": into, "Outputs": out, **more}


@pytest.mark.parametrize(
    ("banner", "version", "build"),
    [
        ("[TensorRT v8502]", "8.5.2", None),
        ("[TensorRT v8601]", "8.6.1", None),
        ("[TensorRT v100300] [b26]", "10.3.0", "26"),
        ("[TensorRT v101602] [b10]", "10.16.2", "10"),
        ("[TensorRT v110401] [b12]", "11.4.1", "12"),
        ("[TensorRT v11.1.0.106] [b48]", "11.1.0", "48"),
    ],
)
def test_the_banner_tells_the_version(banner, version, build):
    told = f"&&&& RUNNING TensorRT.trtexec {banner} # /usr/src/tensorrt/bin/trtexec --help\n"

    assert version_of(told) == {"version": version, "build": build}


def test_what_has_no_banner_has_no_version():
    assert version_of("bash: trtexec: command not found") is None


def test_the_device_is_read_and_missing_lines_are_left_out():
    assert device_of(DEVICE) == {
        "name": "Orin",
        "compute_capability": "8.7",
        "sms": 8,
        "memory_mib": 7620,
    }
    assert device_of("Selected Device: Orin\n") == {"name": "Orin"}


def test_errors_are_the_last_ones_without_their_stamp():
    told = "".join(f"[11/22/2026-12:00:00] [E] problem {number}\n" for number in range(6))

    assert errors_of(told + "[11/22/2026-12:00:00] [I] fine\n", last=2) == [
        "problem 4",
        "problem 5",
    ]
    assert errors_of("Cuda failure: no device\n") == ["Cuda failure: no device"]


def test_layers_that_leave_the_accelerator_are_read_from_the_log():
    told = (
        "[W] [TRT] Layer '/model.24/Constant_1_output_0' (CONSTANT): Unsupported on DLA. Switching "
        "this layer's device type to GPU.\n[W] [TRT] Layer '(Unnamed Layer* 277) [Shuffle]' "
        "(SHUFFLE): Unsupported on DLA. Switching this layer's device type to GPU.\n"
    )

    assert fallbacks_of(told) == [
        "/model.24/Constant_1_output_0 (CONSTANT)",
        "(Unnamed Layer* 277) [Shuffle] (SHUFFLE)",
    ]


def test_the_summary_is_read_by_metric():
    summary = summary_of(SUMMARY)

    assert (summary["throughput_qps"], summary["queries"]) == (858.971, 2580)
    assert summary["latency"]["median"] == 1.56714
    assert summary["latency"]["p99"] == 1.60509
    assert summary["h2d"]["mean"] == 0.166099
    assert summary["compute"]["p90"] == 1.17041


def test_output_without_figures_has_no_summary():
    assert summary_of("&&&& PASSED TensorRT.trtexec") is None


def test_warm_up_runs_before_those_that_the_summary_counts_are_left_out():
    trace = [
        {"latencyMs": ms, "computeMs": ms, "h2dMs": 0, "d2hMs": 0} for ms in (9.0, 1.0, 2.0, 3.0)
    ]

    assert times_of(trace, 3)["latency"] == [1.0, 2.0, 3.0]
    assert times_of(trace)["compute"] == [9.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("percent", [0, 12.5, 50, 90, 99, 100])
@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_percentiles_are_numpys(percent, count):
    values = np.sort(np.random.default_rng(count).normal(size=count))

    assert percentile(list(values), percent) == pytest.approx(np.percentile(values, percent))


def test_a_spread_does_not_depend_on_the_order_of_runs():
    assert spread_of([3.0, 1.0, 2.0]) == spread_of([1.0, 2.0, 3.0])
    assert spread_of([3.0, 1.0, 2.0])["mean"] == 2.0


@pytest.mark.parametrize(
    ("described", "name"),
    [
        ("Thirty-two wide channel vectorized row major Int8 format", "int8"),
        ("Two wide channel vectorized row major FP16 format", "fp16"),
        ("Row major linear FP32", "fp32"),
        ("Half(64,1:8,...)", "fp16"),
        ("BFloat16", "bf16"),
        ("Float", "fp32"),
        ("FP8E4M3", "fp8"),
        ("N/A due to dynamic shapes", "other"),
    ],
)
def test_types_are_found_in_sentences_and_words(described, name):
    assert type_of(described) == name


def test_layers_are_counted_by_what_they_compute_in_and_copies_apart():
    info = {
        "Layers": [
            layer("conv", "CaskConvolution", ("Int8", "Int8"), Weights={"Type": "Int8"}),
            layer("stem", "CaskConvolution", ("Int8", "Int8"), Weights={"Type": "Half"}),
            layer("Reformatting CopyNode for Input Tensor 0 to stem", "Reformat", ("Int8", "Half")),
            layer("gemm", "fusion", ("Half", "Half"), TacticName="sm80_xmma_gemm_i8i8_i8i32_f32"),
            layer("decode", "PointWiseV2", ("Half", "Float")),
            layer("{ForeignNode[a...b]}", "DLA", ("Half", "Half")),
        ]
    }
    profile = [
        {"count": 10},
        {"name": "conv", "averageMs": 1.5},
        {"name": "Reformatting CopyNode for Input Tensor 0 to stem", "averageMs": 0.25},
    ]

    found = layers_of(info, profile)

    assert found["by_precision"] == {"fp16": 3, "int8": 2}
    assert found["ms_by_precision"] == {"fp16": None, "int8": 1.5}
    assert (found["reformats"], found["reformat_ms"], found["dla"]) == (1, 0.25, 1)
    assert [one["precision"] for one in found["layers"]][:2] == ["int8", "fp16"]


def test_mixed_inputs_count_as_the_widest():
    tensors = [{"Format/Datatype": "Int8"}, {"Format/Datatype": "Half"}]

    found = layers_of({"Layers": [{"Name": "add", "LayerType": "kgen", "Inputs": tensors}]})

    assert found["by_precision"] == {"fp16": 1}


def test_an_engine_with_nothing_but_names_is_read_as_unknown():
    found = layers_of({"Layers": ["conv + relu", "Reformatting CopyNode for Input Tensor 0 to x"]})

    assert found["by_precision"] == {"other": 1}
    assert found["reformats"] == 1


def test_a_profile_gives_mean_times_by_name():
    assert profile_of([{"count": 3}, {"name": "a", "timeMs": 3.0, "averageMs": 1.0}]) == {"a": 1.0}
