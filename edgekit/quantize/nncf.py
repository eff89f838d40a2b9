"""INT8 by NNCF, Intel's own tool, told what stays in float and when it is good enough."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from edgekit.errors import DataError, EdgekitError, StageError
from edgekit.optional import require
from edgekit.quantize.openvino_ops import (
    NEEDED_FOR,
    last_line,
    operations_of,
    read_simplified,
    settle_names,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    from numpy.typing import NDArray
    from openvino import CompiledModel, Model

    from edgekit.values import Graph

    Feed = Mapping[str, NDArray[np.generic]]


OverflowFix = Literal["disable", "first-layer", "enable"]


@dataclass(frozen=True)
class NncfOptions:
    """How NNCF quantizes.

    Attributes:
        preset: ``mixed`` gives activations a zero point, ``performance`` makes all symmetric.
        overflow_fix: Whose weights use half of the integers, so that sums of u8 x s8 in 16 bits
            do not overflow: nobody's where the device sums exactly, the first layers', or all.
        fast_bias_correction: Whether shifts of the means are estimated layer by layer; else by
            running the network again after each layer, which takes minutes.
        device: Whose operations are known to run in INT8.
    """

    preset: Literal["mixed", "performance"] = "mixed"
    overflow_fix: OverflowFix = "disable"
    fast_bias_correction: bool = True
    device: Literal["cpu", "gpu", "npu"] = "cpu"


@dataclass(frozen=True)
class NncfGoal:
    """When INT8 is good enough, and how long to try.

    Attributes:
        metric: How good a compiled network is; more is better. It is asked once of float, once
            of INT8 and once after each round.
        max_drop: How much less than that of float it may be.
        ranking_images: How many calibration images tell which layers to take back to float first.
        max_rounds: Of taking back the next group of layers.
    """

    metric: Callable[[CompiledModel], float]
    max_drop: float
    ranking_images: int = 16
    max_rounds: int = 20


@dataclass(frozen=True, eq=False)
class NncfOutcome:
    """What came of a goal.

    Attributes:
        model: The quantized network; the last that was tried where the goal is not met.
        score: What the metric says of it.
        float_score: What the metric says of float.
        met: Whether the goal is.
    """

    model: Model
    score: float
    float_score: float
    met: bool


def quantize_by_nncf(
    graph: Graph, kept_float: Mapping[str, str], feeds: Iterable[Feed], options: NncfOptions
) -> Model:
    """Return ``graph`` in INT8, as an OpenVINO network.

    Args:
        graph: The float network.
        kept_float: Names of its nodes that stay in float, with the reason.
        feeds: Inputs to calibrate on, by name; all are held in memory.
        options: How.

    Raises:
        DataError: There are no ``feeds``.
        MissingExtraError: NNCF or OpenVINO is not installed.
        StageError: OpenVINO cannot read the network, a node to keep in float is not in it, or
            NNCF stopped.
    """
    nncf, model, images = _imported(), read_simplified(graph), _listed(feeds)
    settings = _settings(nncf, options, _scope(model, graph, kept_float), len(images))
    with _quiet(), _stage(options):
        made = nncf.quantize(
            model,
            nncf.Dataset(images),
            advanced_parameters=_overflow(nncf, options),
            **settings,
        )
    settle_names(made, graph, "nncf")
    return made


def quantize_by_nncf_within(
    graph: Graph,
    kept_float: Mapping[str, str],
    feeds: Iterable[Feed],
    options: NncfOptions,
    goal: NncfGoal,
) -> NncfOutcome:
    """Return ``graph`` in INT8 but for the layers that had to go back to float to meet ``goal``.

    Args:
        graph: The float network.
        kept_float: Names of its nodes that stay in float, with the reason.
        feeds: Inputs to calibrate on, by name; all are held in memory.
        options: How.
        goal: When it is good enough.

    Raises:
        DataError: There are no ``feeds``.
        MissingExtraError: NNCF or OpenVINO is not installed.
        StageError: OpenVINO cannot read the network, a node to keep in float is not in it, or
            NNCF stopped.
    """
    nncf, model, images = _imported(), read_simplified(graph), _listed(feeds)
    settings = _settings(nncf, options, _scope(model, graph, kept_float), len(images))
    judge = _Judge(goal, model, images[:: -(-len(images) // goal.ranking_images)])
    with _quiet(), _stage(options):
        made = nncf.quantize_with_accuracy_control(
            model,
            nncf.Dataset(images),
            judge,
            judge.validate,
            max_drop=goal.max_drop,
            advanced_quantization_parameters=_overflow(nncf, options),
            advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
                max_num_iterations=goal.max_rounds, num_ranking_workers=1
            ),
            **settings,
        )
        score = goal.metric(_compiled(made))
    settle_names(made, graph, "nncf")
    return NncfOutcome(made, score, judge.first, judge.first - score <= goal.max_drop)


class _Judge:
    """Says how good the networks are that NNCF tries, in place of a data set and its validation.

    NNCF asks for all data to judge a network, and for chosen data to rank what to take back to
    float: then the score is how near the outputs are to those in float, which tells more from a
    few images than any metric of detections. (NNCF can compare outputs itself, but would begin
    with the layers whose return leaves the largest error.)
    """

    def __init__(self, goal: NncfGoal, model: Model, images: Sequence[Feed]) -> None:
        self._goal = goal
        self._images = images
        self._expected = [_outputs(_compiled(model), image) for image in images]
        self.first: float = float("nan")

    def get_length(self) -> int:
        """Return how many images rank."""
        return len(self._images)

    def get_data(self, indices: list[int] | None = None) -> list[int | None]:
        """Return what NNCF hands on to ``validate``: indices to rank, ``None`` to judge."""
        return [None] if indices is None else list(indices)

    def validate(
        self, compiled: CompiledModel, data: Iterable[int | None]
    ) -> tuple[float, list[float]]:
        """Return the score of a network, more is better, and as many numbers as images."""
        unused = [0.0] * len(self._images)
        if list(data) != [None]:
            return -self._error(compiled), unused
        score = float(self._goal.metric(compiled))
        self.first = score if np.isnan(self.first) else self.first
        return score, unused

    def _error(self, compiled: CompiledModel) -> float:
        """Return the mean power of the error of the outputs, relative to that of the outputs."""
        shares = [
            np.square(found - expected).mean() / (np.square(expected).mean() + 1e-12)
            for image, wanted in zip(self._images, self._expected, strict=True)
            for found, expected in zip(_outputs(compiled, image), wanted, strict=True)
        ]
        return float(np.mean(shares))


def _outputs(compiled: CompiledModel, feed: Feed) -> list[NDArray[np.float64]]:
    return [np.array(value, np.float64) for value in compiled(dict(feed)).values()]


def _compiled(model: Model) -> CompiledModel:
    """Return ``model`` as NNCF itself compiles it."""
    openvino = require("openvino", extra="openvino", needed_for=NEEDED_FOR)
    return openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def _scope(model: Model, graph: Graph, kept_float: Mapping[str, str]) -> list[str]:
    found = operations_of(model, graph, kept_float)
    return sorted({name for names in found.values() for name in names})


def _listed(feeds: Iterable[Feed]) -> list[dict[str, NDArray[np.generic]]]:
    images = [dict(feed) for feed in feeds]
    if not images:
        raise DataError("Expected images to calibrate on, found none. Give some with --calib.")
    return images


def _settings(
    nncf: ModuleType, options: NncfOptions, scope: list[str], images: int
) -> dict[str, Any]:
    """Return what both of NNCF's functions take."""
    return {
        "preset": nncf.QuantizationPreset(options.preset),
        "target_device": nncf.TargetDevice(options.device.upper()),
        "subset_size": images,
        "fast_bias_correction": options.fast_bias_correction,
        "ignored_scope": nncf.IgnoredScope(names=scope),
    }


def _overflow(nncf: ModuleType, options: NncfOptions) -> Any:
    chosen = {
        "disable": nncf.OverflowFix.DISABLE,
        "first-layer": nncf.OverflowFix.FIRST_LAYER,
        "enable": nncf.OverflowFix.ENABLE,
    }
    return nncf.AdvancedQuantizationParameters(overflow_fix=chosen[options.overflow_fix])


def _imported() -> ModuleType:
    """Return NNCF. Importing it neither writes to stdout nor sets up what reports its use."""
    absent, before = object(), logging.root.manager.disable
    reports = sys.modules.get("openvino_telemetry", absent)
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    logging.disable(logging.CRITICAL)
    try:
        return require("nncf", extra="openvino", needed_for=NEEDED_FOR)
    finally:
        logging.disable(before)
        del sys.modules["openvino_telemetry"]
        if reports is not absent:
            sys.modules["openvino_telemetry"] = reports  # type: ignore[assignment]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep NNCF's log and progress bars from stdout."""

    def drop(_: logging.LogRecord) -> bool:
        return False

    log = logging.getLogger("nncf")
    log.addFilter(drop)
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        log.removeFilter(drop)


@contextmanager
def _stage(options: NncfOptions) -> Iterator[None]:
    """Turn whatever NNCF raises into an error that says what to do."""
    try:
        yield
    except EdgekitError:
        raise
    except Exception as err:
        raise StageError(
            f"NNCF stopped while it quantized with {options}: {type(err).__name__}: "
            f"{last_line(err)}. Keep the layer it names in float (keep_float in the recipe), or "
            "quantize for ONNX Runtime: edgekit convert MODEL --target ort-cpu-int8"
        ) from err
