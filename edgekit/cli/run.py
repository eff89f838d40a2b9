"""``edgekit run``."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer


def run(
    artifact: Annotated[Path, typer.Argument(help="Artifact, or ONNX file.")],
    source: Annotated[str, typer.Argument(help="Image, folder, video, or number of a camera.")],
    confidence: Annotated[float, typer.Option(min=0, max=1, help="Least confidence shown.")] = 0.25,
    limit: Annotated[int | None, typer.Option(help="Stop after so many images.")] = None,
) -> None:
    """Print detections, one JSON line per image: boxes as x1, y1, x2, y2 in its pixels."""
    from itertools import islice

    from edgekit.pipeline.run import run as frames

    for frame in islice(frames(artifact, source, confidence), limit):
        boxes = frame.boxes
        found = [
            {
                "class": frame.class_names[c] if c < len(frame.class_names) else int(c),
                "score": round(float(s), 4),
                "box_xyxy": [round(float(v), 2) for v in xyxy],
            }
            for xyxy, s, c in zip(boxes.xyxy, boxes.scores, boxes.classes, strict=True)
        ]
        typer.echo(jsonlib.dumps({"image": frame.name, "detections": found}))
