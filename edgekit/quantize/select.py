"""Nodes that stay in float, each with its reason."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from edgekit.errors import ConfigError
from edgekit.quantize.plan import constant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edgekit.values import Graph

DECODE = "part of the decode, where pixels and probabilities would share a scale"
LAST = "last layer before the decode: its result stays in float"
CHOSEN = "named in the recipe's keep_float"


def float_nodes(graph: Graph, decode: Iterable[str], patterns: Sequence[str]) -> dict[str, str]:
    """Return the nodes that stay in float, and why.

    Args:
        graph: The network.
        decode: Nodes of the decode part, as the head finder names them.
        patterns: The recipe's ``keep_float``: node names, ``*`` and ``?`` allowed.

    Raises:
        ConfigError: A pattern matches no node; the message offers the nearest names.
    """
    names = [str(node.name) for node in graph.model.graph]
    kept = dict.fromkeys(set(decode).intersection(names), DECODE)
    kept.update(dict.fromkeys(_last_layers(graph, kept), LAST))
    return {**kept, **matching_nodes(graph, patterns)}


def matching_nodes(graph: Graph, patterns: Sequence[str]) -> dict[str, str]:
    """Return the nodes that ``patterns`` name, with that as the reason to keep them in float.

    Args:
        graph: The network.
        patterns: The recipe's ``keep_float``: node names, ``*`` and ``?`` allowed.

    Raises:
        ConfigError: A pattern matches no node; the message offers the nearest names.
    """
    names = [str(node.name) for node in graph.model.graph]
    return {name: CHOSEN for pattern in patterns for name in _matches(pattern, names)}


def _last_layers(graph: Graph, decode: Iterable[str]) -> list[str]:
    """Return the weighted nodes whose output leaves the network or enters the decode part."""
    inside = set(decode)
    return [
        str(node.name)
        for node in graph.model.graph
        if node.name not in inside
        and len(node.inputs) > 1
        and constant(node.inputs[1])
        and node.op_type in {"Conv", "Gemm", "MatMul"}
        and any(
            output.is_graph_output() or any(use.node.name in inside for use in output.uses())
            for output in node.outputs
        )
    ]


def _matches(pattern: str, names: Sequence[str]) -> list[str]:
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        close = difflib.get_close_matches(pattern, names, n=3, cutoff=0.3)
        raise ConfigError(
            f"keep_float '{pattern}' matches no node of the network. Nearest names: "
            f"{', '.join(close) or 'none'}. List all of them with: edgekit inspect MODEL"
        )
    return found
