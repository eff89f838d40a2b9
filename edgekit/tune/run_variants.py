"""Run many variants of one network on a few images, each only from where it differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.graphs import graph_to_bytes, with_outputs
from edgekit.protocols import silent
from edgekit.tune.remainder import known_values, remainder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edgekit.protocols import Backend, Progress
    from edgekit.tune.remainder import Remainder
    from edgekit.values import Graph

    Values = dict[str, NDArray[np.generic]]

KEPT_BYTES = 2**29


def run_variants(
    base: Graph,
    variants: Iterable[tuple[str, Graph]],
    feeds: Sequence[Mapping[str, NDArray[np.generic]]],
    backend: Backend,
    progress: Progress = silent,
) -> Iterator[tuple[str, int, Values]]:
    """Yield the outputs of every variant for every image: its name, the image's index, by name.

    They are those of running each variant as a whole, bit by bit, where ``backend`` rewrites
    nothing. Values that several variants need are computed once, by ``base``; about half a
    gigabyte of them is kept at a time, or those of one image.

    Args:
        base: The network that the variants differ least from.
        variants: Each with its name; of a graph no more is kept than has to run.
        feeds: One set of network inputs per image.
        backend: Runs networks as they are written, its own rewriting off.
        progress: Told after every variant.
    """
    known = known_values(base)
    rest = {name: remainder(graph, known) for name, graph in variants}
    needed = sorted(set[str]().union(*(r.needed for r in rest.values())))
    done = 0
    for start, kept in _kept(base, needed, feeds, backend):
        for name, part in rest.items():
            for index, outputs in enumerate(_finished(part, kept, backend)):
                yield name, start + index, outputs
            done += len(kept)
            progress("sensitivity", done, len(rest) * len(feeds))


def _kept(
    base: Graph,
    needed: Sequence[str],
    feeds: Sequence[Mapping[str, NDArray[np.generic]]],
    backend: Backend,
) -> Iterator[tuple[int, list[Values]]]:
    """Yield values of ``base`` for as many images as may be kept: index of the first, and them."""
    kept: list[Values] = []
    start, size = 0, 0
    with backend.open(graph_to_bytes(with_outputs(base, needed))) as session:
        for index, feed in enumerate(feeds):
            kept.append(session.run(feed))
            size += sum(array.nbytes for array in kept[-1].values())
            if size * (1 + 1 / len(kept)) > KEPT_BYTES or index == len(feeds) - 1:
                yield start, kept
                start, kept, size = index + 1, [], 0


def _finished(part: Remainder, kept: Sequence[Values], backend: Backend) -> Iterator[Values]:
    """Yield the outputs of one variant for the images whose values were kept."""
    if part.graph is None:
        yield from ({name: k[old] for name, old in part.outputs.items()} for k in kept)
        return
    with backend.open(graph_to_bytes(part.graph)) as session:
        for values in kept:
            outputs = session.run({name: values[old] for name, old in part.inputs.items()})
            yield outputs | {name: values[old] for name, old in part.outputs.items()}
