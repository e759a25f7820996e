"""Fixtures of the tests that use real processes: our broker, and the tools that must be there in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.kafka_broker import kafka
from tests.conformance.ottla_broker import OttlaBroker

__all__ = ("kafka", "ottla")

_PROGRAMS = {"java": ("java", "mvn"), "node": ("node", "npm"), "go": ("go",)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked java, node or go skip where these are missing, and fail where OTTLA_REQUIRE names them (CI)."""
    required = os.environ.get("OTTLA_REQUIRE", "").split(",")
    for item in items:
        for tool, programs in _PROGRAMS.items():
            missing = [program for program in programs if shutil.which(program) is None]
            if item.get_closest_marker(tool) and missing and tool not in required:
                item.add_marker(pytest.mark.skip(reason=f"needs {', '.join(missing)}, not on this machine"))


@pytest.fixture
def ottla(tmp_path: Path) -> Iterator[OttlaBroker]:
    """A broker process of the test's own."""
    with OttlaBroker(tmp_path / "ottla") as broker:
        yield broker
    # A failure that a client retried away is a failure all the same.
    assert "request.failed" not in broker.errors(), broker.errors()
