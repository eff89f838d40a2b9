"""What the tests of heads share."""

from __future__ import annotations

import pytest

from edgekit.backends.onnxruntime import OnnxRuntime


@pytest.fixture(scope="session")
def backend():
    return OnnxRuntime(threads=1)
