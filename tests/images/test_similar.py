import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.images.similar import (
    MAX_DIFFERENT_SIGNS,
    MIN_CORRELATION,
    SIDE,
    SeenImages,
    fingerprint,
)
from tests.strategies import seeds


def photograph(seed, size_hw=(120, 160)):
    """Coarse coloured patches, blurred into each other, with some noise: no two alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    smooth = cv2.resize(coarse, size_hw[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


def jpeg(pixels, quality=30):
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def brighter(pixels):
    return np.clip(pixels.astype(np.int16) + 30, 0, 255).astype(np.uint8)


def cut(pixels, share=0.02):
    height, width = (round(side * share) for side in pixels.shape[:2])
    return pixels[height:-height, width:-width]


def third(pixels):
    return cv2.resize(pixels, None, fx=1 / 3, fy=1 / 3)


CHANGES = {"saved again": jpeg, "brighter": brighter, "cut": cut, "scaled": third}


def seen(*images):
    found = SeenImages(len(images))
    for pixels in images:
        found.add(fingerprint(pixels))
    return found


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_is_like_its_original_and_no_other(change):
    originals = [photograph(seed) for seed in range(20)]
    known = seen(*originals)

    assert [known.first_like(fingerprint(change(p))) for p in originals] == list(range(20))


def test_a_mirror_image_is_another_image():
    assert seen(photograph(0)).first_like(fingerprint(photograph(0)[:, ::-1])) is None


def test_things_in_different_places_of_an_even_background_differ():
    def thing_at(x, y):
        return cv2.circle(np.full((90, 90, 3), 255, np.uint8), (x, y), 12, (40, 60, 80), -1)

    known = seen(thing_at(25, 25))

    assert known.first_like(fingerprint(thing_at(65, 60))) is None
    assert known.first_like(fingerprint(thing_at(26, 25))) == 0


def test_all_images_of_one_colour_are_alike_and_like_nothing_else():
    even = [np.full((20, 30, 3), grey, np.uint8) for grey in (0, 90)]

    assert seen(photograph(1), even[0]).first_like(fingerprint(even[1])) == 1


def test_nothing_is_like_an_image_before_any_is_seen():
    assert SeenImages(0).first_like(fingerprint(photograph(0))) is None


@given(seed=seeds, noise=st.sampled_from([4.0, 16.0, 40.0]))
def test_alike_means_few_signs_that_differ_and_levels_that_correlate(seed, noise):
    rng = np.random.default_rng(seed)
    one = fingerprint(photograph(seed % 100)).astype(float)
    other = np.clip(one + rng.normal(0, noise, one.shape), 0, 255).astype(np.uint8)
    one = one.astype(np.uint8)

    known = SeenImages(1)
    known.add(one)

    different = sum(
        (int(a[y, x + 1]) > int(a[y, x])) != (int(b[y, x + 1]) > int(b[y, x]))
        for a, b in ((one, other), (one.T, other.T))
        for y in range(SIDE - 1)
        for x in range(SIDE - 1)
    )
    correlation = np.corrcoef(one.ravel(), other.ravel())[0, 1]
    alike = different <= MAX_DIFFERENT_SIGNS and correlation >= MIN_CORRELATION
    assert (known.first_like(other) == 0) == alike


@pytest.mark.data
def test_no_two_photographs_of_coco_are_taken_for_one(data_dir):
    paths = sorted((data_dir / "coco-train-mini/images").iterdir())
    prints = [fingerprint(cv2.imread(str(path))) for path in paths]

    known = SeenImages(len(prints))
    alike = []
    for path, print_ in zip(paths, prints, strict=True):
        alike += [path.name] if known.first_like(print_) is not None else []
        known.add(print_)

    assert (len(paths), alike) == (215, [])
