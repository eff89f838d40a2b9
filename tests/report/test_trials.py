from __future__ import annotations

from edgekit.report.markdown import to_markdown
from edgekit.report.page import to_html
from edgekit.report.trials import (
    TRIAL_HEADINGS,
    rows_by_speed,
    search_sentence,
    trial_cells,
    trials_by_speed,
)
from tests.report.searches import make_search


def test_trials_come_by_their_paired_speed():
    names = [trial.name for trial in trials_by_speed(make_search())]

    assert names == ["int8-640", "mixed", "slow", "fp32"]


def test_a_trial_has_a_cell_for_every_heading():
    trial = make_search().choice

    assert dict(zip(TRIAL_HEADINGS, trial_cells(trial), strict=True)) == {
        "Name": "mixed",
        "Precision": "mixed",
        "Input": "640×640",
        "Layers in float": "3",
        "Agreement": "96.1",
        "Loss (95 %)": "0.2 (−0.2 to 0.8)",
        "p50 ms": "20.0",
        "Speedup (95 %)": "1.50× (1.45 to 1.55)",
        "As asked": "yes",
        "Front": "yes",
    }


def test_what_an_earlier_search_measured_is_counted():
    assert ", 2 of them in an earlier search." in search_sentence(make_search())
    assert "earlier" not in search_sentence(make_search(remembered=0))


def test_rows_are_sorted_for_people_where_something_was_searched_for(report, make_row):
    rows = (
        make_row("as-given", p50=40.0, speedup=0.7),
        make_row("fp32", baseline=True, p50=30.0),
        make_row("slow", "mixed", p50=28.0, speedup=1.1),
        make_row("mixed", "mixed", p50=20.0, speedup=1.5),
    )
    found = report.model_copy(update={"rows": rows, "search": make_search()})

    assert [r.name for r in rows_by_speed(found)] == ["as-given", "fp32", "mixed", "slow"]
    assert rows_by_speed(report) == report.rows


def test_pages_without_a_search_have_no_such_part(report):
    assert "What was tried" not in to_html(report)
    assert "What was tried" not in to_markdown(report)


def test_pages_show_what_was_tried(report, golden):
    found = report.model_copy(update={"search": make_search(chosen="int8-640")})

    html, markdown = to_html(found), to_markdown(found)

    part = markdown[markdown.index("## What was tried") : markdown.index("## More figures")]
    golden("report/trials.md", part)
    assert 'aria-label="What was tried. fp32' in html
    assert html.count("<b>chosen</b>") == 1


def test_layers_in_float_are_listed_of_the_shipped_row_alone(report):
    other = report.row("int8").model_copy(update={"name": "other"})
    rows = (*report.rows, other)
    plain = report.model_copy(update={"rows": rows})
    searched = plain.model_copy(update={"search": make_search()})

    for show in (to_html, to_markdown):
        assert show(plain).count("What runs in INT8: ") == 2
        assert show(searched).count("What runs in INT8: ") == 1
