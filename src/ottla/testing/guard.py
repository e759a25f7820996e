"""Within `only_deterministic`, asking the operating system for time, randomness, threads, sockets or files raises.

Only the thread that entered it is held to this: a test runner's own threads go on as before.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from ottla.testing.errors import NotDeterministic

_RANDOM = "random randint randrange choice choices shuffle sample uniform getrandbits randbytes seed _urandom"
_INSTEAD = {
    time: ("the Clock port or loop.time()", "time time_ns monotonic monotonic_ns sleep"),
    os: ("the Random port", "urandom getrandom"),
    uuid: ("ottla.common.clock.random_uuid", "uuid1 uuid4"),
    random: ("the Random port", _RANDOM),
    socket: ("the event loop", "socket create_connection create_server getaddrinfo"),
    threading.Thread: ("the Offload port", "start"),
}
"""Owner to (what to use instead, names)."""


@contextlib.contextmanager
def only_deterministic() -> Iterator[None]:
    """Patches, and restores at the end; may be nested."""
    replaced: list[tuple[Any, str, Any]] = []
    thread = threading.get_ident()
    try:
        for owner, (instead, names) in _INSTEAD.items():
            for name in names.split():
                if hasattr(owner, name):
                    original = getattr(owner, name)
                    replaced.append((owner, name, original))
                    setattr(owner, name, _refusing(original, name, instead, thread))
        for module in (builtins, io):  # pathlib opens through io
            replaced.append((module, "open", module.open))
            setattr(module, "open", _open_for_reading(module.open, thread))  # noqa: B010 - mypy knows it as a function
        yield
    finally:
        for owner, name, original in reversed(replaced):
            setattr(owner, name, original)


def _refusing(original: Any, name: str, instead: str, thread: int) -> Any:
    def refuse(*args: Any, **options: Any) -> Any:
        if threading.get_ident() != thread:
            return original(*args, **options)
        raise NotDeterministic(f"{name}() was called in a simulation; use {instead}")

    if isinstance(original, type):  # `socket.socket` is subclassed and asked for with isinstance
        return type(original.__name__, (original,), {"__init__": refuse})
    return refuse


def _open_for_reading(original: Callable[..., Any], thread: int) -> Any:
    def open_for_reading(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if threading.get_ident() == thread and any(letter in mode for letter in "wax+"):
            raise NotDeterministic(f"open({file!r}, {mode!r}) was called in a simulation; use the Files port")
        return original(file, mode, *args, **options)

    return open_for_reading
