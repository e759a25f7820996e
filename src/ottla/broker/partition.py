"""One partition that this broker hosts, at work: its log, what it knows as leader, and who waits for it to change."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

from ottla.common.errors import FencedLeaderEpoch, KafkaStorageError, NotLeaderOrFollower, UnknownLeaderEpoch
from ottla.common.names import BrokerId, TopicPartition
from ottla.replication.leader import LeaderState
from ottla.storage.log_facts import Origin

if TYPE_CHECKING:
    from ottla.broker.measures.traffic import TopicTraffic, Traffics
    from ottla.records.validation import Validated
    from ottla.storage.log import Appended, PartitionLog

NO_LEADER_EPOCH = -1
"""Of a client that does not say which one it knows."""

Commit = tuple[int, int, "Future[bool]"]
"""An offset that the high watermark must reach, a tie breaker, and the future that says it did."""


class Watcher(Protocol):
    """A long poll or a fetch session that wants to know when a partition has something new."""

    def on_changed(self, partition: Partition, size_bytes: int) -> None:
        """`size_bytes` more can be read; 0: its offsets, epoch or existence changed. Must not fetch at once."""
        ...


class Partition:
    """The replica of a partition on this broker, and its leader state while it leads.

    The log is opened at its first use, so that thousands of partitions that nobody touches cost no file and no read.
    Watchers are told after the log and the high watermark agree; they only set futures, so nothing runs inside an
    append.
    """

    __slots__ = (
        "_commits",
        "_open",
        "_sync",
        "_tie",
        "_traffics",
        "isr",
        "leader",
        "leader_epoch",
        "leader_id",
        "leads",
        "led_from",
        "log",
        "partition_epoch",
        "replicas",
        "start_high_watermark",
        "topic_id",
        "topic_partition",
        "traffic",
        "watchers",
    )

    def __init__(
        self,
        topic_partition: TopicPartition,
        topic_id: bytes,
        open_log: Callable[[Partition], PartitionLog],
        sync: Callable[[Partition], None],
        traffics: Traffics,
    ) -> None:
        """`open_log` opens or creates the log; `sync` asks for what was appended to become durable."""
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self._open = open_log
        self._sync = sync
        self._traffics = traffics
        self.traffic: TopicTraffic | None = None
        """Where what goes in and out is counted, from the first use on: see `counted`."""
        self.log: PartitionLog | None = None
        self.leader: LeaderState | None = None
        self.leads = False
        self.leader_id = BrokerId(-1)
        self.leader_epoch = -1
        self.partition_epoch = -1
        self.replicas: tuple[int, ...] = ()
        self.isr: tuple[int, ...] = ()
        self.start_high_watermark = 0
        """As of the checkpoint before the start; what the high watermark is at least."""
        self.led_from = 0
        """The log's end when this broker began to lead: until the high watermark is there, it lags behind what
        clients were told before (KIP-207)."""
        self.watchers: dict[Watcher, None] = {}
        self._commits: list[Commit] = []
        self._tie = 0

    def __repr__(self) -> str:
        return f"<Partition {self.topic_partition} leader={self.leader_id} epoch={self.leader_epoch}>"

    # --- who leads

    def set_leader(self, leader_id: int, leader_epoch: int, own_id: int) -> None:
        """The metadata names a leader. A new epoch begins at the log's end, once the log is open."""
        newer = leader_epoch != self.leader_epoch
        self.leader_id = BrokerId(leader_id)
        self.leader_epoch = leader_epoch
        leads = leader_id == own_id
        if leads == self.leads and not newer:
            return
        self.leads = leads
        self.leader = None
        if leads and self.log is not None:
            self._lead(self.log)
        elif not leads:
            self._wake_all()
        self.changed()

    def _lead(self, log: PartitionLog) -> None:
        self.led_from = log.log_end_offset
        log.start_epoch(self.leader_epoch)
        end = log.durable_end if log.synced_appends else log.log_end_offset
        start = min(max(self.start_high_watermark, log.log_start_offset), end)
        self.leader = LeaderState(self.leader_id, [BrokerId(one) for one in self.isr or (self.leader_id,)], end, start)
        if log.synced_appends and end < log.log_end_offset:
            self._sync(self)  # what a crash left unsynced can be read only once it is durable

    def leader_log(self, current_leader_epoch: int = NO_LEADER_EPOCH) -> PartitionLog:
        """The log, if this broker leads. Raises NotLeaderOrFollower, KafkaStorageError, and the two epoch errors."""
        if not self.leads:
            raise NotLeaderOrFollower
        log = self.log
        if log is None:
            log = self.log = self._open(self)
            self._lead(log)
        if log.offline:
            raise KafkaStorageError
        if current_leader_epoch != NO_LEADER_EPOCH and current_leader_epoch != self.leader_epoch:
            if current_leader_epoch < self.leader_epoch:
                raise FencedLeaderEpoch
            raise UnknownLeaderEpoch
        return log

    def replace_log(self, log: PartitionLog) -> None:
        """The log lies in another directory now; it holds the same, as durably."""
        self.log = log
        if log.synced_appends and log.durable_end < log.log_end_offset:
            self._sync(self)  # of the log before it, a sync may be under way that nobody will hear of
        self.changed()

    @property
    def high_watermark(self) -> int:
        leader = self.leader
        return self.start_high_watermark if leader is None else leader.high_watermark

    @property
    def last_stable_offset(self) -> int:
        """Where readers of committed data must stop. The log is open."""
        assert self.log is not None
        return self.log.last_stable_offset(self.high_watermark)

    # --- changes

    def append(
        self,
        log: PartitionLog,
        batch: bytes | memoryview | None,
        now_ms: int,
        origin: Origin,
        produce_version: int,
        validated: Validated | None = None,
    ) -> Appended:
        """Appends one batch to `log`, which the caller had from `leader_log`, and moves the high watermark."""
        appended = log.append(
            batch,
            leader_epoch=self.leader_epoch,
            now_ms=now_ms,
            origin=origin,
            produce_version=produce_version,
            validated=validated,
        )
        size_bytes = appended[5]
        traffic = self.traffic or self.counted()
        traffic.produces += 1
        if size_bytes:
            traffic.bytes_in += size_bytes
            traffic.records_in += appended[1] - appended[0] + 1
            if log.synced_appends:
                self._sync(self)  # the high watermark follows when the sync has run
            else:
                self.on_log_grew(log, size_bytes)
        return appended

    def append_marker(self, log: PartitionLog, batch: bytes, now_ms: int, transaction_version: int) -> Appended:
        """The same for a marker that this broker built."""
        appended = log.append(
            batch,
            leader_epoch=self.leader_epoch,
            now_ms=now_ms,
            origin=Origin.COORDINATOR,
            transaction_version=transaction_version,
        )
        traffic = self.traffic or self.counted()
        traffic.produces += 1
        traffic.bytes_in += appended.size_bytes
        traffic.records_in += 1
        if log.synced_appends:
            self._sync(self)
        else:
            self.on_log_grew(log, appended.size_bytes)
        return appended

    def counted(self) -> TopicTraffic:
        """Where the traffic of its topic is counted; its topic takes a place among those that have a series."""
        self.traffic = self._traffics.of(self.topic_partition.topic)
        return self.traffic

    def on_log_grew(self, log: PartitionLog, size_bytes: int) -> None:
        """The log's end, or its durable end where appends are synced, has moved."""
        leader = self.leader
        if leader is None:
            return
        if leader.on_own_end(log.durable_end if log.synced_appends else log.log_end_offset):
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

    def _wake_all(self) -> None:
        commits, self._commits = self._commits, []
        for _, _, future in commits:
            if not future.done():
                future.set_result(False)

    def give_up(self) -> None:
        """Its log is offline: whoever waits looks again and finds the error."""
        self._wake_all()
        self.changed()

    def close(self) -> None:
        """Not hosted here any more: whoever waits looks again and finds the error."""
        self.leads = False
        self.leader = None
        self._wake_all()
        self.changed()
