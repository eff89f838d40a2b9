"""``edgekit run``."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgekit.cli.flags import Json, TrustCode, model_options

if TYPE_CHECKING:
    from edgekit.pipeline.run import Frame


def run(
    artifact: Annotated[Path, typer.Argument(help="Artifact, or model as for convert.")],
    source: Annotated[str, typer.Argument(help="Image, folder, video, or number of a camera.")],
    confidence: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Least confidence shown; without it, what keeps FP32's 0.25, as an artifact says.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Stop after so many images.")] = None,
    trust_code: TrustCode = False,
    json: Json = False,
) -> None:
    """Print detections, one line per image: boxes as x1, y1, x2, y2 in its pixels."""
    from itertools import islice

    from edgekit.pipeline.run import default_confidence
    from edgekit.pipeline.run import run as frames

    if confidence is None:
        default = default_confidence(artifact)
        confidence = default.value
        if default.note:
            typer.echo(f"edgekit: {default.note}", err=True)
    options = model_options(None, None, None, None, trust_code)
    for frame in islice(frames(artifact, source, confidence, options), limit):
        found = _detections(frame)
        if json:
            typer.echo(jsonlib.dumps({"image": frame.name, "detections": found}))
        else:
            typer.echo(f"{frame.name}: " + ("; ".join(map(_text, found)) or "nothing"))


def _detections(frame: Frame) -> list[dict[str, Any]]:
    boxes, names = frame.boxes, frame.class_names
    return [
        {
            "class": names[c] if c < len(names) else int(c),
            "score": round(float(score), 4),
            "box_xyxy": [round(float(v), 2) for v in xyxy],
        }
        for xyxy, score, c in zip(boxes.xyxy, boxes.scores, boxes.classes, strict=True)
    ]


def _text(found: dict[str, Any]) -> str:
    box = " ".join(f"{v:.0f}" for v in found["box_xyxy"])
    return f"{found['class']} {found['score']:.2f} at {box}"
