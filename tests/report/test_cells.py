from __future__ import annotations

import pytest

from edgekit.report import cells
from edgekit.report.cells import COLUMNS, DASH, DETAIL_COLUMNS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (cells.points(0.39812), "39.8"),
        (cells.points(0.0), "0.0"),
        (cells.share(1.0), "100 %"),
        (cells.share(0.9999), "99.9 %"),
        (cells.share(0.0001), "0.1 %"),
        (cells.ms(9.876), "9.88"),
        (cells.ms(98.76), "98.8"),
        (cells.times(1.5), "1.50×"),
        (cells.times(1.5, (1.4, 1.6)), "1.50× (1.40 to 1.60)"),
        (cells.signed_points(-0.26, (-1.0, 0.52)), "−0.3 (−1.0 to 0.5)"),
        (cells.signed_points(-0.01), "0.0"),
        (cells.megabytes(3_400_000), "3.4"),
    ],
)
def test_figures_read_as_people_write_them(text, expected):
    assert text == expected


def test_what_is_not_known_is_a_dash_and_never_zero(make_row):
    row = make_row("r", "int8", status="not-run", reason="no device")
    figures = [c.text(row) for c in (*COLUMNS, *DETAIL_COLUMNS) if c.numeric and c.title != "Input"]

    assert set(figures) == {DASH}


def test_a_status_comes_with_its_reason(make_row):
    row = make_row("r", "int8", status="not-run", reason="no device")

    assert cells.status(row) == "not-run: no device"
