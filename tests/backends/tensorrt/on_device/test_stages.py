import json
from array import array

import pytest

from edgekit.backends.tensorrt.on_device import stages as module
from edgekit.backends.tensorrt.on_device.engines import Place, engine_of
from edgekit.backends.tensorrt.on_device.files import sha256_of
from edgekit.backends.tensorrt.on_device.problems import Problem
from edgekit.backends.tensorrt.on_device.program import ask
from edgekit.backends.tensorrt.on_device.stages import (
    Timing,
    layers_stage,
    outputs_stage,
    pooled,
    round_stage,
)
from edgekit.backends.tensorrt.trtexec import commands
from edgekit.backends.tensorrt.versions import entry_of
from tests.backends.tensorrt.boards import QDQ, put_program, put_trtexec

TIMING = Timing(seconds=1, iterations=20, warmup_ms=1)


@pytest.fixture(scope="module", params=["8.5", "11.4"])
def built(request, tmp_path_factory):
    """An engine of the oldest and of the newest version, and the commands for it."""
    folder, entry = tmp_path_factory.mktemp("bundle"), entry_of(request.param)
    (folder / "int8.onnx").write_bytes(QDQ[entry.typing])
    program = ask(str(put_trtexec(folder, request.param)))
    place = Place(folder, program, {"model": None, "l4t": None}, None, None, rebuild=False)
    told = {name: list(words) for name, words in vars(commands(entry, "int8")).items()}
    return place, engine_of(place, "int8", "int8.onnx", told["build"]), told


def broken(place, text):
    path = put_program(place.folder / "broken", "trtexec", f"{text}; echo '&&&& PASSED'")
    return place._replace(program=place.program._replace(path=str(path)))


def test_layers_are_told_with_their_times_and_copies(built):
    layers = layers_stage(*built)

    assert layers["by_precision"]["int8"] == 1
    assert layers["ms_by_precision"]["int8"] == 1.5
    assert (layers["reformats"], layers["reformat_ms"]) == (1, 0.25)


def test_a_round_has_the_runs_that_were_asked_for_and_no_warm_up(built):
    place, engine, told = built

    done = round_stage(place, engine, told, 0, TIMING)

    assert done["latency_ms"]["runs"] == 20
    assert done["latency_ms"]["max"] < 3  # warm-up runs take 50 ms
    assert done["latency_ms"]["p50"] == pytest.approx(done["compute_ms"]["p50"] + 0.5)
    assert done["throughput_qps"] > 0
    assert done["power"] is None
    assert set(done["before"]) == set(done["after"]) > {"temperatures_c", "gpu_mhz"}
    assert done["slowed_down"] == []


def test_a_finished_stage_is_not_run_again_and_one_of_another_engine_is(built, monkeypatch):
    place, engine, told = built
    first = round_stage(place, engine, told, 1, TIMING)

    def never(*_):
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(module, "run", never)
        assert round_stage(place, engine, told, 1, TIMING) == first
        with pytest.raises(AssertionError):
            round_stage(place, {**engine, "sha256": "other"}, told, 1, TIMING)
    assert round_stage(place, engine, told, 1, TIMING)["latency_ms"]["runs"] == 20


def test_outputs_are_those_of_the_input_in_every_version(built):
    place, engine, told = built
    path = place.folder / "one.bin"
    path.write_bytes(bytes((1, 2, 3, 4, 5, 6)))
    given = {"name": "images", "stem": "one", "path": str(path), "sha256": sha256_of(path)}

    found = outputs_stage(place, engine, told, given)

    assert found == {"output0": {"file": "result/outputs/int8.one.0.f32", "shape": [1, 2, 3]}}
    values = array("f", (place.folder / found["output0"]["file"]).read_bytes())
    assert list(values) == [1, 2, 3, 4, 5, 6]
    assert outputs_stage(place, engine, told, given) == found


def test_rounds_are_pooled_run_by_run(built):
    place, engine, told = built
    rounds = [round_stage(place, engine, told, number, TIMING) for number in (0, 1)]

    spread = pooled(place, rounds)

    assert spread["latency_ms"]["runs"] == 40
    assert spread["compute_ms"]["p50"] == pytest.approx(rounds[0]["compute_ms"]["p50"])


@pytest.mark.parametrize("stage", ["layers", "times", "outputs"])
def test_a_trtexec_that_writes_nothing_is_not_believed(built, stage):
    place, engine, told = built
    place, engine = broken(place, "true"), {**engine, "sha256": stage}
    given = {"name": "images", "stem": "none", "path": "none", "sha256": "0"}
    run = {
        "layers": lambda: layers_stage(place, engine, told),
        "times": lambda: round_stage(place, engine, told, 7, TIMING),
        "outputs": lambda: outputs_stage(place, engine, told, given),
    }

    (place.folder / "result/raw/int8.layers.json").unlink(missing_ok=True)
    with pytest.raises(Problem, match="that can be read"):
        run[stage]()


def test_outputs_of_another_size_than_their_shape_are_refused(built):
    place, engine, told = built
    told = {**told, "outputs": ["{outputs}"]}
    wrong = json.dumps([{"name": "o", "dimensions": "2x2", "values": [1.0]}])
    place = broken(place, f"echo '{wrong}' > $1")
    given = {"name": "images", "stem": "wrong", "path": "none", "sha256": "0"}

    with pytest.raises(Problem, match="output o: expected 4 values"):
        outputs_stage(place, engine, told, given)
