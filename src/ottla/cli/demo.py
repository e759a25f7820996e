"""`ottla demo`: real flights through a topic, a group of two that counts them, one killed half-way, and exact sums."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ottla.cli.terminal import bold

if TYPE_CHECKING:
    from ottla.cli.flights.group import Member, Members
    from ottla.cli.flights.sender import Sender
    from ottla.cli.flights.store import Snapshot, Store
    from ottla.cli.flights.sums import Sums
    from ottla.cli.flights.view import View
    from ottla.client.cluster import Cluster

from ottla.cli.flights.source import ORIGIN, TOTAL
from ottla.common.clock import SystemClock, SystemRandom

_PARTITIONS = 6
_STALLED_S = 90.0
_OWN_SESSION_MS, _FOREIGN_SESSION_MS = 3000, 6000
"""How long the broker waits for a silent member; 6 s is the least that a broker accepts by default."""


@click.command()
@click.option("-b", "--bootstrap-server", "bootstrap", metavar="HOST:PORT", help="Use this broker, not one of its own.")
@click.option("-n", "--flights", "count", metavar="N", type=click.IntRange(100, TOTAL), default=TOTAL,
              show_default=True, help="Only the first so many.")  # fmt: skip
def demo(bootstrap: str | None, count: int) -> None:
    """Replay the flights of 2013 from New York, count delays in a group of two, and kill one member half-way.

    At the end every flight must have been counted exactly once; the exit code is 1 if the sums differ from the CSV.
    The broker, the two members and this program are four processes.
    """
    from ottla.cli.clients import kafka
    from ottla.cli.flights.source import flights_file

    path = flights_file()
    kafka()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it ends its processes, as after Ctrl-C
    with tempfile.TemporaryDirectory(prefix="ottla-demo-") as folder:
        if bootstrap is not None:
            _Demo(bootstrap, f"ottla-demo-{SystemRandom().bytes(4).hex()}", _FOREIGN_SESSION_MS, count).run(
                path, folder
            )
            return
        print("Starting a broker of its own ...", flush=True)
        with _own_broker() as address:
            _Demo(address, "flights", _OWN_SESSION_MS, count).run(path, folder)


@contextmanager
def _own_broker() -> Iterator[str]:
    """The address of a broker that keeps everything in a temporary folder."""
    command = [sys.executable, "-m", "ottla", "up", "--port", "0", "--ephemeral"]
    command += ["--set", "group.min.session.timeout.ms=1000"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        if not line.startswith("ready "):
            raise click.ClickException(f"the broker did not start: {process.stderr.read().strip()}")
        yield line.split()[1]
    finally:
        process.terminate()
        process.communicate()


class _Demo:
    """One run on a cluster."""

    def __init__(self, bootstrap: str, topic: str, session_timeout_ms: int, count: int) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._session_timeout_ms = session_timeout_ms
        self._count = count
        self._clock = SystemClock()

    def run(self, path: Path, folder: str) -> None:
        from ottla.cli.requests.asking import ask
        from ottla.client.operations import create_topic

        ask(self._bootstrap, lambda cluster: create_topic(cluster, self._topic, _PARTITIONS))
        print(
            f"Topic {self._topic} with {_PARTITIONS} partitions at {self._bootstrap}.\nThe flights are from {ORIGIN}.\n"
        )
        try:
            self._replay(path, Path(folder) / "sums.sqlite")
        finally:
            if self._session_timeout_ms == _FOREIGN_SESSION_MS:
                ask(self._bootstrap, self._tidy)

    async def _tidy(self, cluster: Cluster) -> None:
        from ottla.cli.requests.groups import delete
        from ottla.client.operations import delete_topic
        from ottla.common.errors import GroupIdNotFound, NonEmptyGroup

        await delete_topic(cluster, self._topic)
        try:
            await delete(cluster, f"{self._topic}-delays")
        except (NonEmptyGroup, GroupIdNotFound):
            return  # a member was killed just now, and the broker still waits for it: the group ends by itself

    def _replay(self, path: Path, store_path: Path) -> None:
        from ottla.cli.flights.group import Members
        from ottla.cli.flights.sender import Sender
        from ottla.cli.flights.store import Store
        from ottla.cli.flights.view import make_view

        store = Store(store_path)
        members = Members(self._bootstrap, self._topic, f"{self._topic}-delays", self._session_timeout_ms, store_path)
        sender = Sender(self._bootstrap, self._topic, path, self._count)
        view = make_view()
        try:
            self._watch(view, members, sender, store)
        finally:
            view.close()
            sender.stop()
            members.close()
            snapshot = store.snapshot()
            store.close()
        self._judge(sender.expected, snapshot)

    def _watch(self, view: View, members: Members, sender: Sender, store: Store) -> None:
        """Until every flight is counted. Raises ClickException if nothing moves any more."""
        from ottla.cli.flights.view import State

        progress, since = -1, self._clock.monotonic()
        started, victim = False, None
        while True:
            members.listen(0.2)
            if not started and all(member.partitions for member in members.all):
                started = True
                for member in members.all:
                    view.event(f"{member.name} has partitions {_words(member)}.")
                sender.start()
            snapshot = store.snapshot()
            view.update(State(self._count, sender.sent, snapshot, members.states()))
            if sender.failure is not None:
                raise click.ClickException(sender.failure)
            if victim is None and snapshot.counted >= self._count / 2:
                victim = members.all[1]
                _kill(view, victim, snapshot)
            elif victim is not None and len(members.all[0].partitions or ()) == _PARTITIONS:
                _report_takeover(view, members.all[0], victim)
            if sender.done and snapshot.counted >= self._count and victim is not None:
                return
            if snapshot.counted + sender.sent > progress:
                progress, since = snapshot.counted + sender.sent, self._clock.monotonic()
            elif self._clock.monotonic() - since > _STALLED_S:
                raise click.ClickException(
                    f"nothing has moved for {_STALLED_S:.0f} s; {snapshot.counted:,} were counted"
                )

    def _judge(self, expected: Sums, snapshot: Snapshot) -> None:
        """Raises ClickException if the sums differ."""
        from ottla.cli.flights.sums import differences

        wrong = differences(expected, snapshot.sums)
        if wrong or snapshot.counted != self._count:
            for line in wrong[:20]:
                print(f"  {line}")
            raise click.ClickException(f"{snapshot.counted:,} of {self._count:,} flights were counted; the sums differ")
        print(
            f"\n{bold('Equal:')} {snapshot.counted:,} flights, {len(expected)} sums by airport, as in the CSV.\n"
            f"{snapshot.repeated:,} flights were delivered twice, since the killed member had counted but not yet\n"
            f"committed them. Each batch's sums and its last offset are stored in one transaction, so\n"
            f"what lies below the stored offset is skipped: at-least-once delivery, counted once."
        )


def _words(member: Member) -> str:
    return ", ".join(map(str, member.partitions or ()))


def _kill(view: View, victim: Member, snapshot: Snapshot) -> None:
    victim.kill()
    view.event(f"{snapshot.counted:,} flights are counted: kill -9 {victim.process.pid} ({victim.name}).")


def _report_takeover(view: View, heir: Member, victim: Member) -> None:
    """Once."""
    if victim.partitions:
        view.event(f"{heir.name} has taken over partitions {_words(victim)} and reads all of them now.")
        victim.partitions = ()
