"""`ottla demo`, quickly: 5,000 flights, with its own broker and a member killed half-way."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.conformance.ottla_broker import ROOT

pytestmark = pytest.mark.process


def test_the_demo_kills_a_member_and_ends_with_equal_sums() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ottla", "demo", "--flights", "5000"],
        capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert re.search(r"^[\d,]+ flights are counted: kill -9 \d+ \(member-2\)\.$", done.stdout, re.MULTILINE)
    assert "Equal: 5,000 flights, " in done.stdout
