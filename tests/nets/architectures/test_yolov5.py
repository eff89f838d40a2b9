import pytest

from tests.published import on_meta, run_on_meta


@pytest.mark.parametrize("name", ["yolov5n", "yolov5s-5.0"])
@pytest.mark.parametrize("classes", [1, 80, 365])
def test_predictions_are_as_many_as_cells_and_classes_ask_for(name, classes):
    assert run_on_meta(on_meta(name, classes), 64).shape == (1, 252, 5 + classes)
