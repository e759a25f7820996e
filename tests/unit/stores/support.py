"""A clock that stands still, and a store whose answers get lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ottla.metadata.store import (
    AppendOutcome,
    ControllerEpoch,
    Holder,
    Lease,
    MetadataStore,
    StoredBatch,
    StoredSnapshot,
    Unknown,
)


class ManualClock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def now_ms(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.now / 1000

    def advance(self, time_ms: int) -> None:
        self.now += time_ms


class CountingRandom:
    """Bytes that differ from call to call, and are the same in every run."""

    def __init__(self) -> None:
        self.calls = 0

    def bytes(self, count: int) -> bytes:
        self.calls += 1
        return self.calls.to_bytes(count, "big")


def writer_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


class LossyStore:
    """Any store, with a way to lose the answer of an append, and the append itself."""

    def __init__(self, store: MetadataStore) -> None:
        self._store = store
        self._lose: bool | None = None
        self._late: tuple[ControllerEpoch, int, Sequence[bytes], bytes] | None = None

    def lose_next(self, *, written: bool) -> None:
        """The answer of the next append is lost; the batch too, unless `written`."""
        self._lose = written

    async def arrive_late(self) -> AppendOutcome:
        """The append that was lost on its way gets there after all."""
        assert self._late is not None
        return await self._store.append(*self._late)

    async def append(
        self, epoch: ControllerEpoch, at_offset: int, records: Sequence[bytes], writer: bytes
    ) -> AppendOutcome:
        lose, self._lose = self._lose, None
        if lose is False:
            self._late = (epoch, at_offset, records, writer)
            return Unknown("the request was lost")
        outcome = await self._store.append(epoch, at_offset, records, writer)
        return outcome if lose is None else Unknown("the answer was lost")

    async def open(self, proposed_cluster_id: str) -> str:
        return await self._store.open(proposed_cluster_id)

    async def elect(self, broker: int, incarnation: bytes) -> ControllerEpoch | None:
        return await self._store.elect(broker, incarnation)

    async def controller(self) -> tuple[int, ControllerEpoch]:
        return await self._store.controller()

    async def read(self, from_offset: int, max_records: int = 100_000) -> list[StoredBatch]:
        return await self._store.read(from_offset, max_records)

    async def head(self) -> int:
        return await self._store.head()

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        return self._store.watch(wake)

    async def snapshot(self, offset: int, records: Sequence[bytes]) -> None:
        await self._store.snapshot(offset, records)

    async def latest_snapshot(self) -> StoredSnapshot | None:
        return await self._store.latest_snapshot()

    async def lease(self, broker: int, incarnation: bytes, session_timeout_ms: int) -> Lease | None:
        return await self._store.lease(broker, incarnation, session_timeout_ms)

    async def holders(self) -> list[Holder]:
        return await self._store.holders()

    async def close(self) -> None:
        await self._store.close()
