"""Weights by name, put into the published network they are of."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgekit.errors import ModelError, UnknownNameError
from edgekit.nets.architectures.registry import ARCHITECTURES
from edgekit.nets.heads.distances import EndToEndHead
from edgekit.nets.notes import notes_of_names, notes_of_precision
from edgekit.nets.stored.build import LoadedDetector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from edgekit.nets.architectures.registry import Architecture

Arrays = Mapping[str, NDArray[Any]]
Shapes = dict[str, tuple[int, ...]]

_LEAST_SHARED, _USUAL_CLASSES = 0.25, 80
_FEW = 3
_LAYERS = "model."  # what the networks of numbered layers call them; some tools leave it out
# Of no use after training and often left out; and what follows from the rest: anchors in pixels,
# the bins that some versions of NanoDet-Plus's head save.
_NEEDLESS = ("num_batches_tracked", "anchor_grid", "head.project")


def build_named(
    path: Path,
    arrays: Arrays,
    name: str | None = None,
    notes: tuple[str, ...] = (),
    whole: tuple[str, ...] | None = None,
) -> LoadedDetector:
    """Return the published network that ``arrays`` are the weights of, with them in it.

    Args:
        path: Where they come from, for messages.
        arrays: By the names of a state dictionary.
        name: Of the network, ``yolo11n``, or of its family; ``None`` finds the one that fits.
        notes: What was said of the weights before, one sentence each.
        whole: Class names of the whole model that the weights were taken from, which may have
            been wired in another way; ``None`` where weights are all there was.

    Raises:
        UnknownNameError: There is no network or family of that name.
        ModelError: The names or shapes are not those of that network, or of exactly one.
    """
    wanted = None if name is None else _called(name)
    if wanted is not None and len(wanted) == 1:
        (chosen,) = wanted
        arrays = _as_named_by(chosen, arrays)
        _require_fit(path, chosen, arrays)
        return _built(chosen, arrays, notes, whole)
    fits = fitting(arrays, wanted or ARCHITECTURES.values())
    if len(fits) != 1:
        raise _not_one(path, fits) if fits else _none(path, name, arrays, wanted)
    note = f"The names and shapes of its weights are those of {fits[0].name}: read as that."
    return _built(fits[0], _as_named_by(fits[0], arrays), (*notes, note), whole)


def is_known(name: str) -> bool:
    """Return whether ``name`` is a published network, or a family of some."""
    return any(name in {one.name, one.family} for one in ARCHITECTURES.values())


def is_called(name: str, arrays: Arrays) -> bool:
    """Return whether ``arrays`` are the weights of the network or the family ``name``."""
    return is_known(name) and bool(fitting(arrays, _called(name)))


def differences(name: str, arrays: Arrays) -> str:
    """Return what keeps ``arrays`` from being the weights of the network ``name``.

    Empty where nothing does, and where no network is called so.
    """
    network = ARCHITECTURES.get(name)
    return "; ".join(_faults(network, _as_named_by(network, arrays))) if network else ""


def fitting(
    arrays: Arrays, among: Iterable[Architecture] | None = None
) -> tuple[Architecture, ...]:
    """Return the published networks whose every weight is in ``arrays``, and nothing else."""
    candidates = ARCHITECTURES.values() if among is None else among
    return tuple(one for one in candidates if not any(_faults(one, _as_named_by(one, arrays))))


def _called(name: str) -> tuple[Architecture, ...]:
    if name in ARCHITECTURES:
        return (ARCHITECTURES[name],)
    if not is_known(name):
        known = {*ARCHITECTURES, *(one.family for one in ARCHITECTURES.values())}
        raise UnknownNameError("family", name, known)
    return tuple(one for one in ARCHITECTURES.values() if one.family == name)


def _as_named_by(architecture: Architecture, arrays: Arrays) -> Arrays:
    """Return ``arrays`` with or without the name before numbered layers, as the network has it."""
    counted = architecture.classes.key
    if counted in arrays:
        return arrays
    if f"{_LAYERS}{counted}" in arrays:
        return {key.removeprefix(_LAYERS): value for key, value in arrays.items()}
    if counted.removeprefix(_LAYERS) in arrays:
        return {f"{_LAYERS}{key}": value for key, value in arrays.items()}
    return arrays


def _faults(architecture: Architecture, arrays: Arrays) -> Iterator[str]:
    """Yield what keeps ``arrays`` from being the weights of the network, the first of each kind."""
    found = {k: tuple(v.shape) for k, v in arrays.items() if not k.endswith(_NEEDLESS)}
    classes = architecture.classes.of(found)
    if classes is None:
        yield f"no '{architecture.classes.key}' that fits any number of classes"
        return
    layout = _layout(architecture, classes)
    spare = architecture.training_only
    missing = [key for key in layout if key not in found and not key.startswith(spare)]
    unexpected = [key for key in found if key not in layout]
    other = [key for key in layout if key in found and layout[key] != found[key]]
    if missing:
        yield f"{len(missing)} missing, the first '{missing[0]}'"
    if unexpected:
        yield f"{len(unexpected)} unexpected, the first '{unexpected[0]}'"
    if other:
        key = other[0]
        yield f"{len(other)} of other shapes, the first '{key}' {found[key]} for {layout[key]}"


def _layout(architecture: Architecture, classes: int) -> Shapes:
    with torch.device("meta"):
        state = architecture.build(classes).state_dict()
    return {key: tuple(value.shape) for key, value in state.items() if not key.endswith(_NEEDLESS)}


def _require_fit(path: Path, architecture: Architecture, arrays: Arrays) -> None:
    faults = list(_faults(architecture, arrays))
    if not faults:
        return
    fits = ", ".join(one.name for one in fitting(arrays))
    advice = f" They fit {fits}: name that." if fits else _folded(architecture, arrays)
    raise ModelError(
        f"Cannot load '{path}' as {architecture.name}: expected the weights of that network, "
        f"found {'; '.join(faults)}.{advice} A network that was changed has to be exported to "
        "ONNX with its own package."
    )


def _not_one(path: Path, fits: tuple[Architecture, ...]) -> ModelError:
    found = ", ".join(one.name for one in fits)
    return ModelError(
        f"Cannot load '{path}': expected weights of one network, found that they fit {found}. "
        "Choose with --family NAME."
    )


def _none(
    path: Path, name: str | None, arrays: Arrays, among: Iterable[Architecture] | None
) -> ModelError:
    """Return the refusal of weights that fit no network, with what keeps them from the nearest."""
    wanted = "any network edgekit knows by name" if name is None else f"any {name}"
    near = _nearest(arrays, ARCHITECTURES.values() if among is None else among)
    told = (
        f"found others; the nearest are {', '.join(one.name for one in near)}, with few or no "
        "weights in common. docs/reference/families.md lists all; give --family NAME to see what "
        "differs."
    )
    nearest = near[0]
    if _shared(nearest, _as_named_by(nearest, arrays))[0] >= _LEAST_SHARED * len(arrays):
        arrays = _as_named_by(nearest, arrays)
        faults = "; ".join(_faults(nearest, arrays))
        told = f"found none; of {nearest.name}, the nearest: {faults}.{_folded(nearest, arrays)}"
    return ModelError(
        f"Cannot load '{path}': it holds weights and not how they are wired: expected the names "
        f"and shapes of {wanted}, {told} Save the model whole, or export it to ONNX."
    )


def _nearest(arrays: Arrays, among: Iterable[Architecture]) -> list[Architecture]:
    """Return the few networks with the most weights in common, the nearest first."""
    return heapq.nlargest(_FEW, among, key=lambda one: _shared(one, _as_named_by(one, arrays)))


def _shared(architecture: Architecture, arrays: Arrays) -> tuple[int, int]:
    """Return how many weights are those of the network; then less, the more of it is missing."""
    shapes = {key: tuple(value.shape) for key, value in arrays.items()}
    layout = _layout(architecture, architecture.classes.of(shapes) or _USUAL_CLASSES)
    return sum(shapes.get(key) == shape for key, shape in layout.items()), -len(layout)


def _folded(architecture: Architecture, arrays: Arrays) -> str:
    """Return what to do where the network has batch normalizations, and ``arrays`` have none."""
    mean = "running_mean"
    has = any(key.endswith(mean) for key in _layout(architecture, _USUAL_CLASSES))
    if not has or any(key.endswith(mean) for key in arrays):
        return ""
    return (
        " Its batch normalizations seem to be folded into the convolutions: give the weights from "
        "before that."
    )


def _built(
    architecture: Architecture,
    arrays: Arrays,
    notes: tuple[str, ...],
    whole: tuple[str, ...] | None,
) -> LoadedDetector:
    shapes = {key: value.shape for key, value in arrays.items()}
    classes = architecture.classes.of(shapes) or 0
    module = architecture.build(classes)
    module.load_state_dict({k: _tensor(v) for k, v in arrays.items()}, strict=False)
    module.eval().requires_grad_(requires_grad=False)
    if whole is not None:
        unchecked = "activations and wiring of the file are not checked."
        notes = (*notes, f"Built as {architecture.name}: {unchecked}")
    return LoadedDetector(
        module,
        architecture.family,
        whole if whole is not None and len(whole) == classes else (),
        tuple(map(float, architecture.strides)),
        any(isinstance(part, EndToEndHead) for part in module.modules()),
        (*notes, *notes_of_names(whole or (), classes), *notes_of_precision(arrays.values())),
        architecture.side,
    )


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    floating = np.issubdtype(array.dtype, np.floating)
    return torch.from_numpy(np.array(array, np.float32 if floating else None))
