import shutil

import cv2
import numpy as np
import pytest

from edgekit.config.calibration import open_source
from edgekit.errors import ConfigError, DataError
from edgekit.images.overlap import shared_images
from edgekit.pipeline.manifest import MakeOptions, make_manifest


@pytest.fixture
def photos(tiny, tmp_path):
    """32 images that differ, one of them twice, one of them darker too, and two of no use."""
    folder = tmp_path / "photos"
    shutil.copytree(tiny.calib, folder)
    shutil.copy(folder / "1-00.png", folder / "copy.png")
    darker = (cv2.imread(str(folder / "1-01.png")) * 0.8).astype(np.uint8)
    cv2.imwrite(str(folder / "darker.png"), darker)
    cv2.imwrite(str(folder / "even.png"), np.full((50, 50, 3), 90, np.uint8))
    (folder / "broken.png").write_bytes(b"no image")
    return folder


def test_what_repeats_or_shows_nothing_is_left_out(photos, tmp_path):
    made = make_manifest(str(photos), tmp_path / "mine.yaml", MakeOptions(32))

    names = {r.path.name for r in open_source(str(tmp_path / "mine.yaml")).records}
    assert (made.images, made.total) == (32, 36)
    assert names.isdisjoint({"even.png", "broken.png"})
    assert len(names & {"1-00.png", "copy.png"}) == 1
    assert len(names & {"1-01.png", "darker.png"}) == 1


def test_more_than_differ_is_an_error_that_counts_the_reasons(photos, tmp_path):
    with pytest.raises(DataError, match=r"expected 33 .* found 32 among 36") as refused:
        make_manifest(str(photos), tmp_path / "mine.yaml", MakeOptions(33))

    reasons = "(left out: 1 duplicate, 1 even, 1 near-duplicate, 1 unreadable)"
    assert reasons in str(refused.value)
    assert not (tmp_path / "mine.yaml").exists()


def test_a_seed_draws_the_same_images_again_and_another_one_others(tiny, tmp_path):
    def drawn(seed):
        make_manifest(str(tiny.calib), tmp_path / "mine.yaml", MakeOptions(8, seed))
        return (tmp_path / "mine.yaml").read_text(encoding="utf-8").partition("images:")[2]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_nothing_that_looks_like_an_evaluation_image_is_drawn(photos, tmp_path):
    scored = tmp_path / "scored"
    scored.mkdir()
    for number in range(8):
        pixels = cv2.imread(str(photos / f"1-{number:02}.png"))
        cv2.imwrite(str(scored / f"{number}.jpg"), pixels)
    options = MakeOptions(24, evaluation=str(scored))

    made = make_manifest(str(photos), tmp_path / "mine.yaml", options)

    names = {r.path.name for r in open_source(str(tmp_path / "mine.yaml")).records}
    assert names == {f"1-{number:02}.png" for number in range(8, 32)}
    assert f"none like those of {scored}" in (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert made.left_out["near-duplicate"] >= 8


def test_a_manifest_of_a_labelled_set_picks_the_same_files(tiny, scored, tmp_path):
    make_manifest(str(tiny.labels), tmp_path / "mine.yaml", MakeOptions(10))

    picked = open_source(str(tmp_path / "mine.yaml"))

    assert len(shared_images(picked, scored)) == 10


def test_every_image_taken_is_told(tiny, tmp_path):
    told = []

    make_manifest(
        str(tiny.calib), tmp_path / "mine.yaml", MakeOptions(3), lambda *step: told.append(step)
    )

    assert told == [("draw", n, 3) for n in (1, 2, 3)]


def test_a_name_that_is_not_yaml_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ConfigError, match=r"Try --out .*mine\.yaml"):
        make_manifest("nowhere", tmp_path / "mine.txt", MakeOptions(3))
