"""One network at one input size, ready to be tried in any precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit import __version__
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.feeds import image_feeds
from edgekit.pipeline.int8 import calibrate_network, quantize_calibrated
from edgekit.protocols import silent
from edgekit.tune.forecast import Forecaster, measure_times, rounding_damages
from edgekit.tune.kept_times import kept_times
from edgekit.tune.variants import variants_of

if TYPE_CHECKING:
    from edgekit.backends.node_times import Runtime
    from edgekit.pipeline.int8 import Calibrated, Int8Options
    from edgekit.pipeline.prepare import Network
    from edgekit.protocols import Progress
    from edgekit.quantize.quantize import QuantizedGraph
    from edgekit.values import Dataset, Graph

SLOWER_OR_WORSE = "chosen by the search: in INT8 it costs more than it is worth"


@dataclass(frozen=True, eq=False)
class TunedNetwork:
    """A network, calibrated, with what is expected of it in any precision.

    Attributes:
        drowned: Layers that a conversion without a search leaves in float.
    """

    network: Network
    calibrated: Calibrated
    options: Int8Options
    forecaster: Forecaster
    drowned: frozenset[str]

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width of its input."""
        return self.network.preprocess.size_hw

    def graph(self, in_float: frozenset[str]) -> Graph:
        """Return it with the layers ``in_float``, every other in INT8."""
        return self.forecaster.variants.in_float(in_float)

    def quantized(self, in_float: frozenset[str]) -> QuantizedGraph:
        """Return the same with the decisions behind it."""
        plan = self.forecaster.variants.plan_of(in_float, SLOWER_OR_WORSE)
        return quantize_calibrated(self.network, self.calibrated, plan.kept_float, self.options)


def tuned_network(
    network: Network,
    calibration: Dataset,
    options: Int8Options,
    backend: Runtime,
    progress: Progress = silent,
) -> TunedNetwork:
    """Return ``network`` calibrated, its nodes timed on ``backend``.

    Raises:
        ConfigError: ``keep_float`` names no node.
        DataError: No calibration image can be read.
    """
    calibrated = calibrate_network(network, calibration, options, progress)
    whole = quantize_calibrated(network, calibrated, calibrated.kept_float, options)
    variants = variants_of(network.graph, whole, calibrated.drowned)
    feeds = next(image_feeds(network.graph, calibration, network.preprocess))
    machine = describe_machine()
    versions, isa = repr(machine.versions), " ".join(machine.isa)
    times = kept_times(
        options.cache,
        (__version__, versions, whole.graph.sha256, repr(backend), machine.cpu, isa),
        lambda: measure_times(variants, feeds, backend),
    )
    damages = rounding_damages(network.graph, calibrated)
    drowned = frozenset(
        layer for layer, nodes in variants.groups.items() if nodes & calibrated.drowned.keys()
    )
    return TunedNetwork(network, calibrated, options, Forecaster(variants, damages, times), drowned)
