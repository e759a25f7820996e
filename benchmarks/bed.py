"""The test bed of one table: the two warm brokers, fresh ones for rows that need them, and the client processes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.brokers import ROOT, SIDES, Broker, environment, pinned

_CLIENT_TIMEOUT_S = 1200
BROKER_CORE, CLIENT_CORE = 0, 1


class Bed:
    """`quick` makes every amount smaller; `pin` gives the brokers one core and the clients the other."""

    def __init__(self, folder: Path, *, quick: bool, pin: bool, sides: tuple[type[Broker], ...] = SIDES) -> None:
        self.folder = folder
        self.sides = sides
        self.quick = quick
        self.pin = pin
        self._numbers = 0
        self._warm: dict[str, Broker] = {}
        self._alive: list[Broker] = []
        self.filled: dict[tuple[str, str], str] = {}
        """Topics that rows share, by side and content."""

    def amount(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def name(self, prefix: str) -> str:
        self._numbers += 1
        return f"{prefix}-{self._numbers}"

    def warm(self, side: type[Broker]) -> Broker:
        """The broker that runs for the whole table; started when first asked for."""
        broker = self._warm.get(side.name)
        if broker is None:
            broker = self._warm[side.name] = self._new(side)
            broker.start()
        return broker

    @contextmanager
    def fresh(self, side: type[Broker], **settings: str) -> Iterator[Broker]:
        """A broker of its own, not started yet; it and its data are gone afterwards. `_` in a setting is a dot."""
        broker = self._new(side, {key.replace("_", "."): value for key, value in settings.items()})
        try:
            broker.prepare()
            yield broker
        finally:
            broker.kill()
            self._alive.remove(broker)
            shutil.rmtree(broker.folder, ignore_errors=True)

    def _new(self, side: type[Broker], settings: dict[str, str] | None = None) -> Broker:
        core = BROKER_CORE if self.pin else None
        broker = side(self.folder / self.name(side.name), core, settings or {})
        self._alive.append(broker)
        return broker

    def client(self, module: str, broker: Broker | None, **params: Any) -> dict[str, Any]:
        """Runs a load in a process of its own, and returns what it printed."""
        if broker is not None:
            params = {"address": broker.address, "broker_pid": broker.pid, **params}
        command = [sys.executable, "-m", f"benchmarks.clients.{module}", json.dumps(params)]
        done = subprocess.run(
            pinned(command, CLIENT_CORE if self.pin else None),
            cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=_CLIENT_TIMEOUT_S, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"the client {module} failed:\n{done.stderr[-3000:]}")
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def close(self) -> None:
        """Ends every broker that this bed started."""
        for broker in self._alive:
            broker.kill()
