"""Clients in other languages, unmodified and with their default settings, each on one scenario (see `clients/`).

Each program creates a topic of three partitions, produces 100 records with keys and headers, consumes them in a group,
commits, seeks, deletes the group and the topic, and prints what it saw.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.client_versions import check_versions
from tests.conformance.ottla_broker import OttlaBroker

pytestmark = pytest.mark.process

CLIENTS = Path(__file__).parent / "clients"
BUILD_TIMEOUT_S, RUN_TIMEOUT_S = 300, 120


def built(name: str, *command: str, result: str) -> Path:
    """The program `result`, built once into a cache and kept; safe when several tests want it at once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ottla-tests" / name
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for source in (CLIENTS / name).iterdir():
            if source.is_file():
                shutil.copy2(source, cache / source.name)
        done = cache / f".built-{_digest(cache)}"
        if not done.exists():
            subprocess.run(command, cwd=cache, check=True, timeout=BUILD_TIMEOUT_S, capture_output=True)
            done.touch()
    return cache / result


def _digest(folder: Path) -> str:
    import hashlib

    names = sorted(path.name for path in (CLIENTS / folder.name).iterdir() if path.is_file())
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in names)).hexdigest()[:16]


def run(*command: str) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.node
def test_kafkajs(ottla: OttlaBroker) -> None:
    program = built("kafkajs", "npm", "install", "--silent", "--no-audit", "--no-fund", result="check.js")
    assert run("node", str(program), ottla.address) == {
        "created": True,
        "partitions": 3,
        "acked": 3,
        "consumed": 101,
        "values": 101,
        "headers": 100,
        "committed": 101,
        "end": 101,
        "sought": True,
        "deleted": True,
    }
    check_versions(ottla, "kafkajs")


GO_RESULT = {
    "consumed": 100,
    "values": 100,
    "headers": 100,
    "committed": 100,
    "end": 100,
    "sought": True,
    "deleted": True,
}


@pytest.mark.go
def test_franz_go(ottla: OttlaBroker) -> None:
    program = built("franz_go", "go", "build", "-o", "check", ".", result="check")
    assert run(str(program), ottla.address) == {**GO_RESULT, "partitions": 3}
    check_versions(ottla, "franz-go")


@pytest.mark.go
def test_sarama(ottla: OttlaBroker) -> None:
    program = built("sarama", "go", "build", "-o", "check", ".", result="check")
    assert run(str(program), ottla.address) == GO_RESULT
    check_versions(ottla, "sarama")
