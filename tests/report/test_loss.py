from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from edgekit.measure.fates import FATES
from edgekit.report.loss import Diagnosis, Example, Fate


@pytest.mark.parametrize(
    ("interval", "advised"),
    [
        ((0.21, 0.24), 0.2311),
        ((0.2, 0.26), 0.25),
        ((0.2, 0.25), 0.25),
        ((0.25, 0.3), 0.25),
        ((0.26, 0.3), 0.2311),
    ],
)
def test_another_threshold_is_advised_only_where_the_images_show_that_it_is_due(
    diagnosis, interval, advised
):
    threshold = diagnosis.thresholds[0].model_copy(update={"same_count_ci95": interval})

    assert threshold.advised == advised


def test_the_fates_are_those_that_are_measured():
    assert set(get_args(Fate)) == set(FATES)


def test_a_diagnosis_survives_being_written(diagnosis):
    again = Diagnosis.model_validate_json(diagnosis.model_dump_json())

    assert again == diagnosis


@pytest.mark.parametrize("wrong", [{"fate": "gone"}, {"iou": 1.2}])
def test_an_example_that_does_not_fit_is_refused(wrong):
    fits = {"fate": "missed", "image": "street_1.jpg"}

    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Example(**(fits | wrong))
