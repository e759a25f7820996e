"""Moves partitions between the log directories of this broker (KIP-113), while they are written and read.

The log is copied into a `-future` folder of the other directory. When the copy has caught up, it takes the log's place
in one step of the event loop: no append comes between the last byte copied and that. What is slow about it is done in
threads (`broker.moving`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ottla.broker import eager
from ottla.broker.moving import Move, Stale
from ottla.broker.waits import give_way
from ottla.common.errors import KafkaError, KafkaStorageError, LogDirNotFound

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.broker.partition import Partition
    from ottla.common.names import TopicPartition
    from ottla.storage.directory import LogDirectory

_MOVE_AGAIN_S = 10.0
"""A move that was refused before it is begun anew so much later."""


class Moves:
    """`preferred`: where partitions that have no folder yet shall get one; forgotten when the broker stops, as in
    Kafka."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.preferred: dict[TopicPartition, LogDirectory] = {}
        self._wanted: dict[Partition, LogDirectory] = {}
        self._running: dict[Partition, Move] = {}
        self._stopped = False
        self._broken_off: list[tuple[TopicPartition, str]] = []
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
        if partition not in self._running:
            eager.spawn(self._run(partition), lambda _result, error: self._ended(partition, error))

    def is_moving(self, partition: Partition) -> bool:
        return partition in self._running

    def is_switching(self, partition: Partition) -> bool:
        """Its log lies in the folder of a copy, which is about to get another name."""
        move = self._running.get(partition)
        return move is not None and move.has_switched

    def directory(self, path: str) -> LogDirectory:
        """Raises LogDirNotFound, KafkaStorageError."""
        for directory in self._node.directories:
            if directory.path == path.rstrip("/"):
                if directory.offline:
                    raise KafkaStorageError(f"Log directory {path} is offline")
                return directory
        raise LogDirNotFound(f"Log directory {path} is not one of this broker's")

    def restore(self) -> None:
        """At a start, before anybody asks where a partition lies: copies that were complete take their places, others
        are dropped.

        What a crash or a stop broke off is begun anew by `resume`. Where a directory is missing, the partition may lie
        there: then a copy without one proves nothing and stays as it is.
        """
        now_ms = self._node.clock.now_ms()
        for directory in self._node.usable_directories():
            for name in directory.futures.partitions():
                topic = self._node.image.topics.get(name.topic)
                if self._node.hosting.is_missing(name):
                    continue
                if topic is None or name.partition not in topic.partitions:
                    directory.futures.discard(name, now_ms)
                elif self._node.hosting.directory_of(name) is None:
                    for one in self._node.usable_directories():
                        one.sync_names()  # the old folder's name may not have come to the disk yet
                    directory.futures.promote(name)
                    self._node.log.info("partition.moved", partition=name, folder=directory.path, at="start")
                else:
                    directory.futures.discard(name, now_ms)
                    self._broken_off.append((name, directory.path))

    def resume(self) -> None:
        """Once the broker serves: goes on with what the last stop broke off."""
        for name, path in self._broken_off:
            with suppress(KafkaError):  # deleted meanwhile, or its directory has failed
                self.request(self._node.replicas.find(*name), self.directory(path))
        self._broken_off.clear()

    async def stop(self) -> None:
        """Copies end where they are; the next start begins them anew. A switch that has begun comes to its end."""
        self._stopped = True
        self._wanted.clear()
        for move in self._running.values():
            move.given_up = True
        for directory in self._node.usable_directories():
            async with self._node.disks.turn(directory):  # which a switch holds
                pass

    # --- one move after another

    async def _run(self, partition: Partition) -> None:
        """One at a time for each partition: whatever is wished while one is under way comes after it."""
        try:
            while (directory := self._wanted.get(partition)) is not None:
                try:
                    await self._move(partition, directory)
                except Stale:
                    await give_way()  # begin again, if it is still wanted
        finally:
            self._running.pop(partition, None)

    async def _move(self, partition: Partition, directory: LogDirectory) -> None:
        move = Move(self._node, partition, directory, lambda: self._wanted.get(partition) is directory, self._copied)
        self._running[partition] = move
        await move.run()
        if move.given_up:
            return
        if self._wanted.get(partition) is directory:
            del self._wanted[partition]
        self._moved.value += 1
        size_bytes = 0 if partition.log is None else partition.log.size_bytes
        self._node.log.info(
            "partition.moved", partition=partition.topic_partition, folder=directory.path, bytes=size_bytes
        )

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
        if partition in self._running:
            self._running[partition].given_up = True
        directory = self._wanted.pop(partition, None)
        if directory is not None and not directory.offline:
            try:
                directory.futures.discard(partition.topic_partition, self._node.steady.now_ms())
            except KafkaStorageError:  # said; the next start drops a copy whose partition is not hosted here
                return
