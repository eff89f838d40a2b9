from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.collect import collect
from edgekit.calibrate.coverage import coverage, extremes_of
from edgekit.config.calibration import open_source
from edgekit.config.recipe import Int8
from edgekit.images.letterbox import letterbox
from edgekit.images.read import read_image
from edgekit.pipeline.audited import ReadImages, calibration_part, read_images
from edgekit.pipeline.data import ImageSets
from edgekit.pipeline.int8 import Int8Options, quantize_network
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare


@pytest.fixture(scope="module")
def network(tiny):
    return network_of(prepare(tiny.model, ModelOptions()))


@pytest.fixture(scope="module")
def calibration(tiny):
    return open_source(str(tiny.calib))


@pytest.fixture(scope="module")
def quantized(network, calibration):
    """The INT8 network, with what a pass over the calibration images sees."""
    found = quantize_network(network, calibration, Int8Options(Int8(kind="int8"), "narrow"))
    image = network.graph.model.graph.inputs[0].name
    pixels = [read_image(r).pixels_rgb for r in calibration.records]
    feeds = ({image: letterbox(p, network.preprocess).pixels[None]} for p in pixels)
    seen = collect(network.graph, tuple(found.ranges), feeds, OnnxRuntime())
    return replace(found, statistics=seen)


def test_the_learning_curve_is_that_of_what_calibration_saw(network, calibration, quantized):
    read = read_images(ImageSets(calibration, None))

    part = calibration_part("mse", quantized, read, network.preprocess.size_hw)

    covered = coverage(extremes_of(quantized.statistics))
    assert (part.observer, part.tensors, part.images) == ("mse", len(quantized.ranges), 32)
    assert [point.images for point in part.curve] == [8, 16, 24, 32]
    assert (part.more, part.advice) == (covered.more, covered.advice)
    assert part.findings == ()


def test_doubtful_images_are_findings(network, calibration, quantized, tmp_path):
    pixels = cv2.imread(str(calibration.records[3].path))
    cv2.imwrite(str(tmp_path / "again.jpg"), pixels)
    cv2.imwrite(str(tmp_path / "even.png"), np.full((90, 90, 3), (90, 120, 5), np.uint8))
    more = open_source(str(tmp_path)).records
    read = read_images(ImageSets(replace(calibration, records=calibration.records + more), None))

    part = calibration_part("mse", quantized, read, network.preprocess.size_hw)

    near, even = part.findings
    assert part.images == 34
    assert near.startswith("1 image is all but the same picture as another (")
    assert "again.jpg and " in near
    assert "even.png" in even


def test_calibration_images_saved_again_for_evaluation_are_a_finding(
    network, calibration, quantized, tmp_path
):
    for record in calibration.records[:2]:
        cv2.imwrite(str(tmp_path / f"{record.id}.jpg"), cv2.imread(str(record.path)))
    read = read_images(ImageSets(calibration, open_source(str(tmp_path))))

    (finding,) = calibration_part("mse", quantized, read, (64, 64)).findings

    assert finding.startswith("2 images are all but the same picture as an evaluation image")


def test_without_what_calibration_saw_only_images_are_judged(network, calibration, quantized):
    given = replace(quantized, statistics=None)
    read = read_images(ImageSets(calibration, None))

    part = calibration_part("mse", given, read, network.preprocess.size_hw)

    assert (part.curve, part.more, part.advice) == ((), None, None)


def test_sets_that_are_not_there_have_no_facts():
    assert vars(read_images(ImageSets(None, None))) == vars(ReadImages())
