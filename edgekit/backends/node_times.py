"""What every node of a network takes on ONNX Runtime, from the runtime's own profile."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from edgekit.graphs import graph_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from edgekit.backends.onnxruntime import OnnxRuntime
    from edgekit.values import Graph

    Feeds = Mapping[str, NDArray[np.generic]]

_KERNEL = "_kernel_time"


@dataclass(frozen=True)
class NodeTimes:
    """Medians over runs, in microseconds.

    Attributes:
        of_nodes: By name of a node of the network; what the runtime fused into another counts
            there, and has none of its own.
        borders: Of nodes that the runtime or quantization put between those: changes of
            precision and of layout.
    """

    of_nodes: Mapping[str, float]
    borders: float


def node_times(
    graph: Graph, named: Iterable[str], feeds: Feeds, backend: OnnxRuntime, runs: int = 30
) -> NodeTimes:
    """Return what the nodes of ``graph`` take when the whole of it runs.

    The runtime renames what it fuses, but keeps the name of a node, or of the value it gives, in
    front: that is how a time finds its node.

    Args:
        graph: A network, perhaps with Q/DQ nodes.
        named: The names to tell times of; all others are borders.
        feeds: One set of inputs.
        backend: The runtime.
        runs: How often it runs, after a sixth as many to warm up.
    """
    owners = _owners(graph, set(named))
    found: defaultdict[str, float] = defaultdict(float)
    for name, time_us in _profile(graph, feeds, backend, runs).items():
        found[owners.get(_known_start(name, owners), "")] += time_us
    borders = found.pop("", 0.0)
    return NodeTimes(dict(found), borders)


def _owners(graph: Graph, named: set[str]) -> dict[str, str]:
    """Return the node that each name of a node or of a value it gives stands for."""
    owners: dict[str, str] = {}
    for node in graph.model.graph:
        if node.name in named:
            owners.update({str(o.name): str(node.name) for o in node.outputs})
    return owners | {name: name for name in named}


def _known_start(name: str, owners: Mapping[str, str]) -> str:
    """Return the longest known name that ``name`` goes on from, not in the middle of a word."""
    for end in range(len(name), 0, -1):
        whole = end == len(name) or not (name[end].isalnum() and name[end - 1].isalnum())
        if whole and name[:end] in owners:
            return name[:end]
    return ""


def _profile(graph: Graph, feeds: Feeds, backend: OnnxRuntime, runs: int) -> dict[str, float]:
    """Return the median time of every node of the runtime's own graph, in microseconds."""
    warm = runs // 6
    with TemporaryDirectory(prefix="edgekit-") as folder:
        profiling = replace(backend, profile_path=Path(folder) / "profile")
        with profiling.open(graph_to_bytes(graph)) as session:
            for _ in range(warm + runs):
                session.run(feeds)
            events = json.loads(session.end_profiling().read_text(encoding="utf-8"))
    times: defaultdict[str, list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            times[event["name"].removesuffix(_KERNEL)].append(event["dur"])
    return {name: float(np.median(each[warm:])) for name, each in times.items()}
