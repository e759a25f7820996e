"""A quiet client in a process of its own: one record at a time, produced and fetched.

For each line on its input it makes five more rounds, then prints how many it made and the worst of all, in ms.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from tests.abuse.wire import Wire, batch, create, fetch, produce

ROOT = Path(__file__).resolve().parents[2]
TOPIC = "neighbour"
_PAUSE_S = 0.002
_ROUNDS_AFTER = 5


class Suffered(NamedTuple):
    """What the neighbour has seen. rounds 0: it got no answer any more."""

    rounds: int
    worst_ms: float


class Neighbour:
    """The process, seen from the test."""

    def __init__(self, port: int) -> None:
        command = [sys.executable, "-m", "tests.abuse.neighbour", str(port)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        self.ask()

    def ask(self) -> Suffered:
        """Since it was asked last."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            words = self._process.stdout.readline().split()
        except OSError:
            words = []
        return Suffered(int(words[0]), float(words[1])) if words else Suffered(0, float("inf"))

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def main(port: int) -> None:
    wire = Wire(port)
    create(wire, TOPIC)
    questions = 0

    def listen() -> None:
        nonlocal questions
        for _ in sys.stdin:
            questions += 1

    threading.Thread(target=listen, daemon=True).start()
    rounds, worst_ms, offset, after, answered = 0, 0.0, 0, 0, 0
    while True:
        started = time.monotonic()
        answer = produce(wire, TOPIC, batch())
        assert answer is not None and answer.error_code == 0, f"the neighbour was refused: {answer}"
        assert fetch(wire, TOPIC, offset), "the neighbour does not find its record"
        offset = answer.base_offset + 1
        rounds, worst_ms = rounds + 1, max(worst_ms, (time.monotonic() - started) * 1000)
        after += questions > answered
        if after >= _ROUNDS_AFTER:
            print(rounds, worst_ms, flush=True)
            rounds, worst_ms, after, answered = 0, 0.0, 0, answered + 1  # the next question may have come by now
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main(int(sys.argv[1]))
