"""The metadata log in memory: for one broker in a test, and for simulated clusters, with answers that get lost.

Several brokers share one `MemoryLog`; each has its own `MemoryStore` on it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from typing import Protocol

from ottla.common.clock import Clock
from ottla.metadata.store import (
    AppendOutcome,
    Committed,
    ControllerEpoch,
    Fenced,
    Holder,
    StoredBatch,
    StoredCluster,
    StoredSnapshot,
    Unknown,
)


class Faults(Protocol):
    """What a simulation injects. The default does nothing."""

    def latency(self) -> float:
        """Seconds that the next call takes."""
        ...

    def lost(self) -> bool | None:
        """None: the answer of the next append arrives. Else it is lost, and this says whether the batch was written."""
        ...


class NoFaults:
    def latency(self) -> float:
        return 0.0

    def lost(self) -> bool | None:
        return None


class MemoryLog:
    """What the stores of a cluster share."""

    def __init__(self) -> None:
        self.cluster_id: str | None = None
        self.batches: list[StoredBatch] = []
        self.start = 0
        self.end = 0
        self.snapshot: StoredSnapshot | None = None
        self.epoch = ControllerEpoch(0)
        self.controller: Holder | None = None
        self.leases: dict[int, MemoryLease] = {}
        self.watchers: dict[int, Callable[[], None]] = {}
        self.watchers_made = 0

    def wake(self) -> None:
        for call in list(self.watchers.values()):
            call()


class MemoryLease:
    """A deadline on the cluster's clock."""

    def __init__(self, log: MemoryLog, clock: Clock, holder: Holder, session_timeout_ms: int) -> None:
        self._log = log
        self._clock = clock
        self.holder = holder
        self._session = session_timeout_ms / 1000
        self.expires = clock.monotonic() + self._session

    @property
    def alive(self) -> bool:
        return self._log.leases.get(self.holder.broker) is self and self._clock.monotonic() < self.expires

    async def renew(self) -> bool:
        if not self.alive:
            return False
        self.expires = self._clock.monotonic() + self._session
        return True

    async def release(self) -> None:
        if self._log.leases.get(self.holder.broker) is self:
            del self._log.leases[self.holder.broker]
            self._log.wake()


class MemoryStore:
    """One broker's view of a `MemoryLog`."""

    def __init__(self, clock: Clock, log: MemoryLog | None = None, faults: Faults | None = None) -> None:
        self._clock = clock
        self._log = log if log is not None else MemoryLog()
        self._faults = faults if faults is not None else NoFaults()
        self._watches: list[int] = []
        self._leases: list[MemoryLease] = []

    async def peek(self) -> StoredCluster | None:
        await self._travel()
        known, end = self._log.cluster_id, self._log.end
        return None if known is None or not end else StoredCluster(known, end)

    async def open(self, proposed_cluster_id: str) -> str:
        await self._travel()
        if self._log.cluster_id is None:
            self._log.cluster_id = proposed_cluster_id
        return self._log.cluster_id

    async def elect(self, broker: int, incarnation: bytes) -> ControllerEpoch | None:
        await self._travel()
        log, candidate = self._log, Holder(broker, incarnation)
        if log.controller is not None and log.controller.broker != broker and self._is_live(log.controller):
            return None
        log.epoch = ControllerEpoch(log.epoch + 1)
        log.controller = candidate
        log.wake()
        return log.epoch

    async def controller(self) -> tuple[int, ControllerEpoch]:
        await self._travel()
        return (self._log.controller.broker if self._log.controller else -1), self._log.epoch

    async def append(
        self, epoch: ControllerEpoch, at_offset: int, records: Sequence[bytes], writer: bytes
    ) -> AppendOutcome:
        assert records, "an append without records"
        await self._travel()
        log = self._log
        if epoch != log.epoch or at_offset != log.end:
            return Fenced(log.epoch, log.end)
        written = self._faults.lost()
        if written is not False:
            batch = StoredBatch(at_offset, epoch, writer, tuple(bytes(record) for record in records))
            log.batches.append(batch)
            log.end = batch.end
            log.wake()
        await self._travel()
        return Committed(at_offset + len(records)) if written is None else Unknown("the answer was lost")

    async def read(self, from_offset: int, max_records: int = 100_000) -> list[StoredBatch]:
        await self._travel()
        if from_offset < self._log.start:
            raise LookupError(f"the metadata log begins at {self._log.start}, not at {from_offset}")
        found: list[StoredBatch] = []
        count = 0
        for batch in self._log.batches:
            if batch.base_offset < from_offset:
                continue
            if found and count + len(batch.records) > max_records:
                break
            found.append(batch)
            count += len(batch.records)
        return found

    async def head(self) -> int:
        await self._travel()
        return self._log.end

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        loop = asyncio.get_running_loop()
        log = self._log
        number = log.watchers_made = log.watchers_made + 1
        context = contextvars.copy_context()  # the watcher's own, not that of whoever appends
        log.watchers[number] = lambda: _call_soon(loop, wake, context)
        self._watches.append(number)

        def stop() -> None:
            log.watchers.pop(number, None)

        return stop

    async def snapshot(self, offset: int, records: Sequence[bytes]) -> None:
        await self._travel()
        log = self._log
        if log.snapshot is not None and offset <= log.snapshot.offset:
            return
        assert offset <= log.end, "a snapshot of what was not committed"
        log.snapshot = StoredSnapshot(offset, tuple(records))
        log.batches = [batch for batch in log.batches if batch.end > offset]
        log.start = offset

    async def latest_snapshot(self) -> StoredSnapshot | None:
        await self._travel()
        return self._log.snapshot

    async def lease(self, broker: int, incarnation: bytes, session_timeout_ms: int) -> MemoryLease | None:
        await self._travel()
        present = self._log.leases.get(broker)
        if present is not None and present.alive and present.holder.incarnation != incarnation:
            return None
        lease = MemoryLease(self._log, self._clock, Holder(broker, incarnation), session_timeout_ms)
        self._log.leases[broker] = lease
        self._leases.append(lease)
        self._log.wake()
        return lease

    async def holders(self) -> list[Holder]:
        await self._travel()
        leases = self._log.leases
        return [leases[broker].holder for broker in sorted(leases) if leases[broker].alive]

    async def close(self) -> None:
        for number in self._watches:
            self._log.watchers.pop(number, None)
        for lease in self._leases:
            await lease.release()

    def _is_live(self, holder: Holder) -> bool:
        lease = self._log.leases.get(holder.broker)
        return lease is not None and lease.alive and lease.holder == holder

    async def _travel(self) -> None:
        delay = self._faults.latency()
        if delay:
            await asyncio.sleep(delay)


def _call_soon(loop: asyncio.AbstractEventLoop, wake: Callable[[], None], context: contextvars.Context) -> None:
    if not loop.is_closed():
        loop.call_soon(wake, context=context)
