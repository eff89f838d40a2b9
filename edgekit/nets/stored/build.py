"""From a checkpoint read as plain data to a detector made of our own modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from edgekit.errors import ModelError, UnknownClassError
from edgekit.nets.networks.routed import RoutedNetwork, Source, needed
from edgekit.nets.notes import notes_of_names, notes_of_precision
from edgekit.nets.stored.heads import BuiltHead, build_head, is_head
from edgekit.nets.stored.module import StoredModule, StoredObject
from edgekit.nets.stored.table import build_module, kind_of
from edgekit.nets.stored.yolov6 import build_yolov6, is_yolov6

if TYPE_CHECKING:
    from pathlib import Path

_MOST_MODULES = 20_000
_LARGEST_SIDE = 4096
# The first class that is in a network tells its family.
_FAMILIES = {
    "v10Detect": "yolov10",
    "RepNCSPELAN4": "yolov9",
    "C3k2": "yolo11",
    "DFL": "yolov8",
    "IDetect": "yolov7",
    "IAuxDetect": "yolov7",
    "SPPCSPC": "yolov7",
    "MP": "yolov7",
    "Detect": "yolov5",
}
_WRAPPERS = {
    "torch.nn.parallel.DataParallel",
    "torch.nn.parallel.data_parallel.DataParallel",
    "torch.nn.parallel.distributed.DistributedDataParallel",
}


class ReadCheckpoint(Protocol):
    """A checkpoint as plain data."""

    @property
    def path(self) -> Path:
        """Return the file."""

    @property
    def content(self) -> Any:
        """Return what is in it."""


@dataclass(frozen=True, eq=False)
class LoadedDetector:
    """A detector of our own modules, in evaluation mode, float32.

    Attributes:
        module: Takes images ``(N, 3, H, W)`` in 0..1, gives decoded predictions.
        family: ``yolov5`` to ``yolov10``, or ``yolo11``.
        class_names: As many as the head tells apart.
        strides: Of the maps the head reads, in pixels.
        end_to_end: Detections come out instead of predictions that need NMS.
        notes: What loading dropped or changed, one sentence each.
        side: Of the square images it was trained on, in pixels; ``None`` where nothing says.
        warnings: What is doubtful about it, and what to do, one sentence each.
    """

    module: nn.Module
    family: str
    class_names: tuple[str, ...]
    strides: tuple[float, ...]
    end_to_end: bool
    notes: tuple[str, ...]
    side: int | None = None
    warnings: tuple[str, ...] = ()


def build_detector(checkpoint: ReadCheckpoint) -> LoadedDetector:
    """Return the detector in ``checkpoint``, its averaged (EMA) weights where it has them.

    Every tensor of the file is either in the module, under the same key, or named in the notes.

    Raises:
        UnknownClassError: The network, or a block with weights, is of a class that is not known.
        ModelError: It holds no detector of a known family otherwise: what does not fit, and where.
    """
    network, note = _network(checkpoint)
    _check_size(network)
    if is_yolov6(network):
        return _yolov6(network, note)
    layers = _layers(network)
    head = build_head(layers[-1], end_to_end=_end_to_end(network, layers[-1]))
    sources = _sources(layers, head)
    spare = set(range(len(layers))) - set(needed(sources))
    modules = [
        nn.Identity() if place in spare else build_module(layer)
        for place, layer in enumerate(layers[:-1])
    ]
    module = RoutedNetwork([*modules, head.module], sources).eval()
    module.requires_grad_(requires_grad=False)
    dropped = (*map(layers[-1].key_of, head.dropped), *(layers[place].key for place in spare))
    _check_all_used(network, module, dropped)
    _try(network, module, head.strides)
    return LoadedDetector(
        module,
        _family(layers),
        _class_names(network, head.classes),
        head.strides,
        head.end_to_end,
        (*note, *head.notes, *_left_out(spare), *_said(network, head.classes)),
        _side(checkpoint.content),
        head.warnings,
    )


def _layers(network: StoredModule) -> list[StoredModule]:
    """Return the numbered layers of ``network``, the last of which is a head."""
    inside = network.children()
    if "model" not in inside:
        found = ", ".join(inside) or "nothing inside"
        raise network.error("a module 'model' inside", found, UnknownClassError)
    layers = list(inside["model"].children().values())
    if not layers or not is_head(layers[-1]):
        found = layers[-1].class_name if layers else "no layers"
        expected = "a detection head (Detect or a kind of it) as last layer"
        raise network.error(expected, found, UnknownClassError)
    return layers


def _yolov6(network: StoredModule, note: tuple[str, ...]) -> LoadedDetector:
    built = build_yolov6(network)
    module = built.module.eval()
    module.requires_grad_(requires_grad=False)
    _check_all_used(network, module, ())
    _try(network, module, built.strides)
    notes = (*note, *built.notes, *_said(network))
    return LoadedDetector(module, "yolov6", (), built.strides, end_to_end=False, notes=notes)


def holds_network(checkpoint: ReadCheckpoint) -> bool:
    """Return whether ``checkpoint`` holds a whole model, of whatever class, not weights alone."""
    return any(isinstance(value, StoredObject) for value in _places(checkpoint.content).values())


def _places(content: Any) -> Mapping[str, Any]:
    """Return what is where a whole model would be, the place to prefer first."""
    found = content if isinstance(content, Mapping) else {"model": content}
    return {name: found[name] for name in ("ema", "model") if name in found}


def _network(checkpoint: ReadCheckpoint) -> tuple[StoredModule, tuple[str, ...]]:
    """Return the whole network in the file, and which of two was taken."""
    file, content = str(checkpoint.path), checkpoint.content
    places = _places(content)
    for name, value in places.items():
        if isinstance(value, StoredObject):
            both = name == "ema" and places.get("model") is not None
            note = ("The averaged (EMA) weights are used.",) if both else ()
            return _unwrapped(StoredModule(value, file)), note
    keys = ", ".join(map(str, list(content)[:8])) if isinstance(content, Mapping) else "no keys"
    raise ModelError(
        f"Cannot load '{file}': expected a whole model under 'ema' or 'model', found {keys}. "
        "A file of weights alone does not say how its layers are wired: export the model to "
        "ONNX, or save it whole."
    )


def _check_size(network: StoredModule) -> None:
    """Refuse what shares modules so often that building it would never end."""
    if sum(1 for _ in islice(network.walk(), _MOST_MODULES + 1)) > _MOST_MODULES:
        raise network.error(f"at most {_MOST_MODULES} modules", "more")


def _unwrapped(network: StoredModule) -> StoredModule:
    while network.class_name in _WRAPPERS:
        network = StoredModule(network.child("module").value, network.file)
    return network


def _end_to_end(network: StoredModule, head: StoredModule) -> bool | None:
    """Return what the file says of its output.

    On the head, which is what acts on it; else on the model; else in the model's description.
    """
    description = network.attribute("yaml")
    stated = [head.attribute("end2end"), network.attribute("end2end")]
    if isinstance(description, Mapping):
        stated.append(description.get("end2end"))
    return next((flag for flag in stated if isinstance(flag, bool)), None)


def _sources(layers: list[StoredModule], head: BuiltHead) -> list[Source]:
    """Return what each layer reads; of the maps the head names, those it makes use of."""
    sources = [_source(layer, place) for place, layer in enumerate(layers)]
    last = sources[-1]
    return [*sources[:-1], last if isinstance(last, int) else last[head.reads]]


def _left_out(spare: set[int]) -> tuple[str, ...]:
    said = "layers that only the auxiliary head reads, in training, are dropped."
    return (f"{len(spare)} {said}",) if spare else ()


def _source(layer: StoredModule, index: int) -> Source:
    """Return the place of what ``layer`` reads; negative numbers count back from it."""
    stored = layer.attribute("f")
    if isinstance(stored, int):
        return _place(layer, stored, index)
    if not isinstance(stored, list | tuple) or not stored:
        raise layer.error("'f', the layers it reads", repr(stored))
    return tuple(_place(layer, at, index) for at in stored)


def _place(layer: StoredModule, at: Any, index: int) -> int:
    place = index + at if isinstance(at, int) and at < 0 else at
    if not isinstance(place, int) or not -1 <= place < index:
        raise layer.error(f"'f' of a layer before {index}", repr(at))
    return place


def _check_all_used(network: StoredModule, module: nn.Module, dropped: tuple[str, ...]) -> None:
    """Hold that the module has every stored tensor but those ``dropped`` on purpose."""
    stored = {of.key_of(name) for of in network.walk() for name in of.arrays()}
    starts = tuple(f"{key}." for key in dropped)
    expected = {key for key in stored if not f"{key}.".startswith(starts)}
    own = set(module.state_dict())
    counts = {key for key in own | expected if key.endswith("num_batches_tracked")}
    differ = sorted((expected ^ own) - counts)
    if differ:
        raise network.error("tensors that all have their place", f"'{differ[0]}' without one")


def _try(network: StoredModule, module: nn.Module, strides: tuple[float, ...]) -> None:
    """Run a small image through, so that layers that do not fit are found here."""
    side = int(2 * max(strides))
    try:
        with torch.inference_mode():
            module(torch.zeros(1, 3, side, side))
    except (RuntimeError, ValueError, TypeError, AttributeError) as err:
        first = str(err).partition("\n")[0]
        raise network.error("layers that fit together", first) from err


def _family(layers: list[StoredModule]) -> str:
    """Return the family by what only its networks are made of."""
    kinds = {kind_of(part) for layer in layers for part in layer.walk()}
    telling = (kind for kind in _FAMILIES if kind in kinds)
    return _FAMILIES[next(telling, "Detect")]


def stored_names(checkpoint: ReadCheckpoint) -> tuple[str, ...]:
    """Return the class names that the whole model in ``checkpoint`` has; none where it has none.

    Raises:
        ModelError: It holds no whole model.
    """
    return _names(_network(checkpoint)[0])


def _names(network: StoredModule) -> tuple[str, ...]:
    names = network.attribute("names")
    if isinstance(names, Mapping):
        names = [names.get(index) for index in range(len(names))]
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


def _class_names(network: StoredModule, classes: int) -> tuple[str, ...]:
    """Return the stored names; none when they do not match the classes of the head."""
    names = _names(network)
    return names if len(names) == classes else ()


def _side(content: Any) -> int | None:
    """Return the image size among the options of the training, as Ultralytics keeps them."""
    options = content.get("train_args") if isinstance(content, Mapping) else None
    side = options.get("imgsz") if isinstance(options, Mapping) else None
    return side if isinstance(side, int) and 0 < side <= _LARGEST_SIDE else None


def _said(network: StoredModule, classes: int | None = None) -> tuple[str, ...]:
    """Return the notes of the precision and, where the head has ``classes``, of their names."""
    arrays = (array for of in network.walk() for array in of.arrays().values())
    names = () if classes is None else notes_of_names(_names(network), classes)
    return (*names, *notes_of_precision(arrays))
