"""The demo's two members as processes: started, listened to, and one of them killed."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from pathlib import Path

import click

from ottla.cli.flights.view import MemberState

_LEAVE_S = 5.0


class Member:
    """One process. partitions: as it was last told; None before that."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.partitions: tuple[int, ...] | None = None
        self.killed = False
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True
        )
        self._rest = b""

    def read(self) -> bool:
        """What it has said. False once it has ended."""
        assert self.process.stdout is not None
        chunk = os.read(self.process.stdout.fileno(), 1 << 16)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "assigned" in said:
                self.partitions = tuple(said["assigned"])
        return bool(chunk)

    def state(self) -> MemberState:
        return MemberState(self.name, self.process.pid, not self.killed, self.partitions or ())

    def kill(self) -> None:
        """As `kill -9` does it: it can neither commit nor say goodbye."""
        self.killed = True
        self.process.kill()


class Members:
    """All of them. One that ends and was not killed by us is an error."""

    def __init__(self, bootstrap: str, topic: str, group: str, session_timeout_ms: int, store: Path) -> None:
        module = "ottla.cli.flights.member"
        self.all = [
            Member(
                name,
                [sys.executable, "-m", module, bootstrap, topic, group, name, str(session_timeout_ms), str(store)],
            )
            for name in ("member-1", "member-2")
        ]
        self._selector = selectors.DefaultSelector()
        for member in self.all:
            assert member.process.stdout is not None
            self._selector.register(member.process.stdout, selectors.EVENT_READ, member)

    def listen(self, timeout_s: float) -> None:
        """Until one of them says something. Raises ClickException if one has failed."""
        for key, _ in self._selector.select(timeout_s):
            member: Member = key.data
            if member.read():
                continue
            self._selector.unregister(key.fileobj)
            if not member.killed:
                assert member.process.stderr is not None
                said = member.process.stderr.read().decode("utf-8", "replace").strip().splitlines()
                raise click.ClickException(f"{member.name} ended: {said[-1] if said else 'it did not say why'}")

    def states(self) -> tuple[MemberState, ...]:
        return tuple(member.state() for member in self.all)

    def close(self) -> None:
        """The living ones leave the group first."""
        for member in self.all:
            member.process.terminate()
        for member in self.all:
            try:
                member.process.communicate(timeout=_LEAVE_S)
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.communicate()
        self._selector.close()
