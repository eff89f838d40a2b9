import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgekit.config.calibration import open_source
from edgekit.pipeline.samples import CONTRAST, SAMPLES, inputs_of, samples_of
from edgekit.values import Preprocess


@pytest.fixture
def damaged(tiny, tmp_path):
    """The calibration images, the first of which cannot be read."""
    folder = tmp_path / "damaged"
    shutil.copytree(tiny.calib, folder)
    (folder / "1-00.png").write_bytes(b"no image")
    return open_source(str(folder))


def test_the_first_images_that_can_be_read_are_taken(damaged):
    names = [record.path.name for record in samples_of(damaged)]

    assert names == ["1-01.png", "1-02.png"]
    assert len(names) == SAMPLES


def test_an_image_of_nothing_proves_nothing(tiny, tmp_path):
    folder = tmp_path / "dark"
    shutil.copytree(tiny.calib, folder)
    dark = np.random.default_rng(0).integers(0, CONTRAST, (40, 40, 3), np.uint8)
    cv2.imwrite(str(folder / "1-00.png"), dark)

    names = [record.path.name for record in samples_of(open_source(str(folder)))]

    assert names == ["1-01.png", "1-02.png"]


def test_without_images_there_are_none(damaged):
    assert samples_of(None) == ()
    assert samples_of(replace(damaged, records=())) == ()


def test_they_become_what_a_network_takes(tiny):
    (first, _) = samples_of(open_source(str(tiny.calib)))
    stretched = Preprocess((32, 48), resize="stretch", color="bgr")

    (found,) = inputs_of([first], stretched)

    plain = cv2.resize(cv2.imread(str(first.path)), (48, 32), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(found, plain.transpose(2, 0, 1)[None] / 255, atol=1e-6)
    assert found.dtype == np.float32
