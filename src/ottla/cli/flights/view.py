"""What the demo shows: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple, Protocol

from ottla.cli.flights.source import TOTAL
from ottla.cli.flights.store import Snapshot
from ottla.cli.flights.sums import FROM, TO, Sum
from ottla.common.clock import SystemClock

_DESTINATIONS = 7


class MemberState(NamedTuple):
    """A member of the group. partitions: as it was last told."""

    name: str
    pid: int
    alive: bool
    partitions: tuple[int, ...]


class State(NamedTuple):
    """One moment of the demo."""

    total: int
    sent: int
    snapshot: Snapshot
    members: tuple[MemberState, ...]


class View(Protocol):
    def update(self, state: State) -> None: ...

    def event(self, sentence: str) -> None:
        """Something that a person should read, in its own line."""
        ...

    def close(self) -> None: ...


def make_view() -> View:
    """Live where the standard output is a terminal and rich is installed."""
    if sys.stdout.isatty():
        try:
            return LiveView()
        except ImportError:
            return PlainView()
    return PlainView()


class PlainView:
    """A line for each tenth of the way."""

    def __init__(self) -> None:
        self._tenth = 0

    def update(self, state: State) -> None:
        tenth = state.snapshot.counted * 10 // state.total
        if tenth > self._tenth:
            self._tenth = tenth
            print(f"  counted {state.snapshot.counted:,} of {state.total:,} flights, {state.sent:,} sent", flush=True)

    def event(self, sentence: str) -> None:
        print(sentence, flush=True)

    def close(self) -> None:
        """Nothing is open."""


class LiveView:
    """Bars, members and airports, redrawn a few times a second."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._console = Console(highlight=False)
        self._bars = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(36),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:>9}/s"),
        )
        self._sent = self._bars.add_task("sent", total=TOTAL, rate="0")
        self._counted = self._bars.add_task("counted", total=TOTAL, rate="0")
        self._clock = SystemClock()
        self._began = self._clock.monotonic()
        self._done_s: dict[Any, float] = {}
        self._live = Live(console=self._console, refresh_per_second=8)
        self._live.start()

    def update(self, state: State) -> None:
        from rich.console import Group
        from rich.text import Text

        self._bar(self._sent, state.sent, state.total)
        self._bar(self._counted, state.snapshot.counted, state.total)
        self._live.update(Group(Text(), self._bars, Text(), self._members(state), Text(), _airports(state.snapshot)))

    def _bar(self, task: Any, count: int, total: int) -> None:
        seconds = self._done_s.get(task)
        if seconds is None:
            seconds = max(self._clock.monotonic() - self._began, 0.001)
            if count >= total:
                self._done_s[task] = seconds
        self._bars.update(task, completed=count, total=total, rate=f"{count / seconds:,.0f}")

    def _members(self, state: State) -> Any:
        table = _table("member", "process", "partitions", "flights counted")
        for member in state.members:
            name = f"[green]●[/] {member.name}" if member.alive else f"[red]✗[/] {member.name}"
            parts = ", ".join(map(str, member.partitions)) if member.alive else "killed"
            counted = f"{state.snapshot.members.get(member.name, 0):,}"
            table.add_row(name, str(member.pid), parts or "-", counted)
        return table

    def event(self, sentence: str) -> None:
        self._console.print(sentence)

    def close(self) -> None:
        self._live.stop()


def _table(*titles: str) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in titles:
        table.add_column(title, justify="left" if title in ("member", "partitions", "airport") else "right")
    return table


def shown_airports(snapshot: Snapshot) -> list[tuple[str, Sum]]:
    """The three origins, and the destinations with most flights."""
    origins = [(f"from {key[1]}", row) for key, row in snapshot.sums.items() if key[0] == FROM]
    arrivals = [(f"to {key[1]}", row) for key, row in snapshot.sums.items() if key[0] == TO]
    arrivals.sort(key=lambda pair: (-pair[1].flights, pair[0]))
    return origins + arrivals[:_DESTINATIONS]


def _airports(snapshot: Snapshot) -> Any:
    table = _table("airport", "flights", "cancelled or diverted", "15 min late", "mean delay")
    for name, row in shown_airports(snapshot):
        late = f"{100 * row.late / row.flown:.0f} %" if row.flown else "-"
        table.add_row(name, f"{row.flights:,}", f"{row.flights - row.flown:,}", late, f"{row.mean:+.1f} min")
    return table
