from __future__ import annotations

import json
import shutil

import pytest

from edgekit.config.recipe import CalibrationDraw
from edgekit.errors import ConfigError
from edgekit.pipeline.data import open_image_sets
from edgekit.pipeline.options import ModelOptions
from edgekit.tune.options import FEWEST, TuneOptions, open_search_images
from tests.pipeline.tiny import write_images


@pytest.fixture
def tuned(tiny, tmp_path):
    """Return a maker of options, without a search set of their own unless one is given."""

    def make(convert=None, **changes):
        return TuneOptions(tiny.options(tmp_path / "out", **(convert or {})), **changes)

    return make


@pytest.fixture(scope="module")
def more(tmp_path_factory):
    """A folder of images that are in no other set."""
    folder = tmp_path_factory.mktemp("more") / "images"
    write_images(folder, FEWEST, seed=3)
    return folder


def opened(options, count=8):
    """The image sets of ``options``, of which ``count`` images calibrate."""
    sets = open_image_sets(options.convert, CalibrationDraw(count=count))
    return open_search_images(sets, options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"agreement_min": -0.1}, r"--min-agreement: .*0 to 1, found -0\.1"),
        ({"agreement_min": 95.0}, r"--min-agreement: .*0 to 1, found 95"),
        ({"agreement_min": float("nan")}, "--min-agreement: .*found nan"),
        ({"evaluations": 2}, r"--evaluations: expected 3 or more .*found 2\. Leave it out for 25"),
        ({"evaluations": -1}, "--evaluations: .*found -1"),
        ({"convert": {"evaluation": None}}, "expected --eval, found none"),
        ({"convert": {"map_drop_points_max": -0.5}}, "--max-map-drop: .*0 or more, found -0.5"),
    ],
)
def test_what_no_search_can_be_held_to_is_refused(tuned, changes, message):
    with pytest.raises(ConfigError, match=message):
        tuned(**changes)


def test_the_least_that_can_be_asked_is_not_refused(tuned):
    options = tuned({"map_drop_points_max": 0.0}, agreement_min=0.0, evaluations=3)

    assert (options.convert.map_drop_points_max, options.agreement_min) == (0, 0)


def test_images_of_the_calibration_source_that_calibrate_nothing_decide(tuned):
    sets = opened(tuned({"force": True}))

    calibrating, deciding = ({r.id for r in s.records} for s in (sets.calibration, sets.search))
    assert (len(calibrating), len(deciding)) == (8, 24)
    assert calibrating & deciding == set()


def test_images_of_their_own_decide_where_they_are_given(tuned, more):
    sets = opened(tuned({"force": True}, search=str(more)))

    assert {r.path.parent for r in sets.search.records} == {more}


def test_too_few_images_to_decide_on_are_refused(tuned, tiny, tmp_path):
    few = tmp_path / "few"
    write_images(few, FEWEST - 1, seed=4)

    with pytest.raises(ConfigError, match=rf"--search .*expected at least {FEWEST} .*found 15"):
        opened(tuned({"force": True}, search=str(few)))
    with pytest.raises(ConfigError, match=r"--calib, less those that calibrate .*found 0"):
        opened(tuned(), count=32)


@pytest.fixture(params=["calib", "scored"])
def shared(request, tiny, more, tmp_path):
    """Search images of which one is also in another set, and the flag to change."""
    folder = tmp_path / "search"
    shutil.copytree(more, folder)
    source = {"calib": tiny.calib, "scored": tiny.labels.parent / "images"}[request.param]
    shutil.copy(min(source.iterdir()), folder / "under-another-name.png")
    return folder, {"calib": "--calib", "scored": "--search"}[request.param]


def test_an_image_that_decides_has_no_other_part(tuned, shared):
    folder, flag = shared

    with pytest.raises(ConfigError, match=rf"1 (calibration|search) images .*{flag} other images"):
        opened(tuned(search=str(folder)), count=32)
    allowed = tuned({"allow_overlap": True}, search=str(folder))
    assert ["flattered" in warning for warning in opened(allowed, count=32).warnings] == [True]


def test_a_budget_of_map_needs_labels_to_be_held_to(tuned, more):
    with pytest.raises(ConfigError, match=r"--max-map-drop: only labels .*found none in"):
        opened(tuned({"force": True, "map_drop_points_max": 0.5}, search=str(more)))


def test_labels_without_an_object_are_refused_at_once(tuned, more, tmp_path):
    images = [
        {"id": number, "file_name": path.name, "width": 64, "height": 64}
        for number, path in enumerate(sorted(more.iterdir()))
    ]
    labels = tmp_path / "labels.json"
    classes = [{"id": 1, "name": "disc"}]
    labels.write_text(json.dumps({"images": images, "annotations": [], "categories": classes}))

    with pytest.raises(ConfigError, match=r"--search .*expected objects in its labels, found none"):
        opened(tuned({"force": True, "images": more}, search=str(labels)))


@pytest.mark.parametrize("sizes", [(64, 64), (64, 0)])
def test_sizes_are_different_sides(tuned, sizes):
    with pytest.raises(ConfigError, match=r"--sizes .*expected different sides in pixels"):
        tuned(sizes=sizes)


def test_sizes_and_one_input_size_are_not_told_together(tuned):
    model = ModelOptions(input_hw=(64, 64))

    with pytest.raises(ConfigError, match="--sizes and --input-size: expected one of them"):
        tuned({"model": model}, sizes=(64, 32))


def test_one_size_needs_no_labels(tuned, more):
    sets = opened(tuned({"force": True}, sizes=(64,), search=str(more)))

    assert not sets.search.labelled


def test_sizes_need_labels_to_tell_what_a_smaller_input_misses(tuned, more):
    with pytest.raises(ConfigError, match=r"--sizes: only labels .*found none in"):
        opened(tuned({"force": True}, sizes=(64, 48), search=str(more)))
