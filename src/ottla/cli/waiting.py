"""Waits that a person sees and can end: what takes longer than a second says what it waits for, and Ctrl-C ends it.

librdkafka's calls do not come back for a signal. They run on a thread that is left behind when somebody has had enough;
then the process must not wait for that thread at its end, so `main` leaves with `os._exit`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar, cast

from ottla.common.clock import SystemClock

Result = TypeVar("Result")

NOTICE_S = 1.0
"""After so long a wait says what it waits for."""
_LOOK_S = 0.05


class Abandoned:
    """Whether a thread was left behind in a call that does not end."""

    left = False


def notice(text: str) -> None:
    """One line on the standard error, also where nobody watches: a log of a script should show why it stood."""
    print(f"ottla: {text}", file=sys.stderr, flush=True)


class _Call(Generic[Result]):
    """One blocking call on a thread of its own."""

    def __init__(self, call: Callable[[], Result]) -> None:
        self._call = call
        self._result: Result | None = None
        self._error: BaseException | None = None
        self.done = threading.Event()
        threading.Thread(target=self._run, name="waiting", daemon=True).start()

    def _run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:
            self._error = error
        self.done.set()

    def result(self) -> Result:
        if self._error is not None:
            raise self._error
        return cast("Result", self._result)


def waiting(call: Callable[[], Result], what: str) -> Result:
    """The result of a blocking call. Says `what` it waits for after a second; Ctrl-C leaves it behind."""
    running = _Call(call)
    clock = SystemClock()
    began, told = clock.monotonic(), False
    try:
        while not running.done.wait(_LOOK_S):
            if not told and clock.monotonic() - began >= NOTICE_S:
                told = True
                notice(f"{what} ...")
    except KeyboardInterrupt:
        Abandoned.left = True
        raise
    return running.result()


def within(call: Callable[[], Any], seconds: float) -> bool:
    """Runs a blocking call for so long at most; False when it was left behind. What it raises counts as done."""
    running = _Call(call)
    try:
        done = running.done.wait(seconds)
    except KeyboardInterrupt:
        done = False
    if not done:
        Abandoned.left = True
    return done


@contextmanager
def telling(what: Callable[[], str]) -> Iterator[None]:
    """Says what is waited for while the block runs longer than a second, once; for waits that Ctrl-C ends anyway."""
    over = threading.Event()

    def tell() -> None:
        if not over.wait(NOTICE_S):
            notice(f"{what()} ...")

    threading.Thread(target=tell, name="telling", daemon=True).start()
    try:
        yield
    finally:
        over.set()
