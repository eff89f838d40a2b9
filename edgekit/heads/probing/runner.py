"""Run a graph's own decode on values of our choice, to learn what it computes."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.graphs import graph_to_bytes, subgraph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.heads.probing.dataflow import Decode
    from edgekit.protocols import Backend, Session
    from edgekit.values import Floats, Graph, TensorInfo

    Values = dict[str, NDArray[np.generic]]

_SEED = 20


@dataclass(frozen=True, eq=False)
class DecodeRunner:
    """A graph's decode, open on a runtime.

    Attributes:
        natural: Every value of interest, as the whole graph gives it for an image-like input.
        input_hw: Height and width of the image input, in pixels.
        raws: Names of the values the decode starts from.
        wanted: Names of the values ``run`` returns.
    """

    natural: Values
    input_hw: tuple[int, int]
    raws: tuple[str, ...]
    wanted: tuple[str, ...]
    session: Session | None

    def run(self, raws: Mapping[str, Floats]) -> Values:
        """Return the wanted values, computed from ``raws``."""
        passed: Values = {n: raws[n] for n in self.wanted if n in raws}
        if self.session is None:
            return passed
        feeds = {i.name: raws.get(i.name, self.natural[i.name]) for i in self.session.inputs}
        return passed | self.session.run(feeds)


@contextmanager
def open_decode(
    graph: Graph, decode: Decode, wanted: Sequence[str], backend: Backend
) -> Iterator[DecodeRunner]:
    """Run the whole graph once, then keep only its decode open.

    Raises:
        StageError: The runtime refuses the graph or its decode.
    """
    names = dict.fromkeys((*decode.raws, *decode.shaped, *wanted))
    whole = subgraph(graph, [i.name or "" for i in graph.model.graph.inputs], list(names))
    with backend.open(graph_to_bytes(whole)) as session:
        image = session.inputs[0]
        natural = session.run({image.name: image_like(image)})
    computed = [n for n in wanted if n not in decode.raws]
    with ExitStack() as stack:
        part = None
        if computed:
            cut = subgraph(graph, (*decode.raws, *decode.shaped), computed)
            part = stack.enter_context(backend.open(graph_to_bytes(cut)))
        yield DecodeRunner(natural, _size_hw(image), decode.raws, tuple(wanted), part)


def image_like(tensor: TensorInfo) -> NDArray[np.generic]:
    """Return an input as smooth as a photograph, 0..1 (0..255 for bytes); always the same."""
    rng = np.random.default_rng(_SEED)
    shape = tuple(d or 1 for d in tensor.shape)
    height, width = _size_hw(tensor)
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    waves = rng.uniform((-6, -6, 0), (6, 6, 6), (8, 3))
    smooth = sum(np.sin(2 * np.pi * (fx * x + fy * y) + phase) for fx, fy, phase in waves)
    tint = rng.uniform(0.05, 0.15, 3)
    gray = 0.5 + np.multiply.outer(tint, smooth) + rng.normal(0, 0.02, (3, height, width))
    image = np.clip(gray if _channels_first(shape) else np.moveaxis(gray, 0, -1), 0, 1)
    pixels = (image * 255).astype(np.uint8) if tensor.dtype == "uint8" else image.astype(np.float32)
    return np.asarray(pixels.reshape(shape))


def _size_hw(tensor: TensorInfo) -> tuple[int, int]:
    shape = tuple(d or 1 for d in tensor.shape)
    return (shape[2], shape[3]) if _channels_first(shape) else (shape[1], shape[2])


def _channels_first(shape: tuple[int, ...]) -> bool:
    return shape[-1] != 3
