import numpy as np
import pytest

from edgekit.backends.tensorrt.check import check
from edgekit.backends.tensorrt.check_operators import NEVER, OPSETS, QOPERATOR, SINCE
from edgekit.graphs import graph_from_proto
from tests.networks import proto

CONSTANTS = {"half": np.float32([1, 1, 2, 2]), "at": np.int64([[0]]), "s": np.float32(0.5)}


def said(body, version=(10, 3), opset=17, inputs="float[1,4,8,8] x"):
    model = proto(f"g ({inputs}) => (float[N] y) {{ {body} }}", opset, **CONSTANTS)
    return [str(finding) for finding in check(graph_from_proto(model).model, version)]


@pytest.mark.parametrize(
    ("version", "opset", "right"),
    [
        ((8, 5), 17, True),
        ((8, 6), 18, False),
        ((10, 3), 20, True),
        ((10, 3), 21, False),
        ((10, 16), 24, True),
        ((11, 4), 24, True),
    ],
)
def test_a_version_reads_no_opset_newer_than_its_documentation_says(version, opset, right):
    found = said("y = Relu(x)", version, opset)

    assert [f"found opset {opset}" in s for s in found] == ([] if right else [True])


@pytest.mark.parametrize(("version", "right"), [((8, 5), False), ((8, 6), True), ((10, 3), True)])
def test_an_operator_is_read_from_some_version_on(version, right):
    found = said("y = IsInf(x)", version)

    assert [s.endswith("or install TensorRT 8.6.") for s in found] == ([] if right else [True])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("y = Unique(x)", "found one that no version does"),
        ("y = QLinearConv(x, s, s, x, s, s, s, s)", "choose the QDQ format"),
        ("y = com.microsoft.QLinearAdd(x, s, s, x, s, s, s, s)", "choose the QDQ format"),
        ("y = com.microsoft.Gelu(x)", "found one of the domain 'com.microsoft'"),
        ('y = Resize<mode = "cubic">(x, , half)', "found mode cubic"),
        ("y = MaxPool<kernel_shape = [2,2], dilations = [2,2]>(x)", "found dilations [2, 2]"),
        ("p, i = MaxPool<kernel_shape = [2,2]>(x) y = Neg(i)", "its indices read too"),
        ('y = ScatterND<reduction = "add">(x, at, x)', "found reduction add"),
    ],
)
def test_what_no_version_reads_is_an_error(body, words):
    (found,) = said(body)

    assert found.startswith("error: ")
    assert words in found


@pytest.mark.parametrize(
    "body",
    [
        'y = Resize<mode = "linear">(x, , half)',
        "y = MaxPool<kernel_shape = [2,2], dilations = [1,1]>(x)",
        "p, i = MaxPool<kernel_shape = [2,2]>(x) y = Neg(p)",
        "y = HardSwish(x)",
    ],
)
def test_what_detectors_have_is_read(body):
    assert said(body) == []


def test_an_operator_of_a_plugin_is_warned_of():
    model = proto("g (float[1] x) => (float[N] y) { y = com.microsoft.Gelu(x) }")
    model.graph.node[0].domain = "TRT"

    (found,) = check(graph_from_proto(model).model, (10, 3))

    assert found.kind == "warning"
    assert "with the plugin's library loaded" in found.advice


def test_an_image_is_read_by_casts_alone():
    pixels = {"inputs": "uint8[1,4,4,3] x"}

    assert said("y = Cast<to = 1>(x)", **pixels) == []
    (found,) = said("t = Transpose(x) y = Cast<to = 1>(t)", **pixels)
    assert "Put a Cast right behind the input" in found


def test_nodes_inside_nodes_are_checked_too():
    body = """y = If (c) <then_branch = g1 () => (float[N] a) { a = Unique(x) },
                         else_branch = g2 () => (float[N] b) { b = Relu(x) }>"""

    (found,) = said(body, inputs="float[4] x, bool c")

    assert "Unique" in found


def test_the_tables_contradict_themselves_nowhere():
    assert not NEVER & (SINCE.keys() | QOPERATOR)
    assert list(OPSETS.values()) == sorted(OPSETS.values())
