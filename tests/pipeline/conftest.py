"""One small world and one conversion in it, shared by every test that only reads them."""

from __future__ import annotations

import pytest

from edgekit.config.calibration import open_source
from edgekit.pipeline.convert import convert
from tests.pipeline.tiny import Tiny, make_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def scored(tiny):
    """The labelled images."""
    return open_source(str(tiny.labels))


@pytest.fixture(scope="session")
def out(tiny, tmp_path_factory):
    """A folder that a complete conversion wrote; read only."""
    folder = tmp_path_factory.mktemp("converted") / "out"
    convert(tiny.model, tiny.options(folder))
    return folder
