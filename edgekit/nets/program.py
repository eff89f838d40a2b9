"""Modules that come of code somebody else wrote: loading and calling them runs that code."""

from __future__ import annotations

import ast
import importlib
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.values import Floats

_SAID = "config.txt"  # where Ultralytics and YOLOv5 put what ONNX files have as metadata
_ATTRIBUTES = ("names", "stride")
_SIDE = 640
_SCORE = 4
_RUN = "Its own code was run, as --trust-code allows."
_HALF = "Half-precision weights are computed in float32."

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Program:
    """A module that code made, and what it says of itself.

    Attributes:
        module: Takes images ``(1, 3, H, W)``; gives its tensors, one after the other.
        family: Empty: it does not say.
        class_names: As it says; empty where it does not.
        strides: The largest, as it says; empty where it does not.
        end_to_end: Its only output are detections, the best first.
        notes: What there is to know about it, one sentence each.
        size_hw: What it takes: as asked for, else as it says, else 640.
        task: As it says, else ``detect``.
    """

    module: nn.Module
    family: str
    class_names: tuple[str, ...]
    strides: tuple[float, ...]
    end_to_end: bool
    notes: tuple[str, ...]
    size_hw: Size
    task: str = "detect"


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A module, and what is said beside it, as exporters write it into ONNX files."""

    module: Any
    said: Mapping[str, Any]
    size_hw: Size | None = None


class Flat(nn.Module):
    """A module whose output is a tuple of tensors, however it was nested."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        self.training = False  # an exported program takes no call of eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return every tensor of the output, in order."""
        leaves = pytree.tree_leaves(self.module(images))
        return tuple(leaf for leaf in leaves if isinstance(leaf, Tensor))


def load_program(
    path: Path, kind: Literal["script", "exported", "function"], size_hw: Size | None = None
) -> Program:
    """Return the module that is in an archive, or that the function ``module:factory`` makes.

    This runs code: what the archive holds, or the Python module and the function, which is
    looked for in the current directory first. Half-precision weights become float32.

    Args:
        path: The archive, or the name of the function.
        kind: What it is: TorchScript, what ``torch.export`` saved, or the name of a function.
        size_hw: Height and width of the images, where the user says.

    Raises:
        ModelError: The code fails, makes something else, or does not take such images.
    """
    with _blamed(path, "code that gives a torch module"), _quiet():
        loaded = _LOADERS[kind](path)
        half = any(p.dtype == torch.float16 for p in loaded.module.parameters())
        module = loaded.module.float() if half else loaded.module
    said = loaded.said
    size = size_hw or _size(said.get("imgsz")) or _size(said.get("shape")) or loaded.size_hw
    size = size or (_SIDE, _SIDE)
    return Program(
        module,
        "",
        _class_names(said.get("names")),
        _strides(said.get("stride")),
        _is_end_to_end(_tried(path, module, size)),
        (_RUN, *((_HALF,) if half else ())),
        size,
        str(said.get("task") or "detect"),
    )


def _tried(path: Path, module: nn.Module, size: Size) -> list[Floats]:
    """Return what ``module`` gives for noise."""
    noise = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    wanted = f"a module that takes float32 images (1, 3, {size[0]}, {size[1]}) on the CPU"
    with _blamed(path, wanted), _quiet(), torch.inference_mode():
        outputs = [output.numpy() for output in module(noise)]
    if not outputs:
        raise _failed(path, "a module that gives tensors", "one that gives none")
    return outputs


def _script(path: Path) -> _Loaded:
    beside = {_SAID: ""}
    load: Callable[..., Any] = torch.jit.load  # it has no types
    module = load(str(path), map_location="cpu", _extra_files=beside)
    return _Loaded(Flat(module.eval()), _parsed(beside[_SAID]))


def _exported(path: Path) -> _Loaded:
    beside = {_SAID: ""}
    with path.open("rb") as file:  # whatever it is called
        program = torch.export.load(file, extra_files=beside)
    inputs = program.example_inputs[0] if program.example_inputs else ()
    shapes = [list(value.shape) for value in inputs if isinstance(value, Tensor)]
    size = _size(shapes[0]) if len(shapes) == 1 else None
    return _Loaded(Flat(program.module()), _parsed(beside[_SAID]), size)


def _called(path: Path) -> _Loaded:
    home, _, function = str(path).partition(":")
    with _importing_from_here():
        module = getattr(importlib.import_module(home), function)()
    if not isinstance(module, nn.Module):
        raise TypeError(f"{function}() gave a {type(module).__name__} and no torch.nn.Module")
    said = {key: getattr(module, key, None) for key in _ATTRIBUTES}
    return _Loaded(Flat(module.cpu().eval()), said)


_LOADERS: Mapping[str, Callable[[Path], _Loaded]] = {
    "script": _script,
    "exported": _exported,
    "function": _called,
}


@contextmanager
def _importing_from_here() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what torch warns of in code that is not the user's to change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _blamed(path: Path, expected: str) -> Iterator[None]:
    """Turn whatever foreign code raises into a ``ModelError``."""
    try:
        yield
    except Exception as err:  # it may raise anything
        text = next((line for line in str(err).splitlines() if line.strip()), "")
        found = f"{type(err).__name__}: {text.strip().rstrip('.')}"
        raise _failed(path, expected, found) from err


def _failed(path: Path, expected: str, found: str) -> ModelError:
    return ModelError(
        f"Cannot load '{path}': expected {expected}, found {found}. Check that it runs by itself "
        "at this --input-size, or export the model to ONNX and give edgekit that file."
    )


def _parsed(text: str | bytes) -> Mapping[str, Any]:
    """Return what is written in JSON, or as a Python literal; nothing where it is neither."""
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(said)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(found, Mapping):
            return found
    return {}


def _class_names(names: Any) -> tuple[str, ...]:
    """Return the names where they are a list, or a mapping whose keys count from 0."""
    if isinstance(names, Mapping):
        by_key = {str(key): name for key, name in names.items()}
        names = [by_key.get(str(index)) for index in range(len(by_key))]
    if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
        return tuple(names)
    return ()


def _strides(stride: Any) -> tuple[float, ...]:
    if isinstance(stride, Tensor):
        stride = stride.tolist()
    found = stride if isinstance(stride, list | tuple) else [stride]
    usable = bool(found) and all(isinstance(s, int | float) and s >= 1 for s in found)
    return (float(max(found)),) if usable else ()


def _size(said: Any) -> Size | None:
    """Return height and width of an image size, or of a shape ``(N, 3, H, W)``."""
    sides = [said, said] if isinstance(said, int) else said
    if not isinstance(sides, list | tuple) or len(sides) not in {2, 4}:
        return None
    height, width = sides[-2:]
    usable = isinstance(height, int) and isinstance(width, int) and min(height, width) > 0
    return (height, width) if usable else None


def _is_end_to_end(outputs: list[Floats]) -> bool:
    """Return whether there is one output, rows of box, score and class, the best first."""
    if len(outputs) != 1 or outputs[0].ndim != 3 or outputs[0].shape[2] != _SCORE + 2:
        return False
    scores = outputs[0][0, :, _SCORE]
    return len(scores) > 1 and bool((scores[:-1] >= scores[1:]).all())
