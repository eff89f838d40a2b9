"""``report.md``: the report as GitHub Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.cells import COLUMNS, DETAIL_COLUMNS, share, shown
from edgekit.report.facts import calibration_facts, model_facts, provenance_facts
from edgekit.report.loss_tables import loss_examples, loss_sentences, loss_tables
from edgekit.report.rewritten import EXPLAINED, HEADINGS, cells, rewrite_facts
from edgekit.report.trials import (
    TRIAL_HEADINGS,
    WORDS,
    rows_by_speed,
    search_sentence,
    trial_cells,
    trials_by_speed,
)

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from edgekit.report.cells import Column
    from edgekit.report.facts import Fact
    from edgekit.report.schema import Report, Rewrites, Row, Search


def to_markdown(report: Report) -> str:
    """Return ``report`` as Markdown: the verdict first, then the figures, then their origin."""
    parts = [
        f"# {plain(f'{report.target} on {report.device}')}",
        f"**{plain(report.verdict.because)}**",
        *(f"> Warning: {plain(w)}" for w in report.warnings),
        _table(COLUMNS, rows_by_speed(report)),
        *_search(report.search),
        "## More figures",
        _table(shown(DETAIL_COLUMNS, report.rows), rows_by_speed(report)),
        *_losses(report.rows),
        *_coverage([r for r in report.rows if not report.search or r.name == report.verdict.ship]),
        *_rewrites(report.rewrites),
        *_section("Model", model_facts(report)),
        *_section("Images and calibration", calibration_facts(report)),
        *_section("Origin", provenance_facts(report)),
        f"```\n{report.provenance.command}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _table(columns: Sequence[Column], rows: Iterable[Row]) -> str:
    words = [n for n, c in enumerate(columns) if not c.numeric]
    return table([c.title for c in columns], [[c.text(r) for c in columns] for r in rows], words)


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], words: Container[int] = ()
) -> str:
    """Return a table; ``words`` are the columns that hold no figure."""
    rule = _line("---" if n in words else "---:" for n in range(len(headings)))
    return "\n".join([_line(headings), rule, *(_line(map(plain, cells)) for cells in rows)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _search(search: Search | None) -> list[str]:
    if search is None:
        return []
    rows = [trial_cells(trial) for trial in trials_by_speed(search)]
    tried = table(TRIAL_HEADINGS, rows, WORDS)
    return ["## What was tried", plain(search_sentence(search)), tried]


def _losses(rows: Iterable[Row]) -> list[str]:
    parts = []
    for row in rows:
        if row.diagnosis is None:
            continue
        parts += [f"## Where the loss comes from: {plain(row.name)}"]
        parts += [" ".join(plain(s) for s in loss_sentences(row.diagnosis))]
        for found in loss_tables(row.diagnosis):
            parts += [f"{found.title}:", table(found.headings, found.rows, {0})]
        examples = [f"- {plain(e)}" for e in loss_examples(row.diagnosis)]
        parts += ["The largest changes:", "\n".join(examples)] if examples else []
    return parts


def _coverage(rows: Iterable[Row]) -> list[str]:
    parts = []
    for row in rows:
        if row.coverage is None:
            continue
        c = row.coverage
        parts.append(f"## What runs in INT8: {plain(row.name)}")
        parts.append(
            f"{c.convs_int8} layers with weights in INT8, {c.convs_float} in float: "
            f"{share(c.mac_share_int8)} of the multiply-accumulates in INT8."
        )
        left = [f"- `{f.node}` ({share(f.mac_share)}): {plain(f.reason)}" for f in c.left_float]
        parts.extend(["\n".join(left)] if left else [])
    return parts


def _rewrites(rewrites: Rewrites | None) -> list[str]:
    if rewrites is None:
        return []
    parts = _section("What was rewritten", rewrite_facts(rewrites))
    if rewrites.done:
        parts += [table(HEADINGS, [cells(count) for count in rewrites.done], {0}), EXPLAINED]
    left = [f"- `{node.name}`: {plain(node.reason)}" for node in rewrites.refused]
    return [*parts, "Left as they are:", "\n".join(left)] if left else parts


def _section(title: str, facts: Iterable[Fact]) -> list[str]:
    lines = [f"- {plain(f.name)}: {plain(f.text)}" for f in facts]
    return [f"## {title}", "\n".join(lines)] if lines else []


def plain(text: str) -> str:
    """Return ``text`` with nothing in it that Markdown reads as a mark."""
    for mark in ("\\", "|", "*", "_", "<", "`", "["):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
