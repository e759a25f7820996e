"""Offsets that a transaction has committed and whose marker has not come: durable, and nobody's offset yet (KIP-98).

Changed by `replay` of records and markers alone. A marker of commit makes them the group's offsets, unless an offset of
the same partition was committed after them; a marker of abort drops them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ottla.common.names import TopicPartition
from ottla.coordinator.group.offsets import Committed, Offsets

Place = tuple[str, TopicPartition]
"""A group and a partition."""


@dataclass(slots=True)
class Pending:
    """An offset that waits. `order` counts the pending offsets of a machine in the order of its log."""

    committed: Committed
    order: int
    superseded: bool = False
    """A later offset of the same partition counts already."""


class PendingOffsets:
    """Those of one partition of `__consumer_offsets`, by producer id."""

    def __init__(self) -> None:
        self._producers: dict[int, dict[Place, Pending]] = {}
        self._order = 0

    def __bool__(self) -> bool:
        return bool(self._producers)

    # --- the log

    def add(self, producer_id: int, group_id: str, partition: TopicPartition, committed: Committed) -> None:
        """A record within a transaction."""
        self._order += 1
        self._producers.setdefault(producer_id, {})[group_id, partition] = Pending(committed, self._order)

    def supersede(self, group_id: str, partition: TopicPartition) -> None:
        """A record outside of transactions: what waits is older, and will not count over it."""
        self._supersede((group_id, partition), self._order)

    def forget(self, group_id: str, partition: TopicPartition) -> None:
        """A tombstone deletes what waits as well."""
        for producer_id in list(self._producers):
            offsets = self._producers[producer_id]
            offsets.pop((group_id, partition), None)
            if not offsets:
                del self._producers[producer_id]

    def end(self, producer_id: int, committed: bool, offsets: Offsets) -> None:
        """A marker."""
        for place, pending in self._producers.pop(producer_id, {}).items():
            if committed and not pending.superseded:
                offsets.replay(*place, pending.committed)
                self._supersede(place, pending.order)

    def _supersede(self, place: Place, order: int) -> None:
        for offsets in self._producers.values():
            pending = offsets.get(place)
            if pending is not None and pending.order <= order:
                pending.superseded = True

    # --- what is there

    def _places(self) -> Iterator[Place]:
        for offsets in self._producers.values():
            yield from offsets

    def of(self, group_id: str) -> list[TopicPartition]:
        """The partitions of a group whose offset is not decided; each once."""
        return list(dict.fromkeys(partition for group, partition in self._places() if group == group_id))

    def known(self, group_id: str, offsets: Offsets) -> list[TopicPartition]:
        """The partitions of a group that have an offset, or one that waits."""
        committed = offsets.of(group_id)
        return list(dict.fromkeys([*committed, *self.of(group_id)])) if self._producers else list(committed)

    def groups(self) -> list[str]:
        return list(dict.fromkeys(group for group, _ in self._places()))
