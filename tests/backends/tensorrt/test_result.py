import json

import numpy as np
import pytest
from pydantic import ValidationError

from edgekit.backends.tensorrt.result import findings_of, outputs_of, read_result, runs_of
from edgekit.errors import ConfigError
from tests.backends.tensorrt.boards import QUICK, measure, put_bundle, put_trtexec


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A bundle that was measured with the stand-in for trtexec 10.3, two precisions."""
    folder = tmp_path_factory.mktemp("board")
    put_trtexec(folder / "bin", "10.3")
    bundle = put_bundle(folder / "bundle")
    assert measure(bundle, folder / "bin", *QUICK).returncode == 0
    return bundle


def changed(measured, change):
    """The result with one thing changed, in the form it is read."""
    told = json.loads((measured / "result" / "result.json").read_text())
    change(told)
    return type(read_result(measured)).model_validate(told)


def test_what_the_script_writes_is_what_edgekit_reads(measured):
    result = read_result(measured)

    assert set(result.rows) == {"int8", "fp16"}
    assert (result.tensorrt.version, result.typing) == ("10.3.0", "weak")
    assert result.rows["int8"].layers.by_precision == {"fp16": 1, "int8": 1}
    assert result.device["name"] == "stand-in"


def test_every_run_and_output_is_there(measured):
    row = read_result(measured).rows["int8"]

    runs = runs_of(measured, row)

    assert [len(times) for times in runs] == [20]
    assert np.median(runs[0]) == pytest.approx(row.latency_ms.p50)
    assert outputs_of(measured, row, "one")["output0"].tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_a_result_of_another_bundle_is_refused(measured, tmp_path):
    put_bundle(tmp_path, {"int8": {"weak": b"QuantizeLinear other"}})
    (tmp_path / "result").mkdir()
    text = (measured / "result" / "result.json").read_text()
    (tmp_path / "result" / "result.json").write_text(text)

    with pytest.raises(ConfigError, match="measured with bundle"):
        read_result(tmp_path)


def test_a_missing_or_damaged_result_says_what_to_run(tmp_path):
    with pytest.raises(ConfigError, match=r"Run 'python3 measure\.py'"):
        read_result(tmp_path)

    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "result.json").write_text('{"schema": 2}')
    with pytest.raises(ConfigError, match=r"expected what measure\.py writes"):
        read_result(tmp_path)


@pytest.mark.parametrize("name", ["/etc/hosts", "result/../bundle.json", "bundle.json", ""])
def test_a_board_names_no_file_but_those_of_its_result(measured, name):
    def elsewhere(told):
        told["rows"]["int8"]["rounds"][0]["times"] = name

    with pytest.raises(ValidationError, match="expected a file in result/"):
        changed(measured, elsewhere)


def test_a_good_engine_has_nothing_said_against_it(measured):
    assert findings_of(read_result(measured)) == ()


def test_int8_that_is_slower_than_float16_is_told_with_its_copies(measured):
    def slow_down(told):
        for one in told["rows"]["int8"]["rounds"]:
            one["latency_ms"]["p50"] *= 2

    (said,) = findings_of(changed(measured, slow_down))

    assert said.startswith("INT8 runs at 0.70 times the speed of float16")
    assert "INT8 has 1 copies between formats, float16 0." in said


def test_times_of_a_board_that_slowed_down_do_not_count(measured):
    def slow_down(told):
        told["rows"]["int8"]["rounds"][0]["slowed_down"] = ["2 over-current events"]

    assert findings_of(changed(measured, slow_down)) == (
        "int8: its times do not count, the board slowed itself down: 2 over-current events.",
    )


def test_layers_that_fell_back_and_copies_that_take_long_are_told(measured):
    def fall_back(told):
        layers = told["rows"]["int8"]["layers"]
        layers["by_precision"] = {"fp16": 2}
        layers["reformat_ms"] = 1.0

    said = findings_of(changed(measured, fall_back))

    assert said == (
        "int8: no layer computes in int8; they are 2 fp16.",
        "int8: 1 copies between formats take 40% of its time.",
    )


def test_an_accelerator_that_does_nothing_is_told(measured):
    said = findings_of(changed(measured, lambda told: told.update(dla_core=0)))

    assert "fp16: nothing runs on the deep-learning accelerator, all fell back." in said


def test_layers_that_left_the_accelerator_are_told(measured):
    def leave(told):
        told["dla_core"] = 0
        for row in told["rows"].values():
            row["layers"]["dla"] = 1
        told["rows"]["fp16"]["engine"]["fell_back"] = ["/decode/Mul (ELEMENTWISE)", "b (SHUFFLE)"]

    (said,) = findings_of(changed(measured, leave))

    assert said.startswith("fp16: 2 layers fell back")
    assert said.endswith("the first is /decode/Mul (ELEMENTWISE).")
