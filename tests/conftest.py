"""Options that all tests share."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--scale",
        type=float,
        default=1.0,
        help="Factor on the number of random cases: 10 before a release, 0.1 in haste.",
    )


@pytest.fixture(scope="session")
def scale(request: pytest.FixtureRequest) -> float:
    value: float = request.config.getoption("--scale")
    return value
