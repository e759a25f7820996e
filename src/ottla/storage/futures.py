"""Copies of partitions on their way into a log directory (KIP-113): `<topic>-<partition>.<32 hex>-future`.

A copy becomes the partition in an order that no crash can spoil: the copy is complete and durable; the old folder is
named as deleted, durably; the copy gets the partition's name. Where a start finds a copy and no partition, that order
was broken off after its second step, so the copy is the partition. Beside the partition a copy is worth nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ottla.common.clock import Random
from ottla.common.names import TopicPartition
from ottla.storage.files import Files
from ottla.storage.paths import FUTURE_FOLDER, doomed_folder_name
from ottla.storage.settings import TopicSettings

if TYPE_CHECKING:
    from ottla.storage.directory import LogDirectory
    from ottla.storage.log import PartitionLog


class FutureLogs:
    """Those of one directory."""

    def __init__(self, directory: LogDirectory, files: Files, random: Random) -> None:
        self._directory = directory
        self._files = files
        self._random = random
        self._names: dict[TopicPartition, str] = {}
        self._logs: dict[TopicPartition, PartitionLog] = {}

    def found(self, partition: TopicPartition, name: str) -> None:
        """The start found this folder."""
        self._names[partition] = name

    def partitions(self) -> list[TopicPartition]:
        return list(self._names)

    def logs(self) -> Iterable[PartitionLog]:
        return self._logs.values()

    def get(self, partition: TopicPartition) -> PartitionLog | None:
        """The copy that is being made, if there is one."""
        return self._logs.get(partition)

    def begin(self, partition: TopicPartition, topic_id: bytes, settings: TopicSettings, now_ms: int) -> PartitionLog:
        """An empty copy; one that was begun before is dropped. Raises KafkaStorageError."""
        self.discard(partition, now_ms)
        name = doomed_folder_name(partition, self._random.bytes(16), FUTURE_FOLDER)
        self._directory.forget_former(partition)
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

    def close(self, partition: TopicPartition) -> None:
        """The copy is complete: everything of it is written and durable. Raises KafkaStorageError."""
        self._logs.pop(partition).close()
        try:
            self._files.fsync_folder(f"{self._directory.path}/{self._names[partition]}")
        except OSError as error:
            raise self._directory.refused(error) from error
        self._directory.sync_names()

    def promote(self, partition: TopicPartition, settings: TopicSettings, now_ms: int) -> PartitionLog:
        """The copy, which is closed, becomes the partition of this directory. Raises KafkaStorageError."""
        log = self._directory.adopt(partition, self._names[partition], settings, now_ms)
        del self._names[partition]
        return log
