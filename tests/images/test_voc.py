import cv2
import numpy as np
import pytest

from edgekit.errors import DataError
from edgekit.images.voc import is_voc, open_voc
from edgekit.values import Category


def write_image(root, name):
    (root / "JPEGImages").mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(root / "JPEGImages" / name), np.zeros((10, 20, 3), np.uint8))


def thing(name="cat", box=(1, 2, 5, 6), extra=""):
    corners = "".join(
        f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"<object><name>{name}</name>{extra}<bndbox>{corners}</bndbox></object>"


def write_xml(root, stem, *objects, size="<size><width>20</width><height>10</height></size>"):
    (root / "Annotations").mkdir(parents=True, exist_ok=True)
    text = f"<annotation><filename>{stem}.jpg</filename>{size}{''.join(objects)}</annotation>"
    (root / "Annotations" / f"{stem}.xml").write_text(text)


def write_list(root, name, *lines):
    (root / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
    (root / "ImageSets" / "Main" / f"{name}.txt").write_text("\n".join(lines) + "\n")


def test_objects_become_truth_with_classes_in_alphabetical_order(tmp_path):
    write_image(tmp_path, "a.jpg")
    write_xml(tmp_path, "a", thing("dog"), thing("cat", (0, 0, 20, 10)))

    dataset = open_voc(tmp_path)

    (record,) = dataset.records
    assert record.labelled_hw == (10, 20)
    assert record.truth.xyxy.tolist() == [[1, 2, 5, 6], [0, 0, 20, 10]]
    assert record.truth.categories.tolist() == [2, 1]
    assert dataset.categories == (Category(1, "cat"), Category(2, "dog"))
    assert dataset.faults == {}


def test_a_list_chooses_images_and_keeps_the_category_ids(tmp_path):
    for stem, name in (("a", "cat"), ("b", "dog")):
        write_image(tmp_path, f"{stem}.jpg")
        write_xml(tmp_path, stem, thing(name))
    write_list(tmp_path, "val", "b  1")

    dataset = open_voc(tmp_path, "val")

    assert [record.path.stem for record in dataset.records] == ["b"]
    assert dataset.records[0].truth.categories.tolist() == [2]


def test_difficult_objects_become_crowd(tmp_path):
    write_image(tmp_path, "a.jpg")
    write_xml(tmp_path, "a", thing(extra="<difficult>1</difficult>"))

    assert open_voc(tmp_path).records[0].truth.crowd.tolist() == [True]


def test_an_image_is_found_by_the_name_of_its_annotation_too(tmp_path):
    write_image(tmp_path, "a.png")
    write_xml(tmp_path, "a", thing())

    assert open_voc(tmp_path).records[0].path.name == "a.png"


def test_faults_are_counted_and_the_rest_is_read(tmp_path):
    write_image(tmp_path, "a.jpg")
    write_xml(
        tmp_path,
        "a",
        thing(),
        thing(box=(3, 3, 3, 3)),
        thing(box=(15, 0, 30, 10)),
        thing(box=("x", 0, 1, 1)),
        "<object><name>cat</name></object>",
        thing(name=""),
        size="<size><width>20</width><height>10</height></size>",
    )
    write_xml(tmp_path, "gone", thing())
    (tmp_path / "Annotations" / "broken.xml").write_text("<annotation>")
    write_list(tmp_path, "val", "a", "gone", "unlabelled", "")

    dataset = open_voc(tmp_path, "val")

    assert len(dataset.records) == 1
    assert len(dataset.records[0].truth.xyxy) == 2
    assert dataset.faults == {
        "box-clipped": 1,
        "degenerate-box": 1,
        "image-without-label-file": 1,
        "malformed-annotation": 4,
        "missing-file": 1,
    }


@pytest.mark.parametrize("size", ["", "<size><width>0</width><height>0</height></size>"])
def test_a_size_that_says_nothing_is_no_size(tmp_path, size):
    write_image(tmp_path, "a.jpg")
    write_xml(tmp_path, "a", thing(), size=size)

    assert open_voc(tmp_path).records[0].labelled_hw is None


def test_an_unknown_list_is_an_error_that_names_the_known(tmp_path):
    write_image(tmp_path, "a.jpg")
    write_xml(tmp_path, "a", thing())
    write_list(tmp_path, "train", "a")

    with pytest.raises(DataError, match="no list 'val' under ImageSets: found train"):
        open_voc(tmp_path, "val")


def test_a_folder_without_annotated_images_is_an_error(tmp_path):
    (tmp_path / "Annotations").mkdir()

    assert is_voc(tmp_path)
    with pytest.raises(DataError, match="No annotated image"):
        open_voc(tmp_path)


@pytest.mark.data
def test_the_two_degenerate_boxes_of_bccd_are_counted(data_dir):
    dataset = open_voc(data_dir / "bccd" / "BCCD")

    assert len(dataset.records) == 364
    assert dataset.faults == {"degenerate-box": 2}
    assert [category.name for category in dataset.categories] == ["Platelets", "RBC", "WBC"]
    assert sum(len(record.truth.xyxy) for record in dataset.records) == 4155 + 372 + 361 - 2


@pytest.mark.data
def test_the_lists_of_bccd_share_no_image(data_dir):
    splits = [open_voc(data_dir / "bccd" / "BCCD", name) for name in ("train", "val", "test")]

    paths = [record.path for split in splits for record in split.records]
    assert len(paths) == len(set(paths)) == 364
