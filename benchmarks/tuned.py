"""The search of ``edgekit tune``, on the images that benchmarks share out."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.config.recipe import Int8, find_recipe
from edgekit.images.classes import match_classes
from edgekit.pipeline.int8 import Int8Options, weight_rule
from edgekit.pipeline.place import find_place
from edgekit.tune.journal import Journal
from edgekit.tune.network import TunedNetwork, tuned_network
from edgekit.tune.search import Need
from edgekit.tune.trials import Bench

if TYPE_CHECKING:
    from cases import Case

DATA = Path(os.environ.get("EDGEKIT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
NEED = Need(map_drop_points=1.0, agreement=0.95)  # what `edgekit tune` asks for by default
EVALUATIONS = 25


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search goes on: a network, calibrated, and a bench to try it on."""

    network: TunedNetwork
    bench: Bench


def searched(case: Case, target: str = "ort-cpu-int8") -> Searched:
    """Return ``case``, to be searched for the recipe ``target``."""
    recipe = find_recipe(target)
    assert isinstance(recipe.precision, Int8)
    place = find_place(recipe, target, None)
    rule = weight_rule(recipe.precision, case.device, place.rules)
    options = Int8Options(recipe.precision, rule, case.kept, place.rules)
    runtime = replace(place.runtime, threads=0)
    network = tuned_network(case.network, case.calibration, options, runtime)
    search = case.search
    head = case.detector.head.spec
    ids = match_classes(case.detector.source.class_names, search.categories, head.classes)
    journal = Journal(case.kept / f"trials-{case.name}-{target}.jsonl")
    return Searched(network, Bench(case.fp32, search, ids, journal, case.kept, progress=told))


def told(stage: str, done: int, total: int) -> None:
    """Say how far a search is."""
    if stage == "search":
        print(f"{done} of {total} tried", file=sys.stderr, flush=True)
