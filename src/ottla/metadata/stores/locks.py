"""A file lock for each broker process: the operating system drops it the moment the process dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_ATTEMPTS = 20
"""Somebody who only tests a lock holds it for some microseconds; that must not keep its owner out."""


class BrokerLock:
    """An exclusive lock, held until released or the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path, broker: int) -> BrokerLock | None:
        """The lock, or None while another live process has it."""
        descriptor = os.open(_path(folder, broker), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for _ in range(_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return cls(descriptor)
            except BlockingIOError:
                os.sched_yield()
        os.close(descriptor)
        return None

    def release(self) -> None:
        os.close(self._descriptor)


def lock_is_held(folder: Path, broker: int) -> bool:
    """Whether a live process holds the broker's lock."""
    try:
        descriptor = os.open(_path(folder, broker), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def _path(folder: Path, broker: int) -> Path:
    return folder / f"broker-{broker}.lock"
