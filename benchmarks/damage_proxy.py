"""How well cheap figures predict agreement: the damage measure beside plain alternatives.

Usage: python benchmarks/damage_proxy.py [--images N] [MODEL...]

Some forty quantizations of each model (single layers, groups of them, observers, weight rules) run
on images of coco-train-mini that calibrated nothing. Every figure is taken on the first half of
the images and compared, by rank, with agreement on the same half and on the other half. Needs the
folder EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.recipe import Int8, find_recipe
from edgekit.graphs import graph_to_bytes
from edgekit.heads.decode import decode, suppress
from edgekit.images.datasets import open_dataset
from edgekit.images.letterbox import letterbox
from edgekit.images.read import read_image
from edgekit.measure.accuracy import Detections, agreement
from edgekit.measure.damage import shift, total_damage
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.int8 import Int8Options, quantize_network
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.tune.ranking import spearman
from edgekit.tune.variants import variants_of

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cases import DATA, MODELS  # noqa: E402
from committed import commit  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from edgekit.heads.conventions import Convention
    from edgekit.measure.damage import Shift
    from edgekit.pipeline.prepare import Network
    from edgekit.values import Boxes, Dataset, Graph, WeightRule

    Outputs = Mapping[str, NDArray[np.generic]]

CALIBRATED, HELD_BACK = 64, 128
SHARES = (0.15, 0.3, 0.5, 0.7, 0.85)
OBSERVERS = ("mse", "minmax", "percentile", "moving-average")
NEARLY_LOSSLESS = 0.06


@dataclass(frozen=True)
class Seen:
    """What one network did on one image."""

    boxes: Boxes
    shift: Shift
    noise: NDArray[np.float64]
    signal: NDArray[np.float64]


def main() -> None:
    """Run every model and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["yolov8n", "yolov5n"])
    parser.add_argument("--images", type=int, default=86)
    arguments = parser.parse_args()
    path = HERE / "results" / "damage_proxy.json"
    result: dict[str, Any] = {"machine": vars(describe_machine()), "models": {}}
    for name in arguments.models:
        result["models"][name] = {"commit": commit(), **run_model(name, arguments.images)}
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written: {name} to {path.name}", flush=True)


def run_model(name: str, images: int) -> dict[str, Any]:
    """Return agreement and figures of every quantization, and how well these predict it."""
    detector = prepare(DATA / "models" / f"{name}.onnx", MODELS[name])
    network = network_of(detector)
    whole = open_dataset(DATA / "coco-train-mini" / "instances.json")
    calibration = replace(whole, records=whole.records[:CALIBRATED])
    measured = replace(whole, records=whole.records[HELD_BACK : HELD_BACK + images])
    bench = Bench(network, detector.convention, measured)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for label, graph in quantizations(network, calibration, Path(folder)):
            rows.append({"quantization": label, **bench.figures(graph)})
            print(name, label, rows[-1]["agreement"], flush=True)
    return {
        "images": images,
        "milliseconds": bench.milliseconds(),
        "rank_correlation": correlations(rows),
        "rows": rows,
    }


def quantizations(
    network: Network, calibration: Dataset, cache: Path
) -> Iterator[tuple[str, Graph]]:
    """Yield networks in part in INT8, from harmless to ruined, with their labels."""
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    rules: tuple[WeightRule, ...] = ("full", "narrow")
    for observer in OBSERVERS:
        precision = recipe.model_copy(update={"observer": observer})
        for rule in rules if observer in {"mse", "minmax"} else rules[:1]:
            made = quantize_network(network, calibration, Int8Options(precision, rule, cache))
            yield f"all, {observer}, {rule}", made.graph
            if rule != "full" or observer not in {"mse", "minmax"}:
                continue
            variants, rng = variants_of(network.graph, made), random.Random(0)
            layers = list(variants.groups)
            for at in np.linspace(0, len(layers) - 1, 8).astype(int):
                yield f"only {layers[at]}, {observer}", variants.alone(layers[at])
            for share in SHARES:
                picked = rng.sample(layers, int((1 - share) * len(layers)))
                yield f"a random {share:.0%}, {observer}", variants.in_float(picked)
            half = len(layers) // 2
            yield f"first half, {observer}", variants.in_float(layers[half:])
            yield f"second half, {observer}", variants.in_float(layers[:half])


class Bench:
    """Runs networks on the same images, and compares them with the float network."""

    def __init__(self, network: Network, convention: Convention, measured: Dataset) -> None:
        self._network, self._nms, self._measured = network, convention.nms, measured
        records = ((r, read_image(r).pixels_rgb) for r in measured.records)
        self._pixels = {
            r.id: letterbox(p, network.preprocess).pixels for r, p in records if p is not None
        }
        self._spent: dict[str, list[float]] = {"run": [], "damage": [], "decode and nms": []}
        self._wanted: dict[int, Outputs] = {}
        self._wanted = dict(self._run(network.graph))
        self._found = {i: self._boxes(o) for i, o in self._wanted.items()}

    def figures(self, graph: Graph) -> dict[str, Any]:
        """Return agreement and every cheap figure, on each half of the images."""
        seen = {i: self._seen(i, outputs) for i, outputs in self._run(graph)}
        ids = sorted(seen)
        halves = ids[: len(ids) // 2], ids[len(ids) // 2 :]
        return {
            "agreement": self._agreement(seen, ids),
            "halves": [
                {"agreement": self._agreement(seen, half), **cheap([seen[i] for i in half])}
                for half in halves
            ],
        }

    def milliseconds(self) -> dict[str, float]:
        """Return the median time of each step per image."""
        return {step: round(1000 * float(np.median(t)), 2) for step, t in self._spent.items()}

    def _run(self, graph: Graph) -> Iterator[tuple[int, Outputs]]:
        name = str(graph.model.graph.inputs[0].name)
        with OnnxRuntime(spin=False).open(graph_to_bytes(graph)) as session:
            for image, pixels in self._pixels.items():
                start = time.perf_counter()
                outputs = session.run({name: pixels[None]})
                self._spent["run"].append(time.perf_counter() - start)
                yield image, outputs

    def _seen(self, image: int, outputs: Outputs) -> Seen:
        wanted = self._wanted[image]
        start = time.perf_counter()
        moved = shift(wanted, outputs, self._network.head)
        between = time.perf_counter()
        boxes = self._boxes(outputs)
        self._spent["damage"].append(between - start)
        self._spent["decode and nms"].append(time.perf_counter() - between)
        pairs = [(wanted[k].astype(np.float64), outputs[k]) for k in sorted(wanted)]
        noise = np.array([((given - want) ** 2).sum() for want, given in pairs])
        return Seen(boxes, moved, noise, np.array([(want**2).sum() for want, _ in pairs]))

    def _boxes(self, outputs: Outputs) -> Boxes:
        return suppress(decode(outputs, self._network.head, self._nms.min_score), self._nms)

    def _agreement(self, seen: Mapping[int, Seen], ids: list[int]) -> float:
        part = replace(
            self._measured, records=tuple(r for r in self._measured.records if r.id in ids)
        )
        found = agreement(
            Detections("float", {i: self._found[i] for i in ids}),
            Detections("other", {i: seen[i].boxes for i in ids}),
            part,
        )
        assert found is not None
        return round(found, 5)


def cheap(seen: list[Seen]) -> dict[str, float]:
    """Return the figures that may stand in for agreement, all of them small when it is high."""
    noise, signal = (np.sum([getattr(s, key) for s in seen], axis=0) for key in ("noise", "signal"))
    return {
        "damage": total_damage([s.shift for s in seen]),
        "noise to signal, mean over outputs": float((noise / signal).mean()),
        "noise to signal, worst output": float((noise / signal).max()),
        "squared error of all outputs": float(noise.sum()),
    }


def correlations(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return Spearman's correlation of each figure of one half with the loss of agreement."""
    found = {}
    fine = [r for r in rows if 1 - r["agreement"] < NEARLY_LOSSLESS]
    for figure in ("agreement", *(k for k in rows[0]["halves"][0] if k != "agreement")):
        found[figure] = {
            "same half": against(rows, figure, 0),
            "other half": against(rows, figure, 1),
            "other half, at most 0.06 lost": against(fine, figure, 1),
        }
    return found


def against(rows: list[dict[str, Any]], figure: str, half: int) -> float:
    """Return how a figure ranks as agreement does: both ways round, and the mean of the two."""
    sign = -1 if figure == "agreement" else 1
    both = []
    for here in (0, 1):
        losses = [-row["halves"][(here + half) % 2]["agreement"] for row in rows]
        both.append(spearman([sign * row["halves"][here][figure] for row in rows], losses))
    return round(float(np.mean(both)), 4)


if __name__ == "__main__":
    main()
