"""The partitions of this broker: how many in which state, and for the first of them where their logs begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ottla.common.metrics import GAUGE, Family, labels_text

if TYPE_CHECKING:
    from ottla.broker.partition import Partition
    from ottla.broker.replicas import HostedTopic, Replicas

_SLICE = 200
"""Partitions that are looked at between two steps, at 1 to 4 us each."""

NO_LEADER = -1


class PartitionRow(NamedTuple):
    """One partition as it was when the page was made. None: its log has not been opened, so nobody knows yet."""

    labels: str
    leads: bool
    high_watermark: int
    log_start: int | None
    log_end: int | None
    size_bytes: int | None
    leader: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


class PartitionCounts:
    """Over all partitions that this broker hosts."""

    def __init__(self) -> None:
        self.hosted = 0
        self.led = 0
        self.opened = 0
        self.offline = 0
        self.leaderless = 0
        self.under_replicated = 0
        self.under_min_isr = 0
        self.at_min_isr = 0
        self.size_bytes = 0

    def add(self, partition: Partition, min_isr: int) -> None:
        self.hosted += 1
        log = partition.log
        if log is not None:
            self.opened += 1
            self.offline += log.offline
            self.size_bytes += log.size_bytes
        self.leaderless += partition.leader_id == NO_LEADER
        if partition.leads:
            self.led += 1
            in_sync = len(partition.isr)
            self.under_replicated += in_sync < len(partition.replicas)
            self.under_min_isr += in_sync < min_isr
            self.at_min_isr += in_sync == min_isr


class PartitionSurvey:
    """A source of metrics. `limit`: how many partitions get series of their own; those of the oldest topics do."""

    def __init__(self, replicas: Replicas, limit: int) -> None:
        self._replicas = replicas
        self._limit = limit
        self.counts = PartitionCounts()
        self.rows: list[PartitionRow] = []

    def __repr__(self) -> str:
        return f"<PartitionSurvey {len(self.rows)} of {self.counts.hosted}>"

    @property
    def left_out(self) -> int:
        return self.counts.hosted - len(self.rows)

    def steps(self) -> Iterator[None]:
        counts, rows = PartitionCounts(), list[PartitionRow]()
        for topic in tuple(self._replicas.by_name.values()):
            for partition in tuple(topic.partitions.values()):
                counts.add(partition, self._min_isr(topic, partition))
                if len(rows) < self._limit:
                    rows.append(_row(partition))
                if counts.hosted % _SLICE == 0:
                    yield
        self.counts, self.rows = counts, rows

    @staticmethod
    def _min_isr(topic: HostedTopic, partition: Partition) -> int:
        """No more than there are replicas, as Kafka 4 counts."""
        return min(topic.settings.min_insync_replicas, len(partition.replicas))

    def families(self) -> Iterator[Family]:
        counts = self.counts
        for name, help_text, value in (
            ("", "Partitions hosted here", counts.hosted),
            ("_led", "Partitions led here", counts.led),
            ("_opened", "Partitions whose log has been opened since the start: others were not used", counts.opened),
            ("_offline", "Partitions whose log is offline", counts.offline),
            ("_leaderless", "Partitions hosted here that nobody leads", counts.leaderless),
            ("_under_replicated", "Partitions led here with replicas that are not in sync", counts.under_replicated),
            ("_under_min_isr", "Partitions led here that take no acks=all: too few in sync", counts.under_min_isr),
        ):
            yield Family(f"ottla_partitions{name}", GAUGE, help_text, [("", "", value)])
        yield Family("ottla_logs_size_bytes", GAUGE, "Size of all logs that are open", [("", "", counts.size_bytes)])
        rows = self.rows
        yield Family(
            "ottla_partition_high_watermark", GAUGE, "The offset up to which consumers may read",
            (("", row.labels, row.high_watermark) for row in rows),
        )  # fmt: skip
        yield Family(
            "ottla_partition_log_start_offset", GAUGE, "The first offset that is there",
            (("", row.labels, row.log_start) for row in rows if row.log_start is not None),
        )  # fmt: skip
        yield Family(
            "ottla_partition_log_end_offset", GAUGE, "The offset of the next record",
            (("", row.labels, row.log_end) for row in rows if row.log_end is not None),
        )  # fmt: skip
        yield Family(
            "ottla_partition_size_bytes", GAUGE, "Size of the log",
            (("", row.labels, row.size_bytes) for row in rows if row.size_bytes is not None),
        )  # fmt: skip


def _row(partition: Partition) -> PartitionRow:
    topic, index = partition.topic_partition
    log = partition.log
    return PartitionRow(
        labels=labels_text((("topic", topic), ("partition", str(index)))),
        leads=partition.leads,
        high_watermark=partition.high_watermark,
        log_start=None if log is None else log.log_start_offset,
        log_end=None if log is None else log.log_end_offset,
        size_bytes=None if log is None else log.size_bytes,
        leader=partition.leader_id,
        replicas=partition.replicas,
        isr=partition.isr,
    )
