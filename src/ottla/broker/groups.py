"""The group coordinator of this broker: the runtime of its machines, and who coordinates what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ottla.broker import eager
from ottla.broker.coordination import Coordinator
from ottla.broker.group_topics import ImageGroupConfigs, ImageTopics
from ottla.broker.waits import give_way
from ottla.common.errors import NotCoordinator
from ottla.common.names import CONSUMER_OFFSETS
from ottla.coordinator.group.formats import GROUP_FORMATS
from ottla.coordinator.group.limits import GroupLimits
from ottla.coordinator.group.machine import GroupMachine
from ottla.coordinator.group.room import MemberRoom, Room, weight_of
from ottla.coordinator.outcome import Outcome, Token
from ottla.coordinator.room import ByteRoom
from ottla.coordinator.runtime import SLICE_S, Runtime
from ottla.coordinator.steady_formats import SteadyFormats

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.metadata.delta import Delta

_GROUPS_AT_A_TIME = 50

GroupCommand = Callable[[GroupMachine, Token, int], Outcome]


class Groups(Coordinator[GroupMachine]):
    """What handlers ask."""

    topic = CONSUMER_OFFSETS
    without_topic = NotCoordinator

    def __init__(self, node: Node) -> None:
        settings = node.settings
        limits = GroupLimits(
            group_min_session_timeout_ms=settings.group_min_session_timeout_ms,
            group_max_session_timeout_ms=settings.group_max_session_timeout_ms,
            group_initial_rebalance_delay_ms=settings.group_initial_rebalance_delay_ms,
            group_max_size=settings.group_max_size,
            offset_metadata_max_bytes=settings.offset_metadata_max_bytes,
            offsets_retention_ms=settings.offsets_retention_minutes * 60_000,
            group_consumer_max_size=settings.group_consumer_max_size,
            group_consumer_assignors=tuple(settings.group_consumer_assignors),
            group_consumer_migration_policy=settings.group_consumer_migration_policy,
            group_consumer_regex_refresh_interval_ms=settings.group_consumer_regex_refresh_interval_ms,
            record_max_bytes=settings.message_max_bytes,
        )
        offset_room = ByteRoom(settings.ottla_max_offset_bytes, self._offsets_are_full)
        self.room = Room(settings.ottla_max_groups, self._count_for_room, offset_room)
        self.member_room = MemberRoom(settings.ottla_max_group_bytes, self.member_bytes)
        topics = ImageTopics(node)
        self._configs = ImageGroupConfigs(node)
        runtime = Runtime(
            node.loop,
            node.steady,
            SteadyFormats(GROUP_FORMATS, node.steady),
            lambda: GroupMachine(limits, self.room, self._configs, topics, node.random, self.member_room),
            node.log_failure,
            note=node.log.note,
        )
        super().__init__(node, runtime)

    def count(self) -> int:
        """The groups of all machines."""
        return sum(len(shard.machine.group_ids()) for shard in self.runtime.shards())

    def member_bytes(self) -> int:
        """What the members of all groups have sent, and is kept."""
        return sum(shard.machine.member_bytes() for shard in self.runtime.shards())

    def _count_for_room(self) -> int:
        count = sum(weight_of(one) for shard in self.runtime.shards() for one in shard.machine.group_ids())
        if count >= self.room.limit:  # said at most once a second
            self._node.log.warn("groups.limit_reached", groups=count, limit=self.room.limit)
        return count

    def _offsets_are_full(self, room: ByteRoom) -> None:
        self._node.log.warn(
            "groups.offset_limit_reached", size_bytes=room.used_bytes, limit_bytes=room.limit_bytes,
            refused=room.refused, setting="ottla.max.offset.bytes",
        )  # fmt: skip

    def call(self, group_id: str, command: GroupCommand) -> Awaitable[Any]:
        """The answer of the group's machine, once committed. Raises the coordinator errors: before anybody has asked
        for a coordinator there is no topic, and this broker coordinates nothing."""
        return self.runtime.call(self.partition_of(group_id), command)

    def apply(self, delta: Delta) -> None:
        """Follows the image: topics that came, grew or went, and settings of groups."""
        self._configs.forget(delta)
        image = self._node.image
        ids = dict.fromkeys((*delta.created_topics, *delta.changed_partitions))
        names = [image.topics_by_id[one].name for one in ids if one in image.topics_by_id]
        names += [topic.name for topic in delta.deleted_topics.values()]
        if names:
            version = image.end_offset - 1
            self.runtime.everywhere(lambda machine, now_ms: machine.topics_changed(names, version))

    def topics_deleted(self, topics: list[str]) -> None:
        """Their committed offsets go, some milliseconds at a time: there may be a million of them."""
        eager.spawn(self._forget(topics, self._node.steady.now_ms()), self._forgotten)

    async def _forget(self, topics: list[str], deleted_ms: int) -> None:
        loop = self._node.loop
        for shard in self.runtime.shards():
            groups = shard.machine.groups_with_offsets()
            started = loop.time()
            for first in range(0, len(groups), _GROUPS_AT_A_TIME):
                some = groups[first : first + _GROUPS_AT_A_TIME]
                if self.runtime.is_current(shard):
                    shard.run(shard.machine.forget_topics(topics, some, deleted_ms))
                if loop.time() - started > SLICE_S:
                    await give_way()
                    started = loop.time()

    def _forgotten(self, _result: object, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            self._node.log_failure("groups.offsets_kept", error)

    def expire(self) -> None:
        self.runtime.everywhere(lambda machine, now_ms: machine.expire(now_ms))
