"""The groups of one machine, of either protocol: where they are kept, found, made and removed."""

from __future__ import annotations

from typing import NamedTuple

from ottla.common.clock import Random
from ottla.common.errors import GroupMaxSizeReached, KafkaError
from ottla.coordinator.group.classic import Classic
from ottla.coordinator.group.classic_group import ClassicGroup, State
from ottla.coordinator.group.consumer_group import ConsumerGroups
from ottla.coordinator.group.limits import GroupLimits
from ottla.coordinator.group.offsets import Offsets
from ottla.coordinator.group.room import Room
from ottla.coordinator.group.sizes import consumer_bytes, memory_bytes
from ottla.coordinator.group.transactional import PendingOffsets
from ottla.coordinator.outcome import Outcome
from ottla.coordinator.room import ByteShare
from ottla.protocol.logs.consumer_offsets import GroupMetadataKey, GroupMetadataValue
from ottla.protocol.message import Message


class Glance(NamedTuple):
    """One group as monitoring shows it. `kind`: classic or consumer."""

    kind: str
    state: str
    members: int
    member_bytes: int


class GroupBase:
    """Durable: `_stored`, `consumers`, `offsets` and `pending`. Volatile: `_groups`, the classic groups at work."""

    def __init__(self, limits: GroupLimits, room: Room, random: Random) -> None:
        self.limits = limits
        self.room = room
        self.classic = Classic(limits, random)
        self.offset_share = ByteShare(room.offsets)
        self.offsets = Offsets(self.offset_share)
        self.pending = PendingOffsets(self.offset_share)
        self.consumers = ConsumerGroups()
        self._stored: dict[str, GroupMetadataValue] = {}
        self._groups: dict[str, ClassicGroup] = {}

    def member_count(self) -> int:
        """Of classic groups, those at work."""
        return sum(len(group.members) for groups in (self._groups.values(), self.consumers.all()) for group in groups)

    def glance(self, group_id: str) -> Glance:
        """What monitoring shows of a group, in a few microseconds, and without making a group of its record."""
        consumers = self.consumers.get(group_id)
        if consumers is not None:
            return Glance("consumer", consumers.state.value, len(consumers.members), consumer_bytes(consumers))
        group = self._groups.get(group_id)
        if group is not None:
            return Glance("classic", group.state.value, len(group.members), memory_bytes(group))
        stored = self._stored.get(group_id)
        if stored is None or not stored.members:
            return Glance("classic", State.EMPTY.value, 0, 0)
        return Glance("classic", State.STABLE.value, len(stored.members), 0)

    def _find(self, group_id: str, now_ms: int) -> ClassicGroup | None:
        group = self._groups.get(group_id)
        if group is None:
            stored = self._stored.get(group_id)
            if stored is None:
                return None
            group = self._groups[group_id] = ClassicGroup.restore(group_id, stored, now_ms)
        return group

    def _admit(self, group_id: str, now_ms: int, refusal: type[KafkaError] = GroupMaxSizeReached) -> None:
        """A group that has nothing but offsets, or not even those, gets more. Raises `refusal`."""
        if not self.pending.known(group_id, self.offsets) and not self.room.take(group_id, now_ms):
            raise refusal(f"This broker holds {self.room.limit} groups already; ottla.max.groups allows no more.")

    def _create(self, group_id: str, now_ms: int) -> ClassicGroup:
        group = self._groups[group_id] = ClassicGroup(group_id, now_ms)
        return group

    def _remove(self, group_id: str, out: Outcome) -> None:
        self._groups.pop(group_id, None)
        if group_id in self._stored:
            out.write(GroupMetadataKey(group=group_id), None)

    def refused(self, records: list[tuple[Message, Message | None]], error: KafkaError, now_ms: int) -> Outcome:
        """Nothing of this was written. A classic group changes before its record does, so it goes back to the last
        record that was written, as when a coordinator is loaded: its members join again. The others' groups stay."""
        out = Outcome()
        for key, _ in records:
            if isinstance(key, GroupMetadataKey):
                self._go_back(key.group, error, now_ms, out)
        return out

    def _go_back(self, group_id: str, error: KafkaError, now_ms: int, out: Outcome) -> None:
        group = self._groups.pop(group_id, None)
        if group is not None:
            self.classic.dissolve(group, error, out)
            self.classic.cancel(group, out)
        stored = self._find(group_id, now_ms)
        if stored is not None:
            self.classic.resume(stored, out)
        self.room.forget()
