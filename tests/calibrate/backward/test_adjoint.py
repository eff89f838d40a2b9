import numpy as np
import onnx_ir as ir
import pytest

from edgekit.calibrate.backward.adjoint import Adjoint
from tests.calibrate.backward.against_torch import IMAGE, built


def adjoint(nodes, **initializers):
    node = built(nodes, **initializers).model.graph[-1]
    tape = ir.tape.Tape()
    return Adjoint(node, [node.outputs[0]], tape), tape


def test_constants_are_told_from_what_is_computed():
    a, _ = adjoint("y = Mul(x, c)", c=2.0)

    assert (a.array(0), a.array(1).tolist(), a.array(2)) == (None, 2.0, None)
    assert (a.has(1), a.has(2)) == (True, False)


def test_what_broadcasting_repeated_is_summed():
    a, tape = adjoint("y = Mul(x, c)", c=np.ones((4, 1, 1), np.float32))

    a.summed_to(a.dy, IMAGE, a.x(1))

    assert [node.op_type for node in tape.nodes] == ["ReduceSum", "Reshape"]
    assert tape.initializers[0].const_value.numpy().tolist() == [0, 2, 3]


def test_a_value_of_unknown_shape_is_refused():
    a, _ = adjoint("y = Relu(x)")
    a.y.shape = None

    with pytest.raises(LookupError, match="y has no static shape"):
        a.shape(a.y)
