"""Flags that several commands share, and what they become."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgekit.pipeline.options import ModelOptions

MODEL = "How the model is read, where its file leaves it open"
Head = Annotated[str | None, typer.Option(help="Kind of detection head.", rich_help_panel=MODEL)]
InputSize = Annotated[
    str | None,
    typer.Option(help="Input size: 640, or HEIGHTxWIDTH.", rich_help_panel=MODEL),
]
Family = Annotated[
    str | None,
    typer.Option(
        help="Whose preprocessing to use, e.g. yolox; of weights alone, the network: yolo11n.",
        rich_help_panel=MODEL,
    ),
]
PreprocessText = Annotated[
    str | None,
    typer.Option(
        "--preprocess",
        help="Changes to it, e.g. color=bgr,resize=stretch,mean=0,std=1.",
        rich_help_panel=MODEL,
    ),
]
TrustCode = Annotated[
    bool,
    typer.Option(
        "--trust-code",
        help="Run the code that a .pt2 file, TorchScript or module:factory is.",
        rich_help_panel=MODEL,
    ),
]
Model = Annotated[
    Path, typer.Argument(help="Trained detector: ONNX file, checkpoint, or Darknet's .cfg.")
]
Out = Annotated[Path, typer.Option(help="Folder to write.")]
MaxMapDrop = Annotated[float | None, typer.Option(help="Points of mAP the result may lose.")]
Force = Annotated[
    bool,
    typer.Option(help="Go on with few calibration images, or when FP32 finds next to nothing."),
]
Images = Annotated[Path | None, typer.Option(help="Folder of the images that a COCO json names.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def model_options(
    head: str | None,
    input_size: str | None,
    family: str | None,
    preprocess: str | None,
    trust_code: bool = False,
) -> ModelOptions:
    """Return the answers about the model that the flags give."""
    from edgekit.pipeline.options import ModelOptions

    size_hw = _size_hw(input_size)
    return ModelOptions(head, size_hw, family, preprocess, cache_folder(), trust_code)


def cache_folder() -> Path:
    """Return where work in progress is kept: ``EDGEKIT_CACHE``, or the user's cache folder."""
    from platformdirs import user_cache_path

    named = os.environ.get("EDGEKIT_CACHE")
    return Path(named) if named else user_cache_path("edgekit")


def typed_command() -> str:
    """Return the command line as a shell would take it."""
    return shlex.join(["edgekit", *sys.argv[1:]])


def write_text(path: Path, text: str) -> None:
    """Write a file the user named.

    Raises:
        ConfigError: It cannot be written.
    """
    from edgekit.errors import ConfigError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise ConfigError(f"Cannot write {path}: {err.strerror}. Choose another file.") from err


def _size_hw(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,9})(?:x([1-9]\d{0,9}))?", text)
    if match is None:
        raise typer.BadParameter(f"--input-size '{text}': expected 640 or HEIGHTxWIDTH.")
    height = int(match[1])
    return height, int(match[2] or height)
