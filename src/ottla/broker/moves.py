"""Moves partitions between the log directories of this broker (KIP-113), while they are written and read.

The log is copied into a `-future` folder of the other directory. When the copy has caught up, it takes the log's place
in one step of the event loop: no append comes between the last byte copied and the swap.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ottla.broker import eager
from ottla.broker.waits import give_way, pause
from ottla.common.errors import KafkaError, KafkaStorageError, LogDirNotFound
from ottla.records.batch import parse_header

if TYPE_CHECKING:
    from asyncio import Future

    from ottla.broker.node import Node
    from ottla.broker.partition import Partition
    from ottla.common.names import TopicPartition
    from ottla.storage.directory import LogDirectory
    from ottla.storage.log import PartitionLog
    from ottla.storage.log_range import LogRange

_STEP_BYTES = 256 * 1024
_AGAIN_S = 1.0
"""A step behind the point of no return that the disk refused is tried again so much later."""
_MOVE_AGAIN_S = 10.0
"""A move that was refused before it is begun anew so much later."""
_UNLIMITED = (1 << 63) - 1
_FARTHEST = 1 << 30
"""Indexes count from a segment's first offset, in 31 bits."""


class _Stale(Exception):
    """The partition, its log or the wish has changed: this copy is worth nothing."""


class Moves:
    """`preferred`: where partitions that have no folder yet shall get one; forgotten when the broker stops, as in
    Kafka."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.preferred: dict[TopicPartition, LogDirectory] = {}
        self._wanted: dict[Partition, LogDirectory] = {}
        self._stopped = False
        self._broken_off: list[tuple[Partition, str]] = []
        counter = node.metrics.counter
        self._moved = counter("ottla_log_moves_total", "Partitions moved to another log directory")
        self._copied = counter(
            "ottla_log_moves_bytes_total", "Bytes copied to move partitions to another log directory"
        )
        node.metrics.gauge("ottla_log_moves_running", "Partitions on the move", lambda: len(self._wanted))

    def request(self, partition: Partition, directory: LogDirectory) -> None:
        """The partition shall lie in the directory. Raises KafkaStorageError."""
        name = partition.topic_partition
        present = self._node.hosting.directory_of(name)
        if present is None:
            self.preferred[name] = directory
            return
        if present.offline or (partition.log is not None and partition.log.offline):
            raise KafkaStorageError(f"the log directory of {name} is offline")
        if present is not directory:
            directory.check_free(name)
        moving_to = self._wanted.pop(partition, None)
        if moving_to is not None and moving_to is not directory:
            moving_to.futures.discard(name, self._node.steady.now_ms())
        if present is directory:
            return
        self._wanted[partition] = directory
        if moving_to is not directory:
            eager.spawn(self._run(partition, directory), lambda _result, error: self._ended(partition, error))

    def directory(self, path: str) -> LogDirectory:
        """Raises LogDirNotFound, KafkaStorageError."""
        for directory in self._node.directories:
            if directory.path == path.rstrip("/"):
                if directory.offline:
                    raise KafkaStorageError(f"Log directory {path} is offline")
                return directory
        raise LogDirNotFound(f"Log directory {path} is not one of this broker's")

    def restore(self) -> None:
        """At a start, before any log is opened: copies that were complete take their places, others are dropped.

        What a crash or a stop broke off is begun anew by `resume`. Where a directory is missing, the partition may lie
        there: then a copy without one proves nothing and stays as it is.
        """
        now_ms = self._node.clock.now_ms()
        for directory in self._node.usable_directories():
            for name in directory.futures.partitions():
                topic = self._node.replicas.by_name.get(name.topic)
                if self._node.hosting.is_missing(name):
                    continue
                if topic is None or name.partition not in topic.partitions:
                    directory.futures.discard(name, now_ms)
                elif self._node.hosting.directory_of(name) is None:
                    directory.futures.promote(name, topic.settings, now_ms)
                    self._node.log.info("partition.moved", partition=name, folder=directory.path, at="start")
                else:
                    directory.futures.discard(name, now_ms)
                    self._broken_off.append((topic.partitions[name.partition], directory.path))

    def resume(self) -> None:
        """Once the broker serves: goes on with what the last stop broke off."""
        for partition, path in self._broken_off:
            self.request(partition, self.directory(path))
        self._broken_off.clear()

    def stop(self) -> None:
        """Copies end where they are; the next start begins them anew."""
        self._stopped = True
        self._wanted.clear()

    # --- one move

    async def _run(self, partition: Partition, directory: LogDirectory) -> None:
        while self._wanted.get(partition) is directory:
            try:
                await self._move(partition, directory)
                return
            except _Stale:
                await give_way()  # begin again, if it is still wanted

    async def _move(self, partition: Partition, directory: LogDirectory) -> None:
        node = self._node
        name = partition.topic_partition
        log = partition.leader_log()
        version = log.version
        copy = directory.futures.begin(name, partition.topic_id, log.settings, node.clock.now_ms())
        while True:
            await self._copy_rest(partition, directory, log, version, copy)
            await self._make_durable(copy)
            old = node.hosting.directory_of(name)
            assert old is not None, f"{name} is somewhere"
            async with node.disks.turns(old, directory):  # the swap writes their checkpoints itself
                self._check(partition, directory, log, version)
                if self._copy_last(log, copy):
                    await self._swap(partition, old, directory, log, copy)
                    return

    async def _copy_rest(
        self, partition: Partition, directory: LogDirectory, log: PartitionLog, version: int, copy: PartitionLog
    ) -> None:
        while copy.log_end_offset < log.log_end_offset:
            found = _next_step(log, copy)
            try:
                data = await self._node.offload.run(found.read_all)
            finally:
                found.release()
            self._check(partition, directory, log, version)
            self._store(log, copy, data)
            if data:
                await self._rest(len(data))
                self._check(partition, directory, log, version)

    def _copy_last(self, log: PartitionLog, copy: PartitionLog) -> bool:
        """What came while the copy was made durable, without a wait, or a busy log would be ahead for ever; the swap
        makes it durable. False if that is too much for one step of the loop."""
        if copy.log_end_offset < log.log_end_offset:
            found = _next_step(log, copy)
            try:
                data = found.read_all()
            finally:
                found.release()
            self._store(log, copy, data)
        return copy.log_end_offset == log.log_end_offset

    def _store(self, log: PartitionLog, copy: PartitionLog, data: bytes) -> None:
        now_ms = self._node.clock.now_ms()
        if not data:  # compaction, or DeleteRecords, has left nothing up to the end
            copy.skip_to(log.log_end_offset, now_ms)
            return
        if not copy.size_bytes:
            copy.truncate_and_start_at(_start_of_copy(log.log_start_offset, parse_header(data).base_offset))
        copy.append_as_follower(data, now_ms=now_ms)
        self._copied.value += len(data)

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

    async def _make_durable(self, copy: PartitionLog) -> None:
        sync = copy.to_sync()
        if sync is None:
            return
        try:
            await self._node.offload.run(sync.run)
        except OSError as error:
            copy.sync_failed(sync, error)
            raise KafkaStorageError(str(error)) from error
        copy.synced(sync)

    def _check(self, partition: Partition, directory: LogDirectory, log: PartitionLog, version: int) -> None:
        """After each wait: is it still that log, and is the move still wanted?"""
        if self._wanted.get(partition) is not directory or partition.log is not log or log.version != version:
            raise _Stale
        if log.offline or directory.offline:
            raise KafkaStorageError

    async def _swap(
        self, partition: Partition, old: LogDirectory, directory: LogDirectory, log: PartitionLog, copy: PartitionLog
    ) -> None:
        """Nothing waits in here, so nothing is appended meanwhile; see `storage.futures` for the order. Only if the
        disk refuses a step behind the point of no return it waits, and the partition cannot be used until it is done.
        """
        node = self._node
        name, now_ms = partition.topic_partition, node.steady.now_ms()
        cleaned_to = old.cleaned_to(name)
        directory.check_free(name)  # else both folders would be on their way out when the copy finds its place taken
        copy.take_over(log)
        directory.futures.close(name)
        directory.note_log_start(name, log.log_start_offset)
        old.delete(name, now_ms)
        while (moved := self._promoted(partition, old, directory, log)) is None:
            await pause(node.loop, _AGAIN_S)
            if self._wanted.get(partition) is not directory:
                return  # deleted meanwhile; or the broker stops, and the next start promotes the copy
        moved.take_over(log)
        partition.replace_log(moved)
        del self._wanted[partition]
        with suppress(KafkaStorageError):  # said, and the chore comes again
            if cleaned_to is not None:
                directory.checkpoint_cleaned(name, cleaned_to)
            directory.checkpoint()
        self._moved.value += 1
        node.log.info("partition.moved", partition=name, folder=directory.path, bytes=moved.size_bytes)

    def _promoted(
        self, partition: Partition, old: LogDirectory, directory: LogDirectory, log: PartitionLog
    ) -> PartitionLog | None:
        """The copy in its place; None where a disk refuses that for now. Raises KafkaStorageError if one has failed."""
        try:
            old.sync_names()
            return directory.futures.promote(partition.topic_partition, log.settings, self._node.clock.now_ms())
        except KafkaStorageError:
            if old.offline or directory.offline:
                raise
            return None

    def _again(self, partition: Partition, directory: LogDirectory) -> None:
        topic = self._node.replicas.by_id.get(partition.topic_id)
        if self._stopped or topic is None or partition in self._wanted:
            return
        with suppress(KafkaError):  # a directory has failed meanwhile
            self.request(partition, directory)

    def _ended(self, partition: Partition, error: BaseException | None) -> None:
        if error is None:
            return
        directory = self._wanted.pop(partition, None)
        name = partition.topic_partition
        self._node.log.warn("partition.move_failed", partition=name, error=repr(error))
        if isinstance(error, KafkaStorageError) and directory is not None:
            self._node.loop.call_later(_MOVE_AGAIN_S, self._again, partition, directory)
        if directory is not None and not directory.offline:
            try:
                directory.futures.discard(name, self._node.steady.now_ms())
            except KafkaError as problem:
                self._node.log_failure(f"partition.copy_kept partition={name}", problem)

    def forget(self, partition: Partition) -> None:
        """The partition is not hosted here any more."""
        self.preferred.pop(partition.topic_partition, None)
        directory = self._wanted.pop(partition, None)
        if directory is not None and not directory.offline:
            try:
                directory.futures.discard(partition.topic_partition, self._node.steady.now_ms())
            except KafkaStorageError:  # said; the next start drops a copy whose partition is not hosted here
                return


def _next_step(log: PartitionLog, copy: PartitionLog) -> LogRange:
    """What the copy lacks, as much as one step of the loop takes. To be released."""
    return log.read(max(copy.log_end_offset, log.log_start_offset), _STEP_BYTES, up_to=log.log_end_offset)


def _start_of_copy(log_start: int, first: int) -> int:
    """Where the log begins, though compaction may have left nothing up to `first`: readers may stand there.

    Or at `first`: the log may begin in the middle of that batch, and a segment cannot begin too far below it.
    """
    return log_start if first - _FARTHEST < log_start <= first else first
