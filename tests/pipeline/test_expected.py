from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from edgekit.config.device import find_device
from edgekit.config.recipe import find_recipe
from edgekit.pipeline.expected import expected_rows
from edgekit.pipeline.options import ConvertOptions, ModelOptions
from edgekit.pipeline.place import Place, find_place
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.report.schema import Row

ROW = {"backend": "onnxruntime", "input_hw": (64, 64), "status": "simulated", "reason": "no"}
ROWS = tuple(
    Row(name=name, precision=precision, **ROW)
    for name, precision in (("as-given", "fp32"), ("fp32", "fp32"), ("int8", "int8"))
)


@dataclass(frozen=True)
class Asked:
    """The part of a job that is read."""

    options: ConvertOptions
    recipe: object
    place: Place
    network: object

    @property
    def device(self):
        return self.place.device


@pytest.fixture(scope="module")
def job(tiny, tmp_path_factory):
    recipe = find_recipe("ort-cpu-int8")
    place = replace(
        find_place(recipe, "ort-cpu-int8", None), device=find_device("intel-n100"), absence="no"
    )
    options = ConvertOptions("ort-cpu-int8", tmp_path_factory.mktemp("out"), device="intel-n100")
    return Asked(options, recipe, place, network_of(prepare(tiny.model, ModelOptions())))


def test_each_rewritten_network_has_an_estimate_and_no_time(job):
    rows = expected_rows(job, ROWS)

    assert [r.name for r in rows] == ["fp32-estimate", "int8-estimate"]
    assert {r.status for r in rows} == {"estimated"}
    assert all(r.latency_ms is None and r.map is None for r in rows)
    assert all(r.estimate.low_ms < r.estimate.ms < r.estimate.high_ms for r in rows)
    assert all("N100" in r.reason for r in rows)


def test_what_is_measured_is_not_estimated(job):
    here = replace(job, place=replace(job.place, absence=None))

    assert expected_rows(here, ROWS) == ()


def test_a_device_without_figures_has_no_estimate(job):
    vague = replace(job.place, device=find_device("generic-x86-vnni"))

    assert expected_rows(replace(job, place=vague), ROWS) == ()
