"""``edgekit inspect --sensitivity``: from a model file to what each of its layers costs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from edgekit.config.calibration import open_source
from edgekit.config.device import find_device
from edgekit.config.recipe import Int8, find_recipe
from edgekit.errors import ConfigError
from edgekit.images.datasets import DatasetOptions
from edgekit.pipeline.int8 import Int8Options, weight_rule
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.protocols import silent
from edgekit.quantize.rules import RULES
from edgekit.report.charts.chart import draw, svg_file
from edgekit.report.charts.damage import damage
from edgekit.tune.sensitivity import SensitivityOptions, measure_sensitivity

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.protocols import Progress
    from edgekit.tune.sensitivity import LayerSensitivity, Sensitivity


@dataclass(frozen=True)
class RankOptions:
    """Which layers to rank, and on what.

    Attributes:
        target: Name of a recipe in INT8, or path of one.
        calib: Where images come from; some calibrate, others measure.
        images: Folder of the images of a COCO json, when they are in none of the usual places.
        draws: How often images are drawn anew.
        agreement: Measure the agreement of every variant with the float network, too.
        cache: Where work in progress is kept; ``None`` keeps none.
    """

    target: str
    calib: str
    images: Path | None = None
    draws: int = 2
    agreement: bool = False
    cache: Path | None = None
    model: ModelOptions = field(default_factory=ModelOptions)


def rank_layers(path: Path, options: RankOptions, progress: Progress = silent) -> Sensitivity:
    """Return what each layer of the model at ``path`` costs in INT8, the most damaging first.

    Raises:
        ConfigError: Bad input, or a target that quantizes nothing.
        StageError: No layer would run in INT8.
    """
    recipe = find_recipe(options.target)
    precision = recipe.precision
    if not isinstance(precision, Int8):
        raise ConfigError(
            f"--target {options.target} is in float: expected one in INT8, whose layers can be "
            "ranked. List them with: edgekit targets"
        )
    if precision.nncf is not None:
        raise ConfigError(
            f"--target {options.target} quantizes by NNCF: expected edgekit's own encodings, of "
            "which each layer's damage is known. Rank with --target openvino-cpu-int8."
        )
    opened = DatasetOptions(images=options.images, labels=False, cache=options.cache)
    images = open_source(options.calib, opened)
    detector = prepare(path, options.model, images)
    rules = RULES[recipe.backend]
    rule = weight_rule(precision, find_device(recipe.device), rules)
    return measure_sensitivity(
        network_of(detector),
        images,
        Int8Options(precision, rule, options.cache, rules),
        SensitivityOptions(
            draws=options.draws, nms=detector.convention.nms if options.agreement else None
        ),
        progress,
    )


def write_sensitivity(found: Sensitivity, out: Path) -> None:
    """Write ``sensitivity.json``, ``.csv`` and ``.svg`` into the folder ``out``.

    Raises:
        ConfigError: ``out`` cannot be written.
    """
    title = f"What each layer costs in INT8, on {found.images} images"
    files = {
        "sensitivity.json": json.dumps(as_json(found), indent=2) + "\n",
        "sensitivity.csv": as_csv(found),
        "sensitivity.svg": svg_file(
            draw(damage([(r.layer, r.damage) for r in found.layers], title))
        ),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as err:
        raise ConfigError(
            f"Cannot write into {out}: {err.strerror}. Choose another folder with --out."
        ) from err


def as_json(found: Sensitivity) -> dict[str, Any]:
    """Return ``found`` as JSON holds it; intervals have ``value``, ``low`` and ``high``."""
    document = asdict(found)
    document["repeatability"]["repeatable"] = found.repeatability.repeatable
    return document


def as_csv(found: Sensitivity) -> str:
    """Return one line per layer, the most damaging first, under a line of names."""
    text = io.StringIO()
    rows = [_flat(rank, row) for rank, row in enumerate(found.layers, start=1)]
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(rank: int, row: LayerSensitivity) -> dict[str, object]:
    flat: dict[str, object] = {"rank": rank}
    for key, value in asdict(row).items():
        if isinstance(value, dict):
            flat |= {key: value["value"], f"{key}_low": value["low"], f"{key}_high": value["high"]}
        else:
            flat[key] = value
    return flat
