import json
import struct

import onnx
import torch

from edgekit.nets.stored.build import build_detector
from tests.nets.darknet.cfgs import yolov4_tiny
from tests.pipeline.checkpoints import yolov8
from tests.pipeline.test_prepare import branch_beside_every_2x2_conv
from tests.upstream import checkpoint


def test_the_facts_are_a_table(edgekit, tiny):
    ended = edgekit("inspect", tiny.model)

    assert (ended.code, ended.stderr) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in ended.stdout.splitlines()[1:6])
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


def test_nothing_of_the_preprocessing_is_cut_off(edgekit, tiny):
    text = " ".join(edgekit("inspect", tiny.model).stdout.split())
    (whole,) = json.loads(edgekit("inspect", tiny.model, "--json").stdout)

    assert whole["preprocess"].replace(",", ", ") in text


def test_a_comma_has_one_space_behind_it(edgekit, tiny):
    (line,) = [s for s in edgekit("inspect", tiny.model).stdout.splitlines() if "cut off" in s][:1]

    assert line.split(maxsplit=1)[1].strip() == "cut off, in NumPy"


def test_a_network_that_needed_no_rewrite_has_no_table_of_them(edgekit, tiny):
    assert "Largest difference" not in edgekit("inspect", tiny.model).stdout


def test_a_darknet_network_is_shown_with_the_file_that_wires_it(edgekit, tmp_path):
    cfg = yolov4_tiny(64, 1 / 16)
    (tmp_path / "net.cfg").write_text(cfg.text())
    head = struct.pack("<3iq", 0, 2, 5, 1000)
    (tmp_path / "net.weights").write_bytes(head + cfg.numbers().tobytes())

    (whole,) = json.loads(edgekit("inspect", tmp_path / "net.cfg", "--json").stdout)
    shown = edgekit("inspect", tmp_path / "net.weights").stdout

    assert (whole["family"], whole["head"], whole["classes"]) == ("yolov4", "anchors", 3)
    assert whole["input"] == "64x64"
    assert len(whole["sha256 of net.cfg"]) == 64
    assert whole["structure"]["given"]["batch_norms"] == 19
    assert whole["structure"]["plain"]["batch_norms"] == 0
    assert "Wired as net.cfg says." in shown
    assert "Its 3 classes have numbers instead of names" in shown


def test_an_exported_program_is_shown_where_it_is_trusted(edgekit, tmp_path):
    module = build_detector(checkpoint({"model": yolov8()})).module
    program = torch.export.export(module, (torch.zeros(1, 3, 64, 64),))
    torch.export.save(program, tmp_path / "net.pt2")

    refused = edgekit("inspect", tmp_path / "net.pt2")
    (whole,) = json.loads(edgekit("inspect", tmp_path / "net.pt2", "--trust-code", "--json").stdout)

    assert (refused.code, refused.stdout) == (2, "")
    assert "an exported program (.pt2), which is code" in refused.stderr
    assert "add --trust-code" in refused.stderr
    assert (whole["family"], whole["classes"], whole["input"]) == ("yolov8", 3, "64x64")
    assert whole["notes"][0] == "Its own code was run, as --trust-code allows."
