import json


def test_every_part_has_a_state(edgekit):
    rows = {r["part"]: r for r in json.loads(edgekit("doctor", "--json").stdout)}

    assert rows.keys() >= {"python", "processor", "onnxruntime", "openvino", "tensorrt"}
    assert rows.keys() >= {"GPU", "OpenVINO CPU"}
    assert all(r["state"] for r in rows.values())


def test_the_table_says_the_same(edgekit):
    ended = edgekit("doctor")

    assert (ended.code, ended.stderr) == (0, "")
    assert "onnxruntime" in ended.stdout
