import onnx
import pytest

from edgekit.errors import StageError
from edgekit.export.check import valid_onnx
from tests.networks import proto

PLAIN = "g (float[1,2] x) => (float[1,2] y) { [only] y = Relu(x) }"


def serialized(text):
    return proto(text).SerializeToString()


def test_what_the_checker_accepts_comes_back_as_it_is():
    data = serialized(PLAIN)

    assert valid_onnx(data, "model.onnx") is data


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PLAIN.replace("Relu", "Rule"), r"No Op registered for Rule .*Name: only"),
        (PLAIN.replace("Relu(x)", "Relu(z)"), r"input 'z' of node: name: only"),
        (PLAIN.replace("float[1,2] y", "int64[1,2] y"), r"node name: only.* elem type"),
        (PLAIN.replace("float[1,2] y", "float[1,3] y"), r"node name: only.* dim"),
    ],
    ids=["operator", "order", "type", "shape"],
)
def test_what_it_refuses_is_named_with_the_node(text, told):
    with pytest.raises(StageError, match=rf"^model\.onnx was not written: .*{told}") as caught:
        valid_onnx(serialized(text), "model.onnx")

    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)


def test_a_type_that_only_a_full_check_sees_is_refused():
    text = "g (float[1,2] x) => (float[1,2] y) { z = Cast<to=10>(x) [both] y = Add(x, z) }"
    onnx.checker.check_model(serialized(text))

    with pytest.raises(StageError, match=r"both.* inconsistent type"):
        valid_onnx(serialized(text), "fp16.onnx")


def test_operators_of_other_domains_are_passed_over_and_those_beside_them_are_not():
    text = "g (float[1,2] x) => (float[1,2] y) { z = com.microsoft.Gelu(x) y = Relu(z) }"
    data = serialized(text)

    assert valid_onnx(data, "model.onnx") is data
    with pytest.raises(StageError, match="No Op registered for Rule"):
        valid_onnx(serialized(text.replace("Relu", "Rule")), "model.onnx")
