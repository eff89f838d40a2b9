import pytest

from edgekit.nets.architectures.registry import ARCHITECTURES, ClassCount
from tests.published import check_size, layout, on_meta, shapes, spare_parameters

# Their figures are counted in ways of their own; the tests of each say how.
COUNTED_OTHERWISE = {"yolox", "nanodet", "repvgg", "mobileone"}
CLASSIFIERS = {"repvgg", "mobileone"}


@pytest.mark.parametrize(
    ("count", "shape", "expected"),
    [
        (ClassCount("head"), (80,), 80),
        (ClassCount("head", cells=3, besides=5), (255, 128, 1, 1), 80),
        (ClassCount("head", cells=3, besides=5), (256,), None),
        (ClassCount("head", besides=5), (5,), None),
        (ClassCount("other"), (80,), None),
        (ClassCount("head"), (), None),
    ],
)
def test_classes_are_told_from_one_tensor(count, shape, expected):
    assert count.of({"head": shape}) == expected


def test_every_network_is_found_by_its_own_name():
    assert all(name == of.name for name, of in ARCHITECTURES.items())


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_keys_and_shapes_are_those_of_the_package(name):
    classes = 1000 if ARCHITECTURES[name].family in CLASSIFIERS else 80

    assert shapes(on_meta(name, classes)) == layout(name)


@pytest.mark.parametrize(
    "name", [n for n, of in ARCHITECTURES.items() if of.family not in COUNTED_OTHERWISE]
)
def test_its_size_is_the_published_one(name):
    check_size(name)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_only_what_is_said_to_be_for_training_does_not_run(name):
    starts = ARCHITECTURES[name].training_only
    expected = {key for key, _ in on_meta(name).named_parameters() if key.startswith(starts)}

    assert spare_parameters(name) == (expected if starts else set())


@pytest.mark.parametrize("classes", [1, 3, 80])
def test_every_network_tells_its_classes_by_its_weights(classes):
    found = {n: of.classes.of(shapes(on_meta(n, classes))) for n, of in ARCHITECTURES.items()}

    assert set(found.values()) == {classes}


def test_no_two_networks_have_the_same_layout():
    layouts = [frozenset(shapes(on_meta(name)).items()) for name in ARCHITECTURES]

    assert len(set(layouts)) == len(layouts)
