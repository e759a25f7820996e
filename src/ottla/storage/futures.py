"""Copies of partitions on their way into a log directory (KIP-113): `<topic>-<partition>.<32 hex>-future`.

A copy becomes the partition in an order that no crash can spoil. It is as durable as the log that it was made from, and
the checkpoints say so; the old folder is named as deleted, and from that moment the copy is what is read and written;
when that name is durable, the copy gets the partition's own. Until that is durable as well, nobody is told of anything
that it would survive a power cut: the old log may come back, and is all there is then.

Where a start finds a copy and no partition, that order was broken off behind its second step, so the copy is the
partition. Beside the partition a copy is worth nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ottla.common.clock import Random
from ottla.common.names import TopicPartition
from ottla.storage.paths import FUTURE_FOLDER, doomed_folder_name
from ottla.storage.settings import TopicSettings

if TYPE_CHECKING:
    from ottla.storage.directory import LogDirectory
    from ottla.storage.log import PartitionLog


class FutureLogs:
    """Those of one directory."""

    def __init__(self, directory: LogDirectory, random: Random) -> None:
        self._directory = directory
        self._random = random
        self._names: dict[TopicPartition, str] = {}
        self._logs: dict[TopicPartition, PartitionLog] = {}

    def found(self, partition: TopicPartition, name: str) -> None:
        """The start found this folder."""
        self._names[partition] = name

    def partitions(self) -> list[TopicPartition]:
        return list(self._names)

    def logs(self) -> Iterable[tuple[TopicPartition, PartitionLog]]:
        return self._logs.items()

    def get(self, partition: TopicPartition) -> PartitionLog | None:
        """The copy that is being made, if there is one."""
        return self._logs.get(partition)

    def begin(self, partition: TopicPartition, topic_id: bytes, settings: TopicSettings, now_ms: int) -> PartitionLog:
        """An empty copy; one that was begun before is dropped. Raises KafkaStorageError."""
        self._directory.check_free(partition)
        self.discard(partition, now_ms)
        name = doomed_folder_name(partition, self._random.bytes(16), FUTURE_FOLDER)
        self._names[partition] = name  # before it is there, so that a half is discarded with the rest
        self._directory.make_folder(name, topic_id)
        log = self._directory.open_folder(name, partition, settings, now_ms, clean=True)
        self._logs[partition] = log
        return log

    def discard(self, partition: TopicPartition, now_ms: int) -> None:
        """The copy is not wanted any more. Raises KafkaStorageError."""
        log = self._logs.pop(partition, None)
        if log is not None:
            log.discard()
        name = self._names.pop(partition, None)
        if name is not None:
            self._directory.doom(name, partition, now_ms)
        if not self._directory.contains(partition):
            self._directory.forget(partition)

    def take_place(self, partition: TopicPartition) -> None:
        """The copy is the partition's log from now on, in its own folder until `LogDirectory.give_name`."""
        del self._names[partition]
        self._directory.take_in(partition, self._logs.pop(partition))

    def promote(self, partition: TopicPartition) -> None:
        """At a start: the copy that was found becomes the partition of this directory. Raises KafkaStorageError."""
        self._directory.adopt(partition, self._names[partition])
        del self._names[partition]
