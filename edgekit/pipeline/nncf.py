"""From the float network to INT8 by NNCF, with the scope that edgekit finds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgekit.backends.coverage import read_coverage
from edgekit.backends.openvino import openvino_package
from edgekit.config.recipe import Int8, Repair
from edgekit.pipeline.feeds import image_feeds
from edgekit.pipeline.int8 import Int8Options, calibrate_network
from edgekit.pipeline.rows import Entry
from edgekit.quantize.nncf import NncfOptions, quantize_by_nncf

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.measure.candidate import Candidate
    from edgekit.pipeline.job import Job
    from edgekit.protocols import Progress
    from edgekit.quantize.nncf import OverflowFix


def nncf_entry(job: Job, fp32: Candidate, models: Path, progress: Progress) -> Entry:
    """Return the job's network in INT8 by NNCF, written to ``models``.

    The decode part and the last layers stay in float, and so does what rounding noise would drown,
    which edgekit's own pass over the calibration images tells.

    Args:
        job: Its recipe asks for NNCF, and it has calibration images.
        fp32: The float network.
        models: A folder.
        progress: Told after every image.

    Raises:
        MissingExtraError: NNCF is not installed.
        StageError: NNCF stopped.
    """
    precision, calibration = job.recipe.precision, job.sets.calibration
    assert isinstance(precision, Int8)
    assert precision.nncf is not None
    assert calibration is not None
    graph, preprocess = job.network.graph, job.network.preprocess
    plain = precision.model_copy(update={"observer": "mse", "repair": Repair(bias=False)})
    how = Int8Options(plain, "full", job.options.cache, job.place.rules)
    found = calibrate_network(job.network, calibration, how, progress)
    in_float = {**found.kept_float, **found.drowned}
    fix: OverflowFix = "disable" if job.device.exact_u8s8 else "first-layer"
    asked = precision.nncf
    options = NncfOptions(asked.preset, fix, asked.fast_bias_correction)
    feeds = image_feeds(graph, calibration, preprocess, "nncf", progress)
    made = quantize_by_nncf(graph, in_float, feeds, options)
    path = models / "int8.xml"
    openvino_package().save_model(made, str(path), compress_to_fp16=False)
    coverage = read_coverage(graph, path, in_float, job.place.runtime)
    return Entry(replace(fp32, name="int8", model=path), "int8", coverage=coverage)
