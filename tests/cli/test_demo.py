import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from edgekit.cli.demo import SplitName
from edgekit.config.calibration import open_source
from edgekit.pipeline import convert as pipeline
from edgekit.pipeline.run import run
from edgekit.report.json_file import to_json
from edgekit.report.schema import Report
from edgekit.scenes.sources import Split, sources

# The command with its timing cut short.
CODE = """
import sys
from edgekit.cli import main
from edgekit.measure import latency
brief = latency.LatencyOptions(min_runs=10, min_seconds=0.0, pause_s=0.0, images=2)
latency.LatencyOptions = lambda **_: brief
sys.argv[0] = "edgekit"
main()
"""
ABSENT = "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n"


def started(folder, seed):
    """Start a demo where there is no torch, with its own cache and order of sets."""
    (folder / "without").mkdir(parents=True)
    (folder / "without/torch.py").write_text(ABSENT)
    places = [str(folder / "without"), os.environ.get("PYTHONPATH", "")]
    own = {"EDGEKIT_CACHE": str(folder / "cache"), "PYTHONHASHSEED": seed}
    return subprocess.Popen(
        [sys.executable, "-c", CODE, "demo"],
        cwd=folder,
        env={**os.environ, **own, "PYTHONPATH": os.pathsep.join(filter(None, places))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class NoScikitLearn:
    """Answers as Python does where scikit-learn is not installed."""

    def find_spec(self, name, path=None, target=None):
        if name == "sklearn":
            raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """Two demos of the detector that ships, where torch cannot be imported.

    Gives each one's folder, stdout and stderr.
    """
    root = tmp_path_factory.mktemp("demos")
    running = [(root / seed, started(root / seed, seed)) for seed in ("1", "2")]
    ended = [(folder / "demo", *process.communicate(timeout=300)) for folder, process in running]
    assert [process.returncode for _, process in running] == [0, 0], ended
    return ended


@pytest.mark.slow
def test_without_torch_the_demo_prints_the_table_of_a_conversion_and_writes_its_files(twice):
    folder, printed, _ = twice[0]
    report = Report.model_validate_json((folder / "report.json").read_bytes())

    assert [row.name for row in report.rows] == ["as-given", "fp32", "int8"]
    assert all(row.name in printed for row in report.rows)
    assert "Written to demo: artifact/, report.html, .md, .json and .csv, plots/." in printed
    assert [(used.role, used.images) for used in report.data] == [
        ("calibration", 64),
        ("evaluation", 200),
    ]


@pytest.mark.slow
def test_the_detector_that_ships_finds_digits_and_so_does_its_int8_model(twice):
    report = Report.model_validate_json((twice[0][0] / "report.json").read_bytes())
    given, _, int8 = report.rows

    assert given.map > 0.5
    assert int8.map_drop_points < 1.0
    assert int8.coverage.mac_share_int8 > 0.9


@pytest.mark.slow
def test_stderr_tells_the_command_by_hand_and_what_to_open(twice):
    _, _, told = twice[0]

    assert "edgekit convert " in told
    assert "--calib digits --eval digits-eval --out demo" in told
    assert f"Open {Path('demo', 'report.html')} in a browser" in told
    assert told.index("edgekit convert ") < told.index("Open ")


@pytest.mark.slow
def test_two_demos_give_the_same_artifact_to_the_byte(twice):
    first, second = (folder / "artifact" for folder, _, _ in twice)

    assert sorted(p.name for p in first.iterdir()) == ["manifest.json", "model.onnx"]
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {
        p.name: p.read_bytes() for p in second.iterdir()
    }


@pytest.mark.slow
def test_the_report_shows_scenes_with_digits_by_name(twice):
    page = (twice[0][0] / "report.html").read_text(encoding="utf-8")

    assert page.count("<image ") == 6
    assert page.count("fp32 on 0") == page.count("int8 on 0") == 6
    assert "class 7" not in page


@pytest.mark.slow
def test_what_the_demo_leaves_runs_on_scenes_it_writes(twice, edgekit, tmp_path):
    edgekit("demo", "--write-scenes", tmp_path / "scenes", "--count", 3)

    frames = list(run(twice[0][0], str(tmp_path / "scenes/images"), 0.25))

    assert len(frames) == 3
    assert frames[0].class_names == tuple("0123456789")


def test_help_needs_neither_torch_nor_scikit_learn_nor_numpy():
    code = (
        "import sys; sys.argv[1:] = ['demo', '--help']\n"
        "from edgekit.cli import main\n"
        "try: main()\n"
        "finally: print('MODULES', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    shown, modules = done.stdout.split("MODULES")
    assert "--write-scenes" in shown
    assert set(modules.split()) & {"torch", "sklearn", "numpy", "onnx"} == set()


def test_without_scikit_learn_the_message_tells_what_to_install(edgekit, monkeypatch, tmp_path):
    for module in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [NoScikitLearn(), *sys.meta_path])
    sources.cache_clear()

    ended = edgekit("demo", "--out", tmp_path / "out")

    assert (ended.code, ended.stdout) == (3, "")
    assert "pip install 'edgekit[demo]'" in ended.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_files_is_left_alone(edgekit, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")

    ended = edgekit("demo", "--out", tmp_path)

    assert (ended.code, ended.stdout) == (2, "")
    assert "other files" in ended.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_demo_takes_the_targets_that_convert_takes(edgekit, tmp_path):
    ended = edgekit("demo", "--out", tmp_path / "out", "--target", "ort-cpu-int9")

    assert ended.code == 2
    assert "Did you mean 'ort-cpu-int8'?" in ended.stderr


def test_with_json_stdout_is_the_report_and_a_missed_budget_the_exit_code(
    edgekit, out, monkeypatch, tmp_path
):
    report = Report.model_validate_json((out / "report.json").read_bytes())
    result = pipeline.Conversion(report, ("is slower than asked for",))
    monkeypatch.setattr(pipeline, "convert", lambda *_: result)

    ended = edgekit("demo", "--out", tmp_path / "out", "--json")

    assert (ended.code, ended.stdout) == (1, to_json(report))
    assert "edgekit: ort-cpu-int8 is slower than asked for" in ended.stderr


def test_scenes_are_written_as_a_labelled_data_set_and_nothing_is_converted(edgekit, tmp_path):
    folder = tmp_path / "scenes"

    ended = edgekit("demo", "--write-scenes", folder, "--split", "search", "--count", 4)

    dataset = open_source(str(folder / "instances.json"))
    assert (ended.code, ended.stderr) == (0, "")
    assert str(folder / "instances.json") in ended.stdout
    assert len(dataset.records) == 4
    assert dataset.labelled
    assert [p.name for p in tmp_path.iterdir()] == ["scenes"]


def test_split_count_and_seed_choose_the_scenes(edgekit, tmp_path):
    def scenes(*flags):
        folder = tmp_path / "-".join(flags)
        (written,) = json.loads(
            edgekit("demo", "--write-scenes", folder, "--json", "--count", 2, *flags).stdout
        )
        assert written["images"] == 2
        records = open_source(written["labels"]).records
        return b"".join(record.path.read_bytes() for record in records)

    chosen = [scenes("--seed", "0"), scenes("--seed", "1"), scenes("--split", "train")]

    assert len(set(chosen)) == 3


def test_every_split_of_the_scenes_can_be_named():
    assert tuple(SplitName) == get_args(Split)
