"""The whole script, against a stand-in for trtexec of every version."""

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from edgekit.backends.tensorrt.bundle import write
from tests.backends.tensorrt.boards import (
    PLAIN,
    QDQ,
    QUICK,
    RELEASES,
    measure,
    put_bundle,
    put_program,
    put_trtexec,
)

ONE = (*QUICK, "--precisions", "int8")


@pytest.fixture
def board(tmp_path):
    """A bundle, and a folder for programs that has a trtexec 10.3."""
    put_trtexec(tmp_path / "bin", "10.3")
    return put_bundle(tmp_path / "bundle"), tmp_path / "bin"


def result_of(bundle):
    return json.loads((bundle / "result" / "result.json").read_text())


def logs_of(bundle):
    return "".join(path.read_text() for path in (bundle / "result" / "raw").glob("*.log"))


@pytest.mark.parametrize("release", RELEASES)
def test_every_version_builds_times_and_takes_apart_the_file_made_for_it(tmp_path, release):
    put_trtexec(tmp_path / "bin", release)
    bundle = put_bundle(tmp_path / "bundle")

    ended = measure(bundle, tmp_path / "bin", *ONE)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == str(bundle / "result" / "result.json")
    assert "layers: 1 fp16, 1 int8; copies between formats: 1" in ended.stderr
    result = result_of(bundle)
    typing = "strong" if release in {"10.13", "10.16", "11.4"} else "weak"
    assert result["tensorrt"]["version"].startswith(f"{release}.")
    assert (result["typing"], result["rows"]["int8"]["onnx"]) == (
        typing,
        f"models/int8-{typing}.onnx",
    )
    row = result["rows"]["int8"]
    assert row["layers"]["by_precision"] == {"fp16": 1, "int8": 1}
    assert row["latency_ms"]["runs"] == 20
    assert list(row["outputs"]) == ["one"]
    assert "[W]" not in logs_of(bundle)  # no flag that this version ignores or deprecates
    engine = json.loads(next((bundle / "cache").rglob("*.engine")).read_text())
    assert engine["model"] == QDQ[typing].decode()


def test_precisions_are_timed_in_turn_and_compared(tmp_path):
    put_trtexec(tmp_path / "bin", "11.4")
    write(tmp_path / "bundle", {"int8": QDQ, "fp16": PLAIN})
    told = measure(tmp_path / "bundle", tmp_path / "bin", *QUICK, "--rounds", "2").stderr

    order = [line.split()[2].strip(",") for line in told.splitlines() if "] time" in line]
    rows = result_of(tmp_path / "bundle")["rows"]
    assert order == ["int8", "fp16"] * 2
    assert rows["int8"]["latency_ms"]["p50"] < rows["fp16"]["latency_ms"]["p50"]


def test_a_flag_that_the_version_lacks_ends_it_with_that_flag(board):
    bundle, programs = board
    table = json.loads((bundle / "versions.json").read_text())
    for row in table["versions"]:
        row["commands"]["int8"]["build"].append("--noCudaGraph")
    replace(bundle, "versions.json", json.dumps(table).encode())

    ended = measure(bundle, programs, *ONE)

    assert ended.returncode == 4
    assert "Unknown option: --noCudaGraph" in ended.stderr
    assert not list((bundle / "cache").rglob("*.engine*"))


def test_a_second_run_builds_and_times_nothing_and_nothing_else_is_left_behind(board):
    bundle, programs = board
    names = {path.name for path in bundle.iterdir()} | {"cache", "result"}
    measure(bundle, programs, *ONE)
    first = result_of(bundle)
    stamps = {p: p.stat().st_mtime_ns for p in (bundle / "result" / "raw").iterdir()}

    assert measure(bundle, programs, *ONE).returncode == 0

    assert {p: p.stat().st_mtime_ns for p in (bundle / "result" / "raw").iterdir()} == stamps
    second = result_of(bundle)
    assert second["rows"]["int8"]["engine"].pop("reused")
    assert not first["rows"]["int8"]["engine"].pop("reused")
    assert second == first
    assert {path.name for path in bundle.iterdir()} == names
    assert not list(bundle.rglob("__pycache__")) + list(bundle.rglob("*.part"))


def test_one_that_is_stopped_ends_trtexec_and_goes_on_where_it_was(board, tmp_path):
    bundle, programs = board
    real = put_trtexec(tmp_path / "real", "10.3")
    slow = f'case "$*" in *exportTimes*) echo $$ > {tmp_path}/pid; exec /bin/sleep 60;; esac'
    put_program(programs, "trtexec", f'{slow}\nexec {real} "$@"')
    started = subprocess.Popen(
        [sys.executable, bundle / "measure.py", *ONE],
        env={"PATH": str(programs)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(tmp_path / "pid")
    started.send_signal(signal.SIGHUP)  # what a dropped connection sends

    told = started.communicate(timeout=30)[1]

    assert started.returncode == 4
    assert "Run it again to go on" in told
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    put_trtexec(programs, "10.3")
    assert measure(bundle, programs, *ONE).returncode == 0
    assert result_of(bundle)["rows"]["int8"]["engine"]["reused"]


def test_an_engine_of_another_board_is_refused_until_told_to_rebuild(board):
    bundle, programs = board
    measure(bundle, programs, *ONE)
    sidecar = next((bundle / "cache").rglob("*.engine.json"))
    kept = json.loads(sidecar.read_text())
    kept["made_of"]["device"]["compute_capability"] = "7.2"
    sidecar.write_text(json.dumps(kept))

    ended = measure(bundle, programs, *ONE)

    assert ended.returncode == 4
    assert "device: built with {'name': 'stand-in', 'compute_capability': '7.2'" in ended.stderr
    assert measure(bundle, programs, *ONE, "--rebuild").returncode == 0


def test_a_changed_file_ends_it_before_anything_runs(board):
    bundle, programs = board
    (bundle / "models" / "int8-weak.onnx").write_bytes(b"tampered")

    ended = measure(bundle, programs, *ONE)

    assert ended.returncode == 2
    assert "int8-weak.onnx was changed" in ended.stderr
    assert not (bundle / "result").exists()


def test_without_trtexec_it_says_how_to_get_one(board, tmp_path):
    ended = measure(board[0], tmp_path / "nothing", *ONE)

    assert ended.returncode == 3
    assert "sudo apt install tensorrt" in ended.stderr


def test_a_version_beyond_the_table_is_refused(board):
    bundle, programs = board
    said = "&&&& RUNNING TensorRT.trtexec [TensorRT v120000]\nSelected Device: x"
    put_program(programs, "trtexec", f"echo '{said}'")

    ended = measure(bundle, programs, *ONE)

    assert ended.returncode == 3
    assert "TensorRT 12.0.0 is not in this bundle's table" in ended.stderr


def test_clocks_that_are_not_locked_are_mentioned_and_kept(board):
    bundle, programs = board
    shown = "cpu0: Online=1 Governor=schedutil MinFreq=115200 MaxFreq=1510400"
    put_program(programs, "jetson_clocks", f"echo '{shown}'")
    put_program(programs, "nvpmodel", "echo 'NV Power Mode: 15W'")

    ended = measure(bundle, programs, *ONE)

    assert "'sudo jetson_clocks' makes times steadier" in ended.stderr
    result = result_of(bundle)
    assert (result["clocks_locked"], result["power_mode"]) == (False, "15W")
    assert result["key"] == "stand-in_cc8.7_trt10.3.0.b26_15W"


def test_a_power_mode_that_changes_meanwhile_spoils_the_result(board, tmp_path):
    bundle, programs = board
    asked = tmp_path / "asked"
    put_program(
        programs,
        "nvpmodel",
        f"[ -e {asked} ] && echo 'NV Power Mode: 15W' || echo 'NV Power Mode: MAXN'; : > {asked}",
    )

    ended = measure(bundle, programs, *ONE)

    assert ended.returncode == 4
    assert "changed from MAXN to 15W while it was measured" in ended.stderr
    assert not (bundle / "result" / "result.json").exists()


def test_the_accelerator_is_told_which_core_in_every_command(board):
    bundle, programs = board

    ended = measure(bundle, programs, *QUICK, "--precisions", "fp16", "--dla", "1")

    assert ended.returncode == 0, ended.stderr
    logs = [p.read_text() for p in (bundle / "result" / "raw").glob("*.log")]
    assert all("--useDLACore=1" in log for log in logs)
    result = result_of(bundle)
    assert result["dla_core"] == 1
    assert result["rows"]["fp16"]["engine"]["fell_back"] == ["/decode/Mul (ELEMENTWISE)"]
    ended = measure(bundle, programs, *QUICK, "--dla", "1")
    assert ended.returncode == 2
    assert "takes fp16 of this bundle, not int8" in ended.stderr


def test_two_at_once_in_one_bundle_are_refused(board):
    bundle, programs = board
    (bundle / "cache").mkdir()
    with (bundle / "cache" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = measure(bundle, programs, *ONE)

    assert ended.returncode == 4
    assert "another measure.py runs" in ended.stderr


def test_one_whose_listener_is_gone_stops_and_is_quiet(board):
    bundle, programs = board
    reading, writing = os.pipe()
    os.close(reading)

    ended = subprocess.run(
        [sys.executable, bundle / "measure.py", *ONE],
        env={"PATH": str(programs)},
        stderr=writing,
        timeout=60,
        check=False,
    )

    os.close(writing)
    assert ended.returncode == 4


def test_a_folder_that_cannot_be_written_is_named(board):
    bundle, programs = board
    (bundle / "cache").write_text("a file where a folder should be")

    ended = measure(bundle, programs, *ONE)

    assert ended.returncode == 4
    assert f"measure.py: {bundle / 'cache'}: File exists." in ended.stderr


@pytest.mark.parametrize("argument", ["--rounds=0", "--seconds=-1", "--iterations=many"])
def test_a_number_that_makes_no_sense_is_refused(board, argument):
    assert measure(*board, argument).returncode == 2


def replace(bundle, name, content):
    """Put a file into a bundle as if it had been written with it."""
    (bundle / name).write_bytes(content)
    manifest = json.loads((bundle / "bundle.json").read_text())
    manifest["files"][name]["sha256"] = hashlib.sha256(content).hexdigest()
    (bundle / "bundle.json").write_text(json.dumps(manifest))


def wait_for(path, seconds=20):
    end = time.monotonic() + seconds
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end
        time.sleep(0.02)
