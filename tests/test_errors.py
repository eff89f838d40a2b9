from __future__ import annotations

import pytest

from edgekit import errors
from edgekit.errors import EdgekitError, UnknownNameError


@pytest.mark.parametrize(
    ("name", "exit_code"),
    [
        ("ConfigError", 2),
        ("UnknownNameError", 2),
        ("ModelError", 2),
        ("UnknownClassError", 2),
        ("HeadError", 2),
        ("DataError", 2),
        ("MissingError", 3),
        ("MissingExtraError", 3),
        ("StageError", 4),
        ("ParityError", 4),
    ],
)
def test_each_kind_of_error_ends_a_command_with_its_code(name, exit_code):
    kind = getattr(errors, name)

    assert issubclass(kind, EdgekitError)
    assert kind.exit_code == exit_code


def test_a_misspelt_name_gets_the_nearest_one():
    error = UnknownNameError("target", "ort-cpu-int", ["ort-cpu-int8", "ort-cpu-fp32"])

    assert str(error) == "Unknown target 'ort-cpu-int'. Did you mean 'ort-cpu-int8'?"


def test_a_name_like_no_other_gets_the_list():
    error = UnknownNameError("target", "xyz", ["b", "a"])

    assert str(error) == "Unknown target 'xyz'. Known: a, b."
