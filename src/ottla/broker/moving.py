"""One partition on its way from one log directory to another; see `storage.futures` for the order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from ottla.broker.waits import give_way, pause
from ottla.common.errors import KafkaStorageError
from ottla.records.batch import parse_header
from ottla.storage.kept import copy_kept

if TYPE_CHECKING:
    from asyncio import Future

    from ottla.broker.node import Node
    from ottla.broker.partition import Partition
    from ottla.common.metrics import Counter
    from ottla.storage.directory import LogDirectory
    from ottla.storage.log_range import LogRange

_STEP_BYTES = 256 * 1024
_AGAIN_S = 1.0
"""A step behind the point of no return that the disk refused is tried again so much later."""
_UNLIMITED = (1 << 63) - 1
_FARTHEST = 1 << 30
"""Indexes count from a segment's first offset, in 31 bits."""


class Stale(Exception):
    """The partition, its log or the wish has changed: this copy is worth nothing."""


class Move:
    """Begins an empty copy when it is made. Raises KafkaError.

    `has_switched`: the copy is the partition's log, and there is no way back. `given_up`: the partition has been
    deleted, or the broker stops, so that a step that the disk refuses is not tried again.
    """

    def __init__(
        self,
        node: Node,
        partition: Partition,
        directory: LogDirectory,
        is_wanted: Callable[[], bool],
        copied_bytes: Counter,
    ) -> None:
        self._node = node
        self._partition = partition
        self._name = partition.topic_partition
        self._directory = directory
        self._is_wanted = is_wanted
        self._copied_bytes = copied_bytes
        self.has_switched = False
        self.given_up = False
        self._log = partition.leader_log()
        self._version = self._log.version
        self._copy = directory.futures.begin(self._name, partition.topic_id, self._log.settings, node.clock.now_ms())

    def __repr__(self) -> str:
        return f"<Move of {self._log} to {self._copy}>"

    async def run(self) -> None:
        """Until the partition lies in the directory. Raises Stale, KafkaStorageError."""
        node = self._node
        while True:
            await self._copy_rest()
            self._copy.learn(self._log, node.clock.now_ms())
            await self._make_durable()
            old = node.hosting.directory_of(self._name)
            assert old is not None, f"{self._name} is somewhere"
            async with node.disks.turns(old, self._directory):  # the log start that is noted below stays the last one
                self._check()
                if self._copy_step():
                    await self._note(old)
                    await self._switch(old)
                    return

    def _check(self) -> None:
        """After each wait: is it still that log, and is the move still wanted?"""
        log = self._log
        if not self._is_wanted() or self._partition.log is not log or log.version != self._version:
            raise Stale
        if log.offline or self._directory.offline:
            raise KafkaStorageError
        if self._copy.offline:  # discarded, for a wish that was taken back
            raise Stale

    # --- copying

    async def _copy_rest(self) -> None:
        """At the pace that is allowed; at its end the copy is where the log is."""
        log, copy = self._log, self._copy
        while copy.log_end_offset < log.log_end_offset:
            found = self._next_step()
            try:
                data = await self._node.offload.run(found.read_all)
            finally:
                found.release()
            self._check()
            self._store(data)
            if data:
                await self._rest(len(data))
                self._check()

    def _copy_step(self) -> bool:
        """One step without a wait, or a busy log would be ahead for ever. False if there is more."""
        if self._copy.log_end_offset < self._log.log_end_offset:
            found = self._next_step()
            try:
                data = found.read_all()
            finally:
                found.release()
            self._store(data)
        return self._copy.log_end_offset == self._log.log_end_offset

    def _next_step(self) -> LogRange:
        """What the copy lacks, as much as one step of the loop takes. To be released."""
        log = self._log
        return log.read(max(self._copy.log_end_offset, log.log_start_offset), _STEP_BYTES, up_to=log.log_end_offset)

    def _store(self, data: bytes) -> None:
        log, copy, now_ms = self._log, self._copy, self._node.clock.now_ms()
        if not data:  # compaction, or DeleteRecords, has left nothing up to the end
            copy.skip_to(log.log_end_offset, now_ms)
            return
        start = _start_of_copy(log.log_start_offset, parse_header(data).base_offset)
        if not copy.size_bytes and start != copy.log_end_offset:
            copy.skip_to(start, now_ms)
        copy.append_as_follower(data, now_ms=now_ms)
        self._copied_bytes.value += len(data)

    async def _rest(self, copied_bytes: int) -> None:
        """Keeps to replica.alter.log.dirs.io.max.bytes.per.second."""
        limit = self._node.settings.replica_alter_log_dirs_io_max_bytes_per_second
        if limit >= _UNLIMITED:
            await give_way()
            return
        loop = self._node.loop
        future: Future[None] = loop.create_future()
        loop.call_later(copied_bytes / limit, future.set_result, None)
        await future

    async def _make_durable(self) -> None:
        copy = self._copy
        sync = copy.to_sync()
        if sync is not None:
            try:
                await self._node.offload.run(sync.run)
            except OSError as error:
                copy.sync_failed(sync, error)
                raise KafkaStorageError(str(error)) from error
            copy.synced(sync)
        self._check()

    # --- the last step

    async def _note(self, old: LogDirectory) -> None:
        """What a start must know of the copy, if it finds no partition beside it, and what recovery has cut out of the
        log. What is promised about the log in `old` meanwhile waits for its turn (DeleteRecords)."""
        disks, directory = self._node.disks, self._directory
        await disks.run(directory, partial(copy_kept, self._node.files, self._log.folder, self._copy.folder))
        self._check()
        self._copy.advance_start(self._log.log_start_offset)
        cleaned_to = old.cleaned_to(self._name)
        if cleaned_to is not None:
            await disks.run(directory, directory.to_checkpoint_cleaned(self._name, cleaned_to).run)
            self._check()
        write = directory.to_checkpoint()
        await disks.run(directory, write.run)
        directory.checkpointed(write)
        self._check()

    async def _switch(self, old: LogDirectory) -> None:
        """Appends and reads go on all the time. Syncs do not, so that what the old log has made durable does not run
        away from the copy, and no append is acknowledged as durable until the names are."""
        syncing, name, now_ms = self._node.syncing, self._name, self._node.steady.now_ms()
        syncing.hold(self._partition)
        try:
            await self._catch_up()
            self._directory.check_free(name)  # or the copy would never get its name
            old.delete(name, now_ms)  # the last step that may be refused before there is no way back
            self._copy.take_over(self._log)
            self._directory.futures.take_place(name)
            self._partition.replace_log(self._copy)
            self.has_switched = True
            await self._make_names_durable(old)
        except Exception:
            syncing.release(self._partition)
            raise
        syncing.release(self._partition)  # no `finally`: a coroutine that is thrown away must begin nothing

    async def _catch_up(self) -> None:
        """The copy is where the log is, and at least as durable."""
        while True:
            while not self._copy_step():
                await give_way()
                self._check()
            if self._copy.durable_end >= self._log.durable_end:
                return
            await self._make_durable()

    async def _make_names_durable(self, old: LogDirectory) -> None:
        """The old folder's first: a start must never find two partitions."""
        disks, directory, copy = self._node.disks, self._directory, self._copy
        try:
            if not await self._insist(old, lambda: disks.sync_names(old)):
                return
        except KafkaStorageError:  # nobody knows whether the next start finds the old name: what it finds is the truth
            copy.offline = True
            self._partition.give_up()
            raise

        async def named() -> None:
            directory.give_name(self._name, copy)
            await disks.sync_names(directory)

        await self._insist(directory, named)

    async def _insist(self, directory: LogDirectory, step: Callable[[], Awaitable[None]]) -> bool:
        """The step again and again, if the disk refuses it for now; whether it was made. Raises KafkaStorageError if
        the directory has failed."""
        while True:
            try:
                await step()
                return True
            except KafkaStorageError:
                if directory.offline:
                    raise
            if self.given_up:
                return False
            await pause(self._node.loop, _AGAIN_S)


def _start_of_copy(log_start: int, first: int) -> int:
    """Where the log begins, though compaction may have left nothing up to `first`: readers may stand there.

    Or at `first`: the log may begin in the middle of that batch, and a segment cannot begin too far below it.
    """
    return log_start if first - _FARTHEST < log_start <= first else first
