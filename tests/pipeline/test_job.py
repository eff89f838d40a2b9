from types import SimpleNamespace

import pytest

from edgekit.config.recipe import Gates
from edgekit.pipeline.job import Job
from edgekit.values import Category, Dataset


def job(asked=None, gates=Gates(), names=(), categories=(), ids=None):  # noqa: B008
    dataset = Dataset("d", (), categories) if categories else None
    return Job(
        options=SimpleNamespace(map_drop_points_max=asked),
        recipe=SimpleNamespace(gates=gates),
        place=None,
        sets=SimpleNamespace(evaluation=dataset),
        detector=SimpleNamespace(source=SimpleNamespace(class_names=names)),
        network=None,
        category_ids=ids,
    )


@pytest.mark.parametrize(
    ("asked", "recipes", "allowed"),
    [(None, None, 1.0), (None, 0.5, 0.5), (0.2, 0.5, 0.2), (0.0, 0.5, 0.0)],
)
def test_the_command_line_stands_over_the_recipe(asked, recipes, allowed):
    made = job(asked, Gates(map_drop_points_max=recipes, p90_ms_max=9))

    assert made.budget.map_drop_points == allowed
    assert made.budget.p90_ms == 9


@pytest.mark.parametrize(
    ("asked", "gates", "gated"),
    [
        (None, Gates(), False),
        (0.0, Gates(), True),
        (None, Gates(map_drop_points_max=0), True),
        (None, Gates(p90_ms_max=1), True),
    ],
)
def test_only_a_budget_that_was_set_can_be_missed(asked, gates, gated):
    assert job(asked, gates).gated is gated


def test_the_models_own_names_come_first():
    cats = (Category(4, "cat"), Category(8, "dog"))

    assert job(names=("a", "b"), categories=cats, ids=(4, 8)).class_names == ("a", "b")
    assert job(categories=cats, ids=(8, 4, -1)).class_names == ("dog", "cat", "2")
    assert job().class_names == ()
