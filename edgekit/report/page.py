"""``report.html``: one file that opens anywhere, with no network and no scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgekit.report.cells import COLUMNS, DETAIL_COLUMNS, share
from edgekit.report.chart import chart_svg, charted
from edgekit.report.facts import calibration_facts, model_facts, provenance_facts
from edgekit.report.loss_tables import loss_examples, loss_sentences, loss_tables
from edgekit.report.pictures import draw
from edgekit.report.rewritten import EXPLAINED, HEADINGS, cells, rewrite_facts
from edgekit.report.trials import (
    TRIAL_HEADINGS,
    WORDS,
    rows_by_speed,
    search_sentence,
    trial_cells,
    trials_by_speed,
)
from edgekit.report.trials_chart import trials_svg

if TYPE_CHECKING:
    from edgekit.report.pictures import Gallery
    from edgekit.report.schema import Report


def to_html(report: Report, gallery: Gallery | None = None) -> str:
    """Return the page, with detections drawn side by side where a gallery is given."""
    drawings = [draw(p, gallery.class_names) for p in gallery.pictures] if gallery else []
    drawn = {row.name for row in charted(report.rows)}
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return templates.get_template("page.html").render(
        report=report,
        rows=rows_by_speed(report),
        trials=trials_by_speed(report.search) if report.search else (),
        trial_headings=TRIAL_HEADINGS,
        trial_words=WORDS,
        trial_cells=trial_cells,
        trials_chart=trials_svg(report.search) if report.search else None,
        search_sentence=search_sentence,
        columns=COLUMNS,
        detail_columns=DETAIL_COLUMNS,
        chart=chart_svg(report),
        absent=[r.name for r in report.rows if r.name not in drawn],
        gallery=gallery,
        drawings=drawings,
        calibration=calibration_facts(report),
        model=model_facts(report),
        provenance=provenance_facts(report),
        rewrites=rewrite_facts(report.rewrites) if report.rewrites else (),
        rewrite_headings=HEADINGS,
        rewrite_cells=cells,
        rewrites_explained=EXPLAINED,
        share=share,
        loss_sentences=loss_sentences,
        loss_tables=loss_tables,
        loss_examples=loss_examples,
    )
