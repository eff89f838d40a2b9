"""One node seen backwards, and the writing of what its inputs' gradients are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Adjoint:
    """What a rule is given: a node, the gradient of its output, and a tape to write on.

    Attributes:
        node: The node.
        gradients: Of its outputs, in order; ``None`` where nothing depends on one.
    """

    def __init__(
        self, node: ir.Node, gradients: Sequence[ir.Value | None], tape: ir.tape.Tape
    ) -> None:
        self.node = node
        self.gradients = gradients
        self._tape = tape

    @property
    def dy(self) -> ir.Value:
        """The gradient of the first output."""
        assert self.gradients[0] is not None
        return self.gradients[0]

    @property
    def y(self) -> ir.Value:
        """The first output."""
        return self.node.outputs[0]

    def x(self, index: int = 0) -> ir.Value:
        """Return an input; it has to be there."""
        value = self.node.inputs[index]
        assert value is not None
        return value

    def has(self, index: int) -> bool:
        """Return whether the node is given an input of this index."""
        return index < len(self.node.inputs) and self.node.inputs[index] is not None

    def array(self, index: int) -> NDArray[np.generic] | None:
        """Return a constant input; ``None`` where it is missing or computed."""
        if not self.has(index) or self.x(index).const_value is None:
            return None
        found: NDArray[np.generic] = self.x(index).const_value.numpy()  # type: ignore[union-attr]
        return found

    def shape(self, value: ir.Value) -> tuple[int, ...]:
        """Return the static shape of a value of the network.

        Raises:
            LookupError: Nobody knows it.
        """
        if value.shape is None or not value.shape.is_static():
            raise LookupError(f"{value.name} has no static shape")
        return tuple(value.shape.numpy())

    def ints(self, name: str, default: Sequence[int]) -> list[int]:
        """Return an attribute that is a list of whole numbers."""
        found = self.node.attributes.get(name)
        return list(default if found is None else found.as_ints())

    def op(
        self, name: str, *inputs: ir.Value | None, **attributes: float | Sequence[int]
    ) -> ir.Value:
        """Return what the operator ``name`` makes of ``inputs``."""
        return self._tape.op(name, inputs, attributes)

    def ops(
        self, name: str, inputs: Sequence[ir.Value], outputs: int, **attributes: int
    ) -> Sequence[ir.Value]:
        """Return all that an operator with several outputs makes."""
        return self._tape.op_multi_out(name, inputs, attributes, num_outputs=outputs)

    def constant(self, array: NDArray[np.generic]) -> ir.Value:
        """Return a constant with a name of its own."""
        name = f"backward.constant.{len(self._tape.initializers)}"
        return self._tape.initializer(ir.tensor(array, name=name))

    def number(self, value: float) -> ir.Value:
        """Return a float scalar."""
        return self.constant(np.array(value, np.float32))

    def whole(self, values: Sequence[int]) -> ir.Value:
        """Return a list of whole numbers."""
        return self.constant(np.array(values, np.int64))

    def mask(self, condition: ir.Value) -> ir.Value:
        """Return 1 where ``condition`` holds and 0 elsewhere, as floats."""
        return self.op("Cast", condition, to=int(ir.DataType.FLOAT))

    def reshaped(self, value: ir.Value, shape: Sequence[int]) -> ir.Value:
        """Return ``value`` in another shape."""
        return self.op("Reshape", value, self.whole(shape))

    def summed_to(self, value: ir.Value, shape: Sequence[int], wanted: ir.Value) -> ir.Value:
        """Return a gradient of ``shape`` summed over what broadcasting repeated of ``wanted``."""
        target = self.shape(wanted)
        padded = (1,) * (len(shape) - len(target)) + target
        axes = [a for a, (n, m) in enumerate(zip(shape, padded, strict=True)) if m == 1 and n != 1]
        if axes:
            value = self.op("ReduceSum", value, self.whole(axes), keepdims=1)
        return value if padded == target else self.reshaped(value, target)
