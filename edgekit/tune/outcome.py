"""What a search found: the rows to report, the one to ship, and the job that makes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from edgekit.pipeline.convert import float_entries, int8_entry
from edgekit.pipeline.job import Built
from edgekit.report import schema
from edgekit.tune.search import choose, front_of

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.pipeline.job import Job
    from edgekit.pipeline.rows import Entry
    from edgekit.tune.network import TunedNetwork
    from edgekit.tune.search import Need
    from edgekit.tune.trials import Trial

SHOWN = 8  # rows of the front at most, besides FP32 and what a conversion makes


@dataclass(frozen=True, eq=False)
class Sized:
    """A job at one input size, its network ready to be tried in any precision."""

    job: Job
    network: TunedNetwork


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was tried, and what of it is shown and shipped.

    Attributes:
        sizes: One job for every input size.
        trials: In the order of trying, FP32 of the first size first.
        need: What has to be kept.
        remembered: How many trials an earlier search had measured.
    """

    sizes: tuple[Sized, ...]
    trials: tuple[Trial, ...]
    need: Need
    remembered: int

    @cached_property
    def front(self) -> tuple[Trial, ...]:
        """The trials that no other is both as fast and as good as, the fastest first."""
        return front_of(self.trials)

    @cached_property
    def choice(self) -> Trial:
        """The trial to ship."""
        return choose(self.trials, self.need)

    @property
    def row_name(self) -> str:
        """The name of the row to ship."""
        return self._row_name(self.choice)

    @property
    def met(self) -> bool:
        """Whether the trial to ship keeps what has to be kept."""
        return self.need.met(self.choice)

    @property
    def shortfall(self) -> str:
        """What the trial to ship misses, as a clause."""
        return f"found nothing that {self.need.words} on the search images"

    @property
    def job(self) -> Job:
        """The job at the input size of the trial to ship."""
        return self._sized(self.choice).job

    def shown(self) -> tuple[Trial, ...]:
        """Return the trials that get a row, besides FP32: the front, spread out, and the choice."""
        made = next((t for t in self.trials if t.precision != "fp32"), None)
        worth = [t for t in self.front if t is not self.trials[0] and t is not made]
        places = np.linspace(0, len(worth) - 1, min(SHOWN, len(worth))).round().astype(int)
        wanted = {id(worth[p]) for p in places} | {id(made), id(self.choice)}
        return tuple(t for t in self.trials[1:] if id(t) in wanted)

    def built(self, models: Path) -> Built:
        """Return FP32 and the trials that are shown, the one to ship last, as files in ``models``.

        That one's own figures are measured anew with the others, all in turn.
        """
        given, fp32 = float_entries(self.sizes[0].job, models)
        others = [t for t in self.shown() if t is not self.choice]
        entries = [given, fp32, *(self._entry(t, models) for t in others)]
        if self.choice is self.trials[0]:
            return Built((given, *entries[2:], fp32), None)
        sized = self._sized(self.choice)
        last = self._entry(self.choice, models)
        quantized = None
        if self.choice.precision != "fp32":
            quantized = sized.network.quantized(self.choice.in_float)
        return Built((*entries, last), quantized)

    def part(self) -> schema.Search:
        """Return what the report says of the search."""
        forecasters = [sized.network.forecaster for sized in self.sizes]
        images = self.sizes[0].job.sets.search
        assert images is not None
        return schema.Search(
            images=len(images.records),
            layers=len(forecasters[0].layers),
            expected=sum(len(f) for f in forecasters),
            remembered=self.remembered,
            map_drop_points_max=self.need.map_drop_points,
            agreement_min=self.need.agreement,
            p90_ms_max=self.need.p90_ms,
            trials=tuple(self._trial(t) for t in self.trials),
            chosen=self.row_name,
            met=self.met,
        )

    def _sized(self, trial: Trial) -> Sized:
        return next(s for s in self.sizes if s.network.input_hw == trial.input_hw)

    def _row_name(self, trial: Trial) -> str:
        return "fp32" if trial is self.trials[0] else trial.name

    def _entry(self, trial: Trial, models: Path) -> Entry:
        sized = self._sized(trial)
        if trial.precision == "fp32":
            return replace(float_entries(sized.job, models, trial.name)[-1], baseline=False)
        quantized = sized.network.quantized(trial.in_float)
        entry = int8_entry(sized.job, quantized, trial.name, models)
        return replace(entry, precision=trial.precision)

    def _trial(self, trial: Trial) -> schema.Trial:
        figures = trial.figures
        return schema.Trial(
            name=self._row_name(trial),
            input_hw=trial.input_hw,
            precision=trial.precision,
            layers_float=len(trial.in_float),
            agreement=figures.agreement,
            map_drop_points=figures.map_drop_points,
            map_drop_ci95=figures.map_drop_ci95,
            p50_ms=figures.p50_ms,
            speedup=figures.speedup,
            speedup_ci95=figures.speedup_ci95,
            met=self.need.met(trial),
            front=trial in self.front,
        )
