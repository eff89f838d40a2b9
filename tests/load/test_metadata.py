import pytest

from edgekit.load.metadata import read_metadata
from tests.networks import proto


def metadata(**properties: str):
    model = proto("g (float[1] x) => (y) { y = Relu(x) }")
    for key, value in properties.items():
        model.metadata_props.add(key=key, value=value)
    return read_metadata(model)


def test_what_ultralytics_writes_is_read():
    found = metadata(names="{0: 'person', 1: 'bike'}", imgsz="[480, 640]", task="detect", date="x")
    assert found.class_names == ("person", "bike")
    assert found.size_hw == (480, 640)
    assert found.task == "detect"
    assert found.properties["date"] == "x"


@pytest.mark.parametrize("names", ["['a', 'b']", "('a', 'b')", '{"0": 1}', '{1: "b", 0: "a"}'])
def test_names_come_as_a_list_or_numbered(names):
    assert metadata(names=names).class_names == (() if "1}" in names else ("a", "b"))


def test_one_side_means_a_square():
    assert metadata(imgsz="416").size_hw == (416, 416)


def test_nothing_said_is_nothing_known():
    found = metadata()
    assert (found.class_names, found.size_hw, found.task) == ((), None, None)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getcwd()",
        "person, bike",
        "{0: 'a', 2: 'b'}",
        "[1, 2, 3]",
        "[0, 640]",
        "[" * 5000,
        "{[]: 1}",
        "",
        "None",
    ],
)
def test_entries_that_do_not_parse_count_as_absent_and_nothing_is_run(text):
    found = metadata(names=text, imgsz=text)
    assert (found.class_names, found.size_hw) == ((), None)
