from __future__ import annotations

import numpy as np
import pytest

from edgekit.errors import HeadError
from edgekit.graphs import graph_from_proto, graph_to_bytes
from edgekit.heads.decode import decode
from edgekit.heads.find import find_head
from tests.heads import detectors as nets

SIDE, BOXES, CLASSES = 3, 2, 4


@pytest.fixture
def decoded(backend):
    """What the head found in a network of few cells makes of its outputs, and the vector."""
    graph = graph_from_proto(nets.cells(CLASSES, SIDE, BOXES)[1])
    (vector,) = (n.outputs[0].name for n in graph.model.graph if n.op_type == "Gemm")
    spec = find_head(graph, backend).spec
    graph.model.graph.outputs.append(
        next(n.outputs[0] for n in graph.model.graph if n.op_type == "Gemm")
    )
    image = np.random.default_rng(0).uniform(0, 4, (1, 3, 64, 64)).astype(np.float32)
    with backend.open(graph_to_bytes(graph)) as session:
        outputs = session.run({"image": image})
    return spec, decode(outputs, spec, 1e-6), outputs[vector][0]


def test_every_box_has_the_classes_of_its_cell_and_its_own_confidence(decoded):
    spec, boxes, vector = decoded

    cells = SIDE**2
    for cell, box in np.ndindex(cells, BOXES):
        confidence = vector[cells * CLASSES + BOXES * cell + box]
        x, y, w, h = vector[cells * (CLASSES + BOXES) :].reshape(-1, 4)[BOXES * cell + box]
        centre = np.array([x + cell % SIDE, y + cell // SIDE]) * 64 / SIDE
        half = np.array([w * w, h * h]) * 32
        for label in range(CLASSES):
            score = confidence * vector[CLASSES * cell + label]
            if score > 1e-6:
                near = np.isclose(boxes.scores, score, rtol=1e-4) & (boxes.classes == label)
                wanted = [*(centre - half), *(centre + half)]
                assert np.abs(boxes.xyxy[near] - wanted).max(axis=1).min() < 1e-2
    assert spec.normalised


def test_a_vector_that_is_no_detector_is_not_read_as_one(backend):
    graph = graph_from_proto(nets.classifier(49 * 30)[1])

    with pytest.raises(HeadError, match="classification"):
        find_head(graph, backend)
