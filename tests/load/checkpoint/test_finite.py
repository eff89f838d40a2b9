import numpy as np
import pytest

from edgekit.errors import ModelError
from edgekit.load.checkpoint.finite import refuse_nan
from edgekit.load.checkpoint.values import Instance

NAN = np.float32([1, np.nan, np.nan])


def module(**parameters):
    return Instance("models.common.Conv", {"_parameters": parameters, "_modules": {}})


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"model": {"head.weight": NAN}}, "model.head.weight"),
        ([1, (NAN,)], "1.0"),
        (NAN, ""),
        ({"model": Instance("x.Y", {"_modules": {"0": module(weight=NAN)}})}, "model.0.weight"),
        ({"model": {"optimizer": NAN}}, "model.optimizer"),
        ({"x": Instance("x.Y", {}, (NAN,))}, "x.0"),
    ],
)
def test_the_first_tensor_with_nan_is_named_as_torch_names_it(content, where):
    with pytest.raises(ModelError, match=rf"found 2 of 3 in '{where}' that are NaN"):
        refuse_nan(content)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
def test_every_type_that_can_be_nan_is_looked_at(dtype):
    with pytest.raises(ModelError, match="found 1 of 3"):
        refuse_nan(np.array([1, 2, np.nan], dtype))


@pytest.mark.parametrize(
    "content",
    [
        {"optimizer": {"state": NAN}, "model": np.ones(3)},
        {"weight": np.float32([np.inf, -np.inf, 1])},
        {"empty": np.zeros((0, 3), np.float32), "count": np.int64(3), "text": np.array(["nan"])},
        {"best_fitness": float("nan")},
    ],
    ids=["training only", "infinite", "nothing to compare", "a plain number"],
)
def test_what_is_no_nan_weight_is_let_through(content):
    refuse_nan(content)


def test_what_is_shared_many_times_is_looked_at_once():
    value = [np.ones(3)]
    for _ in range(60):
        value = [value, value]

    refuse_nan(value)


def test_the_way_to_a_tensor_is_short_in_the_message():
    with pytest.raises(ModelError) as caught:
        refuse_nan({"k" * 1000: {(1, 2): NAN}})

    assert len(str(caught.value)) < 300
