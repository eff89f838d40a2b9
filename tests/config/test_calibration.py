import cv2
import numpy as np
import pytest
import yaml

from edgekit.config.calibration import open_calibration, open_source
from edgekit.errors import ConfigError, DataError
from edgekit.images.overlap import dataset_sha256


@pytest.fixture
def home(tmp_path):
    for i in range(6):
        path = tmp_path / "photos" / f"{i % 2}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((4, 4, 3), i, np.uint8))
    return tmp_path


def write(home, images=("photos",), **keys):
    content = {"version": 1, "summary": "Ours.", "images": list(images), **keys}
    (home / "own.yaml").write_text(yaml.safe_dump(content))
    return str(home / "own.yaml")


def names(dataset):
    return sorted(record.path.name for record in dataset.records)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (["photos"], "012345"),
        (["photos/0"], "024"),
        (["photos/*/3.png", "photos/0/*"], "0234"),
        (["photos/**/[01].png"], "01"),
        (["photos/1/5.png", "photos/1/5.png"], "5"),
    ],
)
def test_images_are_picked_by_file_folder_and_pattern(home, images, expected):
    dataset = open_calibration(write(home, images))

    assert names(dataset) == [f"{i}.png" for i in expected]
    assert not dataset.labelled


def test_an_absolute_pattern_is_taken_as_it_is(home, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    dataset = open_calibration(write(elsewhere, [str(home / "photos" / "0" / "*.png")]))

    assert names(dataset) == ["0.png", "2.png", "4.png"]


def test_the_same_images_are_drawn_again(home):
    path = write(home, count=3, seed=5)

    first, second = open_calibration(path), open_calibration(path)

    assert len(first.records) == 3
    assert names(first) == names(second)


def test_a_hash_that_fits_is_accepted_and_another_refused(home):
    sha256 = dataset_sha256(open_calibration(write(home, count=3)))

    assert len(open_calibration(write(home, count=3, sha256=sha256)).records) == 3
    with pytest.raises(DataError, match=f"key 'sha256': expected {sha256}, found"):
        open_calibration(write(home, count=3, seed=1, sha256=sha256))


def test_too_few_images_are_an_error_with_both_counts(home):
    with pytest.raises(DataError, match="key 'count': expected 9 images, found 6"):
        open_calibration(write(home, count=9))


def test_a_manifest_without_images_is_an_error(home):
    with pytest.raises(DataError, match="No image"):
        open_calibration(write(home, ["nowhere/*.png"]))
    with pytest.raises(ConfigError, match="key 'images'"):
        open_calibration(write(home, []))


def test_a_shipped_manifest_looks_in_the_current_folder(home, monkeypatch):
    folder = home / "datasets" / "coco" / "train2017"
    folder.mkdir(parents=True)
    for i in range(70):
        (folder / f"{i:03}.jpg").write_bytes(bytes([i]))
    monkeypatch.chdir(home)

    dataset = open_source("coco")

    assert len(dataset.records) == 64
    assert dataset.name == "coco"


def test_a_source_is_a_manifest_a_data_yaml_or_any_data_set(home):
    manifest = write(home, count=2)
    (home / "data.yaml").write_text("val: photos/0\nnames: [cat]\n")

    assert len(open_source(manifest).records) == 2
    assert len(open_source(str(home / "data.yaml")).records) == 3
    assert len(open_source(str(home / "photos")).records) == 6


def test_a_source_that_is_nowhere_is_an_error(home):
    with pytest.raises(DataError, match="No such file"):
        open_source(str(home / "gone"))
