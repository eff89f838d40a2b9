import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render


def test_only_what_lies_between_markers_is_written(monkeypatch):
    monkeypatch.setitem(render.PARTS, "cost", lambda: ["new"])
    page = "a\n<!-- cost: benchmarks/render.py -->\nold\n<!-- end of cost -->\nb\n"

    assert render.updated(page) == page.replace("old", "new")
    assert render.updated("no markers\n") == "no markers\n"


def test_the_cost_of_a_conversion_is_told_in_whole_seconds(monkeypatch, tmp_path):
    figures = {"convert_s": 44.2, "convert_and_score_s": 61.9, "convert_peak_bytes": 698626048}
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "convert_cost.json").write_text(json.dumps(figures))
    monkeypatch.setattr(render, "HERE", tmp_path)

    (told,) = render.cost()

    assert told.startswith(
        "The conversion above took 62 s, or 44 s without the scoring, and 0.7 GB"
    )


@pytest.mark.parametrize("part", ["cost", "checkpoints", "rounding", "wrong rewrites"])
def test_every_part_has_its_place_on_one_page(part):
    pages = [page.read_text(encoding="utf-8") for page in render.PAGES]

    assert sum(page.count(f"<!-- {part}: benchmarks/render.py -->") for page in pages) == 1
