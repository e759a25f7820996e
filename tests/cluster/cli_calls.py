"""Runs the `ottla` command as a process of its own, as a shell does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.conformance.ottla_broker import ROOT

TIMEOUT_S = 60


class Cli:
    """The command against one broker."""

    def __init__(self, address: str) -> None:
        self.address = address

    def call(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "ottla", *words],
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT_S,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OTTLA_BOOTSTRAP": self.address},
        )

    def text(self, *words: str, stdin: bytes = b"") -> str:
        """What it prints; it must succeed and complain of nothing."""
        done = self.call(*words, stdin=stdin)
        assert (done.returncode, done.stderr) == (0, b""), (done.returncode, done.stderr.decode())
        return done.stdout.decode()

    def json(self, *words: str) -> Any:
        return json.loads(self.text(*words, "--json"))

    def error(self, *words: str, code: int = 1, stdin: bytes = b"") -> str:
        """The sentence on its standard error; it must fail with this exit code."""
        done = self.call(*words, stdin=stdin)
        assert done.returncode == code, (done.returncode, done.stdout.decode(), done.stderr.decode())
        return done.stderr.decode().removeprefix("ottla: ").strip()
