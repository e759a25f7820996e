"""The port to one totally ordered log of metadata records with one writer at a time.

The log is a sequence of batches; a batch is what one append wrote and is visible as a whole or not at all. Offsets
count records, from 0. Records are opaque bytes here.

Rules that every implementation keeps (the store conformance tests prove them):

- Each election gives a higher epoch. From then on an append with an older epoch is Fenced.
- An append is a compare-and-set: it succeeds only at the present end of the log, with the present epoch.
- Unknown means that the answer was lost, and the batch may be in the log or not. The writer reads the log at the
  offset and compares `writer`; if the batch is not there it must have itself elected again before it does anything
  else, because only the new epoch makes sure that the lost append cannot still arrive.
- Any broker may read. `read` and `head` see at least everything that was committed before the call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, NewType, Protocol

ControllerEpoch = NewType("ControllerEpoch", int)


class StoreError(Exception):
    """The store cannot be used; the message says why in a sentence for people."""


class Committed(NamedTuple):
    """The batch is in the log for good. `end` is the log's end after it."""

    end: int


class Fenced(NamedTuple):
    """Nothing was written: another controller was elected (`epoch` is the present one) or the log's end moved."""

    epoch: int
    end: int


class Unknown(NamedTuple):
    """Nobody knows whether the batch was written."""

    reason: str


AppendOutcome = Committed | Fenced | Unknown


class StoredBatch(NamedTuple):
    """What one append wrote. `writer` is the 16-byte id which that append alone used."""

    base_offset: int
    epoch: int
    writer: bytes
    records: tuple[bytes, ...]

    @property
    def end(self) -> int:
        return self.base_offset + len(self.records)


class StoredSnapshot(NamedTuple):
    """Records that build the image of everything below `offset`."""

    offset: int
    records: tuple[bytes, ...]


SQLITE_FILE = "metadata.sqlite"
"""The file of the store that is the default, known to whoever looks what a folder holds without opening it."""


class StoredCluster(NamedTuple):
    """Which cluster a store is of, and the end of its log."""

    cluster_id: str
    end: int


class Holder(NamedTuple):
    """A live broker process: one that holds its lease."""

    broker: int
    incarnation: bytes


class Lease(Protocol):
    """Proof of life, refreshed by the event loop. Held until released, expired, or the process ends."""

    async def renew(self) -> bool:
        """Extends the lease by its session time; False if it has been lost (then the broker must stop serving)."""
        ...

    async def release(self) -> None:
        """Gives it up at once. Idempotent."""
        ...


class MetadataStore(Protocol):
    """See the module's rules. All calls may wait on a disk or network; none blocks the event loop."""

    async def peek(self) -> StoredCluster | None:
        """What is there before the store is opened; None where there is no store, or an empty one. Changes nothing.

        Raises StoreError as `open` does.
        """
        ...

    async def open(self, proposed_cluster_id: str) -> str:
        """Makes the store usable; the cluster id: `proposed_cluster_id` in a new store, else the one stored.

        Raises StoreError for a format newer than this program, a broken file, no permission.
        """
        ...

    async def elect(self, broker: int, incarnation: bytes) -> ControllerEpoch | None:
        """A new epoch if no live broker other than this one is the controller, else None."""
        ...

    async def controller(self) -> tuple[int, ControllerEpoch]:
        """The controller last elected and its epoch; (-1, 0) before the first election."""
        ...

    async def append(
        self, epoch: ControllerEpoch, at_offset: int, records: Sequence[bytes], writer: bytes
    ) -> AppendOutcome:
        """Writes one batch at `at_offset`. `records` is not empty; `writer` is 16 bytes used for no other append."""
        ...

    async def read(self, from_offset: int, max_records: int = 100_000) -> list[StoredBatch]:
        """Whole batches from the one that begins at `from_offset`, at least one if there is any.

        Raises LookupError if a snapshot has replaced that part of the log; load the snapshot first.
        """
        ...

    async def head(self) -> int:
        """The end of the log: the offset that the next record gets."""
        ...

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """`wake` is called on the event loop soon after the log grew, leases or the controller changed.

        It may come late, for nothing, or once for several changes. The result stops the watching.
        """
        ...

    async def snapshot(self, offset: int, records: Sequence[bytes]) -> None:
        """Stores the image of everything below `offset` and drops the log below it. An older offset is ignored."""
        ...

    async def latest_snapshot(self) -> StoredSnapshot | None: ...

    async def lease(self, broker: int, incarnation: bytes, session_timeout_ms: int) -> Lease | None:
        """Takes the broker's lease; None while another live process holds it."""
        ...

    async def holders(self) -> list[Holder]:
        """The live brokers, in the order of their ids."""
        ...

    async def close(self) -> None:
        """Releases files and threads; leases held through this object end. Idempotent."""
        ...
