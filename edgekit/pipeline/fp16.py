"""From the float network to 16-bit floats: look for what they cannot hold, plan, convert, prove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit import __version__
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.collect import collect
from edgekit.errors import ParityError
from edgekit.graphs import graph_to_bytes
from edgekit.images.overlap import dataset_sha256
from edgekit.pipeline.cache import cached_statistics
from edgekit.pipeline.feeds import image_feeds
from edgekit.protocols import silent
from edgekit.quantize.half import plain_image, to_half
from edgekit.quantize.half_plan import decode_in_float, half_plan
from edgekit.quantize.half_rounding import rounded
from edgekit.quantize.half_rules import ORT_CUDA
from edgekit.quantize.half_types import is_float, typed
from edgekit.quantize.select import matching_nodes
from edgekit.reparam.probes import probe_inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from edgekit.config.recipe import Fp16
    from edgekit.pipeline.prepare import Network
    from edgekit.protocols import Progress
    from edgekit.quantize.half_plan import HalfPlan
    from edgekit.reparam.probes import Feeds
    from edgekit.values import Dataset, Graph, Preprocess, Statistics

# Rounding moves the outputs of real detectors by 0.1 to 2 %; beyond one half, two values have
# nothing to do with each other.
_MOST = 0.5


@dataclass(frozen=True, eq=False)
class HalfNetwork:
    """A network in 16-bit floats.

    Attributes:
        graph: What is shipped.
        simulation: Computes in float32 and rounds as a 16-bit runtime does, for other machines.
        plan: What is in 16 bits and what is not, with reasons.
    """

    graph: Graph
    simulation: Graph
    plan: HalfPlan


@dataclass(frozen=True, eq=False)
class HalfOptions:
    """How a network becomes 16-bit.

    Attributes:
        precision: The recipe's choices.
        calibration: Images that show which values are too large; ``None``: noise and a drawn
            picture do.
        cache: Where statistics are kept between runs; ``None`` keeps none.
    """

    precision: Fp16
    calibration: Dataset | None = None
    cache: Path | None = None


def halve_network(
    network: Network, options: HalfOptions, progress: Progress = silent
) -> HalfNetwork:
    """Return ``network`` in 16-bit floats for ONNX Runtime's CUDA provider.

    Args:
        network: Takes u8 images.
        options: How.
        progress: Told after every calibration image.

    Raises:
        ConfigError: ``keep_float`` names no node.
        ParityError: It no longer computes what ``network`` does.
        StageError: A value of the network is not finite, or nothing tells its type.
    """
    graph = plain_image(network.graph)
    kept = _kept_float(network, options.precision)
    statistics = _statistics(graph, network.preprocess, options, progress)
    plan = half_plan(graph, ORT_CUDA, kept, statistics)
    half = to_half(graph, plan)
    simulation = rounded(half)
    _prove(network.graph, half, simulation)
    return HalfNetwork(half, simulation, plan)


def uncalibrated_plan(network: Network, precision: Fp16) -> HalfPlan:
    """Return what of ``network`` would run in 16 bits, its values unseen.

    Raises:
        ConfigError: ``keep_float`` names no node.
    """
    graph = plain_image(network.graph)
    return half_plan(graph, ORT_CUDA, _kept_float(network, precision))


def _kept_float(network: Network, precision: Fp16) -> dict[str, str]:
    chosen = matching_nodes(network.graph, precision.keep_float)
    return {**decode_in_float(network.graph, network.decode, ORT_CUDA), **chosen}


def _statistics(
    graph: Graph, preprocess: Preprocess, options: HalfOptions, progress: Progress
) -> Statistics:
    """Return what every float value of ``graph`` reaches."""
    made = (value for node in typed(graph).model.graph for value in node.outputs)
    values = tuple(str(value.name) for value in made if is_float(value))
    dataset = options.calibration
    if dataset is None:
        return collect(graph, values, probe_inputs(graph), OnnxRuntime())
    key = (__version__, graph.sha256, repr(values), repr(preprocess), dataset_sha256(dataset))
    feeds = _feeds(graph, dataset, preprocess, progress)
    return cached_statistics(
        options.cache, key, lambda: collect(graph, values, feeds, OnnxRuntime())
    )


def _feeds(
    graph: Graph, dataset: Dataset, preprocess: Preprocess, progress: Progress
) -> Iterator[Feeds]:
    """Yield the noise and the picture that everything is proven on, then every readable image."""
    yield from probe_inputs(graph)
    yield from image_feeds(graph, dataset, preprocess, progress=progress)


def _prove(before: Graph, *after: Graph) -> None:
    """Make sure that the networks ``after`` compute what ``before`` does, but for rounding.

    Raises:
        ParityError: One does not.
    """
    feeds = probe_inputs(before)
    exact = _run(before, feeds)
    for graph in after:
        for name, error in _errors(exact, _run(graph, feeds)):
            if not error <= _MOST:
                raise ParityError(
                    f"In 16-bit floats the output '{name}' of the network differs by "
                    f"{100 * error:.0f} % of its norm: expected a few percent at most. Keep the "
                    "nodes before it in float32 with keep_float in a recipe, or give --calib "
                    "images that show which values are too large."
                )


def _errors(
    exact: list[dict[str, np.ndarray]], found: list[dict[str, np.ndarray]]
) -> Iterator[tuple[str, float]]:
    """Yield every output's name and its relative error in the Euclidean norm, for each input."""
    for left, right in zip(exact, found, strict=True):
        for name, values in left.items():
            norm = max(float(np.linalg.norm(values)), 1e-30)
            yield name, float(np.linalg.norm(values - right[name])) / norm


def _run(graph: Graph, feeds: Iterable[Feeds]) -> list[dict[str, np.ndarray]]:
    with OnnxRuntime().open(graph_to_bytes(graph)) as session:
        return [session.run(feed) for feed in feeds]
