import cv2
import numpy as np
import pytest

from edgekit.images.header import header_hw, is_truncated_jpeg

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)


def encoded(suffix, pixels=PIXELS, *flags):
    return cv2.imencode(suffix, pixels, flags)[1].tobytes()


@pytest.mark.parametrize(
    "data",
    [
        encoded(".png"),
        encoded(".jpg"),
        encoded(".jpg", PIXELS, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        encoded(".jpg", PIXELS, cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
        encoded(".jpg", PIXELS[..., 0]),
        encoded(".png", PIXELS.astype(np.uint16) * 257),
    ],
)
def test_the_size_is_read_from_the_header(data):
    assert header_hw(data) == (30, 50)


@pytest.mark.parametrize(
    "data",
    [b"", b"text", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x00", encoded(".png")[:20], encoded(".bmp")],
)
def test_what_is_no_whole_header_has_no_size(data):
    assert header_hw(data) is None


def test_fill_bytes_before_a_marker_are_passed_over():
    data = encoded(".jpg")

    assert header_hw(data[:2] + b"\xff\xff" + data[2:]) == (30, 50)


def test_a_header_that_never_ends_has_no_size():
    assert header_hw(b"\xff\xd8" + b"\xff\xe0\x00\x02" * 100) is None


def test_a_jpeg_without_its_end_is_truncated():
    data = encoded(".jpg")

    assert is_truncated_jpeg(data[: len(data) // 2])
    assert not is_truncated_jpeg(data)
    assert not is_truncated_jpeg(data + b"trailing")
    assert not is_truncated_jpeg(encoded(".png")[:40])


def test_the_end_of_a_preview_image_is_not_the_end_of_the_image():
    data = encoded(".jpg")
    preview = encoded(".jpg", PIXELS[:8, :8])
    segment = b"\xff\xe1" + (len(preview) + 2).to_bytes(2, "big") + preview

    with_preview = data[:2] + segment + data[2:]

    assert header_hw(with_preview) == (30, 50)
    assert is_truncated_jpeg(with_preview[: len(with_preview) - len(data) // 2])
