"""The audit of calibration images: each is read once, and run through the model if there is one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.audit import (
    ImageFacts,
    evaluated_findings,
    image_findings,
    label_findings,
    labels_of,
    outlier_findings,
    overlap_finding,
)
from edgekit.calibrate.collect import collect
from edgekit.calibrate.coverage import coverage, extremes_of, outliers
from edgekit.config.calibration import open_source
from edgekit.errors import DataError
from edgekit.images.contrast import is_even
from edgekit.images.datasets import DatasetOptions
from edgekit.images.overlap import file_sha256
from edgekit.images.read import read_image
from edgekit.images.similar import fingerprint
from edgekit.pipeline.data import names_of, overlap_warnings
from edgekit.pipeline.feeds import image_feeds
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.protocols import silent
from edgekit.quantize.plan import plan
from edgekit.quantize.rules import ORT_X86
from edgekit.quantize.select import float_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from edgekit.calibrate.audit import Finding, Labels
    from edgekit.calibrate.coverage import Coverage, Extremes
    from edgekit.pipeline.prepare import Network
    from edgekit.protocols import Progress
    from edgekit.values import Dataset, ImageRecord, Pixels

LONG_SIDE = 160  # half of 320 pixels, the smallest input in common use
GREY = 3  # grey levels between the colours of a pixel, which JPEG alone makes


@dataclass(frozen=True)
class AuditOptions:
    """What to audit against.

    Attributes:
        evaluation: Images that score, which none of those audited may be.
        images: Folder of the images of a COCO json, when they are in none of the usual places.
        allow_overlap: Make a finding, not an error, of an image that is in both.
        cache: Where rendered images are kept; the user's cache folder when ``None``.
        model: What the model file leaves open.
    """

    evaluation: str | None = None
    images: Path | None = None
    allow_overlap: bool = False
    cache: Path | None = None
    model: ModelOptions = field(default_factory=ModelOptions)

    @property
    def opening(self) -> DatasetOptions:
        """How to open either set."""
        return DatasetOptions(images=self.images, cache=self.cache)


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Attributes:
        source: As the user named it.
        images: How many there are.
        readable: How many of them can be read.
        faults: Kind of fault to how many files or labels have it.
        labels: ``None`` where there are none.
        coverage: ``None`` where no model was given.
        findings: What is doubtful; none at best.
    """

    source: str
    images: int
    readable: int
    faults: dict[str, int]
    labels: Labels | None
    coverage: Coverage | None
    findings: tuple[Finding, ...]


def audit(
    source: str,
    model: Path | None = None,
    options: AuditOptions | None = None,
    progress: Progress = silent,
) -> Audit:
    """Return what is doubtful about the calibration images of ``source``.

    Args:
        source: Any SRC: a manifest, a folder, a data set.
        model: The detector to calibrate. Without it, nothing is said about ranges.
        options: What else to look at.
        progress: Told after every image.

    Raises:
        DataError: A source cannot be used, or none of its images can be read.
        ConfigError: An image is also an evaluation image, or the model cannot be used.
    """
    options = options or AuditOptions()
    dataset = open_source(source, options.opening)
    scored = open_source(options.evaluation, options.opening) if options.evaluation else None
    shared = overlap_warnings(dataset, scored, allowed=options.allow_overlap) if scored else []
    network = network_of(prepare(model, options.model, dataset)) if model else None
    facts = tuple(read_facts(dataset, progress))
    readable = _readable(source, facts)
    labels = labels_of(dataset)
    extremes = extremes_over(network, dataset, progress) if network else None
    return Audit(
        source=source,
        images=len(facts),
        readable=len(readable),
        faults=_faults(dataset, facts),
        labels=labels,
        coverage=coverage(extremes) if extremes else None,
        findings=(
            *image_findings(facts, _long_side(network)),
            *map(overlap_finding, shared),
            *(evaluated_findings(facts, tuple(read_facts(scored, progress))) if scored else ()),
            *(label_findings(labels) if labels else ()),
            *(outlier_findings(outliers(extremes), readable) if extremes else ()),
        ),
    )


def _readable(source: str, facts: Sequence[ImageFacts]) -> tuple[str, ...]:
    names = tuple(f.name for f in facts if f.size_hw is not None)
    if not names:
        raise DataError(
            f"{source}: expected images, found {len(facts)} files of which none can be read. Give "
            "other images."
        )
    return names


def _faults(dataset: Dataset, facts: Sequence[ImageFacts]) -> dict[str, int]:
    faults = Counter(dataset.faults) + Counter(fault for f in facts for fault in f.faults)
    return dict(sorted(faults.items()))


def read_facts(dataset: Dataset, progress: Progress = silent) -> Iterator[ImageFacts]:
    """Yield the facts of every image; of none is more kept than that."""
    names = names_of(dataset)
    for done, (name, record) in enumerate(zip(names, dataset.records, strict=True), start=1):
        yield facts_of(name, record)
        progress("read", done, len(names))


def facts_of(name: str, record: ImageRecord) -> ImageFacts:
    """Return what one image shows."""
    read = read_image(record)
    sha256 = file_sha256(record.path)
    pixels_rgb = read.pixels_rgb
    if pixels_rgb is None:
        return ImageFacts(name, sha256, None, faults=read.faults)
    return ImageFacts(
        name,
        sha256,
        (pixels_rgb.shape[0], pixels_rgb.shape[1]),
        grey=_is_grey(pixels_rgb),
        even=is_even(pixels_rgb),
        fingerprint=fingerprint(pixels_rgb),
        faults=read.faults,
    )


def extremes_over(network: Network, dataset: Dataset, progress: Progress = silent) -> Extremes:
    """Return what every readable image of ``dataset`` reaches in each value to be encoded."""
    graph = network.graph
    kept = float_nodes(graph, network.decode, ())
    values = tuple(plan(graph, ORT_X86, kept).links)
    feeds = image_feeds(graph, dataset, network.preprocess, "run", progress)
    return extremes_of(collect(graph, values, feeds, OnnxRuntime()))


def _is_grey(pixels_rgb: Pixels) -> bool:
    small = cv2.resize(pixels_rgb, (32, 32), interpolation=cv2.INTER_AREA).astype(np.int16)
    return int(np.ptp(small, axis=2).max()) <= GREY


def _long_side(network: Network | None) -> int:
    return LONG_SIDE if network is None else max(network.preprocess.size_hw) // 2
