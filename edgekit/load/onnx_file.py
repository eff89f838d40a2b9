"""A user's ONNX file as the one kind of graph that every later stage works on."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from edgekit.errors import ModelError, StageError
from edgekit.graphs import graph_from_model, graph_from_proto
from edgekit.load.finite import refuse_not_finite
from edgekit.load.float32 import has_half, widen_half
from edgekit.load.image_input import find_image_input, fix_image_input
from edgekit.load.metadata import read_metadata
from edgekit.load.opset import raise_opset
from edgekit.load.protobuf import read_onnx
from edgekit.load.refuse import refuse_unsupported
from edgekit.reparam.normal_form import infer_shapes, normal_form
from edgekit.reparam.parity import TOLERANCE, comparable_values, compare, evaluate
from edgekit.reparam.probes import probe_inputs
from edgekit.values import SourceModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edgekit.load.image_input import ImageInput
    from edgekit.load.metadata import ExporterMetadata
    from edgekit.protocols import Backend
    from edgekit.values import Graph

_DEFAULT_SIZE_HW = (640, 640)
_HALF_TOLERANCE = 5e-2


@dataclass(frozen=True)
class LoadOptions:
    """Answers to what a file leaves open.

    Attributes:
        size_hw: Height and width of the input, for a model that takes any.
    """

    size_hw: tuple[int, int] | None = None


def load_onnx(path: Path, backend: Backend, options: LoadOptions | None = None) -> SourceModel:
    """Return the model in the file at ``path``, in the one form later stages work on.

    That form: opset 17 or later (13 where the converter knows no better), one float32 input
    ``(1, 3, H, W)``, static shapes, constants as initializers, every node and value with a name
    of its own. The file and that form are run side by side on ``backend`` and must agree.

    Raises:
        ModelError: The file is no float ONNX detector of color images, or a weight is no number;
            the message says what it is and what to do.
        ParityError: The form computes something else than the file.
    """
    file = read_onnx(path)
    refuse_unsupported(file.proto, path)
    with _runnable(path, backend), backend.open(file.proto.SerializeToString()):
        pass
    metadata = read_metadata(file.proto)
    with _valid_graph(path):
        original = graph_from_proto(file.proto, parent=file.sha256)
    image = find_image_input(original.model, path)
    size_hw = _choose_size(path, image, options or LoadOptions(), metadata)
    with _valid_graph(path):
        graph = _one_form(original, path, image, size_hw)
    refuse_not_finite(graph, path)
    _prove(path, original, graph, image, backend)
    return SourceModel(
        path,
        file.sha256,
        graph,
        size_hw,
        metadata.class_names,
        metadata.properties,
        _notes(original, graph, image, size_hw),
    )


@contextmanager
def _runnable(path: Path, backend: Backend) -> Iterator[None]:
    """Let the runtime judge whether the file is valid: what it refuses is a ``ModelError``."""
    try:
        yield
    except StageError as err:
        raise ModelError(
            f"Cannot load '{path}': expected a model that {backend.name} runs, found: {err}. "
            "Check that it runs by itself at this input size, or export it again with opset 17."
        ) from err


def _choose_size(
    path: Path, image: ImageInput, options: LoadOptions, metadata: ExporterMetadata
) -> tuple[int, int]:
    """Return the input size: the file's own, else the user's, else the exporter's, else 640."""
    asked = options.size_hw or metadata.size_hw or _DEFAULT_SIZE_HW
    size_hw = (image.size_hw[0] or asked[0], image.size_hw[1] or asked[1])
    if options.size_hw is not None and size_hw != options.size_hw:
        raise ModelError(
            f"Cannot load '{path}' at {_by(options.size_hw)}: expected an input that may have any "
            f"size, found one fixed at {_by(image.size_hw)}. "
            "Leave the input size out, or export the model again with a dynamic size."
        )
    return size_hw


def _one_form(original: Graph, path: Path, image: ImageInput, size_hw: tuple[int, int]) -> Graph:
    floats = widen_half(normal_form(original.model))
    fixed = fix_image_input(floats, image, size_hw)
    model = infer_shapes(normal_form(raise_opset(fixed, path)))
    return graph_from_model(model, parent=original.parent)


@contextmanager
def _valid_graph(path: Path) -> Iterator[None]:
    """Turn what onnx-ir says about a damaged graph into a ``ModelError``."""
    try:
        yield
    except (ir.serde.SerdeError, ir.passes.PassError, RuntimeError) as err:
        cause: BaseException = err
        while cause.__cause__ is not None:  # onnx-ir wraps each error in dumps of the graph
            cause = cause.__cause__
        raise ModelError(
            f"Cannot load '{path}': expected a valid graph, found: {cause}. "
            "Check the file with onnx.checker, or export it again."
        ) from err


def _prove(path: Path, original: Graph, graph: Graph, image: ImageInput, backend: Backend) -> None:
    """Run the file and its new form side by side.

    Raises:
        ModelError: The runtime cannot run the file, or its input cannot take the new form.
        ParityError: They differ.
    """
    probes = [image.whole(next(iter(probe.values()))) for probe in probe_inputs(graph)]
    names = _names_in_both(original, graph)
    feeds = [{image.name: image.feed(probe)} for probe in probes]
    with _runnable(path, backend):
        expected = [image.first(run) for run in evaluate(original, names, backend, feeds)]
    tolerance = _HALF_TOLERANCE if has_half(original.model) else TOLERANCE
    try:
        found = evaluate(graph, names, backend, [{image.name: probe} for probe in probes])
        compare(expected, found, tolerance)
    except StageError as err:
        if image.is_plain:
            raise
        raise ModelError(
            f"Cannot load '{path}': expected an input that can be made float32 of batch 1, found "
            f"one fixed to {image.dtype} of batch {image.batch}: {err} "
            "Export the model again with a float input of batch 1."
        ) from err


def _names_in_both(original: Graph, graph: Graph) -> tuple[str, ...]:
    """Return the values to compare: what selections see, or the outputs where that is renamed."""
    names = comparable_values(original)
    kept = {value.name for node in graph.model.graph for value in node.outputs}
    if kept.issuperset(names):
        return names
    return tuple(value.name or "" for value in original.model.graph.outputs)


def _notes(
    original: Graph, graph: Graph, image: ImageInput, size_hw: tuple[int, int]
) -> tuple[str, ...]:
    """Return what loading had to change, one sentence each."""
    before = original.model.opset_imports.get("", 0)
    after = graph.model.opset_imports.get("", 0)
    said = {
        f"Converted from opset {before} to {after}.": before != after,
        "Half-precision weights are computed in float32.": has_half(original.model),
        f"The file leaves the image size open: set to {_by(size_hw)}.": None in image.size_hw,
        f"The file is fixed to batch {image.batch}: set to 1.": (image.batch or 1) > 1,
        "The image input was (N, H, W, 3): made (1, 3, H, W).": image.layout == "nhwc",
        "The image input was uint8: takes the same values 0 to 255 as float32.": image.is_pixels,
    }
    return tuple(sentence for sentence, true in said.items() if true)


def _by(size_hw: tuple[int | None, int | None]) -> str:
    return " x ".join("any" if side is None else str(side) for side in size_hw)
