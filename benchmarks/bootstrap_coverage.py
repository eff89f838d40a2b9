"""How often the 95 % interval of a drop in mAP holds the true drop, by simulation.

Usage: python benchmarks/bootstrap_coverage.py [--pairs PAIR...] [--images N...] [--summary]

Every trial draws new images from a population without end, takes the interval from 1,000 resamples
as ``edgekit`` does, and asks whether it holds the drop on the whole population: on all 80
categories, however few of them the drawn images show. The images are made up from real detections
(see made_up_images.py) of two models, FP32 and edgekit's INT8 of it or another FP32 model, on the
327 images of coco-train-mini and coco-val-mini. Trials are kept under ``--keep``, and a run that
was cut off goes on where it was; ``--summary`` only sums up what is there. Needs the folder
EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.cli.flags import cache_folder
from edgekit.config.device import find_device
from edgekit.images.classes import match_classes
from edgekit.measure.accuracy import detect_all, seen
from edgekit.measure.coco import found_table, truth_table
from edgekit.measure.machine import describe_machine
from edgekit.measure.matches import match
from edgekit.measure.statistics import resampled, weighted_map

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import only_avx2  # noqa: E402  (a sibling script)
import ort_cpu_int8  # noqa: E402
from cases import Case, open_case, photographs  # noqa: E402
from committed import commit  # noqa: E402
from intervals import INTERVALS  # noqa: E402
from made_up_images import Clusters, Population, clusters_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from made_up_images import Array

    from edgekit.measure.accuracy import Detections
    from edgekit.measure.candidate import Candidate
    from edgekit.measure.matches import ClassMatches
    from edgekit.values import Dataset

RESULT = HERE / "results" / "bootstrap_coverage.json"
INT8 = "int8"
PAIRS = {
    "yolov8n in INT8": ("yolov8n", INT8),
    "yolox_nano in INT8": ("yolox_nano_kazuhito", INT8),
    "yolov5n for yolov8n": ("yolov8n", "yolov5n"),
}
TRIALS = {112: 1000, 500: 1000, 5000: 50}
CHUNK = 25
RESAMPLES = 1000
FEW = 1000
GROUPS = 100  # images are left out in so many groups, for the acceleration of an interval
CLASSES = 80
WHOLE, WHOLES = 50_000, 8  # images of a part of the population, and parts


def main() -> None:
    """Run the trials that are missing, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", nargs="*", default=list(PAIRS))
    parser.add_argument("--images", nargs="*", type=int, default=list(TRIALS))
    parser.add_argument("--summary", action="store_true")
    parser.add_argument("--keep", type=Path, default=cache_folder() / "bootstrap-coverage")
    arguments = parser.parse_args()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    for pair in () if arguments.summary else arguments.pairs:
        simulation = Simulation(pair, arguments.keep)
        simulation.truth()
        for images in arguments.images:
            simulation.run(images)
    found = {pair: Simulation(pair, arguments.keep).summary() for pair in PAIRS}
    result = {
        "commit": commit(),
        "machine": vars(describe_machine()),
        "resamples": RESAMPLES,
        "classes": CLASSES,
        "pairs": {pair: summary for pair, summary in found.items() if summary["trials"]},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


@dataclass(frozen=True)
class Simulation:
    """The trials of one pair of models, kept in a folder."""

    pair: str
    keep: Path

    def truth(self) -> Array:
        """Return ``(WHOLES,)`` the drop, in points, on each of several large sets."""
        path = self._path("whole")
        if not path.exists():
            population = self._population()
            drops = [drop(*population.draw(WHOLE, rng_of(0, n))) for n in range(WHOLES)]
            np.savez(path, drops=drops)
            print(f"{self.pair}: {np.mean(drops):.3f} points", flush=True)
        return np.asarray(np.load(path)["drops"])

    def run(self, images: int) -> None:
        """Add the trials of so many images that are not kept yet."""
        population = self._population()
        for first in range(0, TRIALS[images], CHUNK):
            path = self._path(f"{images}-{first}")
            if path.exists():
                continue
            trials = [trial(population, images, n) for n in range(first, first + CHUNK)]
            kept = {key: np.stack([t[key] for t in trials]) for key in trials[0]}
            np.savez(path, **kept)
            print(f"{self.pair}: {images} images, {first + CHUNK} trials", flush=True)

    def kept(self, images: int) -> dict[str, Array]:
        """Return what was found in all trials of so many images, one row per trial."""
        paths = [self._path(f"{images}-{n}") for n in range(0, TRIALS[images], CHUNK)]
        parts = [dict(np.load(p)) for p in paths if p.exists()]
        return {key: np.concatenate([p[key] for p in parts]) for key in parts[0]} if parts else {}

    def summary(self) -> dict[str, Any]:
        """Return the true drop, and how often each interval holds it."""
        kept = {images: self.kept(images) for images in TRIALS}
        if not any(kept.values()):
            return {"trials": []}
        whole = self.truth()
        true = float(whole.mean())
        return {
            "true_drop": round(true, 3),
            "true_drop_se": round(float(whole.std(ddof=1)) / WHOLES**0.5, 3),
            "trials": [{"images": n, **coverage(t, true)} for n, t in kept.items() if t],
        }

    def _population(self) -> Population:
        path = self._path("clusters").with_suffix(".pkl")
        if not path.exists():
            path.write_bytes(pickle.dumps(real_clusters(*PAIRS[self.pair])))
        real: Clusters = pickle.loads(path.read_bytes())
        return Population(real, CLASSES)

    def _path(self, part: str) -> Path:
        return self.keep / f"{self.pair.replace(' ', '-')}-{part}.npz"


def coverage(trials: dict[str, Array], true: float) -> dict[str, Any]:
    """Return how often the intervals of some trials hold the true drop, and how wide they are."""
    held = {}
    for name, interval in INTERVALS.items():
        low, high = interval(trials)
        held[name] = {
            "holds": round(float(((low <= true) & (true <= high)).mean()), 4),
            "too_low": round(float((high < true).mean()), 4),
            "too_high": round(float((low > true).mean()), 4),
            "median_width": round(float(np.median(high - low)), 3),
        }
    return {
        "trials": len(trials["value"]),
        "mean_drop": round(float(trials["value"].mean()), 3),
        "spread_of_drops": round(float(trials["value"].std()), 3),
        "spread_of_resamples": round(float(trials["draws"].std(axis=1).mean()), 3),
        "rms_error_of_drop": rms(trials["value"] - true),
        "rms_error_of_mean_resample": rms(trials["draws"].mean(axis=1) - true),
        "intervals": held,
    }


def rms(errors: Array) -> float:
    """Return the root of the mean square."""
    return round(float(np.sqrt((errors**2).mean())), 3)


def trial(population: Population, images: int, number: int) -> dict[str, Array]:
    """Return the drop on new images, resampled, and with a group of images left out."""
    rng = rng_of(images, number)
    models = population.draw(images, rng)
    weights = resampled(np.random.default_rng(0), images, RESAMPLES)
    if images < FEW:
        weights = [np.concatenate(weights, axis=1)]  # so few that calls are what takes time
    groups = np.arange(images) * min(GROUPS, images) // images
    without = (groups[:, None] != np.arange(groups[-1] + 1)).astype(np.int32)
    return {
        "value": np.asarray(drop(*models)),
        "draws": np.concatenate([drops(models, w) for w in weights]).astype(np.float32),
        "without": drops(models, without),
    }


def rng_of(images: int, number: int) -> np.random.Generator:
    """Return the generator of one trial: the same for all pairs."""
    return np.random.default_rng([images, number])


def drop(base: Sequence[ClassMatches], other: Sequence[ClassMatches]) -> float:
    """Return by how many points of mAP ``other`` is worse, every image counted once."""
    return float(drops((base, other), np.ones((len(base[0].objects), 1), np.int32))[0])


def drops(models: Sequence[Sequence[ClassMatches]], weights: Array) -> Array:
    """Return ``(B,)`` the drop of the second model for every column of weights."""
    base, other = (weighted_map(m, weights) for m in models)
    return 100 * (base - other)


def real_clusters(name: str, rival: str) -> Clusters:
    """Return what two models find in all images that there are, calibration images too."""
    images, found = real_detections(name, rival)
    ids = seen(images, *found)
    truth = truth_table(images, ids)
    names = match_classes((), images.categories, CLASSES)
    return clusters_of([match(truth, found_table(f.boxes, ids, names), ids) for f in found])


def real_detections(name: str, rival: str) -> tuple[Dataset, list[Detections]]:
    """Return the images, and what both models find there."""
    folder = cache_folder() / "ort-cpu-int8"
    folder.mkdir(parents=True, exist_ok=True)
    device = find_device(only_avx2.device_with("native", cache_folder()))
    case = open_case(name, device, folder)
    images = all_images()
    other = int8_of(case) if rival == INT8 else open_case(rival, device, folder).fp32
    return images, [detect_all(quiet(c), images) for c in (case.fp32, other)]


def all_images() -> Dataset:
    """Return the images of all sets as one, numbered from 1."""
    first, *others = photographs()
    records = [record for images in (first, *others) for record in images.records]
    numbered = tuple(replace(r, id=number) for number, r in enumerate(records, start=1))
    return replace(first, records=numbered)


def int8_of(case: Case) -> Candidate:
    """Return edgekit's INT8, as the benchmark ``ort_cpu_int8`` keeps it."""
    path = ort_cpu_int8.row_path(case, ort_cpu_int8.INT8)
    if path.exists():
        return replace(case.fp32, model=path)
    return ort_cpu_int8.edgekit_entries(case)[0].candidate


def quiet(candidate: Candidate) -> Candidate:
    """Return ``candidate`` with threads that do not spin, beside other work."""
    assert isinstance(candidate.backend, OnnxRuntime)
    return replace(candidate, backend=replace(candidate.backend, spin=False))


if __name__ == "__main__":
    main()
