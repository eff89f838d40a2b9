"""What ``edgekit demo`` converts: a detector that ships with edgekit, on scenes edgekit draws."""

from __future__ import annotations

import shlex
from pathlib import Path

import edgekit
from edgekit.config.files import folder
from edgekit.errors import MissingError
from edgekit.pipeline.options import ConvertOptions

CALIBRATION, EVALUATION = "digits", "digits-eval"


def bundled_model() -> Path:
    """Return the ONNX file of the detector of handwritten digits that ships with edgekit.

    Raises:
        MissingError: It is not where it was installed.
    """
    path = Path(edgekit.__file__).parent / "models" / "digits.onnx"
    if not path.is_file():
        raise MissingError(
            f"{path}: expected the detector that ships with edgekit, found no file. "
            "Install edgekit again."
        )
    return path


def demo_options(target: str, out: Path, cache: Path) -> ConvertOptions:
    """Return what the demo asks of ``convert``, its ``command`` being what a user would type.

    Args:
        target: Name of a recipe, or path of one.
        out: Folder to write.
        cache: Where drawn scenes and work in progress are kept.

    Raises:
        MissingError: The detector is not where it was installed.
    """
    calib, evaluation = _manifest(CALIBRATION), _manifest(EVALUATION)
    words = ["edgekit", "convert", str(bundled_model()), "--target", target]
    words += ["--calib", calib, "--eval", evaluation, "--out", str(out)]
    return ConvertOptions(
        target=target,
        out=out,
        calib=calib,
        evaluation=evaluation,
        cache=cache,
        command=shlex.join(words),
    )


def _manifest(name: str) -> str:
    """Return ``name``, or the manifest's path where a file of the user's own has that name."""
    return str(folder("calibration") / f"{name}.yaml") if Path(name).exists() else name
