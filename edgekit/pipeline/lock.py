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


class Fold(BaseModel):
    """One block that one node computes now, and how closely."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    block: str = Field(description="Name of the node that is left.")
    rule: str
    nodes_before: int
    nodes_after: int
    difference: float = Field(
        description="Largest difference between the block before and after, computed in float64 "
        "on crops of real activations, relative to the largest value there."
    )
    crops: int = Field(description="How many crops, one for each pixel of output compared.")


class WholeGraph(BaseModel):
    """How closely the network agrees after all folds with what it was before them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    difference: float = Field(
        description="Largest difference, computed in float32, relative to the value itself plus "
        "the typical size of its channel."
    )
    value: str = Field(description="Name of the value it was found in.")
    rounding: float = Field(
        description="What rounding alone does to these values; 0 where the difference was small "
        "enough not to ask."
    )
    inputs: int = Field(description="Compared on how many: images, noise and a drawn picture.")


class Folds(BaseModel):
    """Every fold by itself; what was refused is in ``rewrites``, with the reasons."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str | None = Field(
        description="Whose activations the crops are of; null: those of a drawn picture."
    )
    blocks: tuple[Fold, ...] = Field(
        description="In order. A block may be folded more than once: each entry compares with "
        "the graph that the one before it left."
    )
    whole_graph: WholeGraph | None = Field(description="Null where nothing was folded.")


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
    folds: Folds | None = Field(
        default=None, description="The same one by one, each with its own proof."
    )
    graph_sha256: str = Field(description="Of the float network that was quantized.")
    artifact_sha256: str = Field(description="Of the artifact's model file.")
    weights_sha256: str | None = Field(
        default=None, description="Of the file of its weights, where they are not in it."
    )
    calibration: LockedData | None
    search: LockedData | None = None
    evaluation: LockedData | None
    weight_rule: WeightRule | None
    ranges: dict[str, Span]
    kept_float: dict[str, str] = Field(description="Node to the reason it stays in float.")
    versions: dict[str, str]
