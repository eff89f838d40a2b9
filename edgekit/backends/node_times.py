"""What every node of a network takes on its runtime.

The runtime's own profile tells how the time of a run is shared out. A profiled run is slower, and
not alike for all networks, so that the whole is timed without one.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from edgekit.backends.openvino import OpenVino
from edgekit.graphs import graph_to_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.backends.onnxruntime import OnnxRuntime
    from edgekit.protocols import Backend, Session
    from edgekit.values import Graph

    Feeds = Mapping[str, NDArray[np.generic]]
    Runtime = OnnxRuntime | OpenVino

ROUNDS, RUNS = 7, 5  # of each network under the profile; the first round warms up
TURNS, TIMED, WARMING = 4, 10, 5  # of each network without it: runs in a row, and runs before them
PAUSE_S = 0.05  # for the last session's threads to stop spinning
_KERNEL = "_kernel_time"


@dataclass(frozen=True)
class NodeTimes:
    """Medians over runs, in microseconds; together what a run takes without a profile.

    Attributes:
        of_nodes: By name of a node of the network; what the runtime fused into another counts
            there, and has none of its own.
        borders: Of nodes that the runtime or quantization put between those: changes of
            precision and of layout.
    """

    of_nodes: Mapping[str, float]
    borders: float

    @property
    def total(self) -> float:
        """What the whole takes."""
        return sum(self.of_nodes.values()) + self.borders


def node_times(
    graphs: Sequence[Graph], named: Collection[str], feeds: Feeds, backend: Runtime
) -> tuple[NodeTimes, ...]:
    """Return what the nodes of each of ``graphs`` take when the whole of it runs.

    They run in turn, a few times each, so that a busy machine slows all of them alike. The
    runtime renames what it fuses, but keeps the name of a node, or of the value it gives, in
    front: that is how a time finds its node.

    Args:
        graphs: Networks, perhaps with Q/DQ nodes.
        named: The names of nodes to tell times of; all others are borders.
        feeds: One set of inputs, which all of them take.
        backend: The runtime.
    """
    models = [graph_to_bytes(graph) for graph in graphs]
    if isinstance(backend, OpenVino):
        times = _profile_openvino(models, feeds, backend)
    else:
        times = _profile_onnxruntime(models, feeds, backend)
    totals = _run_times(models, feeds, backend)
    return tuple(
        _shared_out(total, _by_owner(each, _owners(graph, named)))
        for graph, each, total in zip(graphs, times, totals, strict=True)
    )


def _shared_out(total: float, profiled: NodeTimes) -> NodeTimes:
    """Return the times of a profile as shares of ``total``, in us."""
    scale = total / profiled.total
    of_nodes = {name: scale * time_us for name, time_us in profiled.of_nodes.items()}
    return NodeTimes(of_nodes, scale * profiled.borders)


def _by_owner(times: Mapping[str, float], owners: Mapping[str, str]) -> NodeTimes:
    found: defaultdict[str, float] = defaultdict(float)
    for name, time_us in times.items():
        found[owners.get(_known_start(name, owners), "")] += time_us
    borders = found.pop("", 0.0)
    return NodeTimes(dict(found), borders)


def _owners(graph: Graph, named: Collection[str]) -> dict[str, str]:
    """Return the node that each name of a node or of a value it gives stands for; "" for none."""
    owners = {name: name for name in named}
    for node in graph.model.graph:
        owner = str(node.name) if node.name in named else ""
        owners |= {str(node.name): owner, **{str(o.name): owner for o in node.outputs}}
    return owners


def _known_start(name: str, owners: Mapping[str, str]) -> str:
    """Return the longest known name that ``name`` goes on from, not in the middle of a word."""
    for end in range(len(name), 0, -1):
        whole = end == len(name) or not (name[end].isalnum() and name[end - 1].isalnum())
        if whole and name[:end] in owners:
            return name[:end]
    return ""


def _profile_onnxruntime(
    models: Sequence[bytes], feeds: Feeds, backend: OnnxRuntime
) -> list[dict[str, float]]:
    """Return the median time of every node of each model as the runtime runs it, in us."""
    with TemporaryDirectory(prefix="edgekit-") as folder, ExitStack() as stack:
        profiling = replace(backend, profile_path=Path(folder) / "profile")
        sessions = [stack.enter_context(profiling.open(model)) for model in models]
        for _ in range(ROUNDS):
            for session in sessions:
                time.sleep(PAUSE_S)
                for _ in range(RUNS):
                    session.run(feeds)
        return [_medians(session.end_profiling()) for session in sessions]


def _profile_openvino(
    models: Sequence[bytes], feeds: Feeds, backend: OpenVino
) -> list[dict[str, float]]:
    """Return the same of OpenVINO, which tells the times of each run."""
    with ExitStack() as stack:
        profiling = replace(backend, profile=True)
        sessions = [stack.enter_context(profiling.open(model)) for model in models]
        told: list[list[dict[str, float]]] = [[] for _ in sessions]
        for _ in range(ROUNDS):
            for session, runs in zip(sessions, told, strict=True):
                for _ in range(RUNS):
                    session.run(feeds)
                    runs.append(session.node_times_us())
    return [
        {name: float(np.median([run[name] for run in runs[RUNS:]])) for name in runs[0]}
        for runs in told
    ]


def _run_times(models: Sequence[bytes], feeds: Feeds, backend: Backend) -> list[float]:
    """Return the median time of a run of each model, in us; they take turns."""
    with ExitStack() as stack:
        sessions = [stack.enter_context(backend.open(model)) for model in models]
        times: list[list[float]] = [[] for _ in sessions]
        for _ in range(TURNS):
            for session, taken in zip(sessions, times, strict=True):
                time.sleep(PAUSE_S)
                runs = [_run_us(session, feeds) for _ in range(WARMING + TIMED)]
                taken.extend(runs[WARMING:])
        return [float(np.median(taken)) for taken in times]


def _run_us(session: Session, feeds: Feeds) -> float:
    start = time.perf_counter()
    session.run(feeds)
    return (time.perf_counter() - start) * 1e6


def _medians(file: Path) -> dict[str, float]:
    """Return the median time of every node in a profile, in us, without the first round."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for event in json.loads(file.read_text(encoding="utf-8")):
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            times[event["name"].removesuffix(_KERNEL)].append(event["dur"])
    return {name: float(np.median(each[RUNS:])) for name, each in times.items()}
