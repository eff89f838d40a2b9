import json
from types import SimpleNamespace

from edgekit.cli.bench_rows import in_full, marks, tables
from edgekit.cli.tables import show
from edgekit.measure.latency import LatencyResult
from edgekit.measure.percentiles import spread_of
from edgekit.measure.power import EnergyUse
from edgekit.measure.throughput import Throughput
from edgekit.values import Interval, Latency

DRIFT = "it took 20% longer in the second half of the run than in the first"
TIMED = LatencyResult(
    name="mine",
    latency=Latency(2.0, 2.5, 2.504, 80, 0.5, 0.25),
    fps=400.04,
    round_best_ms=(2.0,) * 40,
    peak_memory_bytes=1024,
    load_ms=5.0,
    warmup_runs=10,
    threads=2,
    settings="OnnxRuntime()",
    confidence=0.25,
    images=0,
    cold_start_ms=7.0,
    spread=spread_of([[2.0, 2.5]] * 40),
    throughput=(Throughput(1, 399.0, (390.0, 410.0)), Throughput(2, 700.0, (690.0, 710.0))),
    energy=EnergyUse(30.0, 15.0, "RAPL"),
    disturbed=("the processor throttled", DRIFT),
)
RESULT = SimpleNamespace(
    name="mine",
    timed=TIMED,
    speedup=Interval(1.5, 1.25, 1.75),
    scores=None,
    warnings=(),
    conditions={"governor_before": "performance"},
)


def test_programs_get_everything():
    found = json.loads(json.dumps(in_full(RESULT)))

    assert (found["p50_ms"], found["p99_ms"], found["fps"]) == (2.0, 2.5, 400.0)
    assert (found["speedup"], found["speedup_ci95"]) == (1.5, [1.25, 1.75])
    assert found["p90_early_stopping_ms"] == 2.5
    assert found["p99_ci95_ms"] is None
    assert found["throughput"][1] == {"streams": 2, "fps": 700.0, "fps_ci95": [690.0, 710.0]}
    assert found["energy"] == {"mj_per_frame": 30.0, "mean_w": 15.0, "source": "RAPL"}
    assert found["conditions"] == {"governor_before": "performance"}
    assert found["disturbed"] == ["the processor throttled", DRIFT]


def test_a_table_gets_what_it_has_room_for():
    ((times,),) = tables([RESULT])

    assert list(times)[:2] == ["model", "p50_ms"]
    assert times["speedup"] == "1.5 (1.25 to 1.75)"
    assert times["fps, 2 at once"] == 700.0
    assert not {"fps, 1 at once", "quantiles_ms", "speedup_ci95", "map"} & set(times)


def test_scores_have_a_table_of_their_own_that_fits_the_page():
    accuracy = SimpleNamespace(map=0.37412)
    scores = SimpleNamespace(
        accuracy=accuracy, drop=Interval(0.214, 0.011, 0.437), agreement=0.9641
    )
    scored = SimpleNamespace(**vars(RESULT) | {"scores": scores})

    (times,), (score,) = tables([scored])

    assert score == {
        "model": "mine",
        "map": 0.3741,
        "map_drop_points": "0.21 (0.01 to 0.44)",
        "agreement": 0.9641,
    }
    assert "…" not in show([times], as_json=False) + show([score], as_json=False)
    assert in_full(scored)["map_drop_ci95"] == [0.01, 0.44]


def test_what_disturbed_one_model_alone_is_told_with_its_name():
    assert marks(RESULT) == [f"mine: {DRIFT}."]
