from collections.abc import Mapping

import numpy as np
import pytest

from edgekit.errors import ModelError
from edgekit.nets.stored.module import StoredModule
from tests.upstream import Record


def stored(key: str = "model.4.cv1", **state):
    return StoredModule(Record("models.common.Conv", state), "a.pt", key)


def holding(**modules):
    return stored(_modules=modules)


def test_a_refusal_says_file_class_layer_and_place():
    message = str(stored().error("x", "y"))

    assert "'a.pt': 'models.common.Conv' (layer 4, model.4.cv1): expected x, found y." in message


def test_children_come_in_order_with_their_keys():
    inner = Record("torch.nn.Identity", {})

    children = holding(b=inner, gone=None, a=inner).children()

    assert [child.key for child in children.values()] == ["model.4.cv1.b", "model.4.cv1.a"]


def test_a_missing_child_is_named_with_those_that_are_there():
    with pytest.raises(ModelError, match=r"a module 'bn' inside, found 'conv'"):
        holding(conv=Record("x.Y", {})).child("bn")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"_modules": {"conv": 3}}, "a module 'conv', found int"),
        ({"_modules": [1]}, "names and values in '_modules'"),
        ({"_parameters": {"weight": "text"}}, "a tensor 'weight', found str"),
    ],
)
def test_what_is_not_made_like_a_module_is_refused(state: Mapping, message):
    with pytest.raises(ModelError, match=message):
        assert not [part.arrays() for part in stored(**state).walk()]


def test_parameters_and_buffers_are_its_arrays_and_none_is_no_array():
    weight, mean = np.ones(2), np.zeros(2)

    arrays = stored(_parameters={"weight": weight, "bias": None}, _buffers={"mean": mean}).arrays()

    assert list(arrays) == ["weight", "mean"]
    assert arrays["weight"] is weight


def test_a_module_that_holds_itself_is_refused():
    ring = Record("x.Y", {"_modules": {}})
    ring.state["_modules"]["again"] = ring

    with pytest.raises(ModelError, match="holds itself"):
        list(StoredModule(ring, "a.pt").walk())


@pytest.mark.parametrize(
    ("read", "value", "found"),
    [
        ("whole", 3, 3),
        ("whole", np.int64(3), 3),
        ("number", 1e-3, 1e-3),
        ("number", 2, 2.0),
        ("flag", True, True),
        ("pair", 3, (3, 3)),
        ("pair", [3, 5], (3, 5)),
        ("numbers", [8, 16], (8.0, 16.0)),
        ("numbers", np.float16([8, 16]), (8.0, 16.0)),
    ],
)
def test_attributes_are_read_as_what_they_are(read, value, found):
    assert getattr(stored(a=value), read)("a") == found


@pytest.mark.parametrize(
    ("read", "value"),
    [
        ("whole", True),
        ("whole", 1.5),
        ("whole", None),
        ("number", float("nan")),
        ("number", True),
        ("number", "1"),
        ("flag", 1),
        ("pair", (1, 2, 3)),
        ("pair", (1.5, 2)),
        ("pair", None),
        ("numbers", "12"),
        ("numbers", [1.0, float("inf")]),
        ("numbers", ["1"]),
        ("numbers", 3),
    ],
)
def test_attributes_of_another_kind_are_refused(read, value):
    with pytest.raises(ModelError, match="'a'"):
        getattr(stored(a=value), read)("a")


def test_an_attribute_may_be_a_buffer():
    assert stored(_buffers={"stride": np.float32([8])}).numbers("stride") == (8.0,)
