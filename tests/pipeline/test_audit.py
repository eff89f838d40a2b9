import shutil

import cv2
import numpy as np
import pytest

from edgekit.config.calibration import open_source
from edgekit.errors import ConfigError, DataError
from edgekit.images.overlap import file_sha256
from edgekit.pipeline.audit import AuditOptions, audit, extremes_over, facts_of, read_facts
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.values import ImageRecord


@pytest.fixture
def calib(tiny, tmp_path):
    """A copy of the calibration images, to change."""
    shutil.copytree(tiny.calib, tmp_path / "calib")
    return tmp_path / "calib"


def kinds(found):
    return {finding.kind: finding.images for finding in found.findings}


def written(path, pixels):
    cv2.imwrite(str(path), pixels)
    return facts_of(path.name, ImageRecord(1, path))


def test_what_is_doubtful_is_found_without_a_model(calib):
    shutil.copy(calib / "1-00.png", calib / "copy.png")
    bright = np.clip(cv2.imread(str(calib / "1-01.png")).astype(np.int16) + 20, 0, 255)
    cv2.imwrite(str(calib / "bright.jpg"), bright.astype(np.uint8))
    cv2.imwrite(str(calib / "even.png"), np.full((200, 200, 3), (9, 50, 90), np.uint8))
    (calib / "broken.png").write_bytes(b"no image")

    found = audit(str(calib))

    assert (found.images, found.readable, found.labels) == (36, 35, None)
    assert found.faults == {"unreadable-image": 1}
    assert found.coverage is None
    told = kinds(found)
    small = told.pop("small")
    assert told == {
        "unreadable": ("broken.png",),
        "duplicate": ("copy.png",),
        "near-duplicate": ("bright.jpg",),
        "even": ("even.png",),
    }
    assert len(small) == 34


def test_small_is_under_half_of_the_networks_input(tiny):
    """All images are shorter than the 160 pixels assumed, and longer than half of 64."""
    assert "small" in kinds(audit(str(tiny.calib)))
    assert "small" not in kinds(audit(str(tiny.calib), tiny.model))


def test_with_a_model_the_ranges_are_judged(tiny):
    found = audit(str(tiny.calib), tiny.model)

    assert [point.images for point in found.coverage.curve] == [8, 16, 24, 32]
    assert (found.coverage.more == 0) == found.coverage.advice.startswith("Stop")


def test_an_image_unlike_all_others_stands_out(tiny, calib):
    for path in calib.iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path)) // 8 + 100)
    rng = np.random.default_rng(0)
    cv2.imwrite(str(calib / "noise.png"), rng.integers(0, 256, (64, 64, 3), np.uint8))

    found = audit(str(calib), tiny.model)

    assert kinds(found)["outlier"] == ("noise.png",)


def test_unreadable_images_do_not_shift_the_names_of_outliers(tiny, calib):
    for path in calib.iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path)) // 8 + 100)
    (calib / "0-broken.png").write_bytes(b"no image")
    rng = np.random.default_rng(0)
    cv2.imwrite(str(calib / "1-99.png"), rng.integers(0, 256, (64, 64, 3), np.uint8))

    assert kinds(audit(str(calib), tiny.model))["outlier"] == ("1-99.png",)


def test_an_evaluation_image_among_them_is_an_error_unless_allowed(tiny, calib):
    shutil.copy(tiny.labels.parent / "images/2-03.png", calib / "other-name.png")
    options = {"evaluation": str(tiny.labels)}

    with pytest.raises(ConfigError, match=r"1 calibration images .*2-03.*--allow-overlap"):
        audit(str(calib), options=AuditOptions(**options))
    found = audit(str(calib), options=AuditOptions(**options, allow_overlap=True))

    (evaluated,) = [f for f in found.findings if f.kind == "evaluated"]
    assert "1 calibration images are also evaluation images" in evaluated.sentence


def test_an_evaluation_image_saved_again_is_found(tiny, calib):
    pixels = cv2.imread(str(tiny.labels.parent / "images/2-03.png"))
    cv2.imwrite(str(calib / "again.jpg"), pixels)

    found = audit(str(calib), options=AuditOptions(evaluation=str(tiny.labels)))

    assert kinds(found)["evaluated"] == ("again.jpg",)


def test_labels_are_counted_where_there_are_any(tiny):
    found = audit(str(tiny.labels))

    assert list(found.labels.objects) == ["disc", "square", "stripe"]
    assert sum(found.labels.objects.values()) == sum(found.labels.sizes.values()) > 0


def test_images_of_which_none_can_be_read_are_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")

    with pytest.raises(DataError, match="found 1 files of which none can be read"):
        audit(str(tmp_path))


def test_grey_is_what_shows_no_colour_however_it_is_stored(tmp_path):
    rng = np.random.default_rng(0)
    grey = cv2.resize(rng.integers(0, 256, (6, 8), np.uint8), (160, 120))
    colour = cv2.merge([grey, grey, np.clip(grey.astype(int) + 30, 0, 255).astype(np.uint8)])

    assert written(tmp_path / "one.png", grey).grey
    assert written(tmp_path / "three.jpg", cv2.merge([grey] * 3)).grey
    assert not written(tmp_path / "colour.jpg", colour).grey


def test_the_facts_of_an_image_are_those_of_its_file(tmp_path):
    facts = written(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (30, 40, 3)))

    assert (facts.name, facts.size_hw, facts.even) == ("a.png", (30, 40), False)
    assert facts.sha256 == file_sha256(tmp_path / "a.png")


def test_every_image_read_is_told(tiny):
    told = []

    list(read_facts(open_source(str(tiny.calib)), lambda *step: told.append(step)))

    assert told == [("read", n, 32) for n in range(1, 33)]


def test_the_extremes_of_the_input_are_those_of_the_pixels(tiny):
    network = network_of(prepare(tiny.model, ModelOptions()))

    extremes = extremes_over(network, open_source(str(tiny.calib)))

    assert extremes.images == 32
    assert extremes.lows.shape == extremes.highs.shape
    assert np.all(extremes.lows <= 0)
    assert np.all(extremes.highs >= 0)
    assert np.isfinite(extremes.highs).all()
