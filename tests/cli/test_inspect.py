import json

import onnx

from tests.pipeline.test_prepare import branch_beside_every_2x2_conv


def test_the_facts_are_a_table(edgekit, tiny):
    ended = edgekit("inspect", tiny.model)

    assert (ended.code, ended.stderr) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in ended.stdout.splitlines()[1:10])
    assert facts["family"].strip() == "yolov8"
    assert facts["classes"].strip() == "3"
    assert "Decode cut off" in ended.stdout


def test_the_structure_is_shown_as_given_and_rewritten(edgekit, tiny):
    lines = edgekit("inspect", tiny.model).stdout.splitlines()
    (whole,) = json.loads(edgekit("inspect", tiny.model, "--json").stdout)

    heading = next(i for i, line in enumerate(lines) if line.startswith("structure"))
    rows = {line[:11].strip(): line[11:].split() for line in lines[heading + 1 : heading + 6]}
    structure = whole["structure"]
    shown = {
        k.replace("_", " "): [str(n), str(structure["plain"][k])]
        for k, n in structure["given"].items()
    }
    assert rows == shown
    assert list(rows) == ["nodes", "weighted", "batch norms", "parameters", "macs"]
    assert whole["rewrites"] == {}


def test_a_target_adds_the_fate_of_every_layer(edgekit, tiny):
    plain = edgekit("inspect", tiny.model, "--target", "ort-cpu-int8").stdout
    (whole,) = json.loads(
        edgekit("inspect", tiny.model, "--target", "ort-cpu-int8", "--json").stdout
    )

    assert whole["head"] == "distances"
    assert sum(n["op_type"] == "Conv" for n in whole["nodes"]) == 9
    assert all(n["name"] in plain for n in whole["nodes"])


def test_an_unknown_target_is_answered_with_the_nearest(edgekit, tiny):
    ended = edgekit("inspect", tiny.model, "--target", "ort-cpu-int")

    assert (ended.code, ended.stdout) == (2, "")
    assert "Did you mean 'ort-cpu-int8'?" in ended.stderr


def test_every_rewrite_is_counted_and_its_proof_listed(edgekit, tiny, tmp_path):
    model = onnx.load(tiny.model)
    branch_beside_every_2x2_conv(model.graph)
    onnx.save(model, tmp_path / "branches.onnx")

    lines = edgekit("inspect", tmp_path / "branches.onnx").stdout.splitlines()
    (whole,) = json.loads(edgekit("inspect", tmp_path / "branches.onnx", "--json").stdout)

    (row,) = [line.split() for line in lines if line.startswith("parallel branches")]
    (count,) = whole["rewritten"]["done"]
    assert (count["rule"], count["count"], count["nodes_after"]) == ("parallel branches", 2, 2)
    assert row[2:6] == ["2", str(count["nodes_before"]), "to", "2"]
    assert [proof["rule"] for proof in whole["proofs"]] == ["parallel branches"] * 2
    assert sum(proof["nodes_before"] for proof in whole["proofs"]) == count["nodes_before"]
    assert max(proof["difference"] for proof in whole["proofs"]) == count["difference"] < 1e-6
    assert whole["rewritten"]["images"] == []


def test_a_network_that_needed_no_rewrite_has_no_table_of_them(edgekit, tiny):
    assert "Largest difference" not in edgekit("inspect", tiny.model).stdout
