"""Whether the images reach the network the way it was trained: other preprocessing, tried out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.errors import ConfigError
from edgekit.measure.accuracy import Detections, detect_all, map_drop, score
from edgekit.measure.sampling import spread
from edgekit.protocols import silent
from edgekit.values import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.measure.candidate import Candidate
    from edgekit.protocols import Progress
    from edgekit.values import Dataset, Preprocess, Resize

_NEAR_ZERO = 0.01
_NOTABLE_POINTS = 1.0
_RESAMPLES = 300
_IMAGENET_MEAN = (123.675, 116.28, 103.53)
_IMAGENET_STD = (58.395, 57.12, 57.375)
_RESIZES: tuple[Resize, ...] = ("letterbox-center", "letterbox-topleft", "stretch")


@dataclass(frozen=True)
class ProbedVariant:
    """One way to preprocess, and what it gives.

    Attributes:
        change: What differs from the convention, e.g. ``color bgr``.
        preprocess: The whole of it.
        map: mAP50-95 as a fraction.
        gain_points: mAP won over the convention, in points, with its 95 % interval.
    """

    change: str
    preprocess: Preprocess
    map: float
    gain_points: Interval


@dataclass(frozen=True)
class ProbeResult:
    """What other preprocessing gives on a few labelled images.

    Attributes:
        map: mAP50-95 of the convention, as a fraction.
        images: How many images were tried.
        variants: What was tried instead, best first.
    """

    map: float
    images: int
    variants: tuple[ProbedVariant, ...]

    @property
    def better(self) -> tuple[ProbedVariant, ...]:
        """Variants better than the convention beyond noise: a point or more, interval above 0."""
        return tuple(
            v
            for v in self.variants
            if v.gain_points.value >= _NOTABLE_POINTS and v.gain_points.low > 0
        )

    def warning(self) -> str | None:
        """Return a sentence that names the best variant with its figures, if one is better."""
        if not self.better:
            return None
        best = self.better[0]
        gain = best.gain_points
        return (
            f"Preprocessing with {best.change} gives mAP {best.map:.3f} instead of {self.map:.3f} "
            f"on {self.images} images ({gain.value:+.1f} points, 95 % interval {gain.low:+.1f} to "
            f"{gain.high:+.1f}). It was not adopted: choose it with --preprocess."
        )


def probe(
    candidate: Candidate,
    dataset: Dataset,
    category_ids: Sequence[int],
    *,
    limit: int = 32,
    progress: Progress = silent,
) -> ProbeResult:
    """Return what likely other preprocessing gives, one change at a time.

    Args:
        candidate: The detector with the preprocessing of its family.
        dataset: Labelled images.
        category_ids: Category id of each class of the model.
        limit: How many images to try, spread evenly over those that show an object.
        progress: Told after every image.

    Raises:
        DataError: The data set has no labels or no objects.
    """
    few = _few_with_objects(dataset, limit)
    usual = detect_all(candidate, few, progress)
    tried = [
        _try(replace(candidate, name=change, preprocess=other), usual, few, category_ids)
        for change, other in variants(candidate)
    ]
    return ProbeResult(
        map=score(usual, few, category_ids).map,
        images=len(usual.boxes),
        variants=tuple(sorted(tried, key=lambda v: -v.map)),
    )


def variants(candidate: Candidate) -> tuple[tuple[str, Preprocess], ...]:
    """Return the preprocessing likely mistaken for the candidate's, each with what it changes.

    A network that takes the u8 image normalises inside, so only colours and resizing vary.
    """
    usual = candidate.preprocess
    swapped = replace(usual, color="rgb" if usual.color == "bgr" else "bgr")
    found = [(f"color {swapped.color}", swapped)]
    found += [(f"resize {r}", replace(usual, resize=r)) for r in _RESIZES if r != usual.resize]
    if candidate.input == "float-nchw":
        found += [(text, p) for text, p in _normalisations(usual) if p != usual]
    return tuple(found)


def require_sane(probed: ProbeResult, dataset: Dataset) -> None:
    """Stop at an FP32 model that finds next to nothing: no trained detector is below 0.01.

    Raises:
        ConfigError: mAP is near zero; the message says what to check.
    """
    if probed.map >= _NEAR_ZERO:
        return
    hint = probed.warning() or "No other usual preprocessing gave a better figure."
    raise ConfigError(
        f"{dataset.name}: the FP32 model reaches mAP {probed.map:.4f} on {probed.images} "
        f"labelled images, expected at least {_NEAR_ZERO}. Quantizing it would prove nothing. "
        f"{hint} Check, in this order: --preprocess (colour order, 0..1 or 0..255, letterbox), "
        "that the labels belong to these images, that the classes are in the model's order, "
        "--head. To go on all the same: --force."
    )


def _normalisations(usual: Preprocess) -> tuple[tuple[str, Preprocess], ...]:
    mean, std = _IMAGENET_MEAN, _IMAGENET_STD
    if usual.color == "bgr":
        mean, std = mean[::-1], std[::-1]
    zero = (0.0, 0.0, 0.0)
    return (
        ("pixels 0..1", replace(usual, mean=zero, std=(255.0, 255.0, 255.0))),
        ("pixels 0..255", replace(usual, mean=zero, std=(1.0, 1.0, 1.0))),
        ("ImageNet mean and std", replace(usual, mean=mean, std=std)),
    )


def _try(
    candidate: Candidate, usual: Detections, dataset: Dataset, category_ids: Sequence[int]
) -> ProbedVariant:
    found = detect_all(candidate, dataset)
    loss = map_drop(usual, found, dataset, category_ids, resamples=_RESAMPLES)
    return ProbedVariant(
        change=candidate.name,
        preprocess=candidate.preprocess,
        map=score(found, dataset, category_ids).map,
        gain_points=Interval(0 - loss.value, 0 - loss.high, 0 - loss.low),
    )


def _few_with_objects(dataset: Dataset, limit: int) -> Dataset:
    shown = [r for r in dataset.records if r.truth is not None and len(r.truth.categories)]
    return replace(dataset, records=spread(shown, limit))
