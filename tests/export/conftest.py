"""Small torch detectors and their exports, made once.

Threads of torch would wait for each other longer than networks this small compute.
"""

from __future__ import annotations

import pytest

from edgekit.export.torch_onnx import export_detector
from tests.export.torch_detectors import FAMILIES, SMALL, detector


@pytest.fixture(scope="session", autouse=True)
def always_one_thread(one_thread):
    """Every test here runs torch."""


@pytest.fixture(scope="session")
def exports():
    """Detectors by family, each with its export."""
    found = {family: detector(family) for family in FAMILIES}
    return {family: (one, export_detector(one, SMALL)) for family, one in found.items()}
