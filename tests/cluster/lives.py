"""A program that is killed and started again until its work is done, each life a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from tests.conformance.ottla_broker import ROOT

_WAIT_S = 60


class Lives:
    """One program, supervised by a thread that starts it anew until it ends with 0.

    lines: what all lives have printed and `pattern` matches. ends: their exit codes (negative: the signal).
    """

    def __init__(self, command: list[str], errors: Path, pattern: str = "", *, endless: bool = False) -> None:
        self.lines: list[str] = []
        self.ends: list[int] = []
        self.kills = 0
        self._command = command
        self._errors = errors
        self._pattern = re.compile(pattern)
        self._endless = endless
        self._process: subprocess.Popen[str] | None = None
        self._progress = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping:
            code = self._follow(self._begin())
            with self._progress:
                self.ends.append(code)
                self._progress.notify_all()
            if code == 0 and not self._endless:
                return

    def _begin(self) -> subprocess.Popen[str]:
        with self._errors.open("a", encoding="utf-8") as errors:
            process = subprocess.Popen(
                self._command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            )
        with self._progress:
            self._process = process
            if self._stopping:
                process.kill()
        return process

    def _follow(self, process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        for line in process.stdout:
            if self._pattern.search(line):
                with self._progress:
                    self.lines.append(line.strip())
                    self._progress.notify_all()
        code = process.wait()
        process.stdout.close()
        return code

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def kill(self) -> None:
        """`kill -9` of the present life. The next one begins at once."""
        with self._progress:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGKILL)
                self.kills += 1

    def wait_for_more(self, count: int) -> None:
        """Until `count` more lines are printed, or the work is done."""
        goal = len(self.lines) + count
        with self._progress:
            reached = self._progress.wait_for(lambda: len(self.lines) >= goal or self.done, timeout=_WAIT_S)
        assert reached, self._story("makes no progress")

    def join(self, timeout_s: float = _WAIT_S) -> None:
        self._thread.join(timeout_s)
        assert self.done, self._story("does not end")

    def stop(self) -> None:
        """Kills it for good."""
        self._stopping = True
        self.kill()
        self._thread.join(_WAIT_S)

    def _story(self, what: str) -> str:
        said = self._errors.read_text(encoding="utf-8")[-2000:]
        return f"{self._command[-5:]} {what}: it told {self.lines[-3:]}, ended {self.ends[-5:]}, and complained {said}"
