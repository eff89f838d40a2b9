import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from edgekit.scenes.raster import Box, Pose, blurred, halved, ink_box, posed, resized
from tests.strategies import seeds, sizes_hw


@st.composite
def boxes(draw):
    left, top = draw(st.integers(-5, 15)), draw(st.integers(-5, 15))
    return Box(left, top, left + draw(st.integers(1, 12)), top + draw(st.integers(1, 12)))


poses = st.builds(
    Pose,
    height_px=st.floats(42, 150),
    aspect=st.floats(0.7, 1.4),
    shear=st.floats(-0.5, 0.5),
    degrees=st.floats(-180, 180),
)


def noise(shape, seed):
    return np.random.default_rng(seed).random(shape, np.float32)


def cells_of(box):
    return {(x, y) for x in range(box.left, box.right) for y in range(box.top, box.bottom)}


def blob(row, col, sigma=5.0):
    """A round spot on an 80 x 80 mask, nothing at the border."""
    y, x = np.mgrid[:80, :80]
    spot = np.exp(-((x - col) ** 2 + (y - row) ** 2) / (2 * sigma**2))
    return np.where(spot < 1e-4, 0, spot).astype(np.float32)


def forward(pose, height):
    """The 2 x 2 matrix that takes an offset (x, y) from the centre to where it is drawn."""
    scale = pose.height_px / height
    angle = math.radians(pose.degrees)
    scaled = np.diag([scale * pose.aspect, scale])
    sheared = np.array([[1, pose.shear], [0, 1]])
    turned = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return turned @ sheared @ scaled


def centroid(mask):
    """Where the mass of a mask lies, as (x, y) from its centre."""
    row, col = ndimage.center_of_mass(mask)
    return np.array([col - (mask.shape[1] - 1) / 2, row - (mask.shape[0] - 1) / 2])


@given(a=boxes(), b=boxes())
def test_iou_is_symmetric_and_counts_pixels(a, b):
    common, union = len(cells_of(a) & cells_of(b)), len(cells_of(a) | cells_of(b))

    assert a.iou(b) == b.iou(a) == common / union
    assert 0 <= a.iou(b) <= 1
    assert a.iou(a) == 1
    assert (a.area, a.common_area(b)) == (len(cells_of(a)), common)


def test_a_window_cuts_out_the_box():
    picture = np.arange(20).reshape(4, 5)

    assert picture[Box(1, 2, 4, 3).window].tolist() == [[11, 12, 13]]


@given(size=sizes_hw(1, 30), wanted=sizes_hw(1, 50), seed=seeds, colour=st.booleans())
def test_resized_equals_bilinear_resizing_of_opencv(size, wanted, seed, colour):
    picture = noise((*size, 3) if colour else size, seed)

    ours = resized(picture, wanted)

    theirs = cv2.resize(picture, wanted[::-1], interpolation=cv2.INTER_LINEAR)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs.reshape(ours.shape), atol=2e-3)


@given(size=sizes_hw(1, 20), wanted=sizes_hw(1, 40), value=st.floats(0, 255, width=32))
def test_a_constant_stays_what_it_is_when_resized(size, wanted, value):
    picture = resized(np.full(size, value, np.float32), wanted)

    assert picture.shape == wanted
    np.testing.assert_allclose(picture, value, rtol=1e-6)


@given(size=sizes_hw(1, 20), seed=seeds)
def test_resizing_to_the_same_size_changes_nothing(size, seed):
    picture = noise(size, seed)

    np.testing.assert_array_equal(resized(picture, size), picture)


@given(height=st.integers(1, 12), width=st.integers(1, 12), seed=seeds)
def test_halved_is_the_mean_of_each_four_pixels(height, width, seed):
    picture = noise((2 * height, 2 * width), seed)

    theirs = picture.reshape(height, 2, width, 2).mean(axis=(1, 3))

    np.testing.assert_allclose(halved(picture), theirs, rtol=1e-5)


def test_halving_leaves_an_odd_row_and_column_out():
    picture = noise((5, 7), 0)

    np.testing.assert_array_equal(halved(picture), halved(picture[:4, :6]))


@given(size=sizes_hw(2, 20), seed=seeds, passes=st.integers(0, 4), colour=st.booleans())
def test_blurred_equals_convolution_with_the_kernel(size, seed, passes, colour):
    picture = noise((*size, 3) if colour else size, seed)
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16

    theirs = picture.astype(np.float64)
    for _ in range(passes):
        # The third axis is colour: nothing is mixed along it.
        theirs = ndimage.convolve(theirs, kernel[..., None] if colour else kernel, mode="nearest")

    np.testing.assert_allclose(blurred(picture, passes), theirs, atol=1e-5)


@given(size=sizes_hw(2, 20), value=st.floats(0, 255, width=32), passes=st.integers(0, 5))
def test_blurring_keeps_a_constant(size, value, passes):
    np.testing.assert_allclose(blurred(np.full(size, value, np.float32), passes), value, rtol=1e-5)


@given(seed=seeds, passes=st.integers(0, 5))
def test_blurring_keeps_the_mass_of_what_is_not_at_the_border(seed, passes):
    picture = np.pad(noise((8, 9), seed), 6)

    assert blurred(picture, passes).sum() == pytest.approx(picture.sum(), rel=1e-5)


def test_blurring_leaves_its_input_alone():
    picture = noise((6, 6), 1)
    before = picture.copy()

    blurred(picture, 2)

    np.testing.assert_array_equal(picture, before)


@given(pose=poses, seed=seeds)
def test_posed_equals_an_affine_resampling_by_scipy(pose, seed):
    mask = np.pad(blurred(noise((76, 76), seed), 2), 2)

    ours = posed(mask, pose)

    # SciPy wants the way from an output (row, column) back to the input.
    inverse = np.linalg.inv(forward(pose, 80))[::-1, ::-1]
    middle_in, middle_out = np.full(2, 39.5), (np.array(ours.shape) - 1) / 2
    theirs = ndimage.affine_transform(
        mask.astype(np.float64),
        inverse,
        middle_in - inverse @ middle_out,
        output_shape=ours.shape,
        order=1,
        mode="grid-constant",
    )
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


@given(pose=poses, row=st.integers(25, 55), col=st.integers(25, 55))
def test_a_spot_lands_where_the_pose_says_with_the_mass_it_has_there(pose, row, col):
    mask = blob(row, col)

    drawn = posed(mask, pose)

    expected = forward(pose, 80) @ np.array([col - 39.5, row - 39.5])
    scale = np.linalg.det(forward(pose, 80))
    np.testing.assert_allclose(centroid(drawn), expected, atol=0.05)
    assert drawn.sum() == pytest.approx(mask.sum() * scale, rel=0.02)


@given(pose=poses, height=st.floats(6, 40))
def test_a_shape_drawn_small_lands_where_the_pose_says(pose, height):
    small = Pose(height, pose.aspect, pose.shear, pose.degrees)
    mask = blob(30, 52, sigma=8.0)

    drawn = posed(mask, small)

    expected = forward(small, 80) @ np.array([52 - 39.5, 30 - 39.5])
    np.testing.assert_allclose(centroid(drawn), expected, atol=0.15)


@given(pose=poses)
def test_the_picture_is_large_enough_for_the_shape(pose):
    mask = np.zeros((80, 80), np.float32)
    mask[1:-1, 1:-1] = 1

    drawn = posed(mask, pose)

    border = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
    assert border.max() < 1
    assert drawn.sum() == pytest.approx(78**2 * np.linalg.det(forward(pose, 80)), rel=0.02)


def test_turning_is_clockwise_and_shear_moves_what_is_below_to_the_right():
    right, below = blob(39.5, 60), blob(60, 39.5)

    turned, sheared = posed(right, Pose(80, degrees=90)), posed(below, Pose(80, shear=0.5))

    np.testing.assert_allclose(centroid(turned), [0, 20.5], atol=0.05)
    np.testing.assert_allclose(centroid(sheared), [10.25, 20.5], atol=0.05)


@given(size=sizes_hw(1, 20), seed=seeds, threshold=st.floats(0, 1.1))
def test_the_ink_box_is_the_bounding_rectangle(size, seed, threshold):
    mask = noise(size, seed)

    box = ink_box(mask, threshold)

    left, top, width, height = cv2.boundingRect((mask > threshold).astype(np.uint8))
    expected = Box(left, top, left + width, top + height) if width else None
    assert box == expected
