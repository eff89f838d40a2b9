"""What a conversion leaves behind: a model file and all that is needed to run it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgekit.errors import ConfigError
from edgekit.heads.spec import HeadSpec, NmsOptions
from edgekit.images.overlap import file_sha256
from edgekit.values import Precision, Preprocess, WeightRule

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"


class Threshold(BaseModel):
    """Confidence thresholds that do in the artifact what one of FP32's does in FP32."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fp32: float = Field(description="FP32's threshold.")
    here: float = Field(
        description="The artifact's: 'same_count', or FP32's own where 'ci95' holds that."
    )
    same_count: float = Field(description="The one that keeps as many detections.")
    ci95: tuple[float, float] = Field(description="95 % interval of 'same_count', over images.")
    images: int = Field(description="How many images it was found on.")
    same_precision: float | None = Field(
        default=None,
        description="The artifact's lowest one with FP32's precision; null without labels, or "
        "where it is not reached.",
    )
    same_recall: float | None = Field(
        default=None, description="The artifact's highest one with FP32's recall; likewise."
    )


class Manifest(BaseModel):
    """``manifest.json``: how to run the model file beside it, without the original model."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    edgekit: str = Field(description="Version of edgekit that wrote it.")
    file: str = Field(description="Name of the model file.")
    sha256: str = Field(description="Of the model file.")
    weights_file: str | None = Field(
        default=None, description="Name of the file of its weights, where they are in another one."
    )
    weights_sha256: str | None = Field(default=None, description="Of that file.")
    backend: Literal["onnxruntime", "openvino"]
    provider: Literal["cpu", "cuda", "gpu", "npu"] = Field(
        default="cpu", description="What the runtime runs it on."
    )
    precision: Precision
    weight_rule: WeightRule | None = Field(
        default=None,
        description="'full' is exact only where u8 x s8 products are summed in 32 bits.",
    )
    input: Literal["u8-nhwc", "float-nchw"]
    preprocess: Preprocess
    head: HeadSpec
    nms: NmsOptions
    thresholds: tuple[Threshold, ...] = Field(
        default=(),
        description="Confidences that keep FP32's operating point. The first is for FP32's 0.25, "
        "and what 'edgekit run' uses by default; with labels, the second is for its best F1.",
    )
    class_names: tuple[str, ...]
    source_sha256: str = Field(description="Of the model it was made from.")


def weights_of(model: Path) -> Path | None:
    """Return the file that holds the weights of ``model``, where they are not in it."""
    return model.with_suffix(".bin") if model.suffix == ".xml" else None


def write_artifact(folder: Path, model: Path, manifest: Manifest) -> None:
    """Copy the model file to ``folder``, which must exist, and write its manifest beside it."""
    shutil.copyfile(model, folder / manifest.file)
    weights = weights_of(model)
    if weights is not None:
        assert manifest.weights_file is not None
        shutil.copyfile(weights, folder / manifest.weights_file)
    text = manifest.model_dump_json(indent=2, by_alias=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def is_artifact(path: Path) -> bool:
    """Return whether ``path`` is an artifact, or a folder that a conversion wrote."""
    return _folder(path) is not None


def read_artifact(path: Path) -> tuple[Manifest, Path]:
    """Return the manifest of an artifact and the path of its model file.

    Args:
        path: The artifact's folder, or the one it lies in as ``artifact/``.

    Raises:
        ConfigError: There is none, its manifest is not valid, or its model file is another one.
    """
    folder = _folder(path)
    if folder is None:
        raise ConfigError(
            f"{path}: expected an artifact (a folder with {MANIFEST}), found none. "
            "Make one with: edgekit convert MODEL --target TARGET --out DIR"
        )
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except ValidationError as err:
        raise ConfigError(
            f"{folder / MANIFEST} is not a manifest: {err}. Convert the model again."
        ) from err
    model = folder / manifest.file
    _require_same(model, manifest.sha256)
    if manifest.weights_file is not None:
        _require_same(folder / manifest.weights_file, manifest.weights_sha256 or "none")
    return manifest, model


def _require_same(file: Path, sha256: str) -> None:
    """Make sure ``file`` is the one that the manifest names.

    Raises:
        ConfigError: It is another one, or missing.
    """
    found = file_sha256(file) if file.is_file() else "no file"
    if found != sha256:
        raise ConfigError(
            f"{file}: expected the model the manifest names (sha256 {sha256[:12]}), "
            f"found {found[:12]}. Convert the model again."
        )


def _folder(path: Path) -> Path | None:
    places = (path, path / "artifact")
    return next((place for place in places if (place / MANIFEST).is_file()), None)
