"""What a person writes for each model who wants its decode in float: patterns of node names.

Read off the graphs by eye, as it is done for ``nodes_to_exclude`` of ONNX Runtime and for the
ignored scope of NNCF: everything behind the last convolutions. edgekit reads none of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DECODE = {
    "yolov8n": (r"/model\.22/[^/]+", r"/model\.22/dfl/.*"),
    "yolov5n": (r"/model\.24/[^/]+",),
    "yolov10s_e2e_unfused": (r"/model\.23/[^/]+", r"/model\.23/dfl/.*"),
    "yolox_nano_kazuhito": (
        r"Sigmoid_(329|330|362|363|395|396)",
        r"Concat_(331|364|397|422)",
        r"Reshape_(405|413|421)",
        r"Transpose_423",
    ),
    "picodet_s_320_coco": (
        r"Split_1[0-3]",
        r"Sigmoid_[0-3]",
        r"Reshape_(47|48|50|51|53|54|56|57)",
        r"Transpose_1[0-7]",
    ),
    "digits": (r"/(?!(Resize|Add)(_1)?$)[^/]+",),
}
# OpenVINO calls the node that gives an output by the name of the output.
OUTPUTS = (r"output0?", r"predictions", r"save_infer_model/.*")


def chosen(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return those of ``names`` that one of ``patterns`` matches."""
    wanted = re.compile("|".join(patterns) or "(?!)")
    return [name for name in names if wanted.fullmatch(name)]
