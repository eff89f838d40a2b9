import hashlib
import importlib.util
import json
import re
import shlex
from pathlib import Path
from statistics import median

import pytest
from typer.main import get_command

from edgekit.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands():
    """Every edgekit command line in a code block, continued lines joined."""
    blocks = "\n".join(re.findall(r"```\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
    lines = [line.split("#")[0].strip() for line in blocks.splitlines()]
    return [
        part.strip() for line in lines if line.startswith("edgekit ") for part in line.split(";")
    ]


@pytest.mark.parametrize("line", commands())
def test_every_command_and_flag_of_the_readme_exists(line):
    _, name, *rest = shlex.split(line)
    command = get_command(app).commands[name]

    flags = {flag for parameter in command.params for flag in parameter.opts}

    assert {word for word in rest if word.startswith("--")} <= flags


def loaded(name):
    """A script of benchmarks as a module."""
    path = ROOT / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_figures_of_the_pages_are_those_of_the_committed_results():
    render = loaded("render")
    pages = {page: page.read_text(encoding="utf-8") for page in render.PAGES}

    assert {page: render.updated(text) for page, text in pages.items()} == pages
    shown = loaded("demo")
    texts = {demo.page: demo.page.read_text(encoding="utf-8") for demo in shown.DEMOS}
    assert {demo.page: shown.updated(demo) for demo in shown.DEMOS} == texts


def test_the_digit_detector_is_the_one_that_was_measured():
    result = json.loads((ROOT / "benchmarks/results/digits.json").read_text(encoding="utf-8"))
    model = (ROOT / "edgekit/models/digits.onnx").read_bytes()

    hashes = {part["model_sha256"] for part in result.values()}

    assert hashes == {hashlib.sha256(model).hexdigest()}


def test_the_digit_detector_tells_tools_apart_and_edgekit_keeps_it():
    result = json.loads((ROOT / "benchmarks/results/digits.json").read_text(encoding="utf-8"))
    rows = result["accuracy"]["rows"]
    blocks = [b for b in result["layers"]["blocks"] if len(b["branches"]) == 3]

    assert all(b["merged"]["crest"] > 1.2 * b["branches"][0]["crest"] for b in blocks)
    assert median(b["merged"]["crest"] / b["branches"][0]["crest"] for b in blocks) > 2
    assert rows["as-given fp32"]["map"] >= 0.60
    assert rows["edgekit fp32"]["agreement"] >= 0.999
    assert rows["edgekit int8"]["map_drop_points"] <= 0.5
    assert rows["ort defaults on as-given"]["map_drop_points"] >= 5
    assert rows["ort conv-only on as-given"]["map_drop_points"] >= 1


def test_the_first_command_of_the_readme_is_the_demo():
    first = re.search(r"```\n(.*?)```", README, re.DOTALL)

    assert first[1] == "make demo\n"
    assert re.search(r"^demo:.*\n\t.*edgekit demo", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_make_bench_runs_every_benchmark_but_the_demo():
    folder = ROOT / "benchmarks"
    scripts = {f.stem for f in folder.glob("*.py") if "\nUsage: python" in f.read_text("utf-8")}
    recipe = re.search(r"^bench:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)

    run = re.findall(r"benchmarks/(\w+)\.py", recipe[1])

    assert set(run) == scripts - {"demo"}
    assert run[-1] == "render"


def test_every_picture_of_the_readme_is_there_and_loads_quickly():
    pictures = [ROOT / name for name in re.findall(r"!\[.*?\]\((.*?)\)", README)]

    assert pictures
    assert all(picture.stat().st_size < 300_000 for picture in pictures)


@pytest.mark.parametrize(
    ("model", "reference"),
    [
        ("yolov8n", 0.3980),
        ("yolov5n", 0.2992),
        ("yolov10s_e2e_unfused", 0.4902),
        ("yolox_nano_kazuhito", 0.2777),
        ("picodet_s_320_coco", 0.3141),
    ],
)
def test_fp32_scores_what_independent_scripts_say(model, reference):
    path = ROOT / "benchmarks" / "results" / "ort_cpu_int8_native.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["models"][model]

    assert rows["as-given fp32"]["map"] == pytest.approx(reference, abs=0.002)
    assert rows["edgekit fp32"]["map"] == pytest.approx(reference, abs=0.002)
