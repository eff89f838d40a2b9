"""Every epoch of a training run scored, and the curve drawn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from edgekit.images.classes import match_classes
from edgekit.measure.accuracy import detect_all, score
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edgekit.values import Dataset


def scored_epochs(work: Path, map_of: Callable[[Path], float]) -> list[dict[str, Any]]:
    """Return the points of ``curve.json`` in ``work`` with the mAP of each epoch's weights.

    An epoch whose weights are not in the folder any more has ``None``.

    Args:
        work: Folder that a training run wrote.
        map_of: From weights to mAP50-95, a fraction.
    """
    points: list[dict[str, Any]] = json.loads((work / "curve.json").read_text())
    for point in points:
        weights = work / f"epoch-{point['epoch']:02}.pt"
        point["map"] = round(map_of(weights), 4) if weights.exists() else None
        print(point, flush=True)
    return points


def map_of_onnx(model: Path, dataset: Dataset) -> float:
    """Return the mAP50-95 of the detector in ``model``, as a fraction."""
    opened = open_detector(model, ModelOptions(), model.stem)
    ids = match_classes(opened.class_names, dataset.categories, len(opened.class_names))
    return score(detect_all(opened.candidate, dataset), dataset, ids).map


def drawn(points: list[dict[str, Any]], scored_on: str) -> Figure:
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
    accuracy.set_ylabel(f"mAP50-95, {scored_on}", color="tab:blue")
    return figure
