import io

import cv2
import numpy as np
from hypothesis import given
from PIL import Image

from edgekit.scenes.bitmap import to_bmp
from tests.strategies import images


@given(pixels=images(1, 20))
def test_two_image_libraries_read_the_pixels_that_were_written(pixels):
    content = to_bmp(pixels)

    by_opencv = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    by_pillow = Image.open(io.BytesIO(content))

    np.testing.assert_array_equal(by_opencv[..., ::-1], pixels)
    np.testing.assert_array_equal(np.asarray(by_pillow), pixels)
    assert by_pillow.mode == "RGB"


def test_the_bytes_are_those_of_the_format():
    pixels = np.array([[[1, 2, 3]], [[4, 5, 6]]], np.uint8)

    content = to_bmp(pixels)

    # Rows from the bottom up, blue first, each filled up to four bytes.
    assert content[54:] == bytes([6, 5, 4, 0, 3, 2, 1, 0])
    assert content[:14] == b"BM" + (62).to_bytes(4, "little") + bytes(4) + (54).to_bytes(
        4, "little"
    )
    assert content[14:30].hex(" ", 4) == "28000000 01000000 02000000 01001800"
