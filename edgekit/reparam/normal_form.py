"""One spelling for every graph, so that later rules meet each construct in one form only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common
from onnx_ir.passes.common.naming import SimpleNameGenerator

if TYPE_CHECKING:
    from collections.abc import Iterable


def normal_form(model: ir.Model) -> ir.Model:
    """Return a copy of ``model`` that computes the same, spelled in one way.

    Local functions are inlined, constants are initializers and never inputs, nodes that do
    nothing or feed nothing are gone, a type taken from another value is written out where that
    is known, every node and value has a unique name that is not empty.
    """
    copy = model.clone()
    ir.passes.Sequential(
        common.InlinePass(),
        common.RemoveInitializersFromInputsPass(),
        _CastLikeAsCast(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.IdentityEliminationPass(),
        common.RemoveUnusedNodesPass(),
        common.TopologicalSortPass(),
        common.NameFixPass(_NamesByOperator()),
    )(copy)
    return copy


def infer_shapes(model: ir.Model) -> ir.Model:
    """Return ``model`` with the shape and type of every value worked out anew from its inputs.

    Shapes written in the file are dropped first: those of another batch or size may be stale.
    A value whose shape depends on data stays without one; an output of the network, which ONNX
    wants a shape of, then keeps its number of dimensions.
    """
    copy = model.clone()
    ranks = [None if v.shape is None else v.shape.rank() for v in copy.graph.outputs]
    for value in _computed(copy):
        value.shape = None
    common.ShapeInferencePass(check_type=False, strict_mode=False)(copy)
    for value, rank in zip(copy.graph.outputs, ranks, strict=True):
        if value.shape is None and rank is not None:
            value.shape = ir.Shape([None] * rank)
    return copy


class _CastLikeAsCast(ir.passes.InPlacePass):
    """Makes the cast of a constant a constant, which it is not while it reads another value."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Write each CastLike as a Cast, where the type it takes is known."""
        modified = False
        for node in model.graph.all_nodes():
            like = node.inputs[1] if node.op_type == "CastLike" else None
            if like is not None and like.dtype is not None:
                node.op_type = "Cast"
                node.resize_inputs(1)
                node.attributes["to"] = ir.AttrInt64("to", like.dtype.value)
                modified = True
        return ir.passes.PassResult(model, modified=modified)


class _NamesByOperator(SimpleNameGenerator):
    """Calls a node without a name by its operator, so that a report can be read."""

    def generate_node_name(self, node: ir.Node) -> str:
        return node.name or node.op_type

    def generate_value_name(self, value: ir.Value) -> str:
        producer = value.producer()
        return value.name or (f"{producer.op_type}_output" if producer else "value")


def _computed(model: ir.Model) -> Iterable[ir.Value]:
    return (value for node in model.graph.all_nodes() for value in node.outputs)
