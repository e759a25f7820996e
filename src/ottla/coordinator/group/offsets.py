"""Committed offsets: who committed what, until when it is kept. Durable; changed by `replay` alone."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from ottla.common.names import ZERO_UUID, TopicPartition
from ottla.coordinator.room import ByteShare, text_bytes


class Committed(NamedTuple):
    """One committed offset, as its record holds it."""

    offset: int
    leader_epoch: int
    metadata: str
    commit_ms: int
    expire_ms: int = -1
    topic_id: bytes = ZERO_UUID


class Found(NamedTuple):
    """What a group has committed. `unstable`: partitions that wait for a transaction, if the client asked for that."""

    offsets: dict[TopicPartition, Committed]
    unstable: Container[TopicPartition]


_FIXED_BYTES = 256
"""Of an offset in memory, besides its texts."""


def offset_bytes(partition: TopicPartition, committed: Committed) -> int:
    """What one committed offset takes in memory."""
    return _FIXED_BYTES + text_bytes(partition.topic) + text_bytes(committed.metadata)


class Offsets:
    """The offsets of the groups of one partition of `__consumer_offsets`, by group and topic partition."""

    def __init__(self, share: ByteShare) -> None:
        self._groups: dict[str, dict[TopicPartition, Committed]] = {}
        self._share = share

    def replay(self, group_id: str, partition: TopicPartition, committed: Committed | None) -> None:
        """A record: a new offset, or its tombstone."""
        if committed is None:
            known = self._groups.get(group_id)
            if known is not None:
                gone = known.pop(partition, None)
                if gone is not None:
                    self._share.add(-offset_bytes(partition, gone))
                if not known:
                    del self._groups[group_id]
                    self._share.add(-text_bytes(group_id))
        else:
            self._share.add(self.growth_bytes(group_id, partition, committed))
            self._groups.setdefault(group_id, {})[partition] = committed

    def growth_bytes(self, group_id: str, partition: TopicPartition, committed: Committed) -> int:
        """How much more all offsets take with this one; less than nothing if it is smaller than the one before."""
        known = self._groups.get(group_id)
        if known is None:
            return offset_bytes(partition, committed) + text_bytes(group_id)
        old = known.get(partition)
        return offset_bytes(partition, committed) - (0 if old is None else offset_bytes(partition, old))

    def of(self, group_id: str) -> dict[TopicPartition, Committed]:
        """All offsets of a group; not to be changed."""
        return self._groups.get(group_id, {})

    def groups(self) -> list[str]:
        return list(self._groups)

    def count(self) -> int:
        return sum(map(len, self._groups.values()))

    def expired(
        self, group_id: str, *, base_ms: int | None, subscribed: Container[str], now_ms: int, retention_ms: int
    ) -> list[TopicPartition]:
        """Partitions whose offset has outlived offsets.retention.minutes (KIP-211).

        `base_ms`: since when the group is empty; None: each offset counts from its own commit (groups without
        members of their own). Topics that a member subscribes to never expire. A record of the old format carries its
        own expiry.
        """
        found = []
        for partition, committed in self.of(group_id).items():
            if partition.topic in subscribed:
                continue
            if committed.expire_ms >= 0:
                due = now_ms >= committed.expire_ms
            else:
                due = now_ms - (committed.commit_ms if base_ms is None else base_ms) >= retention_ms
            if due:
                found.append(partition)
        return found
