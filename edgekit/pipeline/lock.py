"""``edgekit.lock``: everything a conversion depended on, so that it can be made again."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edgekit.report.schema import Rewrites
from edgekit.values import WeightRule


class Span(BaseModel):
    """The range one encoding covers, in the tensor's own units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float


class LockedData(BaseModel):
    """Images that were used, by content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    sha256: str = Field(description="Of all images and labels together.")
    images: dict[str, str] = Field(
        description="File, below the folder all are in, to sha256 of its content."
    )


class Lock(BaseModel):
    """The document ``edgekit.lock`` holds, as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    command: str
    model_sha256: str
    model_files: dict[str, str] = Field(
        default_factory=dict,
        description="What the model is made of besides its file: name to sha256.",
    )
    recipe: dict[str, object]
    device: dict[str, object]
    preprocess: str
    passes: tuple[str, ...] = Field(description="Every rewrite, in order, as a sentence.")
    rewrites: Rewrites | None = Field(
        default=None, description="What the rewrites did, counted and proven, by kind."
    )
    graph_sha256: str = Field(description="Of the float network that was quantized.")
    artifact_sha256: str
    calibration: LockedData | None
    evaluation: LockedData | None
    weight_rule: WeightRule | None
    ranges: dict[str, Span]
    kept_float: dict[str, str] = Field(description="Node to the reason it stays in float.")
    versions: dict[str, str]
