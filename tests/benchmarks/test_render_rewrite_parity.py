import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render
import render_rewrite_parity


def run(times, *, refused=False):
    return {
        "rewritten_from_unchanged": 0.01 * (times or 0.01),
        "unchanged_from_float64": 0.02,
        "rewritten_from_float64": 0.03,
        "float64": 1.6e-10,
        "noise": 0.01,
        "times_noise": times,
        "refused": refused,
    }


def network(weights, runs, counts, slipped=()):
    wrong = {"changes": {"kernel mirrored": counts}, "slipped_through_network": list(slipped)}
    return {"weights": weights, "rounding": runs, "wrong": wrong}


MISSED = {"node": "conv", "change": "kernel mirrored", "max_rel": 1e-4, "found_in_layer": False}
SEEN = {**MISSED, "node": "other", "found_in_layer": True}
RESULT = {
    "yolov5n": network(
        "of chance",
        [run(0.5), run(None), run(1.8, refused=True)],
        {"tried": 6, "network": 4, "layer": 5, "either": 5},
        [SEEN, MISSED],
    ),
    "yolov8n": network("real", [run(None)], {"tried": 2, "network": 2, "layer": 2, "either": 2}),
}


def test_a_line_for_every_network_has_its_worst_weights():
    lines = render_rewrite_parity.rounding(RESULT)

    assert lines[3] == ("| yolov5n | 1.8e-02 | 2.0e-02 | 3.0e-02 | 1.6e-10 | 1.0e-02 | 0.5, 1.8 |")
    assert lines[4].startswith("| yolov8n, real weights | 1.0e-04 |")
    assert lines[4].endswith("| not asked |")
    assert lines[6] == (
        "Of 4 exact folds 2 differed by more than the tolerance, by 0.5 to 1.8 times their noise; "
        "1 would be refused all the same (yolov5n)."
    )


def test_networks_of_a_kind_are_added_up():
    twice = RESULT | {"yolov6n": RESULT["yolov5n"]}

    lines = render_rewrite_parity.wrong(twice)

    assert lines[3] == (
        "| kernel mirrored | 8 of 12 | 10 of 12 | 10 of 12 | 2 of 2 | 2 of 2 | 2 of 2 |"
    )


def test_what_both_proofs_miss_is_named():
    *_, told, _ = render_rewrite_parity.wrong(RESULT)

    assert told == (
        "Of 8 wrong layers the two proofs together find 7. "
        "Both miss kernel mirrored in `conv` of yolov5n."
    )


def test_nothing_measured_is_nothing_rendered():
    assert render_rewrite_parity.rounding({}) == render_rewrite_parity.wrong({}) == [""]
    assert {"rounding", "wrong rewrites"} <= set(render.PARTS)
