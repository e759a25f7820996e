"""A real broker process for tests: started as a user starts it, stopped or killed by its pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 20


class OttlaBroker:
    """`ottla up` on a free port of 127.0.0.1, with its data in `folder`. Also a context manager."""

    def __init__(self, folder: Path, *settings: str, port: int = 0) -> None:
        self.folder = folder
        self.settings = settings
        self.port = port
        self.http_port = 0
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> OttlaBroker:
        """Returns when the broker has said that it is ready; the port stays the same over restarts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.http_port = self.http_port or free_port()
        command = [sys.executable, "-m", "ottla", "up", "--port", str(self.port), "--data", str(self.folder / "data")]
        for pair in (*self.settings, f"ottla.http.listener=127.0.0.1:{self.http_port}"):
            command += ["--set", pair]
        self._errors = (self.folder / "errors.log").open("a", encoding="utf-8")
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("ready "), f"the broker said {line!r}: {self.errors()}"
        self.port = int(line.split(":")[1])
        return self

    def stop(self) -> int:
        """A clean stop, as Ctrl-C does it; the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        code = process.wait(READY_TIMEOUT_S)
        assert process.stdout is not None
        process.stdout.close()
        assert self._errors is not None
        self._errors.close()
        return code

    def errors(self) -> str:
        """What it wrote to its standard error."""
        return (self.folder / "errors.log").read_text(encoding="utf-8")

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def versions_used(self) -> dict[str, list[int]]:
        """The versions of each API that clients have sent since the start."""
        found: dict[str, list[int]] = {}
        for line in self.metrics().splitlines():
            if line.startswith("ottla_requests_total{"):
                labels = dict(pair.split("=") for pair in line[line.index("{") + 1 : line.index("}")].split(","))
                found.setdefault(labels["api"].strip('"'), []).append(int(labels["version"].strip('"')))
        return {api: sorted(versions) for api, versions in sorted(found.items())}

    def __enter__(self) -> OttlaBroker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
