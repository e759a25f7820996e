"""docs/compatibility.md tells which API versions each client uses: the same that the client tests hold."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.client_versions import table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"


def test_the_compatibility_page_shows_the_versions_that_clients_use() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")
