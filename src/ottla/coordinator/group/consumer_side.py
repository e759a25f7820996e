"""The consumer groups of one machine (KIP-848): heartbeats, classic clients among their members, and groups that change
their protocol. The rules are in `consumer.py`, `classic_members.py` and `migration.py`; here they meet the groups.
"""

from __future__ import annotations

from collections.abc import Iterable

from ottla.common.clock import Random
from ottla.common.errors import (
    GroupIdNotFound,
    GroupMaxSizeReached,
    KafkaError,
    RebalanceInProgress,
    UnknownServerError,
)
from ottla.coordinator.group.classic_group import ClassicGroup, State
from ottla.coordinator.group.classic_members import ClassicMembers
from ottla.coordinator.group.consumer import JOIN, LEAVE, Consumer
from ottla.coordinator.group.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer_member import LEFT_FOR_A_WHILE, Target
from ottla.coordinator.group.consumer_member import Member as ConsumerMember
from ottla.coordinator.group.consumer_view import described
from ottla.coordinator.group.consumer_watch import REJOIN, RESYNC, REVOKE, SESSION, Watch
from ottla.coordinator.group.group_base import GroupBase
from ottla.coordinator.group.group_configs import GroupConfigs
from ottla.coordinator.group.limits import Caller, GroupLimits
from ottla.coordinator.group.migration import check_upgrade, downgrade, may_downgrade, upgrade
from ottla.coordinator.group.room import MemberRoom, Room
from ottla.coordinator.group.sizes import subscription_bytes
from ottla.coordinator.group.subscription import MayDescribe
from ottla.coordinator.group.topics import Topics
from ottla.coordinator.outcome import Outcome, TimerName, Token
from ottla.protocol.logs.consumer_offsets import GroupMetadataKey
from ottla.protocol.messages.consumer_group import (
    ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse

_LATE = {
    SESSION: "no sign of life within the session timeout",
    REVOKE: "it did not give up its partitions within its rebalance timeout",
    REJOIN: "it did not join again within its rebalance timeout",
    RESYNC: "it joined again and never synced",
}
"""Why a member that missed a deadline is fenced."""


class ConsumerSide(GroupBase):
    """What `GroupMachine` does for consumer groups. Volatile: the watch over each of them."""

    def __init__(
        self,
        limits: GroupLimits,
        room: Room,
        configs: GroupConfigs,
        topics: Topics,
        random: Random,
        member_room: MemberRoom | None = None,
    ) -> None:
        super().__init__(limits, room, random)
        self._member_room = member_room
        self.consumer = Consumer(limits, configs, topics, random)
        self.classic_members = ClassicMembers(self.consumer, random)
        self._watches: dict[str, Watch] = {}

    def consumer_heartbeat(
        self,
        token: Token,
        request: ConsumerGroupHeartbeatRequest,
        caller: Caller,
        may_describe: MayDescribe,
        now_ms: int,
    ) -> Outcome:
        out = Outcome()
        try:
            self.consumer.check(request, caller.version)
            self._check_subscription(request, now_ms)
            if request.member_epoch in (LEAVE, LEFT_FOR_A_WHILE):
                answer = self._consumer_leave(request, now_ms, out)
            else:
                group = self._consumer_group(request.group_id, request.member_epoch == JOIN, now_ms, out)
                watch = self._watch(group.group_id)
                answer = self.consumer.heartbeat(group, watch, request, caller, may_describe, now_ms, out)
                self._give_way(group, watch, now_ms, out)
        except KafkaError as error:
            if self.consumers.get(request.group_id) is None:
                self._watches.pop(request.group_id, None)
            out = Outcome()
            answer = ConsumerGroupHeartbeatResponse(error_code=error.code, error_message=error.message)
        out.answer(token, answer)
        return out

    def _check_subscription(self, request: ConsumerGroupHeartbeatRequest, now_ms: int) -> None:
        """Raises UnknownServerError for a member that no record can hold, as Kafka does when it writes it."""
        names = request.subscribed_topic_names
        if not names or request.member_epoch in (LEAVE, LEFT_FOR_A_WHILE):
            return
        self._take_member(subscription_bytes(names), now_ms)

    def _take_member(self, size_bytes: int, now_ms: int) -> None:
        """A member of so many bytes may come. Raises UnknownServerError, GroupMaxSizeReached."""
        if size_bytes > self.limits.record_max_bytes:
            raise UnknownServerError(
                f"a record of {size_bytes} bytes would be needed; message.max.bytes is {self.limits.record_max_bytes}"
            )
        if self._member_room is not None and not self._member_room.take(size_bytes, now_ms):
            raise GroupMaxSizeReached("the members of all groups have sent too much (ottla.max.group.bytes)")

    def _consumer_leave(
        self, request: ConsumerGroupHeartbeatRequest, now_ms: int, out: Outcome
    ) -> ConsumerGroupHeartbeatResponse:
        group = self.consumers.get(request.group_id)
        if group is None:
            raise self._not_a_consumer_group(request.group_id, "Group {} not found.", now_ms)
        member = self.consumer.check_leaver(group, request.member_id, request.instance_id)
        if request.member_epoch == LEFT_FOR_A_WHILE:
            self.consumer.pause(group, member, out)
        else:
            self._members_gone(group, [member], now_ms, out, "it left")
        return ConsumerGroupHeartbeatResponse(member_id=request.member_id, member_epoch=request.member_epoch)

    def _consumer_group(self, group_id: str, create: bool, now_ms: int, out: Outcome) -> ConsumerGroup:
        """The group; a new one where a member may make it. A classic group becomes one, if it may."""
        group = self.consumers.get(group_id)
        if group is not None:
            return group
        classic = self._find(group_id, now_ms)
        if create and (classic is None or classic.state is State.EMPTY):
            if group_id in self._stored:
                out.write(GroupMetadataKey(group=group_id), None)
            if classic is None:
                self._admit(group_id, now_ms)
            return ConsumerGroup(group_id)
        if create and classic is not None:
            check_upgrade(classic, self.limits)
            return upgrade(classic, self.consumer.topics, out)
        raise self._not_a_consumer_group(group_id, "Consumer group {} not found.", now_ms)

    def _give_way(self, group: ConsumerGroup, watch: Watch, now_ms: int, out: Outcome) -> None:
        """The classic group of this id is no more: who waits for it joins again."""
        classic = self._groups.pop(group.group_id, None)
        if classic is None:
            return
        self.classic.dissolve(classic, RebalanceInProgress(), out)
        self.classic.cancel(classic, out)
        for member in group.members.values():
            if member.classic is not None:
                watch.alive(member.member_id, member.classic.session_timeout_ms, now_ms, out)

    def _members_gone(
        self, group: ConsumerGroup, gone: list[ConsumerMember], now_ms: int, out: Outcome, reason: str
    ) -> None:
        """Members left or were fenced. If only classic clients are left, the group is theirs again."""
        if may_downgrade(group, gone, self.limits):
            ids = {member.member_id for member in gone}
            left = [member for member in group.members.values() if member.member_id not in ids]
            classic = self._become_classic(group, left, group.target, now_ms, out)
            self.classic.rebalance(classic, now_ms, out)
        else:
            self.consumer.remove(group, self._watch(group.group_id), gone, out, reason)

    def _become_classic(
        self,
        group: ConsumerGroup,
        members: list[ConsumerMember],
        targets: dict[str, Target],
        now_ms: int,
        out: Outcome,
    ) -> ClassicGroup:
        classic = downgrade(group, members, targets, self.consumer.topics, now_ms, out)
        self._watch(group.group_id).forget_all(out)
        self._groups[group.group_id] = classic
        self.classic.resume(classic, out)
        return classic

    def _not_a_consumer_group(self, group_id: str, absent: str, now_ms: int) -> KafkaError:
        if self._find(group_id, now_ms) is None and not self.offsets.of(group_id):
            return GroupIdNotFound(absent.format(group_id))
        return GroupIdNotFound(f"Group {group_id} is not a consumer group.")

    def _watch(self, group_id: str) -> Watch:
        watch = self._watches.get(group_id)
        if watch is None:
            watch = self._watches[group_id] = Watch(group_id)
        return watch

    def topics_changed(self, names: Iterable[str], version: int) -> Outcome:
        """Topics were made, grew or went, up to this metadata offset: their groups look again at the next heartbeat."""
        self.consumer.topics_came_at = version
        for group in self.consumers.all():
            if any(group.subscribes_to(name) for name in names):
                self._watch(group.group_id).topics_changed = True
        return Outcome()

    # --- classic clients

    def _join_consumers(
        self, group: ConsumerGroup, request: JoinGroupRequest, caller: Caller, now_ms: int, out: Outcome
    ) -> JoinGroupResponse:
        """A classic client joins a consumer group; in place of its last other member, the group becomes classic."""
        watch = self._watch(group.group_id)
        joined = self.classic_members.join(group, watch, request, caller, now_ms, out)
        if joined.turn is not None:
            member, replaced, stale = joined.turn
            out.records.clear()
            left = [one for one in group.members.values() if one.member_id != replaced.member_id]
            targets = {**group.target, member.member_id: group.target_of(replaced)}
            classic = self._become_classic(group, [*left, member], targets, now_ms, out)
            if stale:
                self.classic.rebalance(classic, now_ms, out)
        return joined.answer

    # --- tools and the clock

    def describe_consumers(self, group_id: str, now_ms: int) -> ConsumerGroupDescribeResponse.DescribedGroup:
        """ConsumerGroupDescribe for one group."""
        group = self.consumers.get(group_id)
        if group is not None:
            return described(group, self.consumer)
        error = self._not_a_consumer_group(group_id, "Group {} not found.", now_ms)
        return ConsumerGroupDescribeResponse.DescribedGroup(
            error_code=error.code, error_message=error.message, group_id=group_id
        )

    def _consumer_timer(self, group: ConsumerGroup, name: TimerName, now_ms: int, out: Outcome) -> None:
        """A session that ended, or a step that was not made in time: the member is fenced."""
        if name[0] not in (SESSION, REVOKE, REJOIN, RESYNC):
            return  # of a classic group that gave way
        kind, _, member_id = name
        watch = self._watch(group.group_id)
        member = group.members.get(member_id)
        if kind == SESSION:
            late = watch.is_silent(member_id, now_ms, out)
        else:
            epoch = watch.missed(name)
            late = epoch is not None and member is not None and (kind != REVOKE or member.epoch == epoch)
        if member is None:
            watch.forget(member_id, out)  # a static member that has another id by now
        elif late:
            self._members_gone(group, [member], now_ms, out, _LATE[kind])
