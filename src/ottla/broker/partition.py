"""One partition that this broker hosts, at work: its log, what it knows as leader, and who waits for it to change."""

from __future__ import annotations

from asyncio import Future
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

from ottla.common.errors import FencedLeaderEpoch, KafkaStorageError, NotLeaderOrFollower, UnknownLeaderEpoch
from ottla.common.names import BrokerId, Offset, TopicPartition

if TYPE_CHECKING:
    from ottla.replication.leader import LeaderState
    from ottla.storage.log import Appended, Origin, PartitionLog

Commit = tuple[int, int, "Future[bool]"]
"""An offset that the high watermark must reach, a tie breaker, and the future that says it did."""


class Watcher(Protocol):
    """A long poll or a fetch session that wants to know when a partition has something new."""

    def on_changed(self, partition: Partition, size_bytes: int) -> None:
        """`size_bytes` more can be read; 0: its offsets, epoch or existence changed. Must not fetch at once."""
        ...


class Partition:
    """The leader of a partition, on one broker.

    Watchers are told after the log and the high watermark agree; they only set futures, so nothing runs inside an
    append. `log` is None while this broker does not host the partition or its directory is offline.
    """

    __slots__ = (
        "_commits", "_tie", "isr", "leader", "leader_epoch", "leader_id", "log", "partition_epoch", "replicas",
        "topic_id", "topic_partition", "watchers",
    )  # fmt: skip

    def __init__(self, topic_partition: TopicPartition, topic_id: bytes) -> None:
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self.log: PartitionLog | None = None
        self.leader: LeaderState | None = None
        self.leader_id = BrokerId(-1)
        self.leader_epoch = -1
        self.partition_epoch = -1
        self.replicas: list[int] = []
        self.isr: list[int] = []
        self.watchers: dict[Watcher, None] = {}
        self._commits: list[Commit] = []
        self._tie = 0

    def __repr__(self) -> str:
        return f"<Partition {self.topic_partition} leader={self.leader_id} epoch={self.leader_epoch}>"

    # --- checks

    def leader_log(self, current_leader_epoch: int = -1) -> PartitionLog:
        """The log, if this broker leads. Raises NotLeaderOrFollower, KafkaStorageError, and the two epoch errors."""
        if self.leader is None:
            raise NotLeaderOrFollower
        if self.log is None or self.log.offline:
            raise KafkaStorageError
        if current_leader_epoch >= 0 and current_leader_epoch != self.leader_epoch:
            if current_leader_epoch < self.leader_epoch:
                raise FencedLeaderEpoch
            raise UnknownLeaderEpoch
        return self.log

    @property
    def high_watermark(self) -> Offset:
        leader = self.leader
        return Offset(0) if leader is None else leader.high_watermark

    @property
    def last_stable_offset(self) -> Offset:
        """Where readers of committed data must stop: the first open transaction, else the high watermark."""
        assert self.log is not None
        unstable = self.log.first_unstable_offset
        high_watermark = self.high_watermark
        return high_watermark if unstable is None else Offset(min(unstable, high_watermark))

    # --- changes

    def append(self, log: PartitionLog, batch: bytes | memoryview, now_ms: int, origin: Origin) -> Appended:
        """Appends one batch to `log`, which the caller had from `leader_log`, and moves the high watermark."""
        appended = log.append(batch, leader_epoch=self.leader_epoch, now_ms=now_ms, origin=origin)
        if not appended.duplicate:
            self.on_log_grew(len(batch))
        return appended

    def on_log_grew(self, size_bytes: int) -> None:
        """The log's end, or its durable end where appends are synced, has moved."""
        log, leader = self.log, self.leader
        if log is None or leader is None:
            return
        end = log.durable_end if log.synced_appends else log.log_end_offset
        if leader.on_own_end(Offset(end)):
            if self._commits:
                self._wake_commits()
            if self.watchers:
                self.changed(size_bytes)

    def changed(self, size_bytes: int = 0) -> None:
        for watcher in tuple(self.watchers):
            watcher.on_changed(self, size_bytes)

    # --- waiting for the high watermark

    def commit_future(self, offset: int, future: Future[bool]) -> None:
        """`future` becomes True when the high watermark is at or above `offset`; at once if it is already."""
        if self.high_watermark >= offset:
            if not future.done():
                future.set_result(True)
            return
        self._tie += 1
        heappush(self._commits, (offset, self._tie, future))

    def _wake_commits(self) -> None:
        reached = self.high_watermark
        commits = self._commits
        while commits and commits[0][0] <= reached:
            future = heappop(commits)[2]
            if not future.done():
                future.set_result(True)

    def close(self) -> None:
        """No longer led here: whoever waits looks again and finds the error."""
        self.leader = None
        commits, self._commits = self._commits, []
        for _, _, future in commits:
            if not future.done():
                future.set_result(False)
        self.changed()
