"""`LogDirectory`: one folder of log.dirs with the folders of its partitions, its checkpoints and its identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ottla.common.clock import Random
from ottla.common.names import TopicPartition
from ottla.storage.files import Files
from ottla.storage.log import PartitionLog
from ottla.storage.settings import TopicSettings


class DirectoryUnusable(Exception):
    """The folder cannot be used: locked, of another cluster or broker, of a newer version. Its text is for people."""


class LogDirectory:
    """Opened once per process and held by a lock file. Partition logs open at first use, so that a clean start of
    10,000 partitions reads two checkpoint files and one listing."""

    path: str
    cluster_id: str
    node_id: int
    directory_id: bytes
    offline: bool
    clean: bool
    """The last stop was clean: no log needs recovery."""
    broker_epoch: int
    """The broker epoch in the clean shutdown marker, or -1."""

    @classmethod
    def open(
        cls, files: Files, path: str, *, cluster_id: str | None, node_id: int, random: Random, now_ms: int
    ) -> LogDirectory:
        """Takes the folder, creating it if needed (`cluster_id` None accepts what is there, or draws a new one).

        Raises DirectoryUnusable.
        """

    def partitions(self) -> Iterator[tuple[TopicPartition, bytes | None]]:
        """Every partition that has a folder here, with its topic id where it is known; sorted."""

    def contains(self, partition: TopicPartition) -> bool: ...

    def log(self, partition: TopicPartition, settings: TopicSettings, now_ms: int) -> PartitionLog:
        """The log of a partition that is here, opened (and recovered) at the first call. Raises KeyError."""

    def open_logs(self) -> Iterator[tuple[TopicPartition, PartitionLog]]: ...

    def create(self, partition: TopicPartition, topic_id: bytes, settings: TopicSettings, now_ms: int) -> PartitionLog:
        """A new, empty partition folder. Raises KafkaStorageError."""

    def delete(self, partition: TopicPartition, now_ms: int) -> None:
        """Renames the folder to `-delete`; its content goes at a later `remove_due`."""

    def remove_due(self, now_ms: int) -> None:
        """Removes what was deleted long enough ago: folders of partitions, files of segments."""

    def checkpoint(self) -> None:
        """Writes recovery points and log start offsets."""

    def checkpoint_high_watermarks(self, high_watermarks: dict[TopicPartition, int]) -> None: ...

    def high_watermark(self, partition: TopicPartition) -> int:
        """As of the last checkpoint, 0 if unknown; the caller clips it to the log."""

    def fail(self, error: OSError) -> None:
        """The disk failed: every log here goes offline."""

    def usage(self) -> tuple[int, int]:
        """(total, usable) bytes of its volume."""

    def close(self, broker_epoch: int, on_log: Callable[[TopicPartition], None] | None = None) -> None:
        """Closes every log, writes checkpoints and the clean shutdown marker, releases the lock."""
