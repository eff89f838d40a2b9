import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import DataError
from edgekit.images.datasets import DatasetOptions, choose, open_dataset
from edgekit.values import Dataset, ImageRecord
from tests.strategies import seeds


@pytest.fixture
def home(tmp_path):
    """One image, labelled in every format."""
    (tmp_path / "JPEGImages").mkdir()
    cv2.imwrite(str(tmp_path / "JPEGImages" / "a.png"), np.zeros((10, 20, 3), np.uint8))
    (tmp_path / "JPEGImages" / "a.txt").write_text("0 0.5 0.5 1 1")
    (tmp_path / "data.yaml").write_text(
        "path: JPEGImages\ntrain: '.'\nval: '.'\ntest: '.'\nnames: [cat]\n"
    )
    (tmp_path / "l.json").write_text(
        json.dumps(
            {
                "images": [{"id": 5, "file_name": "a.png"}],
                "annotations": [{"image_id": 5, "category_id": 0, "bbox": [0, 0, 20, 10]}],
                "categories": [{"id": 0, "name": "cat"}],
            }
        )
    )
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations" / "a.xml").write_text(
        "<annotation><object><name>cat</name><bndbox><xmin>0</xmin><ymin>0</ymin>"
        "<xmax>20</xmax><ymax>10</ymax></bndbox></object></annotation>"
    )
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets" / "test.txt").write_text("a\n")
    return tmp_path


@pytest.mark.parametrize("source", ["l.json", "data.yaml", "data.yaml#test", ".", ".#test"])
def test_every_labelled_format_gives_the_same_boxes(home, source):
    options = DatasetOptions(images=home / "JPEGImages")

    dataset = open_dataset(f"{home}/{source}", options)

    assert dataset.name == f"{home}/{source}"
    assert dataset.labelled
    assert dataset.records[0].truth.xyxy.tolist() == [[0, 0, 20, 10]]
    assert [category.name for category in dataset.categories] == ["cat"]
    assert dataset.faults == {}


@pytest.mark.parametrize("source", ["JPEGImages", "JPEGImages/a.png"])
def test_a_folder_and_one_image_have_no_labels(home, source):
    dataset = open_dataset(home / source)

    assert len(dataset.records) == 1
    assert not dataset.labelled


def test_a_split_in_the_options_is_used(home):
    with pytest.raises(DataError, match="no list 'val'"):
        open_dataset(home, DatasetOptions(split="val"))


@pytest.mark.parametrize("source", ["l.json#val", "JPEGImages#val"])
def test_a_split_of_what_has_none_is_an_error(home, source):
    with pytest.raises(DataError, match="has no split 'val'"):
        open_dataset(f"{home}/{source}")


def test_a_path_with_a_number_sign_is_a_path_first(home):
    (home / "JPEGImages").rename(home / "run#1")

    assert len(open_dataset(home / "run#1").records) == 1


@pytest.mark.parametrize(("name", "message"), [("gone", "No such file"), ("a.csv", "'.csv'")])
def test_what_is_no_data_set_is_an_error_that_lists_the_formats(tmp_path, name, message):
    (tmp_path / "a.csv").touch()

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path / name)


@given(total=st.integers(0, 30), count=st.integers(1, 40), seed=seeds)
def test_choosing_draws_that_many_in_order_and_the_same_again(total, count, seed):
    records = tuple(ImageRecord(i, None) for i in range(total))
    dataset = Dataset("all", records)

    chosen = choose(dataset, count, seed)

    ids = [record.id for record in chosen.records]
    assert len(ids) == min(count, total)
    assert ids == sorted(set(ids))
    assert ids == [record.id for record in choose(dataset, count, seed).records]


def test_another_seed_draws_others():
    dataset = Dataset("all", tuple(ImageRecord(i, None) for i in range(100)))

    assert choose(dataset, 10, 0).records != choose(dataset, 10, 1).records
