"""A detector of torch modules as an ONNX graph, layer by layer as the modules have it.

Batch normalizations and parallel branches stay: ``reparam`` folds them on the graph, with a proof
for each.
"""

from __future__ import annotations

import ast
import json
import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.errors import ConfigError, EdgekitError, StageError
from edgekit.export.torch_script import export_script, is_scripted
from edgekit.graphs import graph_from_proto
from edgekit.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edgekit.values import Graph

INPUT, _OUTPUTS = "images", "output"
FAMILY, NOTES = "edgekit.family", "edgekit.notes"
_OPSET = 18  # the exporter writes this one itself; older ones it would have to convert to
_MOST_WRAPPINGS = 20  # errors can be chained in a circle
_NEEDED_FOR = "Exporting a torch module"
_SCOPES = "pkg.torch.onnx.name_scopes"


class TorchDetector(Protocol):
    """A detector in evaluation mode, and what is known of it."""

    @property
    def module(self) -> Any:
        """Return the module: images ``(N, 3, H, W)`` to a tensor of predictions, or several."""

    @property
    def family(self) -> str:
        """Return the family, such as ``yolov8``; empty where nothing says."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return the names of its classes; empty where it names none."""

    @property
    def strides(self) -> tuple[float, ...]:
        """Return the strides of the maps its head reads, in pixels; none where nothing says."""

    @property
    def end_to_end(self) -> bool:
        """Return whether detections come out instead of predictions that need NMS."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what loading dropped or changed, one sentence each."""


@dataclass(frozen=True)
class ExportOptions:
    """What an ONNX graph fixes and a module leaves open.

    Attributes:
        size_hw: Height and width of the images, in pixels.
        dynamic_batch: Take any number of images at once, instead of one; not of TorchScript.
        properties: To write into the metadata besides.
    """

    size_hw: tuple[int, int] = (640, 640)
    dynamic_batch: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)


def export_detector(detector: TorchDetector, options: ExportOptions | None = None) -> Graph:
    """Return ``detector`` as a graph of opset 18, the same bytes every time.

    Its metadata says what exporters usually say (``names``, ``imgsz``, ``stride``, ``task``,
    ``end2end``), the family, and the notes of loading. A node is named after its module.

    Raises:
        MissingExtraError: torch or its exporter is not installed.
        ConfigError: TorchScript is to take any number of images.
        StageError: The exporter fails; the message is its own.
        EdgekitError: A module refuses such images.
    """
    options = options or ExportOptions()
    torch = require("torch", extra="torch", needed_for=_NEEDED_FOR)
    scripted = is_scripted(detector.module)
    if scripted and options.dynamic_batch:
        raise ConfigError(
            "dynamic_batch: expected torch modules, found TorchScript, which may have its number "
            "of images written into it. Leave dynamic_batch out, or export the model with the "
            "package that made it."
        )
    model = _export(detector, options, scripted=scripted)
    if not scripted:
        _name_nodes(model)
    _tidy(model)
    notes = (*detector.notes, f"Exported to ONNX by torch {torch.__version__}.")
    model.metadata_props.update({**_metadata(detector, options), NOTES: json.dumps(notes)})
    # Until it is serialized, the graph shares its weights with the module.
    return graph_from_proto(ir.serde.serialize_model(model))


def _export(detector: TorchDetector, options: ExportOptions, *, scripted: bool) -> ir.Model:
    """Return what an exporter of torch makes of the module, constants worked out."""
    torch = require("torch", extra="torch", needed_for=_NEEDED_FOR)
    optimizer = require("onnxscript.optimizer", extra="torch", needed_for=_NEEDED_FOR)
    images = torch.zeros(2 if options.dynamic_batch else 1, 3, *options.size_hw)
    try:
        with _quiet(), torch.inference_mode():
            if scripted:
                model = export_script(detector.module, images, INPUT)
            else:
                model = _export_module(detector.module, images, options)
            optimizer.fold_constants(model)
    except Exception as err:  # the exporter's errors share no base but Exception
        if refusal := _refusal(err):
            raise refusal from None
        raise StageError(
            f"torch {torch.__version__} cannot export this {detector.family or 'module'} to "
            f"ONNX: expected a graph, found: {_first_line(err)} Export it with its own package, "
            "and give edgekit the ONNX file."
        ) from err
    return model


def _refusal(err: BaseException) -> EdgekitError | None:
    """Return the error of a module of ours that the exporter wrapped in its own, if it is one."""
    cause: BaseException | None = err
    for _ in range(_MOST_WRAPPINGS):
        if cause is None or isinstance(cause, EdgekitError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def _export_module(module: Any, images: Any, options: ExportOptions) -> ir.Model:
    torch = require("torch", extra="torch", needed_for=_NEEDED_FOR)
    dynamic = ({0: torch.export.Dim("batch")},) if options.dynamic_batch else None
    program = torch.onnx.export(
        module,
        (images,),
        dynamo=True,
        optimize=False,  # it would fold batch normalizations, without a proof
        opset_version=_OPSET,
        input_names=[INPUT],
        dynamic_shapes=dynamic,
        verbose=False,
    )
    model: ir.Model = program.model
    return model


def _metadata(detector: TorchDetector, options: ExportOptions) -> dict[str, str]:
    strides = {"stride": str(int(max(detector.strides)))} if detector.strides else {}
    return {
        "task": "detect",
        "names": str(dict(enumerate(detector.class_names))),
        "imgsz": str(list(options.size_hw)),
        **strides,
        "end2end": str(detector.end_to_end),
        **({FAMILY: detector.family} if detector.family else {}),
        **options.properties,
    }


def _name_nodes(model: ir.Model) -> None:
    """Name nodes after their modules."""
    for node in model.graph:
        scopes = ast.literal_eval(node.metadata_props.get(_SCOPES, "[]"))
        module = next((scope for scope in reversed(scopes[:-1]) if scope), "")
        node.name = f"{module}/{node.op_type}".removeprefix("/")


def _tidy(model: ir.Model) -> None:
    """Name outputs, and drop what the exporter notes of this computer."""
    for place, output in enumerate(model.graph.outputs):
        output.name = f"{_OUTPUTS}{place}"
    common.RemoveUnusedNodesPass()(model)
    common.ClearMetadataAndDocStringPass()(model)
    common.NameFixPass()(model)
    model.metadata_props.clear()
    model.doc_string = None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what the exporter says about packages of its own."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _first_line(err: Exception) -> str:
    text = next((line for line in str(err).splitlines() if line.strip()), type(err).__name__)
    return text if text.endswith(".") else f"{text}."
