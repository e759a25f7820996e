"""Where the members keep their sums: with each partition's sums, the offset up to which they count.

Both change in one transaction. So a record that is delivered again, because the member that counted it was killed
before it could commit its offset to Kafka, lies below the stored offset and is skipped: at-least-once delivery, counted
exactly once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from ottla.cli.flights.sums import Sum, Sums

Item = TypeVar("Item")

_SCHEMA = """
create table if not exists progress (partition integer primary key, next_offset integer, counted integer,
                                     repeated integer);
create table if not exists sums (direction text, airport text, flights integer, flown integer, late integer,
                                 minutes integer, primary key (direction, airport));
create table if not exists members (name text primary key, counted integer);
"""
_BUSY_S = 30.0


class Snapshot(NamedTuple):
    """counted: flights in the sums; repeated: delivered again and skipped; members: flights by who counted them."""

    counted: int
    repeated: int
    members: dict[str, int]
    sums: Sums


class Gap(Exception):
    """Records between the stored offset and the delivered ones were never seen: something was lost."""


class Store:
    """One connection; each process has its own."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = off")  # it must survive a kill, not a power cut
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        self._database.close()

    def count(
        self, member: str, batches: Mapping[int, Sequence[tuple[int, Item]]], fold: Callable[[Sums, Item], None]
    ) -> int:
        """Counts what is new in `batches`, (offset, item) by partition in order of offsets, in one transaction.

        The number of items that were new. Raises Gap.
        """
        self._database.execute("begin immediate")
        try:
            sums: Sums = {}
            new = sum(self._count_partition(partition, rows, sums, fold) for partition, rows in batches.items())
            for (direction, airport), row in sums.items():
                self._database.execute(
                    "insert into sums values (?, ?, ?, ?, ?, ?) on conflict do update set "
                    "flights = flights + excluded.flights, flown = flown + excluded.flown, "
                    "late = late + excluded.late, minutes = minutes + excluded.minutes",
                    (direction, airport, *row),
                )
            self._database.execute(
                "insert into members values (?, ?) on conflict do update set counted = counted + excluded.counted",
                (member, new),
            )
        except BaseException:
            self._database.execute("rollback")
            raise
        self._database.execute("commit")
        return new

    def _count_partition(
        self, partition: int, rows: Sequence[tuple[int, Item]], sums: Sums, fold: Callable[[Sums, Item], None]
    ) -> int:
        found = self._database.execute("select next_offset from progress where partition = ?", (partition,)).fetchone()
        next_offset = found[0] if found is not None else 0
        fresh = [(offset, item) for offset, item in rows if offset >= next_offset]
        if fresh and fresh[0][0] != next_offset:
            raise Gap(f"partition {partition}: {next_offset} is next, and {fresh[0][0]} came")
        for _, item in fresh:
            fold(sums, item)
        self._database.execute(
            "insert into progress values (?, ?, ?, ?) on conflict do update set next_offset = excluded.next_offset, "
            "counted = counted + excluded.counted, repeated = repeated + excluded.repeated",
            (partition, fresh[-1][0] + 1 if fresh else next_offset, len(fresh), len(rows) - len(fresh)),
        )
        return len(fresh)

    def snapshot(self) -> Snapshot:
        """All of one moment."""
        self._database.execute("begin")
        try:
            counted, repeated = self._database.execute(
                "select coalesce(sum(counted), 0), coalesce(sum(repeated), 0) from progress"
            ).fetchone()
            members = dict(self._database.execute("select name, counted from members order by name"))
            rows = self._database.execute("select * from sums order by direction, airport")
            sums = {(direction, airport): Sum(*numbers) for direction, airport, *numbers in rows}
        finally:
            self._database.execute("commit")
        return Snapshot(counted, repeated, members, sums)
