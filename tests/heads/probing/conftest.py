"""A decode open on a runtime, as the tests of probing need it."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from edgekit.graphs import graph_from_proto
from edgekit.heads.probing.dataflow import find_decode, stage_values
from edgekit.heads.probing.runner import open_decode


@pytest.fixture
def opened(backend):
    """Open the decode of what a builder made; yields its runner, outputs and stage."""

    @contextmanager
    def open_built(built):
        graph = graph_from_proto(built[1])
        decode = find_decode(graph)
        outputs = tuple(v.name for v in graph.model.graph.outputs)
        stage = stage_values(decode)
        with open_decode(graph, decode, (*outputs, *stage), backend) as runner:
            yield runner, outputs, stage

    return open_built
