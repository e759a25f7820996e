"""How the worker process gives way: it takes only what the processor has left over, until that is nothing at all.

A niced process holds a core for its whole slice of some milliseconds once it has it, and a broker that wakes for a
request waits so long. A process of the idle class is put aside at once (see docs/performance.md). But on a machine
without idle time it would never be done, so it notices, and its successor competes as an ordinary, niced process.
"""

from __future__ import annotations

import os
from pathlib import Path

_NICENESS = 10
_WAITS = Path("/proc/self/schedstat")
_WINDOW_S = 10.0
_STARVED = 0.9


def be_patient() -> bool:
    """Joins the idle class, for good: there is no way back without a privilege. False where there is none."""
    if not hasattr(os, "SCHED_IDLE"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError:  # a sandbox may forbid it
        return False
    return True


def hurry(pid: int) -> None:
    """Takes a process out of the idle class, where this one may: even to end, a process needs some time of a core, and
    on a busy machine a patient one waits seconds for it."""
    if not hasattr(os, "SCHED_OTHER"):
        return
    try:
        os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
    except OSError:  # not with our privileges, or it has ended
        pass


def be_nice() -> None:
    os.nice(_NICENESS)


def waited_s() -> float:
    """How long this process has been ready to run and was not, in seconds; 0 where the kernel does not say."""
    try:
        return int(_WAITS.read_text("ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


class Starvation:
    """Of a patient process: it has waited for a core nearly all of a window. Times are seconds."""

    def __init__(self, now_s: float, waited_s: float, window_s: float = _WINDOW_S) -> None:
        self._window_s = window_s
        self._since_s = now_s
        self._waited_s = waited_s

    def is_due(self, now_s: float) -> bool:
        """A window is over, and `is_starving` is to be asked."""
        return now_s - self._since_s >= self._window_s

    def is_starving(self, now_s: float, waited_s: float) -> bool:
        """Whether it did in the window that ends now. The next begins."""
        starving = waited_s - self._waited_s >= _STARVED * (now_s - self._since_s)
        self._since_s, self._waited_s = now_s, waited_s
        return starving
