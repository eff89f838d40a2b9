"""``edgekit calib``: build and check the images that calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgekit.cli.flags import (
    Family,
    Head,
    Images,
    InputSize,
    Json,
    PreprocessText,
    TrustCode,
    cache_folder,
    model_options,
)

if TYPE_CHECKING:
    from edgekit.pipeline.audit import Audit

calib = typer.Typer(
    help="Build and check the images that calibrate.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Source = Annotated[
    str, typer.Argument(help="Images: folder, data set, or manifest by name or path.")
]
Evaluation = Annotated[
    str | None, typer.Option("--eval", help="Images that score: none may calibrate as well.")
]


@calib.command()
def make(
    source: Source,
    out: Annotated[Path, typer.Option(help="Manifest to write: a .yaml file.")],
    count: Annotated[int, typer.Option(min=1, help="How many images it lists.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Another one draws others.")] = 0,
    evaluation: Evaluation = None,
    images: Images = None,
    json: Json = False,
) -> None:
    """Write a manifest of images that differ, drawn from more."""
    from edgekit.cli.progress import bars
    from edgekit.cli.tables import show
    from edgekit.pipeline.manifest import MakeOptions, make_manifest

    options = MakeOptions(count, seed, evaluation, images, cache_folder())
    with bars() as progress:
        made = make_manifest(source, out, options, progress)
    if json:
        typer.echo(show([{**vars(made), "manifest": str(out)}], as_json=True), nl=False)
        return
    left = ", ".join(f"{n} {why}" for why, n in made.left_out.items()) or "none"
    typer.echo(
        f"Written to {out}: {made.images} of {made.total} images. Left out on the way: {left}."
    )


@calib.command()
def audit(
    source: Source,
    model: Annotated[
        Path | None, typer.Argument(help="Detector to calibrate: shows whether ranges still move.")
    ] = None,
    evaluation: Evaluation = None,
    images: Images = None,
    head: Head = None,
    input_size: InputSize = None,
    family: Family = None,
    preprocess: PreprocessText = None,
    trust_code: TrustCode = False,
    allow_overlap: Annotated[
        bool, typer.Option(help="Go on when images are among those that score.")
    ] = False,
    json: Json = False,
) -> None:
    """Say what is doubtful about calibration images, and whether there are enough."""
    from edgekit.cli.progress import bars
    from edgekit.pipeline.audit import AuditOptions
    from edgekit.pipeline.audit import audit as run

    asked = model_options(head, input_size, family, preprocess, trust_code)
    options = AuditOptions(evaluation, images, allow_overlap, cache_folder(), asked)
    with bars() as progress:
        found = run(source, model, options, progress)
    typer.echo(_as_json(found) if json else _as_text(found), nl=False)


def _as_json(found: Audit) -> str:
    from dataclasses import asdict

    from edgekit.cli.tables import show

    return show([asdict(found)], as_json=True)


def _as_text(found: Audit) -> str:
    from edgekit.cli.tables import show

    labels, covered = found.labels, found.coverage
    facts: dict[str, object] = {"source": found.source, "images": found.images}
    facts["readable"] = found.readable
    facts |= found.faults
    if labels is not None:
        shown = sum(count > 0 for count in labels.objects.values())
        facts["classes shown"] = f"{shown} of {len(labels.objects)}"
        facts["objects"] = ", ".join(f"{n} {size}" for size, n in labels.sizes.items())
    text = show([{"fact": k, "value": v} for k, v in facts.items()], as_json=False)
    if covered is not None and covered.curve:
        curve = [
            {"images": p.images, "ranges differ by": f"{100 * p.difference:.1f} %"}
            for p in covered.curve
        ]
        text += "\n" + show(curve, as_json=False)
    sentences = [f.sentence for f in found.findings] or ["Nothing doubtful found."]
    sentences += [covered.advice] if covered is not None else []
    return text + "\n" + "\n".join(sentences) + "\n"
