import json

import pytest
from pydantic import TypeAdapter, ValidationError

from edgekit.config.calibration import Calibration
from edgekit.config.device import DetectedDevice, Device
from edgekit.config.recipe import Recipe
from edgekit.config.schema import Schema


class Point(Schema):
    x: int


def test_an_unknown_key_is_an_error():
    with pytest.raises(ValidationError, match="y"):
        Point(x=1, y=2)


def test_a_value_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Point(x=1).x = 2


@pytest.mark.parametrize(
    ("name", "schema"),
    [("recipe", Recipe), ("device", Device | DetectedDevice), ("calibration", Calibration)],
)
def test_the_published_json_schema_is_current(golden, name, schema):
    text = json.dumps(TypeAdapter(schema).json_schema(), indent=2) + "\n"

    golden(f"../../docs/reference/schemas/{name}.json", text)
