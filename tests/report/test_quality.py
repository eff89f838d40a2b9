from __future__ import annotations

import pytest
from pydantic import ValidationError

from edgekit.report.quality import AverageRecall, ConfusionCell


def test_recall_of_sizes_that_no_object_has_is_unknown():
    assert AverageRecall(ar1=0.1, ar10=0.2, ar100=0.3).small is None


def test_a_recall_in_points_is_refused():
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        AverageRecall(ar1=10.0, ar10=0.2, ar100=0.3)


def test_an_object_that_was_missed_has_no_found_class():
    cell = ConfusionCell(truth="cat", found=None, count=3)

    assert ConfusionCell.model_validate_json(cell.model_dump_json()) == cell
