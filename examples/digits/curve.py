"""Score every epoch of a training run on scenes of the search split, and draw the curve.

An epoch whose weights are not in the folder any more has no mAP.

    python examples/digits/curve.py build/digits

Writes ``curve.json`` beside this file and ``docs/images/digits-curve.svg``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl
from export import export_onnx, load_weights
from matplotlib.figure import Figure

from edgekit.config.calibration import open_source
from edgekit.images.classes import match_classes
from edgekit.measure.accuracy import detect_all, score
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions

HERE = Path(__file__).resolve().parent
CURVE = HERE / "curve.json"
PICTURE = HERE.parents[1] / "docs" / "images" / "digits-curve.svg"
SCENES = "digits-search"


def main() -> None:
    """Score, write and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path, help="folder that train.py wrote")
    work = parser.parse_args().work
    points = json.loads((work / "curve.json").read_text())
    for point in points:
        weights = work / f"epoch-{point['epoch']:02}.pt"
        point["map"] = round(map_of(weights), 4) if weights.exists() else None
        print(point, flush=True)
    CURVE.write_text(json.dumps(points, indent=1) + "\n")
    drawn(points).savefig(PICTURE, metadata={"Date": None})


def map_of(weights: Path) -> float:
    """Return the mAP50-95 of ``weights``, as a fraction, on the scenes of ``digits-search``."""
    scenes = open_source(SCENES)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "digits.onnx"
        export_onnx(load_weights(weights), path)
        opened = open_detector(path, ModelOptions(), "digits")
        ids = match_classes(opened.class_names, scenes.categories, len(opened.class_names))
        return score(detect_all(opened.candidate, scenes), scenes, ids).map


def drawn(points: list[dict[str, Any]]) -> Figure:
    """Return loss and mAP over the epochs."""
    mpl.rcParams["svg.hashsalt"] = "edgekit"
    figure = Figure(figsize=(6, 3), layout="constrained")
    loss = figure.subplots()
    epochs = [point["epoch"] for point in points]
    loss.plot(epochs, [point["loss"] for point in points], color="tab:orange", marker=".")
    loss.set(xlabel="epoch", yscale="log")
    loss.set_ylabel("training loss", color="tab:orange")
    accuracy = loss.twinx()
    scored = [(point["epoch"], point["map"]) for point in points if point["map"] is not None]
    accuracy.plot(*zip(*scored, strict=True), color="tab:blue", marker=".")
    accuracy.set_ylim(0, 1)
    accuracy.set_ylabel("mAP50-95, search scenes", color="tab:blue")
    return figure


if __name__ == "__main__":
    main()
