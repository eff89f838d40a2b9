import pytest

from edgekit.protocols import busy, silent


def test_a_stage_of_unknown_length_is_told_when_it_begins_and_when_it_ends():
    told = []

    with busy(lambda *step: told.append(step), "load"):
        assert told == [("load", 0, 0)]

    assert told == [("load", 0, 0), ("load", 1, 1)]


def test_a_stage_that_fails_does_not_end_well():
    told = []

    with pytest.raises(ValueError, match="broken"), busy(lambda *step: told.append(step), "load"):
        raise ValueError("broken")

    assert told == [("load", 0, 0)]
    silent("load", 1, 1)
