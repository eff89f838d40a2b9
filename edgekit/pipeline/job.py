"""What passes between the steps of one conversion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.report.verdict import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.config.device import Device
    from edgekit.config.recipe import Recipe
    from edgekit.measure.latency import LatencyRun
    from edgekit.pipeline.data import ImageSets
    from edgekit.pipeline.fp16 import HalfNetwork
    from edgekit.pipeline.options import ConvertOptions
    from edgekit.pipeline.place import Place
    from edgekit.pipeline.prepare import Detector, Network
    from edgekit.pipeline.rows import Entry, Scores
    from edgekit.quantize.quantize import QuantizedGraph
    from edgekit.report.schema import Row, Verdict
    from edgekit.values import Interval, WeightRule


@dataclass(frozen=True, eq=False)
class Job:
    """What is known before anything is built.

    Attributes:
        category_ids: Category id per class; ``None`` where no labels are given.
        place: Where its networks run.
    """

    options: ConvertOptions
    recipe: Recipe
    place: Place
    sets: ImageSets
    detector: Detector
    network: Network
    category_ids: tuple[int, ...] | None

    @property
    def device(self) -> Device:
        """What its networks are made for."""
        return self.place.device

    @property
    def class_names(self) -> tuple[str, ...]:
        """By class index: the model's own, else those of the labels; empty where neither says."""
        if self.detector.source.class_names or not (self.category_ids and self.sets.evaluation):
            return self.detector.source.class_names
        names = {c.id: c.name for c in self.sets.evaluation.categories}
        return tuple(names.get(id_, str(index)) for index, id_ in enumerate(self.category_ids))

    @property
    def budget(self) -> Budget:
        """What the result may cost: the command line's word, else the recipe's."""
        gates, asked = self.recipe.gates, self.options.map_drop_points_max
        allowed = gates.map_drop_points_max if asked is None else asked
        budget = Budget(p90_ms=gates.p90_ms_max)
        return budget if allowed is None else replace(budget, map_drop_points=allowed)

    @property
    def gated(self) -> bool:
        """Whether the command line or the recipe set a budget: only then can it be missed."""
        gates = self.recipe.gates
        set_by = (self.options.map_drop_points_max, gates.map_drop_points_max, gates.p90_ms_max)
        return any(limit is not None for limit in set_by)


@dataclass(frozen=True, eq=False)
class ByNncf:
    """What is known of a network that NNCF quantized.

    Attributes:
        kept_float: Nodes it was told to leave in float, with the reason.
        weight_rule: ``full`` where all weights use 8 bits; ``None`` where some use fewer.
    """

    kept_float: Mapping[str, str]
    weight_rule: WeightRule | None


@dataclass(frozen=True, eq=False)
class Built:
    """The candidates of one conversion.

    Attributes:
        entries: The target's own precision last.
        quantized: ``None`` for a float target.
        half: ``None`` for a target that is not in 16-bit floats.
        nncf: ``None`` for a target that NNCF does not quantize.
        notes: What the user should know of how they were made, one sentence each.
    """

    entries: tuple[Entry, ...]
    quantized: QuantizedGraph | None
    half: HalfNetwork | None = None
    nncf: ByNncf | None = None
    notes: tuple[str, ...] = ()

    @property
    def kept_float(self) -> Mapping[str, str]:
        """Every node that was ruled out of the target's own precision, to the reason."""
        if self.half is not None:
            return self.half.plan.kept_float
        if self.nncf is not None:
            return self.nncf.kept_float
        return self.quantized.plan.kept_float if self.quantized is not None else {}

    @property
    def weight_rule(self) -> WeightRule | None:
        """Which integers the weights use; ``None`` where they are floats."""
        if self.nncf is not None:
            return self.nncf.weight_rule
        return self.quantized.weight_rule if self.quantized is not None else None


@dataclass(frozen=True, eq=False)
class Measured:
    """What the candidates gave.

    Attributes:
        rows: In the order of the candidates.
        scores: By name; empty without evaluation images.
        run: All candidates timed in turn; ``None`` where the device is not this computer.
        verdict: Which to ship, where that decided on the runtime; ``None`` where it is still open.
    """

    rows: tuple[Row, ...]
    scores: dict[str, Scores]
    run: LatencyRun | None
    verdict: Verdict | None = None

    @property
    def speedups(self) -> dict[tuple[str, str], Interval]:
        """For two candidates by name, how many times as fast as the first the second is."""
        return self.run.speedups() if self.run else {}
