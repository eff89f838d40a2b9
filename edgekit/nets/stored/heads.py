"""Detection heads, made from what a checkpoint says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from edgekit.nets.heads.anchors import AnchorHead, ImplicitAnchorHead
from edgekit.nets.heads.distances import (
    DistanceHead,
    EndToEndHead,
    Expectation,
    MainDistanceHead,
)
from edgekit.nets.stored.table import build_module, kind_of
from edgekit.nets.stored.torch_layers import tensor_of

if TYPE_CHECKING:
    from edgekit.nets.stored.module import StoredModule

_DETECTIONS = 300
_STRIDE_MOST = 128
_ANCHORS = ("Detect", "IDetect", "IAuxDetect")
_DISTANCES = ("Detect", "v10Detect", "DDetect")
_TWINS = ("DualDetect", "DualDDetect")
_AUXILIARY = "The auxiliary head, used in training only, is dropped."
_TURNED_OFF = (
    "The checkpoint has an end-to-end head and says 'end2end: False': the one-to-many head is "
    "kept, whose predictions need NMS, and is what is measured here. If that is not meant, set "
    "end2end to True on the model and on its head, and give edgekit the checkpoint saved anew."
)
_STALE = 1e-2  # anchors may have been rounded to half precision twice


@dataclass(frozen=True, eq=False)
class BuiltHead:
    """A head and what there is to say about it.

    Attributes:
        classes: How many classes it tells apart.
        dropped: Stored names of what the head does without.
        reads: Which of the maps that the stored head reads.
        warnings: What is doubtful about it, and what to do, one sentence each.
    """

    module: nn.Module
    classes: int
    strides: tuple[float, ...]
    end_to_end: bool = False
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reads: slice = field(default_factory=lambda: slice(None))
    warnings: tuple[str, ...] = ()


def is_head(stored: StoredModule) -> bool:
    """Return whether ``stored`` is a detection head of a known kind."""
    return kind_of(stored) in {*_ANCHORS, *_DISTANCES, *_TWINS}


def build_head(stored: StoredModule, *, end_to_end: bool | None) -> BuiltHead:
    """Return the head, decode included.

    Args:
        stored: What the file says of it.
        end_to_end: What the file says of its output elsewhere; ``None`` when it is silent.

    Raises:
        ModelError: Its parts are not those of a known head, or contradict each other.
    """
    if "m" in stored.children():
        return _anchor_head(stored)
    if kind_of(stored) in _TWINS:
        return _main_head(stored)
    if "one2one_cv2" in stored.children() and end_to_end is not False:
        return _end_to_end_head(stored)
    return _distance_head(stored)


def _anchor_head(stored: StoredModule) -> BuiltHead:
    convs = _branches(stored, "m")
    strides = _strides(stored, len(convs))
    anchors = stored.arrays().get("anchors")
    if anchors is None or anchors.ndim != 3 or anchors.shape[::2] != (len(convs), 2):
        shape = "none" if anchors is None else f"{anchors.shape}"
        raise stored.error(f"anchors of shape ({len(convs)}, n, 2)", shape)
    if not np.isfinite(anchors).all() or anchors.min() <= 0:
        raise stored.error("anchors larger than 0", f"{anchors.tolist()}")
    classes, outputs = stored.whole("nc"), anchors.shape[1] * (5 + stored.whole("nc"))
    _check_outputs(stored, "m", outputs)
    module = _with_learned(stored, AnchorHead(convs, tensor_of(anchors), strides))
    notes = _stale_grid(stored, np.asarray(anchors, np.float32), strides)
    auxiliary = "m2" in stored.children()
    return BuiltHead(
        module,
        classes,
        strides,
        dropped=("anchor_grid", "m2"),
        notes=(*notes, _AUXILIARY) if auxiliary else notes,
        reads=slice(len(convs) if auxiliary else None),
    )


def _with_learned(stored: StoredModule, head: AnchorHead) -> AnchorHead:
    """Return ``head`` with the numbers YOLOv7 learns around each convolution, if there are any."""
    if "ia" not in stored.children():
        return head
    if "forward" in stored.value.state:
        raise stored.error("a head as it was trained", "one whose 'ia' and 'im' are merged already")
    before, behind = _branches(stored, "ia"), _branches(stored, "im")
    if not len(before) == len(behind) == len(head.m):
        raise stored.error(f"{len(head.m)} of 'ia' and of 'im'", f"{len(before)}, {len(behind)}")
    return ImplicitAnchorHead(head.m, head.anchors, head.strides, ia=before, im=behind)


def _main_head(stored: StoredModule) -> BuiltHead:
    """Return the main one of YOLOv9's two heads: it reads the second half of the maps."""
    boxes, classes = _branches(stored, "cv4"), _branches(stored, "cv5")
    strides, dfl = _check_distances(stored, ("cv4", "cv5", "dfl2"))
    return BuiltHead(
        MainDistanceHead(boxes, classes, dfl, strides),
        stored.whole("nc"),
        strides,
        dropped=("cv2", "cv3", "dfl"),
        notes=(_AUXILIARY,),
        reads=slice(len(boxes), None),
    )


def _distance_head(stored: StoredModule) -> BuiltHead:
    boxes, classes = _branches(stored, "cv2"), _branches(stored, "cv3")
    strides, dfl = _check_distances(stored, ("cv2", "cv3", "dfl"))
    twin = "one2one_cv2" in stored.children()
    return BuiltHead(
        DistanceHead(boxes, classes, dfl, strides),
        stored.whole("nc"),
        strides,
        dropped=("one2one_cv2", "one2one_cv3"),
        warnings=(_TURNED_OFF,) if twin else (),
    )


def _end_to_end_head(stored: StoredModule) -> BuiltHead:
    branches = _branches(stored, "one2one_cv2"), _branches(stored, "one2one_cv3")
    strides, dfl = _check_distances(stored, ("one2one_cv2", "one2one_cv3", "dfl"))
    limit = stored.whole("max_det") if "max_det" in stored.value.state else _DETECTIONS
    many = "cv2" in stored.children()
    notes = ("The one-to-many head, used in training only, is dropped.",)
    return BuiltHead(
        EndToEndHead(branches, dfl, strides, limit),
        stored.whole("nc"),
        strides,
        end_to_end=True,
        dropped=("cv2", "cv3"),
        notes=notes if many else (),
    )


def _branches(stored: StoredModule, name: str) -> nn.ModuleList:
    built = build_module(stored.child(name))
    if not isinstance(built, nn.ModuleList) or not len(built):
        raise stored.error(f"a list of branches '{name}'", type(built).__name__)
    return built


def _check_distances(
    stored: StoredModule, names: tuple[str, str, str]
) -> tuple[tuple[float, ...], Expectation]:
    """Return strides and the mean over bins, once both branches are known to fit them.

    Args:
        stored: The head.
        names: Of the branches for boxes and for classes, and of the mean.
    """
    boxes, classes, mean = names
    bins = stored.whole("reg_max")
    _check_outputs(stored, boxes, 4 * bins)
    _check_outputs(stored, classes, stored.whole("nc"))
    maps = [len(stored.child(name).children()) for name in (boxes, classes)]
    if maps[0] != maps[1]:
        raise stored.error("as many branches for boxes as for classes", f"{maps}")
    dfl = build_module(stored.child(mean))
    if not isinstance(dfl, Expectation) or dfl.conv.in_channels != bins:
        raise stored.error(f"a mean over {bins} bins '{mean}'", stored.child(mean).class_name)
    return _strides(stored, maps[0]), dfl


def _check_outputs(stored: StoredModule, name: str, outputs: int) -> None:
    for branch in stored.child(name).children().values():
        last = branch
        while last.children():
            last = list(last.children().values())[-1]
        found = last.arrays().get("weight", np.empty(0)).shape[:1]
        if found != (outputs,):
            raise last.error(f"{outputs} outputs", f"{found}")


def _strides(stored: StoredModule, maps: int) -> tuple[float, ...]:
    strides = stored.numbers("stride")
    if len(strides) != maps or min(strides) < 1 or max(strides) > _STRIDE_MOST:
        raise stored.error(f"{maps} strides of 1 to {_STRIDE_MOST}", f"{strides}")
    return strides


def _stale_grid(
    stored: StoredModule, anchors: np.ndarray, strides: tuple[float, ...]
) -> tuple[str, ...]:
    """Return the note that the stored anchors in pixels are wrong, where they are."""
    grid = stored.arrays().get("anchor_grid")
    if grid is None or grid.size != anchors.size:
        return ()
    pixels = anchors * np.reshape(strides, (-1, 1, 1)).astype(np.float32)
    if np.allclose(np.asarray(grid, np.float32).reshape(pixels.shape), pixels, rtol=_STALE):
        return ()
    return ("The stored anchor grid is stale: anchors in pixels are anchors times stride.",)
