import pytest

from edgekit.errors import DataError
from edgekit.images.folder import dataset_of_files, open_folder


def test_images_are_found_in_all_folders_below_in_a_stable_order(tmp_path):
    for name in ("b.jpg", "sub/a.PNG", "sub/deeper/c.webp", "notes.txt", ".hidden.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()

    dataset = open_folder(tmp_path)

    assert [record.path.name for record in dataset.records] == ["b.jpg", "a.PNG", "c.webp"]
    assert [record.id for record in dataset.records] == [1, 2, 3]
    assert not dataset.labelled


def test_one_image_is_a_data_set_of_one(tmp_path):
    (tmp_path / "a.jpg").touch()

    assert [record.path for record in open_folder(tmp_path / "a.jpg").records] == [
        tmp_path / "a.jpg"
    ]


def test_a_file_named_twice_is_taken_once(tmp_path):
    (tmp_path / "a.jpg").touch()

    dataset = dataset_of_files("twice", [tmp_path / "a.jpg", tmp_path / "a.jpg"])

    assert len(dataset.records) == 1


def test_a_folder_without_images_is_an_error_that_says_what_counts_as_one(tmp_path):
    with pytest.raises(DataError, match=r"No image in .*\.jpg.*found none"):
        open_folder(tmp_path)
