"""Owns the log directories of one broker: hears every failure, says it once, counts it, wakes who waits, and ends the
process when there is nothing left to serve from.

It also runs their slow calls in threads, one checkpoint of a directory at a time. The states and their ways back stand
in docs/decisions/0008-every-failure-has-a-way-back.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from ottla.broker import eager
from ottla.broker.waits import give_way
from ottla.common.errors import KafkaStorageError
from ottla.storage.failures import Failure, advice, errno_name, failure_of, lacks_descriptors

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.common.names import TopicPartition
    from ottla.storage.directory import CheckpointWrite, LogDirectory, Trouble

AGAIN_S = {Failure.PASSING: 60.0, Failure.LOCAL: 600.0, Failure.BROKEN: 600.0}
"""How long the same trouble is not said again."""
_TOLD_MAX = 10_000
SLICE_S = 0.004


class Directories:
    """`problem`: what /health says, or None while all directories are usable."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._turns: dict[str, asyncio.Lock] = {}
        self._told: dict[tuple[str, str | None, int | None], float] = {}
        self._failures: dict[str, str] = {}
        self._to_delete: dict[tuple[str, TopicPartition], bytes] = {}
        """Folders of topics whose removal is committed, and which the disk did not let go: directory and partition to
        the topic's id."""
        counter = node.metrics.counter
        self._refusals = counter("ottla_storage_refusals_total", "Calls that a disk refused and that may succeed later")
        self._unusable = counter("ottla_storage_unusable_total", "Uses of partitions whose files cannot be used")

    def watch(self) -> None:
        """Once they are open, those that the operating system refuses among them."""
        for directory in self._node.directories:
            directory.on_failure = self._failed
            directory.on_trouble = self._troubled
            if directory.offline:
                self._failures[directory.path] = f"the log directory {directory.path} could not be opened"

    @property
    def problem(self) -> str | None:
        return "; ".join(self._failures.values()) or None

    # --- failures

    def _failed(self, directory: LogDirectory, error: OSError) -> None:
        sentence = f"the log directory {directory.path} failed: {_facts(error)}"
        self._failures[directory.path] = sentence
        self._node.log.error(
            "log_directory.failed", folder=directory.path, file=error.filename or "unknown",
            errno=errno_name(error), error=error.strerror or str(error), do=advice(error),
        )  # fmt: skip
        self._node.loop.call_soon(self._wake)  # not in the middle of the append that has failed
        if self._holds_metadata(directory):
            self._node.end(f"{sentence}; it holds the metadata, so the broker ends: {advice(error)}")
        elif not self._node.usable_directories():
            self._node.end(f"{sentence}; no log directory is left, so the broker ends: {advice(error)}")

    def _holds_metadata(self, directory: LogDirectory) -> bool:
        settings = self._node.settings
        if settings.ottla_metadata_store == "memory" or settings.ottla_metadata_folder:
            return False
        return directory is self._node.directories[0]

    def _wake(self) -> None:
        """Who waits for partitions that are offline looks again, and finds the error."""
        for partition in self._node.replicas:
            if partition.log is not None and partition.log.offline:
                partition.give_up()

    def _troubled(self, directory: LogDirectory, trouble: Trouble) -> None:
        """Said once a while for each partition (or directory) and errno: a full disk refuses thousands of calls."""
        error = trouble.error
        failure = failure_of(error)
        (self._refusals if failure is Failure.PASSING else self._unusable).value += 1
        lacking = lacks_descriptors(error)
        named = None if failure is Failure.PASSING else trouble.partition
        key = ("" if lacking else directory.path, named, error.errno)
        now_s = self._node.loop.time()
        last_s = self._told.get(key)
        if last_s is not None and now_s - last_s < AGAIN_S[failure]:
            return
        if len(self._told) >= _TOLD_MAX:
            self._told.clear()
        self._told[key] = now_s
        facts = {"folder": directory.path, "file": error.filename or "unknown", "errno": errno_name(error)}
        facts |= {"error": error.strerror or str(error), "do": advice(error)}
        if failure is not Failure.PASSING:
            self._node.log.error("partition.unusable", partition=trouble.partition, **facts)
            return
        if lacking:
            self._node.log.warn("descriptors.exhausted", **facts)
        else:
            self._node.log.warn("log_directory.refused", **facts)

    def unreadable(self, error: OSError) -> None:
        """A partition's file could not be read, by somebody who knows no more than its path."""
        for directory in self._node.directories:
            if str(error.filename).startswith(f"{directory.path}/"):
                directory.refused(error)
                return

    # --- deleted topics

    def delete(self, topic_id: bytes, partitions: Iterable[TopicPartition]) -> None:
        """The removal of the topic is committed: its folders are renamed, some milliseconds at a time, as there may be
        ten thousand. What the disk refuses now is done later."""
        for partition in partitions:
            for directory in self._node.directories:
                if directory.contains(partition):
                    self._to_delete[directory.path, partition] = topic_id
        for directory in self._node.usable_directories():
            eager.spawn(self._delete_rest(directory), self._deleted)

    def finish_deletion(self, partition: TopicPartition) -> None:
        """A topic of the same name gets a folder now: the old one goes first. Raises KafkaStorageError."""
        for directory in self._node.usable_directories():
            self._delete(directory, partition)

    def _delete(self, directory: LogDirectory, partition: TopicPartition) -> None:
        """A folder that belongs to another topic of that name by now is let be. Raises KafkaStorageError."""
        topic_id = self._to_delete.get((directory.path, partition))
        if topic_id is not None:
            directory.delete_topic(partition, topic_id, self._node.steady.now_ms())
            self._to_delete.pop((directory.path, partition), None)

    async def _delete_rest(self, directory: LogDirectory) -> None:
        """Raises KafkaStorageError."""
        started = self._node.loop.time()
        for path, partition in tuple(self._to_delete):
            if path == directory.path:
                self._delete(directory, partition)
            if self._node.loop.time() - started > SLICE_S:
                await give_way()
                started = self._node.loop.time()

    def _deleted(self, _result: object, error: BaseException | None) -> None:
        if isinstance(error, Exception) and not isinstance(error, KafkaStorageError):  # which was said
            self._node.log_failure("log_directory.deletion_failed", error)

    # --- slow calls, in threads

    def turn(self, directory: LogDirectory) -> asyncio.Lock:
        """Held while a file of offsets of this directory is written: a file has one writer at a time."""
        return self._turns.setdefault(directory.path, asyncio.Lock())

    @asynccontextmanager
    async def turns(self, one: LogDirectory, other: LogDirectory) -> AsyncIterator[None]:
        """Of both; in one order, or two moves in opposite directions would wait for each other."""
        first, second = sorted((one, other), key=lambda directory: directory.path)
        async with self.turn(first), self.turn(second):
            yield

    async def checkpoint(self, directory: LogDirectory) -> None:
        """Recovery points and log starts. Raises KafkaStorageError."""
        async with self.turn(directory):
            write = directory.to_checkpoint()
            await self.run(directory, write.run)
            directory.checkpointed(write)

    async def checkpoint_high_watermarks(self, directory: LogDirectory) -> None:
        """Raises KafkaStorageError."""
        await self._write(directory, lambda: directory.to_checkpoint_high_watermarks(self._high_watermarks(directory)))

    def _high_watermarks(self, directory: LogDirectory) -> Mapping[TopicPartition, int]:
        return {
            partition.topic_partition: partition.high_watermark
            for partition in self._node.replicas
            if directory.contains(partition.topic_partition)
        }

    async def checkpoint_cleaned(self, directory: LogDirectory, partition: TopicPartition, offset: int) -> None:
        """Compaction has come up to `offset`. Raises KafkaStorageError."""
        await self._write(directory, lambda: directory.to_checkpoint_cleaned(partition, offset))

    async def note_log_start(self, partition: TopicPartition, offset: int) -> None:
        """Durably, without waiting for a checkpoint. Raises KafkaStorageError."""
        while (directory := self._node.hosting.directory_of(partition)) is not None:
            async with self.turn(directory):
                if directory.contains(partition):  # else it has moved while this waited for its turn
                    await self.run(directory, directory.to_note_log_start(partition, offset).run)
                    return

    async def _write(self, directory: LogDirectory, make: Callable[[], CheckpointWrite]) -> None:
        async with self.turn(directory):
            await self.run(directory, make().run)

    async def sync_names(self, directory: LogDirectory) -> None:
        """Names of partitions' folders that changed are durable. Raises KafkaStorageError."""
        await self.run(directory, partial(self._node.files.fsync_folder, directory.path))

    async def remove_due(self, directory: LogDirectory) -> None:
        """Folders and files that were deleted long enough ago, one after another. Raises KafkaStorageError."""
        await self._delete_rest(directory)
        if directory.is_stale:
            await self.checkpoint(directory)
        for call in directory.due(self._node.steady.now_ms()):
            await self.run(directory, call)

    async def run(self, directory: LogDirectory, call: Callable[[], None]) -> None:
        """A call on files of the directory. Raises KafkaStorageError, after the failure was judged."""
        try:
            await self._node.offload.run(call)
        except OSError as error:
            raise directory.refused(error) from error

    # --- the end

    async def close(self, directory: LogDirectory, broker_epoch: int) -> None:
        """What a clean stop leaves: see `LogDirectory.close`. Several logs are synced at a time.

        Raises nothing: what failed was said, and the next start recovers.
        """
        clean = True
        logs = directory.open_logs()

        async def close_some() -> None:
            nonlocal clean
            for _, log in logs:
                try:
                    sync = log.to_close()
                    if sync is not None:
                        try:
                            await self._node.offload.run(sync.run)
                        except OSError as error:
                            log.sync_failed(sync, error)
                            clean = False
                        else:
                            log.synced(sync)
                except KafkaStorageError:
                    clean = False
                log.close_files()

        try:
            await asyncio.gather(*(self._node.loop.create_task(close_some()) for _ in range(_CLOSING_AT_A_TIME)))
            if not directory.offline:
                await self.checkpoint(directory)
                if clean and directory.may_be_clean:
                    path, content = directory.clean_marker(broker_epoch)
                    await self.run(directory, lambda: self._node.files.write_atomically(path, content))
        except KafkaStorageError as error:
            self._node.log.warn("log_directory.not_clean", folder=directory.path, error=str(error))
        finally:
            directory.release()


_CLOSING_AT_A_TIME = 4


def _facts(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"{errno_name(error)} {error.strerror or error}{where}"
