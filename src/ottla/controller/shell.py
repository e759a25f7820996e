"""The controller as a process sees it: gets elected, appends what the machine decides, replays it, answers.

Commands run one after another: handle, append, replay, answer. Where the outcome of an append is unknown the log is
read again and the writer's id compared. If the batch is there, all is well. If it is not, it might still arrive; so
nothing more is written under this epoch: the controller steps down, and only a new election, which fences the lost
append, lets it go on. Nothing is ever sent twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ottla.common.clock import Random, random_uuid
from ottla.common.errors import NotController
from ottla.controller.machine import ControllerMachine
from ottla.metadata.follower import ImageFollower
from ottla.metadata.records import encode_record, encode_records
from ottla.metadata.snapshot import records_of
from ottla.metadata.store import Committed, ControllerEpoch, Fenced, MetadataStore, StoredBatch, StoreError, Unknown
from ottla.protocol.logs.cluster_metadata import AbortTransactionRecord, BeginTransactionRecord, EndTransactionRecord
from ottla.protocol.message import Message

BATCH_BYTES = 128 * 1024
"""What one append carries at most, some 1,500 partitions: a follower decodes that in 10 ms. ZooKeeper takes 1 MB."""
SNAPSHOT_BYTES = 4 * 1024 * 1024
"""After so much log a snapshot is made."""


_RESIGNED = "resigned"


class Log(Protocol):
    """The structured log: an event in the past tense and its facts."""

    def info(self, event: str, **facts: object) -> None: ...

    def warn(self, event: str, **facts: object) -> None: ...


class ControllerShell:
    """Runs the controller machine of one broker, when that broker is elected.

    `features` are the levels that a new cluster gets. `on_change` gets the epoch when elected, None when no longer.
    """

    def __init__(
        self,
        broker: int,
        incarnation: bytes,
        store: MetadataStore,
        follower: ImageFollower,
        machine: ControllerMachine,
        random: Random,
        log: Log,
        features: Mapping[str, int],
        on_change: Callable[[ControllerEpoch | None], None] | None = None,
    ) -> None:
        self.epoch: ControllerEpoch | None = None
        self._broker = broker
        self._incarnation = incarnation
        self._store = store
        self._follower = follower
        self._machine = machine
        self._random = random
        self._log = log
        self._features = features
        self._on_change = on_change
        self._turn = asyncio.Lock()
        self._bytes_since_snapshot = 0

    @property
    def active(self) -> bool:
        """Whether this broker is the controller, as far as it knows."""
        return self.epoch is not None

    async def campaign(self) -> bool:
        """Tries to become the controller; True if it is now. Writes the first records of a new cluster."""
        async with self._turn:
            if self.epoch is not None:
                return True
            epoch = await self._store.elect(self._broker, self._incarnation)
            if epoch is None:
                return False
            await self._follower.catch_up()  # whatever the last controller committed comes before anything of ours
            self._become(epoch)
            try:
                if self._follower.image.end_offset == 0:
                    await self._commit(self._machine.bootstrap(self._features))
                elif self._follower.image.open_batch is not None:
                    await self._abort_open_batch()
            except NotController:  # stepped down while it wrote: the next campaign begins again
                return False
            return self.epoch is not None

    async def submit(self, request: Message) -> Message:
        """The response to an admin or inter-broker request, sent only when its records are committed and replayed.

        Raises NotController if this broker does not lead, or lost the lead while it wrote; the client tries again.
        """
        async with self._turn:
            self._check_active()
            outcome = self._machine.handle(request)
            if outcome.records:
                await self._commit(outcome.records)
            return outcome.answer

    async def fence_lost(self) -> None:
        """Fences brokers whose lease has ended. To be called when the store wakes its watchers."""
        async with self._turn:
            if self.epoch is None:
                return
            live = await self._store.holders()
            while records := self._machine.fence_lost(live):
                self._log.warn("broker.fenced", record=repr(records[0]))
                await self._commit(records)

    async def resign(self) -> None:
        """Stops deciding. Another broker is elected when this one's lease ends."""
        async with self._turn:
            self._step_down(_RESIGNED)

    def _check_active(self) -> None:
        if self.epoch is None:
            raise NotController("This broker is not the active controller.")

    async def _commit(self, records: Sequence[Message]) -> None:
        """Appends and replays, in one piece or bracketed. Raises NotController if that cannot be known to be done."""
        values = encode_records(records)
        runs = _chunks(values)
        if len(runs) > 1:
            records = [BeginTransactionRecord(name=type(records[0]).__name__), *records, EndTransactionRecord()]
            values = [encode_record(records[0]), *values, encode_record(records[-1])]
            runs = _chunks(values)
        for start, end in runs:
            await self._append(records[start:end], values[start:end])
        await self._maybe_snapshot()

    async def _append(self, records: Sequence[Message], values: Sequence[bytes]) -> None:
        self._check_active()
        assert self.epoch is not None
        at_offset = self._follower.image.end_offset
        batch = StoredBatch(at_offset, self.epoch, random_uuid(self._random), tuple(values))
        outcome = await self._store.append(self.epoch, at_offset, values, batch.writer)
        if isinstance(outcome, Unknown):
            self._log.warn("metadata.append_unknown", offset=at_offset, reason=outcome.reason)
            try:
                outcome = await self._find_out(batch)
            except StoreError as error:  # not even that can be found out
                outcome = Unknown(str(error))
        if isinstance(outcome, Committed):
            self._follower.replay(batch, records)
            self._bytes_since_snapshot += sum(len(value) for value in values)
            return
        self._step_down("fenced" if isinstance(outcome, Fenced) else "lost an append")
        try:
            await self._follower.catch_up()
        except StoreError as error:  # the next campaign catches up before it decides anything
            self._log.warn("metadata.read_failed", reason=str(error))
        raise NotController("The controller changed while the request was carried out; try again.")

    async def _find_out(self, batch: StoredBatch) -> Committed | Fenced | Unknown:
        """Is it in the log? Only its writer's id tells: another's batch may stand at the same offset."""
        for found in await self._store.read(batch.base_offset):
            if found.base_offset == batch.base_offset:
                return Committed(batch.end) if found.writer == batch.writer else Fenced(found.epoch, found.end)
        return Unknown("the batch is not in the log, but might still arrive")

    async def _abort_open_batch(self) -> None:
        """The last controller died between the parts of a large batch: none of it happened."""
        records = [AbortTransactionRecord(reason="the controller changed")]
        await self._append(records, encode_records(records))

    async def _maybe_snapshot(self) -> None:
        image = self._follower.image
        if self._bytes_since_snapshot < SNAPSHOT_BYTES or image.open_batch is not None:
            return
        self._bytes_since_snapshot = 0
        try:
            await self._store.snapshot(image.end_offset, encode_records(records_of(image)))
        except StoreError as error:  # the records are committed; the log is only longer until the next one
            self._log.warn("metadata.snapshot_failed", offset=image.end_offset, reason=str(error))
            return
        self._log.info("metadata.snapshot_made", offset=image.end_offset)

    def _become(self, epoch: ControllerEpoch) -> None:
        self.epoch = epoch
        self._log.info("controller.elected", broker=self._broker, epoch=epoch)
        if self._on_change is not None:
            self._on_change(epoch)

    def _step_down(self, reason: str) -> None:
        if self.epoch is None:
            return
        say = self._log.info if reason == _RESIGNED else self._log.warn  # a clean stop is nothing to warn of
        say("controller.stepped_down", broker=self._broker, epoch=self.epoch, reason=reason)
        self.epoch = None
        if self._on_change is not None:
            self._on_change(None)


def _chunks(values: Sequence[bytes]) -> list[tuple[int, int]]:
    """The values cut into runs (from, to), each within the size of one append if its values allow."""
    cuts = [0]
    size = 0
    for index, value in enumerate(values):
        if index > cuts[-1] and size + len(value) > BATCH_BYTES:
            cuts.append(index)
            size = 0
        size += len(value)
    return list(zip(cuts, [*cuts[1:], len(values)], strict=True))
