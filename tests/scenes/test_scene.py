import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

import edgekit.scenes.scene as module
from edgekit.scenes.chance import Chance
from edgekit.scenes.dataset import RENDERER
from edgekit.scenes.raster import Box
from edgekit.scenes.scene import MOST_DIGITS, MOST_OVERLAP_IOU, SIDE, render_scene
from edgekit.scenes.sources import digits_of
from tests.conftest import ROOT
from tests.scenes.conftest import SPLITS, digest

GREY = 128.0
FROZEN = (0, 1, 2, 3, 4, 99)
GOLDEN_FILE = f"scenes-{RENDERER}.txt"


def frozen_hashes():
    lines = [f"{s} {i} 0 {digest(render_scene(s, i))}" for s in SPLITS for i in FROZEN]
    lines += [f"{s} 0 7 {digest(render_scene(s, 0, seed=7))}" for s in SPLITS]
    return "\n".join(lines) + "\n"


def pairs(every_scene):
    return [pair for scene in every_scene for pair in itertools.combinations(scene.boxes, 2)]


@pytest.fixture
def digits_alone(monkeypatch):
    """Let scenes be digits on plain grey: no photograph, no clutter, no camera."""
    flat = np.full((SIDE, SIDE, 3), GREY, np.float32)
    monkeypatch.setattr(module, "backdrop", lambda real, chance, side: flat.copy())
    monkeypatch.setattr(module, "_draw_clutter", lambda *args, **options: None)
    monkeypatch.setattr(module, "_developed", lambda picture, chance: picture)


def test_scenes_are_what_they_were_when_the_detector_was_trained(golden):
    # Meant to change? Then raise RENDERER as well, or caches keep the old ones.
    golden(GOLDEN_FILE, frozen_hashes())


def test_another_process_draws_the_same_scenes_with_plain_instructions():
    code = "from tests.scenes.test_scene import frozen_hashes; print(frozen_hashes(), end='')"
    wide = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    plain = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(wide),
        "OPENBLAS_CORETYPE": "Nehalem",
        "PYTHONHASHSEED": "5",
    }

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        env={**os.environ, **plain},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert done.stdout == (ROOT / "tests/golden" / GOLDEN_FILE).read_text(encoding="utf-8")


def test_a_scene_does_not_depend_on_those_drawn_before():
    alone = digest(render_scene("eval", 3))

    for index in (5, 1, 3):
        last = digest(render_scene("eval", index))

    assert last == alone


def test_split_number_and_seed_each_give_another_scene():
    drawn = [("eval", 0, 0), ("calib", 0, 0), ("eval", 1, 0), ("eval", 0, 1)]

    assert len({render_scene(*which).image.tobytes() for which in drawn}) == len(drawn)


def test_a_scene_is_a_colour_picture_with_a_class_and_a_digit_per_box(every_scene):
    for scene in every_scene:
        assert (scene.image.shape, scene.image.dtype) == ((SIDE, SIDE, 3), np.uint8)
        assert len(scene.boxes) == len(scene.classes) == len(scene.digits) <= MOST_DIGITS


@pytest.mark.parametrize("split", SPLITS)
def test_digits_are_those_of_the_split_and_classes_what_they_show(scenes, split):
    target = load_digits().target
    allowed = set(digits_of(split, len(target)))

    digits = [d for scene in scenes[split] for d in scene.digits]

    assert set(digits) <= allowed
    assert [c for scene in scenes[split] for c in scene.classes] == target[digits].tolist()


@pytest.mark.parametrize("split", SPLITS)
def test_every_split_has_all_classes_empty_scenes_and_crowded_ones(scenes, split):
    counts = [len(scene.boxes) for scene in scenes[split]]

    assert {c for scene in scenes[split] for c in scene.classes} == set(range(10))
    assert 0 < counts.count(0) < 0.2 * len(counts)
    assert max(counts) >= MOST_DIGITS - 1
    assert 2.5 < np.mean(counts) < 5


def test_classes_are_about_equally_frequent(every_scene):
    counts = np.bincount([c for scene in every_scene for c in scene.classes], minlength=10)

    assert counts.min() > 0.5 * counts.mean()
    assert counts.max() < 1.6 * counts.mean()


def test_boxes_lie_inside_the_picture(every_scene):
    for box in (box for scene in every_scene for box in scene.boxes):
        assert 0 <= box.left < box.right <= SIDE
        assert 0 <= box.top < box.bottom <= SIDE


def test_boxes_are_of_every_size_many_of_them_small(every_scene):
    areas = np.array([box.area for scene in every_scene for box in scene.boxes])

    assert np.mean(areas < 32**2) >= 0.3
    assert np.mean(areas > 96**2) >= 0.05
    assert np.mean((areas >= 32**2) & (areas <= 96**2)) >= 0.25


def test_boxes_overlap_at_times_but_each_can_be_told_apart(every_scene):
    ious = [a.iou(b) for a, b in pairs(every_scene)]
    hidden = [a.common_area(b) / min(a.area, b.area) for a, b in pairs(every_scene)]

    assert max(ious) <= MOST_OVERLAP_IOU
    assert max(hidden) <= 0.7
    assert sum(iou > 0.1 for iou in ious) > 20


@pytest.mark.parametrize(
    ("other", "allowed"),
    [
        (Box(0, 0, 10, 10), False),
        (Box(5, 0, 15, 10), True),  # IoU 1/3
        (Box(0, 3, 10, 13), False),  # IoU 7/13
        (Box(0, 4, 10, 14), True),  # IoU 6/14
        (Box(2, 2, 4, 4), False),  # wholly inside, with an IoU of 1/25
        (Box(20, 20, 30, 30), True),
    ],
)
def test_boxes_may_share_little(other, allowed):
    box = Box(0, 0, 10, 10)

    assert module._may_share(box, other) is module._may_share(other, box) is allowed


def test_boxes_are_tight_around_what_was_painted(digits_alone):
    checked = 0
    for index in range(60):
        scene = render_scene("eval", index)
        if not scene.boxes:
            assert (scene.image == GREY).all()
            continue

        rows, cols = np.nonzero(np.any(scene.image != GREY, axis=2))

        assert cols.min() == min(box.left for box in scene.boxes)
        assert rows.min() == min(box.top for box in scene.boxes)
        assert cols.max() + 1 == max(box.right for box in scene.boxes)
        assert rows.max() + 1 == max(box.bottom for box in scene.boxes)
        checked += len(scene.boxes) == 1
    assert checked >= 4


@pytest.mark.parametrize("grey", [20.0, 110.0, 140.0, 250.0])
def test_one_digit_in_seven_is_faint_and_the_others_stand_out(grey):
    picture = np.full((8, 8, 3), grey, np.float32)
    luma = np.array([0.299, 0.587, 0.114])

    colours = [module._colour(picture, Box(1, 1, 5, 6), Chance(grey, i)) for i in range(300)]

    steps = np.array(colours) - grey
    # Faint ink is the colour behind it, lighter or darker, and a little tinted.
    faint = (np.ptp(steps, axis=1) <= 16) & (np.abs(steps).max(axis=1) <= 53)
    bright = np.abs(steps[~faint] @ luma)
    assert 0.1 < faint.mean() < 0.22
    assert np.abs(steps[faint].mean(axis=1)).min() > 5
    assert bright.min() >= 35
    assert np.median(bright) > 55


def test_ink_lies_in_the_picture_where_the_boxes_are(digits_alone):
    for index in range(60):
        scene = render_scene("calib", index)
        for box in scene.boxes:
            assert np.abs(scene.image[box.window] - GREY).max() > 4


def test_pixels_are_rounded_and_kept_within_bytes():
    class Still:
        def one_of(self, options):
            return options[0]

        def noise(self, shape, amplitude):
            return np.zeros(shape, np.int64)

    picture = np.array([-3, 0.4, 0.5, 99.6, 254.9, 300], np.float32).reshape(1, 6, 1)

    developed = module._developed(picture, Still())

    assert developed.ravel().tolist() == [0, 0, 1, 100, 255, 255]
