import json

import cv2
import numpy as np
import pytest

from edgekit.errors import DataError
from edgekit.images.coco import open_coco
from edgekit.values import Category

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((10, 20, 3), np.uint8))


def write_json(path, images=None, annotations=(), categories=CATEGORIES):
    if images is None:
        images = [{"id": 1, "file_name": "a.png", "height": 10, "width": 20}]
    content = {"images": images, "categories": categories}
    if annotations is not None:
        content["annotations"] = list(annotations)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def annotation(**changes):
    return {
        "image_id": 1,
        "category_id": 3,
        "bbox": [2, 3, 4, 5],
        "area": 9,
        "iscrowd": 0,
    } | changes


def test_annotations_become_truth_of_their_image(tmp_path):
    write_image(tmp_path / "a.png")
    file = write_json(tmp_path / "l.json", annotations=[annotation(), annotation(iscrowd=1)])

    dataset = open_coco(file)

    (record,) = dataset.records
    assert (record.id, record.path, record.labelled_hw) == (1, tmp_path / "a.png", (10, 20))
    assert record.truth.xyxy.tolist() == [[2, 3, 6, 8]] * 2
    assert record.truth.area.tolist() == [9, 9]
    assert record.truth.crowd.tolist() == [False, True]
    assert dataset.categories == (Category(3, "cat"), Category(7, "dog"))
    assert dataset.labelled


@pytest.mark.parametrize(
    ("json_at", "image_at"),
    [
        ("l.json", "a.png"),
        ("l.json", "images/a.png"),
        ("annotations/instances_val2017.json", "val2017/a.png"),
        ("annotations/instances_val2017.json", "images/val2017/a.png"),
    ],
)
def test_images_are_found_in_the_usual_places(tmp_path, json_at, image_at):
    write_image(tmp_path / image_at)

    dataset = open_coco(write_json(tmp_path / json_at))

    assert dataset.records[0].path == tmp_path / image_at


def test_images_are_found_where_the_user_says(tmp_path):
    write_image(tmp_path / "elsewhere" / "a.png")

    dataset = open_coco(write_json(tmp_path / "l.json"), images=tmp_path / "elsewhere")

    assert dataset.records[0].path == tmp_path / "elsewhere" / "a.png"


def test_a_path_of_another_machine_is_found_by_its_name(tmp_path):
    write_image(tmp_path / "a.png")
    images = [{"id": 1, "file_name": "C:\\data\\images\\a.png"}]

    dataset = open_coco(write_json(tmp_path / "l.json", images))

    assert dataset.records[0].path == tmp_path / "a.png"
    assert dataset.records[0].labelled_hw is None


def test_faults_are_counted_and_the_rest_is_read(tmp_path):
    write_image(tmp_path / "a.png")
    images = [
        {"id": 1, "file_name": "a.png", "height": 10.0, "width": 20.0},
        {"id": 1, "file_name": "again.png"},
        {"id": 2, "file_name": "gone.png"},
        {"file_name": "no-id.png"},
    ]
    annotations = [
        annotation(),
        annotation(category_id=99),
        annotation(image_id=99),
        annotation(bbox=[1, 2, 3]),
        annotation(bbox=["1", 2, 3, 4]),
        annotation(bbox=[5, 5, 0, 4]),
        {"image_id": 1},
        "no annotation",
    ]

    dataset = open_coco(write_json(tmp_path / "l.json", images, annotations))

    assert len(dataset.records) == 1
    assert len(dataset.records[0].truth.xyxy) == 1
    assert dataset.faults == {
        "degenerate-box": 1,
        "duplicate-image-id": 1,
        "malformed-annotation": 4,
        "malformed-image-entry": 1,
        "missing-file": 1,
        "unknown-class-id": 1,
        "unknown-image-id": 1,
    }


def test_a_json_without_annotations_has_no_labels(tmp_path):
    write_image(tmp_path / "a.png")

    dataset = open_coco(write_json(tmp_path / "l.json", annotations=None))

    assert not dataset.labelled
    assert dataset.categories == ()


def test_labels_are_left_out_when_not_wanted(tmp_path):
    write_image(tmp_path / "a.png")

    dataset = open_coco(write_json(tmp_path / "l.json", annotations=[annotation()]), labels=False)

    assert dataset.records[0].truth is None


def test_images_that_are_nowhere_are_an_error_that_says_where_it_looked(tmp_path):
    with pytest.raises(DataError, match=r"None of the 1 images .*a\.png.*images.*--images"):
        open_coco(write_json(tmp_path / "l.json"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "as JSON"),
        ("[1, 2]", "expected a list under 'images', found a list"),
        ('{"detections": []}', r"found \['detections'\]"),
    ],
)
def test_another_file_is_an_error_that_says_what_was_expected(tmp_path, text, message):
    (tmp_path / "l.json").write_text(text)

    with pytest.raises(DataError, match=message):
        open_coco(tmp_path / "l.json")


def test_categories_without_names_are_an_error(tmp_path):
    write_image(tmp_path / "a.png")

    with pytest.raises(DataError, match="key 'categories'"):
        open_coco(write_json(tmp_path / "l.json", categories=[{"id": 1}]))


@pytest.mark.data
def test_the_real_coco_sets_have_the_boxes_their_readme_counts(data_dir):
    val = open_coco(data_dir / "coco-val-mini" / "instances.json")
    train = open_coco(data_dir / "coco-train-mini" / "instances.json")

    assert (len(val.records), len(val.categories)) == (112, 80)
    assert sum(len(record.truth.xyxy) for record in val.records) == 905
    assert (len(train.records), sum(len(r.truth.xyxy) for r in train.records)) == (215, 2035)
    assert val.faults == {"crowd-box": 8, "image-without-objects": 1}


def test_a_folder_named_for_another_json_hides_no_image(tmp_path):
    write_image(tmp_path / "calib/a.png")
    (tmp_path / "val").mkdir()

    dataset = open_coco(write_json(tmp_path / "calib/l.json"), images=tmp_path / "val")

    assert dataset.records[0].path == tmp_path / "calib/a.png"


@pytest.mark.parametrize(
    "bbox", [[10**400, 0, 1, 1], [1e308, 0, 1e308, 9], [float("inf"), 0, 1, 1], [0, 0, 1e30, 1e30]]
)
def test_numbers_no_array_can_hold_are_counted(tmp_path, bbox):
    write_image(tmp_path / "a.png")
    images = [{"id": 1, "file_name": "a.png", "height": float("inf"), "width": 20}]
    beyond = annotation(bbox=bbox)
    file = write_json(tmp_path / "l.json", images, [annotation(area=1e300), beyond])

    dataset = open_coco(file)

    assert dataset.faults == {"degenerate-box": 1}
    assert dataset.records[0].truth.area.tolist() == [20]


def test_a_name_no_file_system_takes_is_a_missing_file(tmp_path):
    write_image(tmp_path / "a.png")
    images = [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "x" * 5000}]

    assert open_coco(write_json(tmp_path / "l.json", images)).faults["missing-file"] == 1


def test_annotations_that_are_no_list_are_named(tmp_path):
    file = tmp_path / "l.json"
    file.write_text('{"images": [], "annotations": null}')

    with pytest.raises(DataError, match="key 'annotations': expected a list, found NoneType"):
        open_coco(file)


def test_endless_nesting_is_no_json(tmp_path):
    file = tmp_path / "l.json"
    file.write_text("[" * 200_000)

    with pytest.raises(DataError, match="Cannot read"):
        open_coco(file)
