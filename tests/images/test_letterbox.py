import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.images.letterbox import boxes_to_original, letterbox, to_input
from edgekit.values import Placement, Preprocess
from tests.strategies import boxes_xyxy, images, preprocesses


def image(height, width, value=200):
    return np.full((height, width, 3), value, np.uint8)


@given(pixels=images(), preprocess=preprocesses())
def test_the_input_has_the_size_the_network_wants(pixels, preprocess):
    boxed = letterbox(pixels, preprocess)

    assert boxed.pixels.shape == (*preprocess.size_hw, 3)
    assert boxed.pixels.dtype == np.uint8
    assert boxed.placement.original_hw == pixels.shape[:2]


@given(pixels=images(), preprocess=preprocesses(), data=st.data())
def test_boxes_come_back_where_they_were(pixels, preprocess, data):
    boxes = data.draw(boxes_xyxy(pixels.shape[:2]))
    placement = letterbox(pixels, preprocess).placement
    scale, offset = np.array(placement.scale_xy * 2), np.array(placement.offset_xy * 2)

    back = boxes_to_original((boxes * scale + offset).astype(np.float32), placement)

    np.testing.assert_allclose(back, boxes, atol=max(pixels.shape) * 1e-4)


@given(pixels=images(), preprocess=preprocesses())
def test_the_image_lies_where_its_placement_says(pixels, preprocess):
    white = np.full_like(pixels, 255)

    boxed = letterbox(white, preprocess)

    scale_xy, (left, top) = boxed.placement.scale_xy, boxed.placement.offset_xy
    right, bottom = left + pixels.shape[1] * scale_xy[0], top + pixels.shape[0] * scale_xy[1]
    shown = np.zeros(preprocess.size_hw, bool)
    shown[round(top) : round(bottom), round(left) : round(right)] = True
    assert (boxed.pixels[shown] == 255).all()
    assert (boxed.pixels[~shown] == preprocess.pad_value).all()


@pytest.mark.parametrize(
    ("resize", "rows"), [("letterbox-center", 278), ("letterbox-topleft", 277)]
)
def test_a_fraction_of_a_row_is_rounded_or_cut_as_the_family_trains(resize, rows):
    boxed = letterbox(image(427, 640), Preprocess((416, 416), resize=resize))

    assert (boxed.pixels[:, 0] == 200).all(axis=1).sum() == rows


def test_boxes_are_cut_off_at_the_edges_of_the_original():
    placement = Placement((50, 100), (2.0, 2.0), (0.0, 10.0))

    back = boxes_to_original(np.array([[-5, 0, 500, 500]], np.float32), placement)

    assert back.tolist() == [[0, 0, 100, 50]]


# What Ultralytics LetterBox gives: the size inside the padding, then the top and left padding.
@pytest.mark.parametrize(
    ("image_hw", "inside_hw", "top_left"),
    [
        ((480, 640), (480, 640), (80, 0)),
        ((427, 640), (427, 640), (106, 0)),  # 213 rows to spare: one more below
        ((333, 500), (426, 640), (107, 0)),  # 426.24 rounds down
        ((375, 500), (480, 640), (80, 0)),
        ((640, 427), (640, 427), (0, 106)),
    ],
)
def test_a_centred_letterbox_rounds_as_ultralytics(image_hw, inside_hw, top_left):
    placement = letterbox(image(*image_hw), Preprocess((640, 640))).placement

    resized = tuple(round(s * o) for s, o in zip(placement.scale_xy[::-1], image_hw, strict=True))
    assert resized == inside_hw
    assert placement.offset_xy == (top_left[1], top_left[0])


def test_a_top_left_letterbox_cuts_off_the_scaled_size_as_yolox():
    # 333 * 416 / 500 is 277.06 and 375 * 416 / 499 is 312.6: int() gives 277 and 312.
    preprocess = Preprocess((416, 416), resize="letterbox-topleft")

    boxed = letterbox(image(375, 499), preprocess)

    assert (boxed.pixels[:312, :416] == 200).all()
    assert (boxed.pixels[312:] == 114).all()
    assert boxed.placement.offset_xy == (0, 0)


def test_a_stretch_fills_the_input():
    boxed = letterbox(image(100, 50), Preprocess((32, 64), resize="stretch"))

    assert (boxed.pixels == 200).all()
    assert boxed.placement.scale_xy == (64 / 50, 32 / 100)


def test_small_images_stay_small_when_told():
    boxed = letterbox(image(10, 20), Preprocess((40, 40), scale_up=False))

    assert boxed.placement == Placement((10, 20), (1.0, 1.0), (10.0, 15.0))


def test_an_image_one_pixel_high_keeps_its_row():
    boxed = letterbox(image(1, 5000), Preprocess((64, 64)))

    assert (boxed.pixels == 200).all(axis=(1, 2)).sum() == 1


def test_bgr_turns_the_channels_round():
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[...] = (10, 20, 30)

    boxed = letterbox(pixels, Preprocess((8, 8), color="bgr"))

    assert boxed.pixels[0, 0].tolist() == [30, 20, 10]


@given(pixels=images(high=16), preprocess=preprocesses())
def test_the_network_input_is_the_normalised_image_channels_first(pixels, preprocess):
    boxed = letterbox(pixels, preprocess).pixels

    values = to_input(boxed, preprocess)

    exact = (boxed.astype(np.float64) - preprocess.mean) / preprocess.std
    assert values.shape == (1, 3, *preprocess.size_hw)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[0].transpose(1, 2, 0), exact, rtol=1e-5, atol=1e-5)
