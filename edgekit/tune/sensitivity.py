"""What each layer of a network costs in INT8: in detections, and in signal to noise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import StageError
from edgekit.macs import macs_per_node
from edgekit.pipeline.feeds import image_feeds
from edgekit.pipeline.int8 import quantize_network
from edgekit.protocols import silent
from edgekit.tune.effects import Watcher, agreement_of
from edgekit.tune.image_shares import share_out
from edgekit.tune.ranking import (
    REPEATABLE,
    between,
    interval,
    kendall,
    resampled,
    shared_top,
    spearman,
)
from edgekit.tune.run_variants import run_variants
from edgekit.tune.variants import variants_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.heads.spec import NmsOptions
    from edgekit.pipeline.int8 import Int8Options
    from edgekit.pipeline.prepare import Network
    from edgekit.protocols import Progress
    from edgekit.tune.effects import Effects
    from edgekit.tune.image_shares import ImageShares
    from edgekit.tune.variants import Variants
    from edgekit.values import Dataset, Interval

    Doubles = NDArray[np.float64]

FLOAT, WHOLE = "float", "whole"
ALONE, REST = "alone ", "all but "
RESAMPLES = 1000


@dataclass(frozen=True)
class SensitivityOptions:
    """How carefully to look.

    Attributes:
        images: Images that every variant runs on, shared out among the draws.
        draws: How often calibration images are drawn anew; a single draw cannot tell whether
            another would rank the layers the same way.
        seed: Of the draws.
        nms: How candidates become detections, where agreement is asked for too.
    """

    images: int = 16
    draws: int = 2
    seed: int = 0
    nms: NmsOptions | None = None


@dataclass(frozen=True)
class LayerSensitivity:
    """What one layer costs.

    Attributes:
        layer: Name of the node with the weights.
        nodes: How many nodes change precision with it, itself included.
        mac_share: Its share of the network's multiply-accumulates.
        damage: To the detections when this layer alone is in INT8, 0 to 1.
        relief: What the damage of the whole network in INT8 falls by when this layer stays float.
        sqnr_db: Signal to noise at the outputs when it alone is in INT8; outputs weigh alike.
        rest_sqnr_db: The same when all but this layer are in INT8.
        agreement: With the float network when it alone is in INT8; ``None`` unless asked for.
        rest_agreement: The same when all but this layer are in INT8.
    """

    layer: str
    nodes: int
    mac_share: float
    damage: Interval
    relief: Interval
    sqnr_db: float
    rest_sqnr_db: float
    agreement: float | None = None
    rest_agreement: float | None = None


@dataclass(frozen=True)
class Repeatability:
    """How alike the rankings are that several draws of images gave.

    Attributes:
        draws: How many rankings there are.
        spearman: Mean rank correlation between two of them; ``None`` of a single draw.
        kendall: Likewise, as Kendall's tau-b.
        top: Mean share of the ten most damaging layers of one draw that are among the ten of
            another; ``None`` of a single draw.
    """

    draws: int
    spearman: float | None
    kendall: float | None
    top: float | None

    @property
    def repeatable(self) -> bool | None:
        """Whether another draw would rank the layers much the same; ``None`` when not known."""
        return None if self.spearman is None else self.spearman >= REPEATABLE

    @property
    def sentence(self) -> str:
        """The same in words."""
        if self.spearman is None or self.kendall is None or self.top is None:
            return "One draw of images: whether another would rank the layers alike was not tried."
        figures = (
            f"Spearman {self.spearman:.2f}, Kendall {self.kendall:.2f}, {self.top:.0%} of the ten "
            "most damaging in common"
        )
        if self.repeatable:
            return f"Repeatable: {self.draws} draws of images rank the layers alike ({figures})."
        return (
            f"Not repeatable: {self.draws} draws of images rank the layers differently ({figures}"
            "). Trust only layers whose intervals lie apart, or give --calib more images."
        )


@dataclass(frozen=True)
class Sensitivity:
    """What every layer of a network costs in INT8, the most damaging first.

    Attributes:
        whole_damage: Of the whole network in INT8.
        whole_sqnr_db: Likewise, signal to noise at the outputs.
        whole_agreement: Likewise; ``None`` unless asked for.
        images: How many images it was measured on.
    """

    layers: tuple[LayerSensitivity, ...]
    whole_damage: Interval
    whole_sqnr_db: float
    whole_agreement: float | None
    repeatability: Repeatability
    images: int


def measure_sensitivity(
    network: Network,
    images: Dataset,
    precision: Int8Options,
    options: SensitivityOptions,
    progress: Progress = silent,
) -> Sensitivity:
    """Return what each layer of ``network`` costs in INT8.

    Every draw calibrates on images of its own and measures on others, so that rankings of
    different draws differ as those of different users would. Layers that some draw leaves in
    float, since rounding noise would drown them, are not ranked.

    Args:
        network: In float.
        images: Some calibrate, others measure; labels are not needed.
        precision: How a network becomes INT8.
        options: How carefully to look.
        progress: Told after every variant.

    Raises:
        DataError: Too few images can be read.
        StageError: No layer would run in INT8.
    """
    sets = share_out(images, options, precision.precision.calibration.count)
    watcher = Watcher(network.head, options.nms)
    drawn: list[Variants] = []
    for draw, calibration in enumerate(sets.calibrations):
        whole = quantize_network(network, calibration, precision, progress)
        drawn.append(variants_of(network.graph, whole))
        feeds = list(image_feeds(network.graph, sets.measured, network.preprocess))
        _watch(drawn[-1], feeds, sets.of_draw(draw), watcher, progress)
    layers = [name for name in drawn[0].groups if all(name in d.groups for d in drawn)]
    if not layers:
        raise StageError(
            "No layer of the network would run in INT8, so none can be ranked: expected a layer "
            "with weights outside the decode part and keep_float. Keep fewer nodes in float."
        )
    return _sensitivity(network, drawn[0], layers, sets, watcher)


def _watch(
    variants: Variants,
    feeds: Sequence[Mapping[str, NDArray[np.generic]]],
    images: range,
    watcher: Watcher,
    progress: Progress,
) -> None:
    """Show ``watcher`` every layer alone in INT8, and every layer alone in float."""
    backend = OnnxRuntime(optimize=False, spin=False)  # what is not fused is emulated exactly
    mine = [feeds[i] for i in images]
    layers = variants.groups
    base, whole = variants.all_float(), variants.in_float(())
    alone = ((ALONE + name, variants.alone(name)) for name in layers)
    for name, i, outputs in run_variants(
        base, chain([(FLOAT, base)], alone), mine, backend, progress
    ):
        watcher.see(name, images[i], outputs, reference=name == FLOAT)
    rest = ((REST + name, variants.in_float((name,))) for name in layers)
    for name, i, outputs in run_variants(
        whole, chain([(WHOLE, whole)], rest), mine, backend, progress
    ):
        watcher.see(name, images[i], outputs)


def _sensitivity(
    network: Network,
    variants: Variants,
    layers: Sequence[str],
    sets: ImageShares,
    watcher: Watcher,
) -> Sensitivity:
    alone = watcher.effects([ALONE + name for name in layers])
    rest = watcher.effects([WHOLE, *(REST + name for name in layers)])

    def reliefs(weights: NDArray[np.int64] | None = None) -> Doubles:
        damages = rest.damages(weights)
        less: Doubles = damages[0] - damages
        return less

    count = len(sets.measured.records)
    damage, relief, whole = (
        _intervals(f, count) for f in (alone.damages, reliefs, lambda w=None: rest.damages(w)[:1])
    )
    macs = macs_per_node(network.graph)
    total = sum(macs.values()) or 1
    agreed = _agreements(watcher, sets.measured)
    alone_db, rest_db = alone.sqnr_db(), rest.sqnr_db()
    rows = [
        LayerSensitivity(
            layer=name,
            nodes=len(variants.groups[name]),
            mac_share=macs.get(name, 0) / total,
            damage=damage[at],
            relief=relief[at + 1],
            sqnr_db=float(alone_db[at]),
            rest_sqnr_db=float(rest_db[at + 1]),
            agreement=agreed.get(ALONE + name),
            rest_agreement=agreed.get(REST + name),
        )
        for at, name in enumerate(layers)
    ]
    rows.sort(key=lambda row: -row.damage.value)
    return Sensitivity(
        layers=tuple(rows),
        whole_damage=whole[0],
        whole_sqnr_db=float(rest_db[0]),
        whole_agreement=agreed.get(WHOLE),
        repeatability=_repeatability(alone, sets),
        images=count,
    )


def _intervals(statistic: Callable[..., Doubles], images: int) -> list[Interval]:
    """Return what ``statistic`` says of every layer, with intervals from resampled images."""
    samples = resampled(images, statistic, RESAMPLES, seed=0)
    return [interval(float(v), s) for v, s in zip(statistic(), samples.T, strict=True)]


def _repeatability(alone: Effects, sets: ImageShares) -> Repeatability:
    count = len(sets.measured.records)
    rankings = []
    for draw in range(len(sets.calibrations)):
        weights = np.isin(np.arange(count), sets.of_draw(draw)).astype(np.int64)
        rankings.append(alone.damages(weights).tolist())
    return Repeatability(
        draws=len(rankings),
        spearman=between(rankings, spearman),
        kendall=between(rankings, kendall),
        top=between(rankings, shared_top),
    )


def _agreements(watcher: Watcher, measured: Dataset) -> dict[str, float | None]:
    reference = watcher.found.get(FLOAT, {})
    return {
        name: agreement_of(reference, found, measured)
        for name, found in watcher.found.items()
        if len(found) == len(reference)
    }
