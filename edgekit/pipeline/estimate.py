"""What a model would take on devices nobody has at hand: estimates, and marked so everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from edgekit.config.device import find_device, list_devices
from edgekit.errors import ConfigError
from edgekit.estimate.constants import CONSTANTS
from edgekit.estimate.layers import fused_layers
from edgekit.estimate.processor import Runtime, processors_of
from edgekit.estimate.rank import precisions_of, rank
from edgekit.estimate.roofline import work_of
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.report.estimated import Estimated
from edgekit.report.schema import Row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgekit.estimate.constants import Constants
    from edgekit.estimate.processor import Processor
    from edgekit.estimate.roofline import Estimate
    from edgekit.pipeline.options import ModelOptions
    from edgekit.report.schema import Hw
    from edgekit.values import Graph, Precision

OF_REPORTS: frozenset[Runtime] = frozenset({"onnxruntime", "openvino", "tensorrt"})


@dataclass(frozen=True, eq=False)
class Ranking:
    """Devices for a model, none of which ran it.

    Attributes:
        sha256: Of the model's file.
        size_hw: Height and width of the image, in pixels.
        estimates: One per processor and runtime, the fastest first.
        unknown: Devices whose files give too few figures for an estimate.
    """

    sha256: str
    size_hw: Hw
    estimates: tuple[Estimate, ...]
    unknown: tuple[str, ...]


def rank_devices(
    path: Path,
    options: ModelOptions,
    precision: Precision | None = None,
    device: str | None = None,
) -> Ranking:
    """Return what the model at ``path`` is expected to take on every device, or on one.

    The network is the one a conversion ships: folded, and its decode cut off where that is proven.

    Args:
        path: ONNX file or checkpoint.
        options: What it leaves open.
        precision: ``None`` takes the fastest of each processor.
        device: Name or YAML file of the only one; ``None`` takes all that ship, and this computer.

    Raises:
        ConfigError: Bad input; the one device has too few figures, or not that precision.
    """
    names = list_devices() if device is None else (device,)
    found = {name: processors_of(name, find_device(name)) for name in names}
    processors = [one for each in found.values() for one in each]
    if device is not None:
        _require(device, processors, precision)
    detector = prepare(path, options)
    work = work_of(fused_layers(network_of(detector).graph))
    return Ranking(
        sha256=detector.source.sha256,
        size_hw=detector.source.size_hw,
        estimates=rank(work, processors, precision),
        unknown=tuple(name for name, each in found.items() if not each),
    )


def estimate_graph(graph: Graph, device: str, runtime: Runtime, precision: Precision) -> Estimate:
    """Return what ``graph``, in 32-bit floats, is expected to take in ``precision`` on a device.

    Args:
        graph: As it is shipped, before any quantization.
        device: Name or YAML file.
        runtime: Of those that run on it: its fastest processor is taken.
        precision: Of those with a figure there.

    Raises:
        ConfigError: The device has too few figures, or not that runtime or precision.
    """
    found = processors_of(device, find_device(device))
    _require(device, found, precision)
    able = [one for one in found if one.runtime == runtime]
    ranked = rank(work_of(fused_layers(graph)), able, precision)
    if not ranked:
        runtimes = sorted({one.runtime for one in found})
        raise ConfigError(
            f"--device {device}: expected an estimate of {runtime} in {precision}, found figures "
            f"for {', '.join(runtimes)}. List what there is with: edgekit devices --model MODEL"
        )
    return ranked[0]


def estimated_row(name: str, one: Estimate, input_hw: Hw) -> Row:
    """Return ``one`` as a row of a report: status ``estimated``, no accuracy, no measured time.

    Raises:
        ConfigError: Its runtime is none that edgekit makes models for.
    """
    processor = one.processor
    if processor.runtime not in OF_REPORTS:
        raise ConfigError(
            f"{name}: expected a runtime that edgekit makes models for, found "
            f"{processor.runtime}. Choose one of: {', '.join(sorted(OF_REPORTS))}."
        )
    shares = one.shares
    return Row(
        name=name,
        backend=cast("Literal['onnxruntime', 'openvino', 'tensorrt']", processor.runtime),
        precision=one.precision,
        input_hw=input_hw,
        status="estimated",
        reason=f"nobody ran it: a roofline of {processor.title}",
        estimate=Estimated(
            ms=one.ms,
            low_ms=one.low_ms,
            high_ms=one.high_ms,
            bound=one.bound,
            compute_share=shares["compute"],
            memory_share=shares["memory"],
            overhead_share=shares["overhead"],
            basis=basis(processor.family, CONSTANTS[processor.family]),
        ),
    )


def basis(family: str, constants: Constants) -> str:
    """Return in one sentence what the constants of ``family`` stand on."""
    fitted = f"fitted to {constants.pairs} published times on {', '.join(constants.fitted_on)}"
    if constants.error is None:
        return f"{family}: {fitted}; checked on none."
    return (
        f"{family}: {fitted}; off by {constants.error:.0%} (median) on {constants.checked} others, "
        f"on {', '.join(constants.checked_on)}."
    )


def _require(device: str, found: Sequence[Processor], wanted: Precision | None) -> None:
    if not found:
        raise ConfigError(
            f"--device {device}: expected peaks, clock and bandwidth for an estimate, found too "
            "few of them. Copy the file, add them with their sources, and give its path."
        )
    known = {precision for one in found for precision in precisions_of(one)}
    if wanted is not None and wanted not in known:
        raise ConfigError(
            f"--device {device}: expected figures for {wanted}, found those for "
            f"{', '.join(sorted(known))}. Choose one of them with --precision."
        )
