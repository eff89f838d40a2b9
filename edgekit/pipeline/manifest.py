"""A calibration manifest of images that differ from each other, drawn from more."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgekit.calibrate.audit import SeenFacts
from edgekit.config.calibration import open_source, write_manifest
from edgekit.errors import ConfigError, DataError
from edgekit.images.datasets import DatasetOptions
from edgekit.pipeline.audit import facts_of, read_facts
from edgekit.pipeline.data import names_of
from edgekit.protocols import silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edgekit.calibrate.audit import ImageFacts
    from edgekit.protocols import Progress
    from edgekit.values import Dataset, ImageRecord


@dataclass(frozen=True)
class MakeOptions:
    """Which images a manifest lists.

    Attributes:
        count: How many.
        seed: Another one draws others.
        evaluation: Images that score: none of them, and nothing that looks like one, is listed.
        images: Folder of the images of a COCO json, when they are in none of the usual places.
        cache: Where rendered images are kept; the user's cache folder when ``None``.
    """

    count: int
    seed: int = 0
    evaluation: str | None = None
    images: Path | None = None
    cache: Path | None = None

    @property
    def opening(self) -> DatasetOptions:
        """How to open either set: labels are not needed."""
        return DatasetOptions(images=self.images, labels=False, cache=self.cache)


@dataclass(frozen=True)
class Made:
    """A manifest that was written.

    Attributes:
        manifest: The file.
        images: How many images it lists.
        source: What they were drawn from, as the user named it.
        total: How many images that has.
        left_out: Of those looked at: reason to how many were left out for it.
    """

    manifest: Path
    images: int
    source: str
    total: int
    left_out: dict[str, int] = field(default_factory=dict)


def make_manifest(
    source: str, out: Path, options: MakeOptions, progress: Progress = silent
) -> Made:
    """Return what was written to ``out``: a manifest of images of ``source``, with their sha256.

    Images that cannot be read, show nothing, or show what another one shows are left out.

    Args:
        source: Any SRC.
        out: Where to write it; ends in ``.yaml`` or ``.yml``.
        options: Which images.
        progress: Told after every image that is taken.

    Raises:
        ConfigError: ``out`` cannot be written, or its name says nothing of YAML.
        DataError: A source cannot be used, or has too few images that differ.
    """
    if out.suffix not in {".yaml", ".yml"}:
        raise ConfigError(
            f"--out {out}: expected a name ending in .yaml, by which manifests are told from other "
            f"files. Try --out {out.with_suffix('.yaml')}"
        )
    dataset = open_source(source, options.opening)
    left_out: Counter[str] = Counter()
    taken: list[ImageRecord] = []
    for record in _sifted(dataset, options, left_out):
        taken.append(record)
        progress("draw", len(taken), options.count)
        if len(taken) == options.count:
            break
    if len(taken) < options.count:
        raise DataError(_too_few(source, options, len(dataset.records), taken, left_out))
    made = Made(out, len(taken), source, len(dataset.records), dict(left_out))
    write_manifest(out, _summary(made, options), sorted(record.path for record in taken))
    return made


def _sifted(
    dataset: Dataset, options: MakeOptions, left_out: Counter[str]
) -> Iterator[ImageRecord]:
    """Yield images in the order they are drawn; count the others in ``left_out``."""
    scored = open_source(options.evaluation, options.opening) if options.evaluation else None
    seen = SeenFacts(len(dataset.records) + (len(scored.records) if scored else 0))
    for fact in read_facts(scored) if scored else ():
        seen.add(fact)
    listed = list(zip(names_of(dataset), dataset.records, strict=True))
    random.Random(options.seed).shuffle(listed)
    for name, record in listed:
        fact = facts_of(name, record)
        reason = _reason(fact, seen)
        if reason is None:
            seen.add(fact)
            yield record
        else:
            left_out[reason] += 1


def _reason(fact: ImageFacts, seen: SeenFacts) -> str | None:
    """Return why an image is left out, in a word."""
    if fact.size_hw is None:
        return "unreadable"
    if fact.even:
        return "even"
    repeat = seen.repeat(fact)
    if repeat is None:
        return None
    return "duplicate" if repeat.exact else "near-duplicate"


def _too_few(
    source: str,
    options: MakeOptions,
    total: int,
    taken: list[ImageRecord],
    left_out: Counter[str],
) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
    return (
        f"{source}: expected {options.count} images that differ, found {len(taken)} among {total} "
        f"(left out: {reasons or 'none'}). Lower --count, or add images."
    )


def _summary(made: Made, options: MakeOptions) -> str:
    left = ", ".join(f"{count} {reason}" for reason, count in sorted(made.left_out.items()))
    apart = f", none like those of {options.evaluation}" if options.evaluation else ""
    return (
        f"{made.images} of the {made.total} images of {made.source}, drawn by seed {options.seed}"
        f"{apart}; left out on the way: {left or 'none'}."
    )
