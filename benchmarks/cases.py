"""The models of the INT8 benchmarks, and the images they share out."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.graphs import graph_to_bytes
from edgekit.images.datasets import open_dataset
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.scenes.dataset import SceneRequest, rendered_dataset

if TYPE_CHECKING:
    from edgekit.config.device import Device
    from edgekit.measure.candidate import Candidate
    from edgekit.pipeline.prepare import Detector, Network
    from edgekit.values import Dataset

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("EDGEKIT_DATA", HERE.parents[1] / "shared" / "data"))
MODELS = {
    "yolov8n": ModelOptions(),
    "yolov5n": ModelOptions(),
    "yolov10s_e2e_unfused": ModelOptions(),
    "yolox_nano_kazuhito": ModelOptions(),
    "picodet_s_320_coco": ModelOptions(family="picodet"),
}
CALIBRATING = 128
BUNDLED = HERE.parent / "edgekit" / "models" / "digits.onnx"
GIVEN, FP32 = "as-given fp32", "edgekit fp32"
DIGITS = "digits"  # the bundled detector, on scenes that are rendered
SCENES = {"calib": CALIBRATING, "search": 100, "eval": 2000}


@dataclass(frozen=True, eq=False)
class Case:
    """One model, and what all its rows start from.

    Attributes:
        given: The file as given.
        fp32: What edgekit makes of it in float.
        calibration: Images that calibrate.
        search: Images that decide in a search; none of them calibrates.
        evaluation: Images that score; none of them is of the others.
        device: That is quantized for.
        kept: Folder of the files of the rows.
    """

    name: str
    detector: Detector
    network: Network
    given: Candidate
    fp32: Candidate
    calibration: Dataset
    search: Dataset
    evaluation: Dataset
    device: Device
    kept: Path


def open_case(name: str, device: Device, kept: Path) -> Case:
    """Return one model, its float network written to ``kept``."""
    bundled = name == DIGITS
    path = BUNDLED if bundled else DATA / "models" / f"{name}.onnx"
    sets = scenes(kept) if bundled else photographs()
    detector = prepare(path, MODELS.get(name, ModelOptions()))
    network = network_of(detector)
    given = candidate_of(detector, GIVEN)
    fp32 = edgekit_fp32(detector, network, kept)
    return Case(name, detector, network, given, fp32, *sets, device, kept)


def photographs() -> tuple[Dataset, Dataset, Dataset]:
    """Return the images of COCO that calibrate, that decide, and that score."""
    whole = open_dataset(DATA / "coco-train-mini" / "instances.json")
    first = replace(whole, records=whole.records[:CALIBRATING])
    others = replace(whole, records=whole.records[CALIBRATING:])
    return first, others, open_dataset(DATA / "coco-val-mini" / "instances.json")


def scenes(kept: Path) -> tuple[Dataset, Dataset, Dataset]:
    """Return the scenes that calibrate, that decide, and that score, rendered into ``kept``."""
    calib, search, evaluation = (
        rendered_dataset(SceneRequest(split, SCENES[split]), kept)
        for split in ("calib", "search", "eval")
    )
    return calib, search, evaluation


def edgekit_fp32(detector: Detector, network: Network, folder: Path) -> Candidate:
    """Return the float network that edgekit ships, written to ``folder``."""
    path = folder / f"fp32-{network.graph.sha256}.onnx"
    return replace(
        candidate_of(detector, FP32),
        model=saved(path, graph_to_bytes(network.graph)),
        head=network.head,
        input="u8-nhwc",
    )


def saved(path: Path, data: bytes) -> Path:
    """Return ``path``, now holding ``data``."""
    path.write_bytes(data)
    return path
