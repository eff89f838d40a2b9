"""``report.html``: one file that opens anywhere, with no network; scripts only add to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgekit.report.cells import COLUMNS, DETAIL_COLUMNS, share, shown
from edgekit.report.charts.chart import svg_for_page, vega_json, vega_script
from edgekit.report.charts.drawn import draw_charts
from edgekit.report.entries import LEAD_COLUMNS, entries_of, facets_of, row_facets
from edgekit.report.facts import calibration_facts, model_facts, provenance_facts
from edgekit.report.loss_tables import loss_examples, loss_sentences, loss_tables
from edgekit.report.merged import (
    RUN_HEADINGS,
    RUN_WORDS,
    doubts,
    headline,
    run_cells,
    title_of,
)
from edgekit.report.pictures import draw
from edgekit.report.rewritten import EXPLAINED, HEADINGS, cells, rewrite_facts
from edgekit.report.trials import (
    TRIAL_HEADINGS,
    WORDS,
    search_sentence,
    trial_cells,
    trials_by_speed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgekit.report.charts.chart import Drawn
    from edgekit.report.entries import Entry
    from edgekit.report.pictures import Gallery
    from edgekit.report.schema import Coverage, Report


def to_html(
    report: Report, gallery: Gallery | None = None, charts: Mapping[str, Drawn] | None = None
) -> str:
    """Return the page of one run.

    Args:
        report: What was measured.
        gallery: Detections to draw side by side.
        charts: What ``draw_charts`` gives, by name; drawn here when ``None``.
    """
    return _render(
        "page.html",
        entries_of([report]),
        draw_charts([report]) if charts is None else charts,
        title=f"{report.target} on {report.device}",
        lead_columns=(),
        report=report,
        detail_columns=shown(DETAIL_COLUMNS, report.rows),
        gallery=gallery,
        drawings=[draw(p, gallery.class_names) for p in gallery.pictures] if gallery else [],
        calibration=calibration_facts(report),
        model=model_facts(report),
        provenance=provenance_facts(report),
        **_search(report),
        **_rewrites(report),
        share=share,
        float_layers=_float_layers,
        loss_sentences=loss_sentences,
        loss_tables=loss_tables,
        loss_examples=loss_examples,
    )


def to_merged_html(reports: Sequence[Report], charts: Mapping[str, Drawn] | None = None) -> str:
    """Return the page of several runs; ``charts`` as in ``to_html``."""
    rows = [row for report in reports for row in report.rows]
    return _render(
        "merged.html",
        entries_of(reports),
        draw_charts(reports) if charts is None else charts,
        title=title_of(reports),
        headline=headline(reports),
        doubts=doubts(reports),
        reports=reports,
        run_headings=RUN_HEADINGS,
        run_words=RUN_WORDS,
        runs=run_cells(reports),
        lead_columns=LEAD_COLUMNS,
        detail_columns=shown(DETAIL_COLUMNS, rows),
        model_facts=model_facts,
        calibration_facts=calibration_facts,
        provenance_facts=provenance_facts,
    )


def _render(
    template: str, entries: Sequence[Entry], charts: Mapping[str, Drawn], **context: Any
) -> str:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return templates.get_template(template).render(
        entries=entries,
        columns=COLUMNS,
        charts=_Charts(charts),
        facets=facets_of(entries),
        row_facets=row_facets(entries),
        svg_for_page=svg_for_page,
        vega_json=vega_json,
        vega_script=vega_script() if charts else "",
        **context,
    )


class _Charts(dict[str, "Drawn"]):
    """Charts by name; one that was not drawn is ``None``."""

    def __missing__(self, name: str) -> None:
        return None


def _search(report: Report) -> dict[str, Any]:
    found = report.search
    return {
        "trials": [trial_cells(t) for t in trials_by_speed(found)] if found else (),
        "trial_headings": TRIAL_HEADINGS,
        "trial_words": WORDS,
        "search_sentence": search_sentence,
    }


def _rewrites(report: Report) -> dict[str, Any]:
    found = report.rewrites
    return {
        "rewrites": rewrite_facts(found) if found else (),
        "rewrite_headings": HEADINGS,
        "rewrite_rows": [cells(count) for count in found.done] if found else (),
        "rewrites_explained": EXPLAINED,
        "refused": [(node.name, node.reason) for node in found.refused] if found else (),
    }


def _float_layers(coverage: Coverage) -> list[tuple[str, str, str]]:
    return [(layer.node, share(layer.mac_share), layer.reason) for layer in coverage.left_float]
