"""The groups that this broker coordinates: members, states, committed offsets, and how far these are behind.

Lag is counted to the high watermark, as Kafka's own tool does. A group is listed with all of its offsets or with none:
a sum over a part of them would look like less lag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ottla.common.errors import KafkaError
from ottla.common.metrics import GAUGE, Family, Sample, labels_text

if TYPE_CHECKING:
    from ottla.broker.groups import Groups
    from ottla.broker.replicas import Replicas
    from ottla.common.names import TopicPartition
    from ottla.coordinator.group.group_base import Glance
    from ottla.coordinator.group.machine import GroupMachine

_SLICE = 100
"""Groups or offsets that are looked at between two steps, at 2 to 5 us each."""
_OPENED_AT_ONCE = 20
"""Logs that one page opens at most, because a group's offset lies behind what was known of them at the start."""


class OffsetRow(NamedTuple):
    """One committed offset. `lag` None: the partition is not here, or not known well enough."""

    topic: str
    partition: int
    committed: int
    lag: int | None


class GroupRow(NamedTuple):
    """One group with all of its offsets."""

    group_id: str
    glance: Glance
    offsets: list[OffsetRow]

    @property
    def lags(self) -> list[int]:
        return [row.lag for row in self.offsets if row.lag is not None]


class GroupCounts:
    """Over all groups that are coordinated here."""

    def __init__(self) -> None:
        self.groups = 0
        self.members = 0
        self.member_bytes = 0
        self.offsets = 0
        self.states: dict[str, int] = {}
        self.offsets_left_out = 0

    def add(self, glance: Glance, offsets: int) -> None:
        self.groups += 1
        self.members += glance.members
        self.member_bytes += glance.member_bytes
        self.offsets += offsets
        self.states[glance.state] = self.states.get(glance.state, 0) + 1


class GroupSurvey:
    """A source of metrics. `limit`: how many groups, and how many committed offsets, get series of their own."""

    def __init__(self, groups: Groups, replicas: Replicas, limit: int) -> None:
        self._groups = groups
        self._replicas = replicas
        self._limit = limit
        self._may_open = 0
        self.counts = GroupCounts()
        self.rows: list[GroupRow] = []

    def __repr__(self) -> str:
        return f"<GroupSurvey {len(self.rows)} of {self.counts.groups}>"

    @property
    def groups_left_out(self) -> int:
        return self.counts.groups - len(self.rows)

    def steps(self) -> Iterator[None]:
        counts, rows = GroupCounts(), list[GroupRow]()
        self._may_open = _OPENED_AT_ONCE
        left = self._limit
        for shard in self._groups.runtime.shards():
            for number, group_id in enumerate(shard.machine.group_ids()):
                if number % _SLICE == 0:
                    yield
                if not self._groups.runtime.is_current(shard):
                    break
                glance = shard.machine.glance(group_id)
                committed = len(shard.machine.offsets.of(group_id))
                counts.add(glance, committed)
                if committed > left or len(rows) >= self._limit:
                    counts.offsets_left_out += committed
                    continue
                offsets: list[OffsetRow] = []
                yield from self._offsets(shard.machine, group_id, offsets)
                left -= len(offsets)
                rows.append(GroupRow(group_id, glance, offsets))
        self.counts, self.rows = counts, rows

    def _offsets(self, machine: GroupMachine, group_id: str, rows: list[OffsetRow]) -> Iterator[None]:
        """They may change between two steps; each row is right for the moment in which it was made."""
        for number, partition in enumerate(tuple(machine.offsets.of(group_id)), 1):
            committed = machine.offsets.of(group_id).get(partition)
            if committed is not None:
                rows.append(OffsetRow(*partition, committed.offset, self._lag(partition, committed.offset)))
            if number % _SLICE == 0:
                yield

    def _lag(self, name: TopicPartition, committed: int) -> int | None:
        topic = self._replicas.by_name.get(name.topic)
        partition = None if topic is None else topic.partitions.get(name.partition)
        if partition is None or not partition.leads:
            return None
        if partition.log is None and partition.high_watermark < committed:
            # What a checkpoint tells of a log that nobody has used since the start is less than somebody has read.
            if not self._may_open:
                return None
            self._may_open -= 1
            with suppress(KafkaError):  # a log that cannot be opened was told, and its lag is not known
                partition.leader_log()
            if partition.log is None:
                return None
        return max(partition.high_watermark - committed, 0)

    def families(self) -> Iterator[Family]:
        counts, rows = self.counts, self.rows
        for name, help_text, value in (
            ("ottla_groups", "Groups coordinated here", counts.groups),
            ("ottla_group_members", "Members of the groups coordinated here", counts.members),
            ("ottla_group_member_bytes", "What members of groups have sent in joining", counts.member_bytes),
            ("ottla_committed_offsets", "Committed offsets held here", counts.offsets),
        ):
            yield Family(name, GAUGE, help_text, [("", "", value)])
        labels = {row.group_id: labels_text((("group", row.group_id),)) for row in rows}
        yield Family(
            "ottla_consumer_group_members", GAUGE, "Members of the group",
            (("", labels[row.group_id], row.glance.members) for row in rows),
        )  # fmt: skip
        yield Family(
            "ottla_consumer_group_state", GAUGE, "1 for the state that the group is in",
            (("", _state_labels(row), 1) for row in rows),
        )  # fmt: skip
        yield Family(
            "ottla_consumer_group_summed_lag", GAUGE, "Records that the group has not committed, over all partitions",
            (("", labels[row.group_id], sum(row.lags)) for row in rows if row.lags),
        )  # fmt: skip
        yield Family(
            "ottla_consumer_group_largest_lag", GAUGE, "Records not committed of the partition that is furthest behind",
            (("", labels[row.group_id], max(row.lags)) for row in rows if row.lags),
        )  # fmt: skip
        yield Family(
            "ottla_consumer_group_committed_offset", GAUGE, "The offset that the group has committed",
            committed_offsets("group", rows),
        )  # fmt: skip
        yield Family(
            "ottla_consumer_group_lag", GAUGE, "Records between the committed offset and the high watermark",
            lags("group", rows),
        )  # fmt: skip


def committed_offsets(group_label: str, rows: Iterable[GroupRow]) -> Iterator[Sample]:
    """One for each offset that a group has committed; `group_label` is the label's name of the group."""
    for row in rows:
        for offset in row.offsets:
            yield "", _labels_of_offset(group_label, row, offset), offset.committed


def lags(group_label: str, rows: Iterable[GroupRow]) -> Iterator[Sample]:
    """The same of how far each is behind, where that is known."""
    for row in rows:
        for offset in row.offsets:
            if offset.lag is not None:
                yield "", _labels_of_offset(group_label, row, offset), offset.lag


def _labels_of_offset(group_label: str, row: GroupRow, offset: OffsetRow) -> str:
    return labels_text(((group_label, row.group_id), ("topic", offset.topic), ("partition", str(offset.partition))))


def _state_labels(row: GroupRow) -> str:
    glance = row.glance
    return labels_text((("group", row.group_id), ("state", glance.state), ("type", glance.kind)))
