import json

import pytest

from edgekit.cli.accuracy_rows import figures, tables
from edgekit.measure.accuracy import Accuracy
from edgekit.measure.confusion import Cell, Confusion
from edgekit.measure.curves import Curves
from edgekit.measure.recall import AverageRecall
from edgekit.measure.thresholds import OperatingPoint

CELLS = (
    Cell("ant", "ant", 40),
    Cell("ant", "bee", 4),
    Cell(None, "bee", 3),
    Cell("cat", None, 2),
    Cell("bee", "ant", 1),
)


@pytest.fixture
def accuracy():
    return Accuracy(
        map=1 / 3,
        map50=0.5,
        map75=0.4,
        map_small=None,
        map_medium=0.3,
        map_large=0.5,
        images=9,
        per_class={f"kind {n}": n / 10 for n in (5, 1, 4, 2, 3, 6, 7)},
        recall=AverageRecall(0.2, 0.3, 2 / 3, None, 0.4, 0.5),
        detection=OperatingPoint(0.25, 0.8, 0.6, 0.6857),
        curves=Curves((1 / 3,) * 101, (None,) * 101, (0.0,) * 101, (0.0,) * 101),
        confusion=Confusion(0.25, 0.5, CELLS),
    )


def test_json_holds_everything_with_four_digits(accuracy):
    told = json.loads(json.dumps(figures(accuracy)))

    assert (told["map"], told["recall"]["ar100"]) == (0.3333, 0.6667)
    assert told["map_small"] is None
    assert told["curves"]["precision_at_recall"][0] == 0.3333
    assert told["curves"]["precision"][100] is None
    assert told["confusion"]["cells"][1] == {"truth": "ant", "found": "bee", "count": 4}


def test_the_weakest_classes_and_the_usual_mistakes_follow_the_figures(accuracy):
    head, weakest, mistakes = tables(accuracy, {"detections": 80}).split("\n\n")

    assert [line.split()[0] for line in head.splitlines()[1:4]] == ["map", "map50", "map75"]
    assert ["map_small", "-"] in [line.split() for line in head.splitlines()]
    assert ["detections", "80"] in [line.split() for line in head.splitlines()]
    assert ["best", "f1", "0.6857"] in [line.split() for line in head.splitlines()]
    assert [line.split()[1] for line in weakest.splitlines()[1:6]] == list("12345")
    assert weakest.endswith("2 more with --json")
    assert [line.split() for line in mistakes.splitlines()[1:]] == [
        ["ant", "bee", "4"],
        ["bee", "ant", "1"],
    ]
