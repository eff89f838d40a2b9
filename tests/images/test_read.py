import struct
from collections import Counter

import cv2
import numpy as np
import pytest

from edgekit.images import read
from edgekit.images.read import decode_image, read_hw, read_image
from edgekit.values import ImageRecord

GRADIENT = np.dstack([np.tile(np.arange(60, dtype=np.uint8) * k, (40, 1)) for k in (1, 2, 4)])


def encoded(pixels=GRADIENT, suffix=".png"):
    return cv2.imencode(suffix, pixels)[1].tobytes()


def rotated_jpeg(orientation=6):
    """A 40 x 60 raster whose EXIF orientation says how to turn it."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + b"\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    data = encoded(suffix=".jpg")
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def test_colours_come_in_the_order_red_green_blue():
    image = decode_image(encoded(GRADIENT[..., ::-1]))

    assert np.array_equal(image.pixels_rgb, GRADIENT)
    assert image.faults == ()


@pytest.mark.parametrize(
    ("pixels", "faults"),
    [
        (GRADIENT[..., 0], ("greyscale-image",)),
        (np.dstack([GRADIENT, GRADIENT[..., 0]]), ("alpha-image",)),
        (GRADIENT.astype(np.uint16) * 257, ("16-bit-image",)),
        (GRADIENT[..., 0].astype(np.uint16) * 257, ("greyscale-image", "16-bit-image")),
    ],
)
def test_unusual_pixels_become_plain_colour_and_are_counted(pixels, faults):
    image = decode_image(encoded(pixels))

    assert image.pixels_rgb.shape == (40, 60, 3)
    assert image.pixels_rgb.dtype == np.uint8
    assert np.array_equal(image.pixels_rgb.max(axis=2).max(axis=0)[1:4] > 0, [True] * 3)
    assert image.faults == faults


def test_a_16_bit_image_keeps_its_brightness():
    image = decode_image(encoded(GRADIENT[..., ::-1].astype(np.uint16) * 257))

    assert np.abs(image.pixels_rgb.astype(int) - GRADIENT).max() <= 1


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (encoded(suffix=".jpg")[:-200], "truncated-image"),
        (encoded()[:-200], "unreadable-image"),
        (encoded(suffix=".bmp")[:-200], "unreadable-image"),
        (b"", "unreadable-image"),
        (b"<html>not found</html>", "unreadable-image"),
    ],
)
def test_a_broken_file_is_left_out_with_its_fault_and_in_silence(data, fault, capfd):
    image = decode_image(data)

    assert image.pixels_rgb is None
    assert image.faults == (fault,)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_jpeg_is_kept_counted_and_silent(capfd):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = bytearray(encoded(noise, ".jpg"))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff\xd8" * 20

    image = decode_image(bytes(data))

    assert image.pixels_rgb.shape == (64, 64, 3)
    assert image.faults == ("damaged-image",)
    assert capfd.readouterr() == ("", "")


def test_without_labels_exif_turns_the_image():
    image = decode_image(rotated_jpeg())

    assert image.pixels_rgb.shape == (60, 40, 3)
    assert image.faults == ("exif-rotated-image",)


@pytest.mark.parametrize(
    ("labelled_hw", "shape_hw", "faults"),
    [
        ((40, 60), (40, 60), ()),
        ((60, 40), (60, 40), ("exif-rotated-image",)),
        ((99, 99), (40, 60), ("size-differs-from-label",)),
    ],
)
def test_labels_decide_whether_exif_turns_the_image(labelled_hw, shape_hw, faults):
    image = decode_image(rotated_jpeg(), labelled_hw)

    assert image.pixels_rgb.shape == (*shape_hw, 3)
    assert image.faults == faults


def test_an_upright_exif_image_is_no_fault():
    assert decode_image(rotated_jpeg(orientation=1)).faults == ()


def test_a_huge_image_is_read_and_counted(monkeypatch):
    monkeypatch.setattr(read, "HUGE_PIXELS", 1000)

    image = decode_image(encoded())

    assert image.pixels_rgb is not None
    assert image.faults == ("huge-image",)


def test_an_image_too_large_for_memory_is_left_out_before_it_is_decoded():
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60_000, 60_000)

    assert decode_image(header).faults == ("oversize-image",)


def test_the_size_of_a_file_is_what_a_viewer_shows(tmp_path):
    (tmp_path / "turned.jpg").write_bytes(rotated_jpeg())
    (tmp_path / "plain.jpg").write_bytes(encoded(suffix=".jpg"))
    (tmp_path / "plain.bmp").write_bytes(encoded(suffix=".bmp"))
    (tmp_path / "broken.png").write_bytes(b"nothing")

    assert read_hw(tmp_path / "turned.jpg") == (60, 40)
    assert read_hw(tmp_path / "plain.jpg") == (40, 60)
    assert read_hw(tmp_path / "plain.bmp") == (40, 60)
    assert read_hw(tmp_path / "broken.png") is None
    assert read_hw(tmp_path / "absent.png") is None


def test_a_file_that_is_gone_is_a_fault(tmp_path):
    assert read_image(ImageRecord(1, tmp_path / "gone.png")).faults == ("missing-file",)


@pytest.mark.data
def test_real_images_are_read_whole(data_dir):
    paths = sorted((data_dir / "coco-val-mini" / "images").iterdir())[:20]

    images = [read_image(ImageRecord(i, path)) for i, path in enumerate(paths)]

    assert Counter(fault for image in images for fault in image.faults) == {}
    assert all(image.pixels_rgb.shape[2] == 3 for image in images)


@pytest.mark.data
def test_a_real_image_cut_short_is_left_out(data_dir):
    path = min((data_dir / "coco-val-mini" / "images").iterdir())

    assert decode_image(path.read_bytes()[:-5000]).faults == ("truncated-image",)
