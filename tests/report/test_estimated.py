import pytest
from pydantic import ValidationError

from edgekit.report.estimated import Estimated
from edgekit.report.schema import Row

USUAL = {
    "ms": 5.8,
    "low_ms": 4.1,
    "high_ms": 8.2,
    "bound": "memory",
    "compute_share": 0.2,
    "memory_share": 0.62,
    "overhead_share": 0.18,
    "basis": "fitted to 58 published times",
}
ROW = {
    "name": "int8 on Orin NX",
    "backend": "tensorrt",
    "precision": "int8",
    "input_hw": (640, 640),
    "status": "estimated",
}


def test_an_estimate_lies_within_its_interval():
    assert Estimated(**USUAL).bound == "memory"
    with pytest.raises(ValidationError, match=r"expected 9\.0 ms in 4\.1 to 8\.2"):
        Estimated(**USUAL | {"ms": 9.0})


def test_an_estimate_is_a_row_of_its_own():
    row = Row(**ROW, estimate=Estimated(**USUAL))

    assert row.estimate.ms == 5.8
    assert not row.shippable
    with pytest.raises(ValidationError, match="is measured: an estimate is another row"):
        Row(**ROW | {"status": "measured"}, estimate=Estimated(**USUAL))


@pytest.mark.parametrize("figure", [{"fps": 100.0}, {"speedup": 2.0}])
def test_an_estimated_row_has_no_measured_time(figure):
    with pytest.raises(ValidationError, match="it can have no measured time"):
        Row(**ROW, **figure, estimate=Estimated(**USUAL))


def test_an_estimated_row_has_no_accuracy():
    with pytest.raises(ValidationError, match="it can have no accuracy"):
        Row(**ROW, map=0.4, estimate=Estimated(**USUAL))


def test_a_report_of_an_older_edgekit_has_no_estimates():
    assert Row(**ROW | {"status": "measured"}).estimate is None
