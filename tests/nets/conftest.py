"""Small networks: threads of torch would wait for each other longer than they compute."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def always_one_thread(one_thread):
    """Every test here runs torch."""
