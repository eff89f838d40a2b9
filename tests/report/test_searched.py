from __future__ import annotations

import pytest

from edgekit.report.searched import missed_on_report, verdict_of
from edgekit.values import Interval
from tests.report.searches import make_search


@pytest.fixture
def rows(make_row):
    fp32 = make_row("fp32", baseline=True, p50=30.0, map=0.4, images=112)
    drop = {"map_drop_points": -0.2, "map_drop_ci95": (-0.9, 0.4)}
    mixed = make_row("mixed", "mixed", p50=20.0, map=0.402, agreement=0.958, images=112, **drop)
    return fp32, mixed


PAIRED = {("fp32", "mixed"): Interval(1.5, 1.4, 1.6)}


def test_the_choice_is_told_with_what_it_is_on_other_images(rows):
    found = verdict_of(make_search(), rows, PAIRED)

    assert found.ship == "mixed"
    assert found.because == (
        "Ship mixed: 1.50× (95 %: 1.40 to 1.60) the speed of fp32, 20.0 ms against 30.0 ms (p50); "
        "a loss of at most 0.5 points of mAP and agreement of 95.0 was asked for, and of 4 "
        "networks tried on 87 search images none that keeps that is surely faster, and it is the "
        "best of those as fast: there it loses 0.2 (95 %: −0.2 to 0.8) points of mAP and agrees "
        "with FP32 to 96.1 of 100; on 112 other images it gains 0.2 (95 %: −0.4 to 0.9) points of "
        "mAP and agrees with FP32 to 95.8 of 100."
    )


def test_what_is_no_faster_when_measured_again_is_not_to_be_shipped(rows):
    found = verdict_of(make_search(), rows, {("fp32", "mixed"): Interval(1.01, 0.98, 1.04)})

    assert found.ship == "fp32"
    assert found.because.startswith("Ship fp32: the search chose mixed, but when all rows were")
    assert "not surely faster: 1.01×" in found.because


def test_agreement_that_was_asked_for_has_to_be_kept_on_the_report_too(rows):
    search = make_search()
    _, mixed = rows
    worse = mixed.model_copy(update={"agreement": 0.94})

    assert missed_on_report(search, mixed) == ()
    assert missed_on_report(search, worse) == (
        "agrees with FP32 to 94.0 of 100 on the images of --eval, less than 95.0",
    )
    assert missed_on_report(search, mixed.model_copy(update={"agreement": None})) == ()


def test_what_misses_the_budget_is_called_the_nearest(rows):
    found = verdict_of(make_search(met=False), rows, PAIRED)

    assert found.because.startswith("Nothing tried keeps what was asked for; the nearest is mixed:")
    assert "it is the nearest of 4 networks" in found.because


def test_where_fp32_is_chosen_nothing_was_surely_faster(rows):
    found = verdict_of(make_search(chosen="fp32"), rows, PAIRED)

    assert found.because == (
        "Ship fp32: a loss of at most 0.5 points of mAP and agreement of 95.0 was asked for, and "
        "of 3 networks in INT8 or mixed precision tried on 87 search images none that keeps that "
        "is surely faster."
    )


def test_fp32_that_is_too_slow_itself_is_no_recommendation(rows):
    found = verdict_of(make_search(chosen="fp32", met=False, p90_ms_max=5.0), rows, PAIRED)

    assert found.because.startswith("Nothing tried keeps what was asked for; the nearest is fp32:")
    assert "and at most 5 ms (p90) was asked for" in found.because


def test_without_labels_only_agreement_is_told(rows):
    search = make_search(map_drop_points_max=None)

    assert "(p50); agreement of 95.0 was asked for" in verdict_of(search, rows, PAIRED).because
