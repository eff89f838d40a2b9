import shutil

import cv2
import numpy as np
import pytest
import yaml

from edgekit.config.calibration import (
    Files,
    Rendered,
    find_calibration,
    list_calibrations,
    open_calibration,
    open_source,
    write_manifest,
)
from edgekit.errors import ConfigError, DataError, MissingExtraError, UnknownNameError
from edgekit.images.datasets import DatasetOptions
from edgekit.images.overlap import dataset_sha256, shared_images
from edgekit.scenes.scene import render_scene
from edgekit.scenes.sources import sources
from tests.scenes.absent import make_absent


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


def write_rendered(home, **keys):
    content = {"version": 1, "kind": "rendered", "summary": "Drawn.", "scenes": "digits"}
    (home / "drawn.yaml").write_text(yaml.safe_dump({**content, "split": "eval", **keys}))
    return str(home / "drawn.yaml")


def in_cache(home, **options):
    return DatasetOptions(cache=home / "cache", **options)


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


@pytest.mark.parametrize("keys", [{}, {"kind": "files"}])
def test_a_manifest_without_a_kind_picks_files(home, keys):
    path = write(home, count=2, **keys)

    assert isinstance(find_calibration(path), Files)
    assert len(open_source(path).records) == 2


def test_an_unknown_kind_is_an_error_with_the_known_ones(home):
    path = write(home, kind="rendred")

    with pytest.raises(
        ConfigError, match="key 'kind': expected files or listed or rendered, found 'rendred'"
    ):
        find_calibration(path)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "key 'count': field required"),
        ({"count": 0}, "key 'count'"),
        ({"count": 3, "split": "val"}, "key 'split': input should be 'train', 'calib'"),
        ({"count": 3, "scenes": "letters"}, "key 'scenes'"),
        ({"count": 3, "images": ["photos"]}, "key 'images'"),
    ],
)
def test_a_manifest_of_scenes_is_checked_key_by_key(home, keys, message):
    with pytest.raises(ConfigError, match=message):
        open_source(write_rendered(home, **keys))


@pytest.mark.parametrize("opened", [open_source, open_calibration])
def test_rendered_scenes_come_with_their_labels(home, opened):
    path = write_rendered(home, count=4, seed=3)

    dataset = opened(path, in_cache(home))

    expected = [list(render_scene("eval", i, 3).classes) for i in range(4)]
    assert dataset.labelled
    assert dataset.name == path
    assert [r.truth.categories.tolist() for r in dataset.records] == expected
    assert all((home / "cache") in r.path.parents for r in dataset.records)


def test_labels_of_rendered_scenes_are_dropped_where_none_are_wanted(home):
    path = write_rendered(home, count=8)

    bare = open_source(path, in_cache(home, labels=False))
    full = open_source(path, in_cache(home))

    assert not bare.labelled
    assert (bare.categories, bare.faults) == ((), {})
    assert [r.path for r in bare.records] == [r.path for r in full.records]


@pytest.mark.parametrize("labels", [True, False])
def test_a_hash_of_rendered_scenes_covers_pixels_and_labels(home, labels):
    options = in_cache(home, labels=labels)
    sha256 = dataset_sha256(open_source(write_rendered(home, count=3), in_cache(home)))

    assert len(open_source(write_rendered(home, count=3, sha256=sha256), options).records) == 3
    with pytest.raises(DataError, match=f"key 'sha256': expected {sha256}, found"):
        open_source(write_rendered(home, count=3, seed=1, sha256=sha256), options)


def test_without_a_cache_scenes_are_kept_in_the_users_cache_folder(home, monkeypatch):
    monkeypatch.setattr("edgekit.config.calibration.user_cache_path", lambda name: home / name)

    dataset = open_source(write_rendered(home, count=1))

    assert (home / "edgekit") in dataset.records[0].path.parents


@pytest.mark.parametrize(
    ("name", "split", "count"),
    [("digits", "calib", 64), ("digits-search", "search", 200), ("digits-eval", "eval", 200)],
)
def test_shipped_scenes_have_a_split_for_each_use(name, split, count):
    manifest = find_calibration(name)

    assert name in list_calibrations()
    assert isinstance(manifest, Rendered)
    assert (manifest.split, manifest.count, manifest.seed) == (split, count, 0)


def test_scenes_of_two_splits_share_no_image_and_those_of_one_split_do(home):
    calib = open_source(write_rendered(home, count=4, split="calib"), in_cache(home))
    few = open_source(write_rendered(home, count=3), in_cache(home))
    more = open_source(write_rendered(home, count=5), in_cache(home))

    assert shared_images(calib, more) == ()
    assert len(shared_images(few, more)) == 3


def test_scenes_without_scikit_learn_name_the_extra(home, monkeypatch):
    make_absent(monkeypatch, "sklearn")
    sources.cache_clear()

    with pytest.raises(MissingExtraError, match=r"edgekit\[demo\]") as caught:
        open_source(write_rendered(home, count=3), in_cache(home))

    assert caught.value.exit_code == 3


def test_an_unknown_manifest_is_an_error_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'digits-eval'"):
        find_calibration("digit-eval")


def listed(home, *images):
    write_manifest(home / "listed.yaml", "Ours.", [home / "photos" / image for image in images])
    return str(home / "listed.yaml")


def test_a_written_manifest_picks_the_same_files(home):
    path = listed(home, "1/5.png", "0/2.png")

    assert names(open_source(path)) == ["2.png", "5.png"]
    assert "photos/1/5.png: " in (home / "listed.yaml").read_text(encoding="utf-8")


def test_a_written_manifest_moves_with_its_images(home, tmp_path_factory):
    listed(home, "1/5.png", "0/2.png")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(home / "photos", elsewhere / "photos")
    shutil.copy(home / "listed.yaml", elsewhere)
    shutil.rmtree(home / "photos")

    found = open_source(str(elsewhere / "listed.yaml"))

    assert {record.path.parents[2] for record in found.records} == {elsewhere}


def test_names_that_look_like_patterns_are_names(home):
    shutil.copy(home / "photos/0/2.png", home / "photos/[0].png")

    assert names(open_source(listed(home, "[0].png"))) == ["[0].png"]


def test_a_listed_image_that_changed_or_is_gone_is_named(home):
    path = listed(home, "1/5.png", "0/2.png")

    shutil.copy(home / "photos/0/4.png", home / "photos/0/2.png")
    with pytest.raises(DataError, match=r"key 'images', photos/0/2\.png: expected sha256 .*found"):
        open_source(path)
    (home / "photos/0/2.png").unlink()
    with pytest.raises(DataError, match=r"expected an image at photos/0/2\.png, seen from"):
        open_source(path)


def test_a_manifest_that_cannot_be_written_is_an_error(home):
    with pytest.raises(ConfigError, match=r"Cannot write .*Choose another file"):
        write_manifest(home / "nowhere" / "own.yaml", "Ours.", [home / "photos/0/2.png"])


def test_a_listed_hash_that_is_none_is_an_error_that_names_the_image(home):
    (home / "own.yaml").write_text(
        "{version: 1, kind: listed, summary: Ours., images: {a.png: abc}}"
    )

    with pytest.raises(ConfigError, match=r"key 'images\.a\.png'"):
        open_source(str(home / "own.yaml"))
