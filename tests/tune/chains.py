"""A network whose forecasts are known, and what tries it, in place of a measured one."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from edgekit.protocols import silent
from edgekit.tune.forecast import Forecast
from edgekit.tune.journal import Figures
from edgekit.tune.trials import Trial


@dataclass(frozen=True)
class Chain:
    """Layers one behind the other, in place of a network with its forecasts.

    Attributes:
        slower: What each takes longer in float.
        damages: What each costs in INT8.
        border: What a change of precision between two of them takes.
    """

    slower: tuple[float, ...]
    damages: tuple[float, ...]
    border: float = 0.0

    @property
    def layers(self):
        return tuple(f"layer{place}" for place in range(len(self.slower)))

    def of(self, in_float):
        real = [layer in in_float for layer in self.layers]
        borders = sum(a != b for a, b in pairwise(real))
        slower = sum(us for us, is_real in zip(self.slower, real, strict=True) if is_real)
        damage = sum(d for d, is_real in zip(self.damages, real, strict=True) if not is_real)
        return Forecast(100.0 + slower + self.border * borders, damage)


@dataclass(frozen=True, eq=False)
class ChainNetwork:
    """A chain where a tuned network is expected."""

    forecaster: Chain
    drowned: frozenset[str] = frozenset()
    input_hw: tuple[int, int] = (64, 64)


@dataclass(eq=False)
class ChainBench:
    """Measures exactly what is forecast; damage is counted in points of agreement.

    Attributes:
        tried: Name and choice of every trial, in their order.
    """

    labelled: bool = False
    tried: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    progress: object = silent

    def attempt(self, network, in_float, name):
        """Return the trial of ``network`` with the layers ``in_float``."""
        self.tried.append((name, in_float))
        chain = network.forecaster
        fp32 = chain.of(frozenset(chain.layers)).time_us
        forecast = chain.of(in_float)
        return made_trial(
            name,
            speedup=fp32 / forecast.time_us,
            agreement=1 - forecast.damage / 100,
            drop=forecast.damage / 10 if self.labelled else None,
            in_float=in_float,
            input_hw=network.input_hw,
        )

    def timed_together(self, trials):
        """Return ``trials``, as fast as they were; note their names."""
        self.finalists = [trial.name for trial in trials]
        return tuple(trials)


def made_trial(
    name, *, speedup=1.5, agreement=0.99, drop=None, sure=True, p90=20.0, **changes
) -> Trial:
    """Return a trial of those figures, 10 ms divided by ``speedup``."""
    figures = Figures(
        agreement=agreement,
        map=None if drop is None else 0.5 - drop / 100,
        map_drop_points=drop,
        map_drop_ci95=None if drop is None else (drop - 0.5, drop + 0.5),
        p50_ms=10 / speedup,
        p90_ms=p90,
        speedup=speedup,
        speedup_ci95=(speedup - 0.01, speedup + 0.01) if sure else (0.5, speedup + 1),
    )
    usual = {"input_hw": (64, 64), "precision": "mixed", "in_float": frozenset()}
    return Trial(name=name, figures=figures, **({"loss": 1 - (agreement or 0)} | usual | changes))
