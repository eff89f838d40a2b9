import cv2
import numpy as np
import pytest

from edgekit.errors import DataError
from edgekit.images.yolo import open_yolo
from edgekit.values import Category


def write_image(path, height=10, width=20):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))


def write_label(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_yaml(path, text="val: images/val\ntrain: images/train\nnames: [cat, dog]\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_labels_become_boxes_in_pixels(tmp_path):
    write_image(tmp_path / "images" / "val" / "a.png")
    write_label(tmp_path / "labels" / "val" / "a.txt", "1 0.5 0.5 0.2 0.4")

    dataset = open_yolo(write_yaml(tmp_path / "data.yaml"))

    (record,) = dataset.records
    assert record.truth.xyxy[0].tolist() == pytest.approx([8, 3, 12, 7])
    assert record.truth.categories.tolist() == [1]
    assert dataset.categories == (Category(0, "cat"), Category(1, "dog"))
    assert dataset.faults == {}


def test_another_split_is_taken_when_named(tmp_path):
    write_image(tmp_path / "images" / "val" / "a.png")
    write_image(tmp_path / "images" / "train" / "b.png")

    dataset = open_yolo(write_yaml(tmp_path / "data.yaml"), "train")

    assert [record.path.name for record in dataset.records] == ["b.png"]


@pytest.mark.parametrize(
    "text",
    [
        "path: set\nval: images\nnames: {0: cat}\n",
        "val: set/images\nnames: [cat]\n",
        "val: ../set/images\nnames: [cat]\n",
        "val: [set/images]\nnc: 1\n",
        "path: set\nval: list.txt\nnames: [cat]\n",
    ],
)
def test_paths_are_relative_to_the_yaml(tmp_path, text):
    root = tmp_path / "home"
    write_image(root / "set" / "images" / "a.png")
    write_label(root / "set" / "labels" / "a.txt", "0 0.5 0.5 1 1")
    (root / "set" / "list.txt").write_text("./images/a.png\nimages/gone.png\n\n")

    dataset = open_yolo(write_yaml(root / "data.yaml", text))

    assert [len(record.truth.xyxy) for record in dataset.records] == [1]
    assert dataset.faults == ({"missing-file": 1} if "list" in text else {})


def test_labels_lie_beside_images_where_there_is_no_images_folder(tmp_path):
    write_image(tmp_path / "val" / "a.png")
    write_label(tmp_path / "val" / "a.txt", "0 0.5 0.5 1 1")

    dataset = open_yolo(write_yaml(tmp_path / "data.yaml", "val: val\nnames: [cat]\n"))

    assert len(dataset.records[0].truth.xyxy) == 1


def test_faults_are_counted_and_the_rest_is_read(tmp_path):
    folder = tmp_path / "images" / "val"
    write_image(folder / "a.png")
    write_image(folder / "background.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    write_label(
        tmp_path / "labels" / "val" / "a.txt",
        "0 0.5 0.5 0.5 0.5",
        "0 0.5 0.5 0.5 0.5",
        "9 0.5 0.5 0.5 0.5",
        "0 0.5 0.5 0 0.5",
        "0 0.9 0.5 0.5 0.5",
        "0 1.9 0.5 0.5 0.5",
        "0 0.1 0.1 0.3 0.1 0.2 0.4",
        "0.5 0.5 0.5 0.5 0.5",
        "0 0.5 0.5",
        "cat 0.5 0.5 0.5 0.5",
    )

    dataset = open_yolo(write_yaml(tmp_path / "data.yaml"))

    assert [record.path.name for record in dataset.records] == ["a.png", "background.png"]
    assert [len(record.truth.xyxy) for record in dataset.records] == [3, 0]
    assert dataset.faults == {
        "box-clipped": 1,
        "box-outside-image": 1,
        "degenerate-box": 1,
        "duplicate-box": 1,
        "image-without-label-file": 1,
        "image-without-objects": 1,
        "malformed-annotation": 3,
        "outline-instead-of-box": 1,
        "unknown-class-id": 1,
        "unreadable-image": 1,
    }


def test_labels_are_not_read_when_not_wanted(tmp_path):
    (tmp_path / "images" / "val").mkdir(parents=True)
    (tmp_path / "images" / "val" / "a.jpg").write_bytes(b"never opened")

    dataset = open_yolo(write_yaml(tmp_path / "data.yaml"), labels=False)

    assert [record.truth for record in dataset.records] == [None]
    assert dataset.categories == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "as YAML"),
        ("just text", "found str"),
        ("names: [cat]", r"expected a key of train, val, test, found \['names'\]"),
        ("train: images\nnames: [cat]", "no split 'val': found train"),
        ("val: nowhere\nnames: [cat]", "key 'val': no image under nowhere"),
        ("val: images\nnames: cat", "key 'names'"),
        ("val: images", "key 'names'"),
    ],
)
def test_a_yaml_that_does_not_fit_is_an_error_that_says_why(tmp_path, text, message):
    write_image(tmp_path / "images" / "a.png")

    with pytest.raises(DataError, match=message):
        open_yolo(write_yaml(tmp_path / "data.yaml", text))
