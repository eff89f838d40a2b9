import pytest

from tests.published import check_size, layout, on_meta, run_on_meta, shapes

NAMES = ("yolov5-lite-s",)


@pytest.mark.parametrize("name", NAMES)
def test_keys_and_shapes_are_those_of_the_package(name):
    assert shapes(on_meta(name)) == layout(name)


@pytest.mark.parametrize("name", NAMES)
def test_its_size_is_the_published_one(name):
    check_size(name)


@pytest.mark.parametrize("classes", [1, 80, 365])
def test_predictions_are_as_many_as_cells_and_classes_ask_for(classes):
    assert run_on_meta(on_meta(NAMES[0], classes), 64).shape == (1, 3 * 84, 5 + classes)
