import json

from edgekit.pipeline.lock import Lock


def test_the_published_schema_is_current(golden):
    schema = Lock.model_json_schema(by_alias=True, mode="serialization")

    golden("../../docs/reference/schemas/edgekit.lock.json", json.dumps(schema, indent=2) + "\n")


def test_a_conversion_is_locked_whole(out):
    lock = Lock.model_validate_json((out / "edgekit.lock").read_bytes())

    assert len(lock.calibration.images) == 32
    assert len(lock.evaluation.images) == 10
    assert lock.recipe["precision"]["kind"] == "int8"
    assert all(span.low <= 0 <= span.high for span in lock.ranges.values())
    assert lock.versions["onnxruntime"]
