"""Offsets that a transaction has committed and whose marker has not come: durable, and nobody's offset yet (KIP-98).

Changed by `replay` of records and markers alone. A marker of commit makes them the group's offsets, unless an offset of
the same partition was committed after them; a marker of abort drops them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ottla.common.names import TopicPartition
from ottla.coordinator.group.offsets import Committed, Offsets, offset_bytes
from ottla.coordinator.room import ByteShare, text_bytes


@dataclass(slots=True)
class Pending:
    """An offset that waits. `order` counts the pending offsets of a machine in the order of its log."""

    committed: Committed
    order: int
    superseded: bool = False
    """A later offset of the same partition counts already."""

    def size_bytes(self, partition: TopicPartition) -> int:
        return offset_bytes(partition, self.committed)


class PendingOffsets:
    """Those of one partition of `__consumer_offsets`.

    Invariant: a producer is among those of a group in `_producers` exactly if it has offsets of the group in
    `_offsets`; no inner dictionary is empty.
    """

    def __init__(self, share: ByteShare) -> None:
        self._share = share
        self._offsets: dict[int, dict[str, dict[TopicPartition, Pending]]] = {}
        self._producers: dict[str, dict[int, None]] = {}
        self._order = 0

    def __bool__(self) -> bool:
        return bool(self._offsets)

    # --- the log

    def add(self, producer_id: int, group_id: str, partition: TopicPartition, committed: Committed) -> None:
        """A record within a transaction."""
        self._order += 1
        groups = self._offsets.setdefault(producer_id, {})
        if group_id not in groups:
            self._share.add(text_bytes(group_id))
        waiting = groups.setdefault(group_id, {})
        old = waiting.get(partition)
        self._share.add(offset_bytes(partition, committed) - (old.size_bytes(partition) if old is not None else 0))
        waiting[partition] = Pending(committed, self._order)
        self._producers.setdefault(group_id, {})[producer_id] = None

    def supersede(self, group_id: str, partition: TopicPartition) -> None:
        """A record outside of transactions: what waits is older, and will not count over it."""
        self._supersede(group_id, partition, self._order)

    def forget(self, group_id: str, partition: TopicPartition) -> None:
        """A tombstone deletes what waits as well."""
        for producer_id in list(self._producers.get(group_id, ())):
            offsets = self._offsets[producer_id][group_id]
            gone = offsets.pop(partition, None)
            if gone is not None:
                self._share.add(-gone.size_bytes(partition))
            if not offsets:
                self._remove(producer_id, group_id)

    def end(self, producer_id: int, committed: bool, offsets: Offsets) -> None:
        """A marker."""
        for group_id, waiting in list(self._offsets.get(producer_id, {}).items()):
            self._remove(producer_id, group_id)
            for partition, pending in waiting.items():
                if committed and not pending.superseded:
                    offsets.replay(group_id, partition, pending.committed)
                    self._supersede(group_id, partition, pending.order)

    def _remove(self, producer_id: int, group_id: str) -> None:
        groups, producers = self._offsets[producer_id], self._producers[group_id]
        waiting = groups[group_id]
        self._share.add(-text_bytes(group_id) - sum(one.size_bytes(partition) for partition, one in waiting.items()))
        del groups[group_id], producers[producer_id]
        if not groups:
            del self._offsets[producer_id]
        if not producers:
            del self._producers[group_id]

    def _supersede(self, group_id: str, partition: TopicPartition, order: int) -> None:
        for producer_id in self._producers.get(group_id, ()):
            pending = self._offsets[producer_id][group_id].get(partition)
            if pending is not None and pending.order <= order:
                pending.superseded = True

    # --- what is there

    def of(self, group_id: str) -> dict[TopicPartition, None]:
        """The partitions of a group whose offset is not decided, each once."""
        producers = self._producers.get(group_id, ())
        return dict.fromkeys(one for producer_id in producers for one in self._offsets[producer_id][group_id])

    def known(self, group_id: str, offsets: Offsets) -> dict[TopicPartition, None]:
        """The partitions of a group that have an offset, or one that waits."""
        return dict.fromkeys([*offsets.of(group_id), *self.of(group_id)])

    def groups(self) -> list[str]:
        return list(self._producers)
