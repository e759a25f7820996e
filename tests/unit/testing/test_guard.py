"""In a simulation, asking the operating system raises; afterwards everything is as before."""

from __future__ import annotations

import builtins
import os
import random
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from ottla.testing.errors import NotDeterministic
from ottla.testing.guard import only_deterministic

FORBIDDEN: list[Callable[[], object]] = [
    lambda: time.time(),
    lambda: time.monotonic(),
    lambda: time.sleep(0),
    lambda: os.urandom(1),
    lambda: uuid.uuid4(),
    lambda: random.random(),
    lambda: random.shuffle([]),
    lambda: secrets.token_bytes(4),
    lambda: socket.socket(),
    lambda: threading.Thread(target=int).start(),
    lambda: open("anything", "ab"),  # noqa: PTH123, SIM115
    lambda: Path("anything").write_text("x"),
]


@pytest.mark.parametrize("call", FORBIDDEN)
def test_what_differs_from_run_to_run_is_refused(call: Callable[[], object]) -> None:
    with only_deterministic(), pytest.raises(NotDeterministic, match="use "):
        call()


def test_everything_is_restored_even_after_an_error() -> None:
    before = (time.time, os.urandom, uuid.uuid4, random.random, socket.socket, threading.Thread.start, builtins.open)
    with pytest.raises(KeyError), only_deterministic():
        raise KeyError
    after = (time.time, os.urandom, uuid.uuid4, random.random, socket.socket, threading.Thread.start, builtins.open)
    assert before == after
    assert time.time() > 0


def test_reading_files_and_seeded_randomness_are_allowed() -> None:
    with only_deterministic():
        with open(__file__) as file:  # noqa: PTH123
            assert file.readline()
        assert 0 <= random.Random(1).random() < 1
        assert Path(__file__).exists()


def test_other_threads_are_left_alone() -> None:
    go, seen = threading.Event(), []

    def work() -> None:
        go.wait()
        seen.append(time.time())

    thread = threading.Thread(target=work)
    thread.start()
    with only_deterministic():
        go.set()
        thread.join()
    assert seen[0] > 0
