"""Where log lines go: a file descriptor that may be a pipe nobody reads, a closed one, or a file on a full disk.

Writing may block for ever, so a thread does it, from a buffer that is bounded. What finds no room, or cannot be
written, is counted, and said as soon as something can be written again.
"""

from __future__ import annotations

import io
import os
import threading
from collections import deque
from collections.abc import Callable

BUFFER_BYTES = 1 << 20
_FLUSH_S = 1.0


class LogOutput:
    """`write` never blocks and never raises. The thread starts with the first line.

    say_dropped: the line that tells of so many dropped ones.
    """

    def __init__(self, descriptor: int, say_dropped: Callable[[int], str], max_bytes: int = BUFFER_BYTES) -> None:
        self._descriptor = descriptor
        self._say_dropped = say_dropped
        self._max_bytes = max_bytes
        self._lines: deque[bytes] = deque()
        self._size_bytes = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._untold = 0
        self.dropped = 0
        """Lines that were never written."""

    def write(self, text: str) -> int:
        """Whole lines, or a part of one."""
        data = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._size_bytes + len(data) > self._max_bytes:
                self._drop(1)
                return len(text)
            self._lines.append(data)
            self._size_bytes += len(data)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="log", daemon=True)
                self._thread.start()
            self._changed.notify()
        return len(text)

    def close(self, timeout_s: float = _FLUSH_S) -> bool:
        """Writes what waits, but waits no longer than that for a reader; whether all of it was written."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)
            return not self._thread.is_alive()
        return True

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._untold += count

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._closing:
                    self._changed.wait()
                if not self._lines:
                    return
                taken = list(self._lines)
            written = self._write_all(b"".join(taken))
            with self._changed:
                for line in taken:  # only now: what is being written counts against the buffer
                    self._lines.popleft()
                    self._size_bytes -= len(line)
                if not written:
                    self._drop(len(taken))
                    continue
                untold, self._untold = self._untold, 0
            if untold and not self._write_all(self._say_dropped(untold).encode()):
                with self._changed:
                    self._untold += untold

    def _write_all(self, data: bytes) -> bool:
        view = memoryview(data)
        try:
            while len(view):
                view = view[os.write(self._descriptor, view) :]
        except OSError:  # a closed pipe, a full disk: there is nobody to tell now
            return False
        return True


class LogStream(io.TextIOBase):
    """Stands for `sys.stderr`: what Python itself and libraries write there goes the same way, and never blocks."""

    def __init__(self, output: LogOutput, descriptor: int) -> None:
        self._output = output
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        return self._output.write(text)

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        """The thread writes at once."""

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)
