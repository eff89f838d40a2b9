"""What is doubtful about a set of calibration images, from facts to findings. Reads nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgekit.images.similar import SeenImages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edgekit.calibrate.coverage import Outlier
    from edgekit.images.similar import Fingerprint
    from edgekit.values import Dataset

ENOUGH = 32
SHOWN = 3  # names in a sentence; all of them stand beside it
SMALL, LARGE = 32.0**2, 96.0**2  # square pixels, as COCO divides objects

Kind = Literal[
    "few",
    "unreadable",
    "duplicate",
    "near-duplicate",
    "evaluated",
    "small",
    "grey",
    "even",
    "labels",
    "outlier",
]


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """What reading one image showed.

    Attributes:
        name: How to name it to the user.
        sha256: Of its file.
        size_hw: Height and width in pixels; ``None`` where it cannot be read.
        grey: Whether it shows no colour, however it is stored.
        even: Whether it shows next to nothing: no contrast.
        fingerprint: What look-alikes are found by; ``None`` where it cannot be read.
        faults: What was wrong with it.
    """

    name: str
    sha256: str
    size_hw: tuple[int, int] | None
    grey: bool = False
    even: bool = False
    fingerprint: Fingerprint | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """Something to know about the images.

    Attributes:
        kind: What it is about, for programs.
        sentence: The same for people, and what to do about it.
        images: Names of the images concerned.
    """

    kind: Kind
    sentence: str
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repeat:
    """An image that shows what another one shows.

    Attributes:
        image: Its name.
        first: Name of the other one.
        exact: Whether the two files are the same, byte by byte.
    """

    image: str
    first: str
    exact: bool


@dataclass(frozen=True)
class Labels:
    """What labelled images hold.

    Attributes:
        objects: Class name to how many objects.
        sizes: ``small``, ``medium`` and ``large``, as COCO divides them, to how many objects.
        empty: How many images have no object.
    """

    objects: dict[str, int]
    sizes: dict[str, int]
    empty: int


def repeats(facts: Iterable[ImageFacts]) -> tuple[Repeat, ...]:
    """Return every image that an earlier one already shows; it is compared with no later one."""
    listed = list(facts)
    seen, found = SeenFacts(len(listed)), []
    for fact in listed:
        repeat = seen.repeat(fact)
        if repeat is None:
            seen.add(fact)
        else:
            found.append(repeat)
    return tuple(found)


def repeats_of(known: Iterable[ImageFacts], facts: Iterable[ImageFacts]) -> tuple[Repeat, ...]:
    """Return every image of ``facts`` that one of ``known`` already shows."""
    listed = list(known)
    seen = SeenFacts(len(listed))
    for fact in listed:
        seen.add(fact)
    return tuple(repeat for repeat in map(seen.repeat, facts) if repeat is not None)


def image_findings(facts: Sequence[ImageFacts], long_side: int) -> tuple[Finding, ...]:
    """Return what is doubtful about the images themselves.

    Args:
        facts: Of every image.
        long_side: Pixels; images of which both sides are shorter are too small.
    """
    readable = [f for f in facts if f.size_hw is not None]
    again = repeats(readable)
    small = [f for f in readable if f.size_hw is not None and max(f.size_hw) < long_side]
    found = (
        _few(len(readable)),
        _unreadable(facts),
        _repeated([r for r in again if r.exact], exact=True),
        _repeated([r for r in again if not r.exact], exact=False),
        _about(
            small,
            "small",
            f"shorter than {long_side} pixels on both sides: enlarged to the network's input they "
            "are smoother than what a camera gives. Use images of the size the device will see",
        ),
        _about(
            [f for f in readable if f.grey],
            "grey",
            "without colour: right if the camera has none, else take colour images",
        ),
        _about(
            [f for f in readable if f.even],
            "even",
            "next to empty: no contrast, so no layer is shown its range. Leave them out",
        ),
    )
    return tuple(f for f in found if f is not None)


def overlap_finding(warning: str) -> Finding:
    """Return the finding of a warning that calibration images are evaluation images as well."""
    return Finding("evaluated", warning)


def outlier_findings(found: Sequence[Outlier], names: Sequence[str]) -> tuple[Finding, ...]:
    """Return which images widen many ranges alone.

    Args:
        found: By number among the images seen.
        names: Of the images seen.
    """
    return tuple(
        Finding(
            "outlier",
            f"{names[o.image]} alone sets {100 * o.share:.0f} % of all ends of ranges, each by a "
            "tenth of the range or more. Look at it: leave it out unless the device sees the like.",
            (names[o.image],),
        )
        for o in found
    )


def evaluated_findings(
    facts: Sequence[ImageFacts], evaluated: Sequence[ImageFacts]
) -> tuple[Finding, ...]:
    """Return which of the calibration images evaluation images show as well, not byte by byte."""
    near = [r for r in repeats_of(evaluated, facts) if not r.exact]
    if not near:
        return ()
    pairs = [f"{r.image} and {r.first}" for r in near]
    sentence = (
        f"{_count(near, 'image')} all but the same picture as an evaluation image "
        f"({_named(pairs)}): scores are flattered. Take them out of one of the two sets."
    )
    return (Finding("evaluated", sentence, tuple(r.image for r in near)),)


def labels_of(dataset: Dataset) -> Labels | None:
    """Return what the labels of ``dataset`` hold; ``None`` where it has none."""
    if not dataset.labelled:
        return None
    truths = [record.truth for record in dataset.records if record.truth is not None]
    by_id = Counter(int(id_) for truth in truths for id_ in truth.categories)
    names: Counter[str] = Counter()
    for category in dataset.categories:
        names[category.name] += by_id[category.id]
    areas = [float(area) for truth in truths for area in truth.area]
    sizes = Counter("small" if a < SMALL else "medium" if a < LARGE else "large" for a in areas)
    return Labels(
        dict(names),
        {size: sizes[size] for size in ("small", "medium", "large")},
        sum(len(truth.categories) == 0 for truth in truths),
    )


def label_findings(labels: Labels) -> tuple[Finding, ...]:
    """Return which classes and sizes of objects no image shows."""
    absent = [name for name, count in labels.objects.items() if count == 0]
    absent_sizes = [size for size, count in labels.sizes.items() if count == 0]
    found = []
    if absent:
        sentence = (
            f"{len(absent)} of {len(labels.objects)} classes are in no image ({_named(absent)}): "
            "their scores are never seen high. Add images of those that matter."
        )
        found.append(Finding("labels", sentence))
    if absent_sizes:
        sentence = f"No image has {' or '.join(absent_sizes)} objects. Add some if they matter."
        found.append(Finding("labels", sentence))
    return tuple(found)


class SeenFacts:
    """Images met so far, by content and by look."""

    def __init__(self, capacity: int) -> None:
        self._by_content: dict[str, str] = {}
        self._looks = SeenImages(capacity)
        self._names: list[str] = []

    def add(self, fact: ImageFacts) -> None:
        """Remember one more image."""
        self._by_content.setdefault(fact.sha256, fact.name)
        if fact.fingerprint is not None:
            self._looks.add(fact.fingerprint)
            self._names.append(fact.name)

    def repeat(self, fact: ImageFacts) -> Repeat | None:
        """Return what shows that ``fact`` was met before, or ``None``."""
        if fact.sha256 in self._by_content:
            return Repeat(fact.name, self._by_content[fact.sha256], exact=True)
        like = None if fact.fingerprint is None else self._looks.first_like(fact.fingerprint)
        return None if like is None else Repeat(fact.name, self._names[like], exact=False)


def _few(readable: int) -> Finding | None:
    if readable >= ENOUGH:
        return None
    return Finding(
        "few",
        f"Only {readable} images can be used: below {ENOUGH} the ranges of rare activations are "
        "guesses. Add images.",
    )


def _unreadable(facts: Sequence[ImageFacts]) -> Finding | None:
    broken = [f for f in facts if f.size_hw is None]
    if not broken:
        return None
    by_fault = defaultdict(list)
    for fact in broken:
        by_fault[fact.faults[0]].append(fact.name)
    told = "; ".join(f"{fault}: {_named(names)}" for fault, names in sorted(by_fault.items()))
    return Finding(
        "unreadable",
        f"{_count(broken, 'image')} not readable and left out ({told}). Replace or remove them.",
        tuple(f.name for f in broken),
    )


def _repeated(again: Sequence[Repeat], *, exact: bool) -> Finding | None:
    if not again:
        return None
    pairs = [f"{r.image} and {r.first}" for r in again]
    likeness = "the same file as" if exact else "all but the same picture as"
    return Finding(
        "duplicate" if exact else "near-duplicate",
        f"{_count(again, 'image')} {likeness} another ({_named(pairs)}): they count twice and add "
        "nothing. Leave them out; edgekit calib make does.",
        tuple(r.image for r in again),
    )


def _about(concerned: Sequence[ImageFacts], kind: Kind, what: str) -> Finding | None:
    if not concerned:
        return None
    names = tuple(f.name for f in concerned)
    return Finding(kind, f"{_count(names, 'image')} {what} ({_named(names)}).", names)


def _count(things: Sequence[object], noun: str) -> str:
    return f"1 {noun} is" if len(things) == 1 else f"{len(things)} {noun}s are"


def _named(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
