"""From the float network to INT8: calibrate, plan, quantize."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from edgekit import __version__
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.collect import collect
from edgekit.calibrate.importance import importance
from edgekit.calibrate.ranges import choose_ranges, rounding_costs, rounding_errors
from edgekit.calibrate.shared import shared_ranges
from edgekit.errors import DataError
from edgekit.images.overlap import dataset_sha256
from edgekit.measure.sampling import spread
from edgekit.pipeline.cache import cached_importance, cached_statistics
from edgekit.pipeline.feeds import image_feeds
from edgekit.protocols import busy, silent
from edgekit.quantize.bias import bias_shifts
from edgekit.quantize.encode import encodings_of
from edgekit.quantize.noise import drowned_nodes
from edgekit.quantize.plan import plan
from edgekit.quantize.quantize import QuantizedGraph, quantize
from edgekit.quantize.rules import ORT_X86
from edgekit.quantize.select import LAST, float_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edgekit.config.device import Device
    from edgekit.config.recipe import Int8, Observer
    from edgekit.pipeline.place import Place
    from edgekit.pipeline.prepare import Network
    from edgekit.protocols import Progress
    from edgekit.quantize.plan import Plan
    from edgekit.quantize.rules import RuntimeRules
    from edgekit.values import Dataset, Floats, Graph, Range, Statistics, WeightRule

GRADIENT_IMAGES = 64

BIAS_IMAGES = 32  # means are steady long before ranges are


@dataclass(frozen=True, eq=False)
class Int8Options:
    """How a network becomes INT8.

    Attributes:
        precision: The recipe's choices.
        weight_rule: Which integers its weights use.
        cache: Where statistics are kept between runs; ``None`` keeps none.
        rules: What the runtime runs in INT8.
    """

    precision: Int8
    weight_rule: WeightRule
    cache: Path | None = None
    rules: RuntimeRules = ORT_X86


def int8_options(precision: Int8, place: Place, cache: Path | None) -> Int8Options:
    """Return how a network becomes INT8 for ``place``."""
    rule = weight_rule(precision, place.device, place.rules)
    return Int8Options(precision, rule, cache, place.rules)


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What calibration says of a network.

    Attributes:
        kept_float: Nodes that no precision but float is for, with the reason.
        drowned: Nodes that a conversion leaves in float and a search may not, with the reason:
            rounding noise would drown them, or they are the last, which the runtime runs in either.
        ranges: Of every value that may get an encoding.
        statistics: Where they come from.
        importance: How much the predictions follow each value, as ``importance`` gives it; empty
            where the recipe's observer does without.
        bias_shifts: What makes up for the rounding of each layer, by node; empty where the recipe
            does without.
        shared: Outputs of the Concats that share one encoding with all they join.
    """

    kept_float: dict[str, str]
    drowned: dict[str, str]
    ranges: dict[str, Range]
    statistics: Statistics
    importance: dict[str, Floats]
    bias_shifts: dict[str, Floats] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()


def quantize_network(
    network: Network, calibration: Dataset, options: Int8Options, progress: Progress = silent
) -> QuantizedGraph:
    """Return ``network`` in INT8 for the runtime whose rules ``options`` has.

    Args:
        network: Takes u8 images.
        calibration: Images that show the ranges of its activations.
        options: How.
        progress: Told after every image.

    Raises:
        ConfigError: ``keep_float`` names no node.
        DataError: No calibration image can be read.
    """
    calibrated = calibrate_network(network, calibration, options, progress)
    in_float = {**calibrated.kept_float, **calibrated.drowned}
    return quantize_calibrated(network, calibrated, in_float, options)


def quantize_calibrated(
    network: Network, calibrated: Calibrated, in_float: Mapping[str, str], options: Int8Options
) -> QuantizedGraph:
    """Return ``network`` in INT8 but for the nodes ``in_float``, each named with its reason."""
    decided = plan(network.graph, options.rules, in_float, calibrated.shared)
    quantized = quantize(
        network.graph,
        decided,
        calibrated.ranges,
        options.weight_rule,
        calibrated.bias_shifts,
    )
    seen, weights = calibrated.statistics, calibrated.importance
    leaders = set(decided.leaders)
    rounded = {name: span for name, span in quantized.ranges.items() if name in leaders}
    costs = rounding_costs(network.graph, seen, weights, rounded)
    return replace(quantized, statistics=seen, costs=costs)


def calibrate_network(
    network: Network, calibration: Dataset, options: Int8Options, progress: Progress = silent
) -> Calibrated:
    """Return what the images of ``calibration`` say of ``network``.

    Raises:
        ConfigError: ``keep_float`` names no node.
        DataError: No calibration image can be read.
    """
    observed = _observe(network, calibration, options, progress)
    if not options.precision.repair.bias:
        return observed
    few = replace(calibration, records=calibration.records[:BIAS_IMAGES])
    feeds = _feeds(network, few, "biases", progress)
    whole = quantize_calibrated(network, observed, observed.kept_float, options)
    return replace(observed, bias_shifts=bias_shifts(network.graph, whole, feeds, OnnxRuntime()))


def _observe(
    network: Network, calibration: Dataset, options: Int8Options, progress: Progress
) -> Calibrated:
    """Return what calibration says but for the biases."""
    graph, precision, rules = network.graph, options.precision, options.rules
    held = float_nodes(graph, network.decode, precision.keep_float)
    last = {name: why for name, why in held.items() if why == LAST and rules.float_results}
    kept = {name: why for name, why in held.items() if name not in last}
    wished = plan(graph, rules, kept)
    statistics = _statistics(network, _watched(graph, wished), calibration, options, progress)
    with busy(progress, "choose ranges"):
        plain = choose_ranges(graph, statistics, _plain(precision.observer))
        encodings = encodings_of(graph, wished, plain)
        noisy = drowned_nodes(graph, wished, encodings, statistics, precision.noise_limit_db)
    drowned = {**noisy, **last}
    if precision.observer != "damage":
        return Calibrated(kept, drowned, plain, statistics, {})
    weights = _importance(network, statistics, calibration, options, progress)
    with busy(progress, "choose ranges"):
        ranges = choose_ranges(graph, statistics, "damage", weights)
        joins = plan(graph, rules, {**kept, **drowned}).joins
        errors = rounding_errors(graph, statistics, weights)
        shared = shared_ranges(errors, statistics, ranges, joins, always=rules.float_results)
    ranges.update(shared)
    return Calibrated(kept, drowned, ranges, statistics, weights, shared=frozenset(shared))


def _plain(observer: Observer) -> Observer:
    """Return the observer whose ranges tell what rounding would drown.

    Narrow ranges look precise: what they clip is no noise. The least squared error counts both.
    """
    return "mse" if observer == "damage" else observer


def _watched(graph: Graph, wished: Plan) -> tuple[str, ...]:
    """Return the values to observe: all that may get an encoding, and what the layers give."""
    given = (
        str(node.outputs[0].name)
        for node in graph.model.graph
        if node.name in wished.nodes and node.op_type in wished.rules.weighted
    )
    return tuple(dict.fromkeys((*wished.links, *given)))


def _statistics(
    network: Network,
    values: tuple[str, ...],
    calibration: Dataset,
    options: Int8Options,
    progress: Progress,
) -> Statistics:
    feeds = _feeds(network, calibration, "calibrate", progress)
    key = (*_key(network, calibration), repr(values))
    return cached_statistics(
        options.cache, key, lambda: collect(network.graph, values, feeds, OnnxRuntime())
    )


def _importance(
    network: Network,
    statistics: Statistics,
    calibration: Dataset,
    options: Int8Options,
    progress: Progress,
) -> dict[str, Floats]:
    # Each image of gradients takes as long as two of ranges, and more of them decide no better.
    few = replace(calibration, records=spread(calibration.records, GRADIENT_IMAGES))
    feeds = _feeds(network, few, "gradients", progress)
    limits = {name: seen.limit for name, seen in statistics.tensors.items()}
    key = (*_key(network, few), repr(network.head), repr(limits))
    return cached_importance(
        options.cache,
        key,
        lambda: importance(network.graph, statistics, network.head, feeds, OnnxRuntime()),
    )


def _key(network: Network, images: Dataset) -> tuple[str, ...]:
    """Return what all that calibration finds depends on."""
    return (
        __version__,
        network.graph.sha256,
        repr(network.preprocess),
        dataset_sha256(images),
    )


def weight_rule(precision: Int8, device: Device, rules: RuntimeRules = ORT_X86) -> WeightRule:
    """Return the recipe's rule; for ``auto``, the widest that is exact on ``device``."""
    if precision.weight_rule == "auto":
        return "full" if device.exact_u8s8 else rules.pairs
    return precision.weight_rule


def _feeds(
    network: Network, dataset: Dataset, stage: str, progress: Progress
) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Yield what the network is given for every image of ``dataset`` that can be read.

    Raises:
        DataError: None can be.
    """
    readable = 0
    for feed in image_feeds(network.graph, dataset, network.preprocess, stage, progress):
        readable += 1
        yield feed
    if not readable:
        raise DataError(
            f"{dataset.name}: expected images to calibrate on, found {len(dataset.records)} files "
            "of which none can be read. Give --calib other images."
        )
