import shutil

import pytest

from edgekit.config.calibration import open_source
from edgekit.config.recipe import CalibrationDraw
from edgekit.errors import ConfigError, DataError
from edgekit.images.overlap import file_sha256
from edgekit.pipeline.audit import read_facts
from edgekit.pipeline.data import data_use, locked, open_image_sets

DRAW = CalibrationDraw(count=32)


def test_only_as_many_images_as_the_recipe_says_calibrate(tiny, tmp_path):
    sets = open_image_sets(tiny.options(tmp_path, force=True), CalibrationDraw(count=5))

    assert len(sets.calibration.records) == 5
    assert len(sets.evaluation.records) == 10


def test_fewer_than_32_images_are_refused_unless_forced(tiny, tmp_path):
    few = CalibrationDraw(count=31)

    forced = open_image_sets(tiny.options(tmp_path, force=True), few)
    enough = open_image_sets(tiny.options(tmp_path), DRAW)

    with pytest.raises(ConfigError, match=r"Only 31 .* expected at least 32, found 31.*--force"):
        open_image_sets(tiny.options(tmp_path), few)
    assert ["Only 31 calibration images can be read" in w for w in forced.warnings] == [True]
    assert enough.warnings == ()


def test_images_that_cannot_be_read_do_not_count(tiny, tmp_path):
    shutil.copytree(tiny.calib, tmp_path / "calib")
    (tmp_path / "calib/1-00.png").write_bytes(b"no image")

    with pytest.raises(ConfigError, match=r"Only 31 .* found 32 drawn from"):
        open_image_sets(tiny.options(tmp_path, calib=str(tmp_path / "calib")), DRAW)


def test_a_float_target_opens_no_calibration_images(tiny, tmp_path):
    sets = open_image_sets(tiny.options(tmp_path, calib="nowhere", evaluation=None), None)

    assert (sets.calibration, sets.evaluation, sets.warnings) == (None, None, ())


@pytest.mark.parametrize("draw", [DRAW, None])
def test_eval_images_without_labels_are_a_warning(tiny, tmp_path, draw):
    images = str(tiny.labels.parent / "images")

    sets = open_image_sets(tiny.options(tmp_path, evaluation=images), draw)

    assert f"--eval {images} has no labels" in sets.warnings[0]


@pytest.mark.parametrize("given", [False, True])
def test_a_budget_of_map_needs_labels(tiny, tmp_path, given):
    images = str(tiny.labels.parent / "images") if given else None
    options = tiny.options(tmp_path, evaluation=images, map_drop_points_max=0.5)

    with pytest.raises(ConfigError, match=r"--max-map-drop 0\.5 needs labels"):
        open_image_sets(options, DRAW)


def test_int8_without_calibration_images_says_what_to_add(tiny, tmp_path):
    with pytest.raises(ConfigError, match=r"ort-cpu-int8 quantizes.*Add --calib FOLDER"):
        open_image_sets(tiny.options(tmp_path, calib=None), DRAW)


def test_an_image_that_calibrates_and_scores_is_refused(tiny, tmp_path):
    calib = tmp_path / "calib"
    shutil.copytree(tiny.calib, calib)
    shutil.copy(tiny.labels.parent / "images/2-03.png", calib / "under-another-name.png")
    options = tiny.options(tmp_path, calib=str(calib))
    draw = CalibrationDraw(count=33)

    with pytest.raises(ConfigError, match=r"1 calibration images .*2-03.*--allow-overlap"):
        open_image_sets(options, draw)


def test_scenes_rendered_for_both_uses_are_refused_and_those_of_two_splits_are_not(tiny, tmp_path):
    def manifest(split):
        path = tmp_path / f"{split}.yaml"
        path.write_text(
            "{version: 1, kind: rendered, summary: Drawn., scenes: digits, "
            f"split: {split}, count: 3}}"
        )
        return str(path)

    def options(split):
        sources = {"calib": manifest(split), "evaluation": manifest("eval"), "force": True}
        return tiny.options(tmp_path, **sources, cache=tmp_path / "cache")

    sets = open_image_sets(options("calib"), DRAW)

    assert sets.evaluation.labelled
    assert not sets.calibration.labelled
    assert len(list((tmp_path / "cache").iterdir())) == 2
    with pytest.raises(ConfigError, match="3 calibration images are also evaluation images"):
        open_image_sets(options("eval"), DRAW)


def test_allowed_overlap_is_a_warning(tiny, tmp_path):
    images = str(tiny.labels.parent / "images")
    insisted = {"allow_overlap": True, "force": True}

    sets = open_image_sets(tiny.options(tmp_path, calib=images, **insisted), DRAW)

    assert "10 calibration images are also evaluation images" in sets.warnings[0]
    assert "flattered" in sets.warnings[0]


def test_an_empty_folder_is_refused(tiny, tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(DataError, match="empty"):
        open_image_sets(tiny.options(tmp_path, calib=str(tmp_path / "empty")), DRAW)


def test_what_was_wrong_with_files_is_counted(tiny, tmp_path):
    shutil.copytree(tiny.calib, tmp_path / "calib")
    broken = tmp_path / "calib/1-00.png"
    broken.write_bytes(broken.read_bytes()[:100])

    dataset = open_source(str(tmp_path / "calib"))
    use = data_use("calibration", dataset, read_facts(dataset))

    assert (use.role, use.images) == ("calibration", 32)
    assert sum(use.faults.values()) == 1


def test_every_image_is_locked_by_its_content(tiny):
    dataset = open_source(str(tiny.calib))

    lock = locked(dataset)

    assert len(lock.images) == 32
    assert lock.images["1-07.png"] == file_sha256(tiny.calib / "1-07.png")
    assert lock.sha256 == data_use("calibration", dataset, ()).sha256
    assert locked(None) is None


def test_images_of_the_same_name_are_all_locked(tiny, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        number = {"a": 1, "b": 2}[folder]
        shutil.copy(tiny.calib / f"1-0{number}.png", tmp_path / folder / "same.png")

    assert len(locked(open_source(str(tmp_path))).images) == 2


def test_without_eval_other_images_of_calib_tell_how_far_int8_agrees(tiny, tmp_path):
    options = tiny.options(tmp_path, evaluation=None, force=True)

    sets = open_image_sets(options, CalibrationDraw(count=5))

    calibrating = {record.id for record in sets.calibration.records}
    comparing = {record.id for record in sets.evaluation.records}
    assert len(comparing) == 27
    assert not calibrating & comparing
    assert not sets.evaluation.labelled
    assert "compared with FP32 on 27 other images" in sets.warnings[-1]


def test_without_eval_and_without_other_images_nothing_is_scored(tiny, tmp_path):
    sets = open_image_sets(tiny.options(tmp_path, evaluation=None), DRAW)

    assert sets.evaluation is None
    assert sets.warnings == (
        "Nothing was scored: no --eval, and every image of --calib calibrated.",
    )
