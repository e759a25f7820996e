"""The group coordinator of one partition of `__consumer_offsets`: all its groups and their offsets, as one machine.

Durable: the last GroupMetadata record of each classic group, the consumer groups, and the committed offsets; changed by
`replay` alone. Volatile: the classic groups at work, made from their records when first needed, and the watch over each
consumer group. A group id is one or the other, and an empty one changes its kind freely. Requests come in as commands
with a token each; see `coordinator.outcome` for what goes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ottla.common.clock import Random
from ottla.common.errors import (
    GroupIdNotFound,
    GroupSubscribedToTopic,
    IllegalGeneration,
    InvalidGroupId,
    KafkaError,
    NonEmptyGroup,
    OffsetMetadataTooLarge,
    RebalanceInProgress,
    UnknownMemberId,
)
from ottla.common.names import TopicPartition, Uuid
from ottla.coordinator.group.classic import (
    Classic,
    asked_to_leave,
    join_refused,
    leave_answer,
    sync_refused,
)
from ottla.coordinator.group.classic_group import ClassicGroup, State
from ottla.coordinator.group.classic_members import ClassicMembers
from ottla.coordinator.group.consumer import JOIN, LEAVE, Consumer
from ottla.coordinator.group.consumer_group import ConsumerGroup, ConsumerGroups
from ottla.coordinator.group.consumer_member import LEFT_FOR_A_WHILE, Target
from ottla.coordinator.group.consumer_member import Member as ConsumerMember
from ottla.coordinator.group.consumer_offsets import check_commit, check_fetch
from ottla.coordinator.group.consumer_records import forget_group
from ottla.coordinator.group.consumer_view import described, listed
from ottla.coordinator.group.consumer_watch import REJOIN, RESYNC, REVOKE, SESSION, Watch
from ottla.coordinator.group.group_configs import GroupConfigs
from ottla.coordinator.group.limits import Caller, GroupLimits
from ottla.coordinator.group.migration import check_upgrade, downgrade, may_downgrade, upgrade
from ottla.coordinator.group.offsets import Committed, Offsets
from ottla.coordinator.group.subscription import MayDescribe
from ottla.coordinator.group.topics import Topics
from ottla.coordinator.outcome import Outcome, TimerName, Token
from ottla.protocol.logs.consumer_offsets import (
    ConsumerGroupMetadataKey,
    GroupMetadataKey,
    GroupMetadataValue,
    LegacyOffsetCommitKey,
    LegacyOffsetCommitValue,
    OffsetCommitKey,
    OffsetCommitValue,
)
from ottla.protocol.message import Message
from ottla.protocol.messages.consumer_group import (
    ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from ottla.protocol.messages.delete_groups import DeleteGroupsResponse
from ottla.protocol.messages.describe_groups import DescribeGroupsResponse
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.messages.list_groups import ListGroupsResponse
from ottla.protocol.messages.sync_group import SyncGroupRequest

GROUP_ID_NOT_FOUND_SINCE_COMMIT = 9
_DESCRIBE_NOT_FOUND_SINCE = 6
GROUP_METADATA_VERSION, OFFSET_COMMIT_VERSION = 3, 4


class CommitRequest(NamedTuple):
    """An OffsetCommit after its topics were authorised and resolved; `offsets` are those that may be stored."""

    group_id: str
    member_id: str
    instance_id: str | None
    generation: int
    offsets: dict[TopicPartition, Committed]


class GroupMachine:
    """See the module. `now_ms` is the clock of the runtime; nothing here waits, logs or looks at a file."""

    def __init__(self, limits: GroupLimits, configs: GroupConfigs, topics: Topics, random: Random) -> None:
        self.limits = limits
        self.classic = Classic(limits, random)
        self.consumer = Consumer(limits, configs, topics, random)
        self.classic_members = ClassicMembers(self.consumer, random)
        self.offsets = Offsets()
        self.consumers = ConsumerGroups()
        self._watches: dict[str, Watch] = {}
        self._stored: dict[str, GroupMetadataValue] = {}
        self._groups: dict[str, ClassicGroup] = {}

    # --- the log

    def replay(self, key: Message, value: Message | None, now_ms: int) -> None:
        """The only way that durable state changes, while serving and while loading alike."""
        if isinstance(key, OffsetCommitKey):
            partition = TopicPartition(key.topic, key.partition)
            assert value is None or isinstance(value, OffsetCommitValue)
            self.offsets.replay(key.group, partition, None if value is None else _committed(value))
        elif isinstance(key, GroupMetadataKey):
            assert value is None or isinstance(value, GroupMetadataValue)
            if value is None:
                self._stored.pop(key.group, None)
            else:
                self._stored[key.group] = value
        elif isinstance(key, LegacyOffsetCommitKey):
            partition = TopicPartition(key.topic, key.partition)
            assert value is None or isinstance(value, LegacyOffsetCommitValue)
            old = None if value is None else Committed(value.offset, -1, value.metadata, value.commit_timestamp)
            self.offsets.replay(key.group, partition, old)
        elif self.consumers.replay(key, value) and value is None and isinstance(key, ConsumerGroupMetadataKey):
            self._watches.pop(key.group_id, None)

    def loaded(self, now_ms: int) -> Outcome:
        """The log was read to its end: groups with members get their session timers."""
        out = Outcome()
        for group_id in self._stored:
            group = self._find(group_id, now_ms)
            assert group is not None
            self.classic.resume(group, out)
        self.consumer.topics_came_at = self.consumer.topics.version  # any topic may have come meanwhile
        for consumer_group in self.consumers.all():
            self.consumer.resume(consumer_group, self._watch(consumer_group.group_id), now_ms, out)
        return out

    def unload(self, error: KafkaError) -> Outcome:
        """The machine is discarded: everyone who waits is answered with `error`."""
        out = Outcome()
        for group in self._groups.values():
            self.classic.dissolve(group, error, out)
        return out

    # --- members

    def join(self, token: Token, request: JoinGroupRequest, caller: Caller, now_ms: int) -> Outcome:
        out = Outcome()
        try:
            self.classic.check_join(request)
            consumers = self.consumers.get(request.group_id)
            if consumers is not None and consumers.members:
                out.answer(token, self._join_consumers(consumers, request, caller, now_ms, out))
                return out
            group = self._find(request.group_id, now_ms)
            if group is not None:
                self.classic.join(group, token, request, caller, now_ms, out)
                return out
            if request.member_id:
                raise UnknownMemberId
            if consumers is not None:
                forget_group(out, consumers)
            self._join_first(token, request, caller, now_ms, out)
        except KafkaError as error:
            out = Outcome()
            member_id = "" if self.consumers.get(request.group_id) is not None else request.member_id
            out.answer(token, join_refused(error, member_id))
        return out

    def _join_first(self, token: Token, request: JoinGroupRequest, caller: Caller, now_ms: int, out: Outcome) -> None:
        """A group begins, and with it its first record, even if nobody gets in."""
        before = len(out.records)
        group = self._create(request.group_id, now_ms)
        self.classic.join(group, token, request, caller, now_ms, out)
        if len(out.records) == before:
            out.write(GroupMetadataKey(group=group.group_id), group.snapshot_empty())

    def _join_consumers(
        self, group: ConsumerGroup, request: JoinGroupRequest, caller: Caller, now_ms: int, out: Outcome
    ) -> JoinGroupResponse:
        """A classic client joins a consumer group; in place of its last other member, the group becomes classic."""
        watch = self._watch(group.group_id)
        joined = self.classic_members.join(group, watch, request, caller, _everything, now_ms, out)
        member, replaced = joined.member, joined.replaced
        if member is not None and replaced is not None and may_downgrade(group, [replaced], self.limits, joining=1):
            out.records.clear()
            left = [one for one in group.members.values() if one.member_id != replaced.member_id]
            targets = {**group.target, member.member_id: group.target_of(replaced)}
            self._become_classic(group, [*left, member], targets, now_ms, out)
            joined.answer.generation_id = group.epoch
        return joined.answer

    def sync(self, token: Token, request: SyncGroupRequest, caller: Caller, now_ms: int) -> Outcome:
        out = Outcome()
        try:
            consumers = self.consumers.get(request.group_id)
            if consumers is not None:
                watch = self._watch(request.group_id)
                out.answer(token, self.classic_members.sync(consumers, watch, request, caller, now_ms, out))
            else:
                self.classic.sync(self._member_group(request.group_id, now_ms), token, request, caller, now_ms, out)
        except KafkaError as error:
            out.answer(token, sync_refused(error))
        return out

    def heartbeat(self, token: Token, request: HeartbeatRequest, caller: Caller, now_ms: int) -> Outcome:
        out = Outcome()
        try:
            consumers = self.consumers.get(request.group_id)
            if consumers is not None:
                watch = self._watch(request.group_id)
                out.answer(token, self.classic_members.heartbeat(consumers, watch, request, now_ms, out))
            else:
                group = self._member_group(request.group_id, now_ms)
                out.answer(token, self.classic.heartbeat(group, request, now_ms, out))
        except KafkaError as error:
            out.answer(token, HeartbeatResponse(error_code=error.code))
        return out

    def leave(self, token: Token, request: LeaveGroupRequest, caller: Caller, now_ms: int) -> Outcome:
        out = Outcome()
        try:
            if not request.group_id:
                raise InvalidGroupId
            consumers = self.consumers.get(request.group_id)
            if consumers is not None:
                asked = asked_to_leave(request, caller.version)
                answers, gone = self.classic_members.leave(consumers, asked)
                if gone:
                    self._members_gone(consumers, gone, now_ms, out)
                out.answer(token, leave_answer(answers, caller.version))
                return out
            group = self._find(request.group_id, now_ms) or ClassicGroup(request.group_id, now_ms)
            out.answer(token, self.classic.leave(group, request, caller, now_ms, out))
        except KafkaError as error:
            out.answer(token, LeaveGroupResponse(error_code=error.code))
        return out

    # --- members of the consumer protocol (KIP-848)

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
            self._members_gone(group, [member], now_ms, out)
        return ConsumerGroupHeartbeatResponse(member_id=request.member_id, member_epoch=request.member_epoch)

    def _consumer_group(self, group_id: str, create: bool, now_ms: int, out: Outcome) -> ConsumerGroup:
        """The group; a new one where a member may make it. A classic group becomes one, if it may."""
        group = self.consumers.get(group_id)
        if group is not None:
            return group
        classic = self._find(group_id, now_ms)
        if create and (classic is None or classic.state is State.EMPTY):
            self._remove(group_id, out)
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

    def _members_gone(self, group: ConsumerGroup, gone: list[ConsumerMember], now_ms: int, out: Outcome) -> None:
        """Members left or were fenced. If only classic clients are left, the group is theirs again."""
        if may_downgrade(group, gone, self.limits):
            ids = {member.member_id for member in gone}
            left = [member for member in group.members.values() if member.member_id not in ids]
            classic = self._become_classic(group, left, group.target, now_ms, out)
            self.classic.rebalance(classic, now_ms, out)
        else:
            self.consumer.remove(group, self._watch(group.group_id), gone, out)

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

    # --- offsets

    def commit(self, token: Token, request: CommitRequest, caller: Caller, now_ms: int) -> Outcome:
        """Answers an error code for each partition: a dict of TopicPartition to code."""
        out = Outcome()
        codes: dict[TopicPartition, int] = {}
        try:
            self._check_commit(request, caller, now_ms, out)
        except KafkaError as error:
            out.answer(token, dict.fromkeys(request.offsets, error.code))
            return out
        for partition, committed in request.offsets.items():
            if len(committed.metadata.encode()) > self.limits.offset_metadata_max_bytes:
                codes[partition] = OffsetMetadataTooLarge.code
                continue
            codes[partition] = 0
            out.write(
                OffsetCommitKey(group=request.group_id, topic=partition.topic, partition=partition.partition),
                OffsetCommitValue(
                    offset=committed.offset,
                    leader_epoch=committed.leader_epoch,
                    metadata=committed.metadata,
                    commit_timestamp=committed.commit_ms,
                    topic_id=Uuid(committed.topic_id),
                ),
            )
        out.answer(token, codes)
        return out

    def _check_commit(self, request: CommitRequest, caller: Caller, now_ms: int, out: Outcome) -> None:
        consumers = self.consumers.get(request.group_id)
        if consumers is not None:
            check_commit(consumers, request.member_id, request.generation, request.offsets, caller.version)
            return
        group = self._find(request.group_id, now_ms)
        if group is None:
            if request.generation >= 0:
                raise GroupIdNotFound if caller.version >= GROUP_ID_NOT_FOUND_SINCE_COMMIT else IllegalGeneration
            group = self._create(request.group_id, now_ms)
        member = self.classic.check_commit(group, request.member_id, request.instance_id, request.generation)
        if member is not None:
            self.classic.committed(group, member, now_ms, out)

    def read_offsets(self, token: Token, group_id: str, member_id: str | None, epoch: int) -> Outcome:
        """OffsetFetch. Answers the group's offsets, or a KafkaError when a member may not see them."""
        out = Outcome()
        group = self.consumers.get(group_id)
        try:
            if group is not None:
                check_fetch(group, member_id, epoch)
            out.answer(token, dict(self.offsets.of(group_id)))
        except KafkaError as error:
            out.answer(token, error)
        return out

    def delete_offsets(self, token: Token, group_id: str, partitions: list[TopicPartition], now_ms: int) -> Outcome:
        """OffsetDelete. Answers a dict of codes, or a KafkaError for the whole group."""
        out = Outcome()
        group = self._find(group_id, now_ms)
        consumers = self.consumers.get(group_id)
        if group is None and consumers is None and not self.offsets.of(group_id):
            out.answer(token, GroupIdNotFound())
            return out
        subscribed: list[str] = []
        if consumers is not None:
            subscribed = [one.topic for one in partitions if consumers.subscribes_to(one.topic)]
        elif group is not None and group.state not in (State.EMPTY, State.DEAD):
            topics = group.subscribed_topics()
            if topics is None:
                out.answer(token, NonEmptyGroup())
                return out
            subscribed = topics
        codes = {}
        for partition in partitions:
            codes[partition] = GroupSubscribedToTopic.code if partition.topic in subscribed else 0
            if not codes[partition] and partition in self.offsets.of(group_id):
                out.write(_offset_key(group_id, partition), None)
        out.answer(token, codes)
        return out

    def forget_topics(self, topics: list[str]) -> Outcome:
        """Topics were deleted: their committed offsets go as well."""
        out = Outcome()
        for group_id in self.offsets.groups():
            for partition in self.offsets.of(group_id):
                if partition.topic in topics:
                    out.write(_offset_key(group_id, partition), None)
        return out

    def expire(self, now_ms: int) -> Outcome:
        """Offsets that nobody needs any more, and groups that have neither members nor offsets left."""
        out = Outcome()
        for group_id in self.group_ids():
            group = self._find(group_id, now_ms)
            base_ms: int | None = None
            subscribed: list[str] = []
            consumers = self.consumers.get(group_id)
            if consumers is not None:
                subscribed = [one.topic for one in self.offsets.of(group_id) if consumers.subscribes_to(one.topic)]
            elif group is not None and group.state is State.EMPTY:
                base_ms = group.state_since_ms if group.protocol_type is not None else None
            elif group is not None:
                topics = group.subscribed_topics()
                if topics is None:
                    continue  # members of an unknown kind: keep everything
                subscribed = topics
            expired = self.offsets.expired(
                group_id,
                base_ms=base_ms,
                subscribed=subscribed,
                now_ms=now_ms,
                retention_ms=self.limits.offsets_retention_ms,
            )
            for partition in expired:
                out.write(_offset_key(group_id, partition), None)
            unused = len(expired) == len(self.offsets.of(group_id))
            if consumers is not None:
                if unused and not consumers.members:
                    forget_group(out, consumers)
            elif unused and (group is None or (group.state is State.EMPTY and not group.pending_joins)):
                self._remove(group_id, out)
        return out

    # --- looking at groups

    def group_ids(self) -> list[str]:
        return list(dict.fromkeys([*self._stored, *self._groups, *self.consumers.ids(), *self.offsets.groups()]))

    def list(self, now_ms: int) -> list[ListGroupsResponse.ListedGroup]:
        found = []
        for group_id in self.group_ids():
            consumers = self.consumers.get(group_id)
            if consumers is not None:
                found.append(listed(consumers))
                continue
            group = self._find(group_id, now_ms)
            found.append(
                ListGroupsResponse.ListedGroup(
                    group_id=group_id,
                    protocol_type=(group.protocol_type or "") if group is not None else "",
                    group_state=(group.state if group is not None else State.EMPTY).value,
                    group_type="classic",
                )
            )
        return found

    def describe(self, group_id: str, version: int, now_ms: int) -> DescribeGroupsResponse.DescribedGroup:
        group = self._find(group_id, now_ms)
        if group is None:
            answer = DescribeGroupsResponse.DescribedGroup(group_id=group_id, group_state=State.DEAD.value)
            if version >= _DESCRIBE_NOT_FOUND_SINCE:
                answer.error_code = GroupIdNotFound.code
                known = self.consumers.get(group_id) is not None
                answer.error_message = f"Group {group_id} {'is not a classic group' if known else 'not found'}."
            return answer
        stable = group.state is State.STABLE
        return DescribeGroupsResponse.DescribedGroup(
            group_id=group_id,
            group_state=group.state.value,
            protocol_type=group.protocol_type or "",
            protocol_data=(group.protocol or "") if stable else "",
            members=[
                DescribeGroupsResponse.DescribedGroupMember(
                    member_id=member.member_id,
                    group_instance_id=member.instance_id,
                    client_id=member.client_id,
                    client_host=member.client_host,
                    member_metadata=member.metadata(group.protocol) if stable else b"",
                    member_assignment=member.assignment,
                )
                for member in group.members.values()
            ],
        )

    def describe_consumers(self, group_id: str, now_ms: int) -> ConsumerGroupDescribeResponse.DescribedGroup:
        """ConsumerGroupDescribe for one group."""
        group = self.consumers.get(group_id)
        if group is not None:
            return described(group, self.consumer)
        error = self._not_a_consumer_group(group_id, "Group {} not found.", now_ms)
        return ConsumerGroupDescribeResponse.DescribedGroup(
            error_code=error.code, error_message=error.message, group_id=group_id
        )

    def delete(self, token: Token, group_id: str, now_ms: int) -> Outcome:
        """DeleteGroups for one group: only an empty one."""
        out = Outcome()
        answer = DeleteGroupsResponse.DeletableGroupResult(group_id=group_id)
        group = self._find(group_id, now_ms)
        consumers = self.consumers.get(group_id)
        if group is None and consumers is None and not self.offsets.of(group_id):
            answer.error_code = GroupIdNotFound.code
        elif (consumers is not None and consumers.members) or (
            group is not None and group.state not in (State.EMPTY, State.DEAD)
        ):
            answer.error_code = NonEmptyGroup.code
        else:
            for partition in self.offsets.of(group_id):
                out.write(_offset_key(group_id, partition), None)
            if consumers is not None:
                forget_group(out, consumers)
            else:
                self._remove(group_id, out)
        out.answer(token, answer)
        return out

    # --- the clock

    def on_timer(self, name: TimerName, now_ms: int) -> Outcome:
        out = Outcome()
        consumers = self.consumers.get(name[1])
        if consumers is not None:
            self._consumer_timer(consumers, name, now_ms, out)
            return out
        group = self._groups.get(name[1])
        if group is not None:
            self.classic.on_timer(group, name, now_ms, out)
        return out

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
        if late and member is not None:
            self._members_gone(group, [member], now_ms, out)

    # --- helpers

    def _find(self, group_id: str, now_ms: int) -> ClassicGroup | None:
        group = self._groups.get(group_id)
        if group is None:
            stored = self._stored.get(group_id)
            if stored is None:
                return None
            group = self._groups[group_id] = ClassicGroup.restore(group_id, stored, now_ms)
        return group

    def _create(self, group_id: str, now_ms: int) -> ClassicGroup:
        group = self._groups[group_id] = ClassicGroup(group_id, now_ms)
        return group

    def _member_group(self, group_id: str, now_ms: int) -> ClassicGroup:
        if not group_id:
            raise InvalidGroupId
        group = self._find(group_id, now_ms)
        if group is None:
            raise UnknownMemberId
        return group

    def _remove(self, group_id: str, out: Outcome) -> None:
        self._groups.pop(group_id, None)
        if group_id in self._stored:
            out.write(GroupMetadataKey(group=group_id), None)


def _everything(_: str) -> bool:
    """Classic clients subscribe to names alone, and were authorised for those."""
    return True


def _offset_key(group_id: str, partition: TopicPartition) -> OffsetCommitKey:
    return OffsetCommitKey(group=group_id, topic=partition.topic, partition=partition.partition)


def _committed(value: OffsetCommitValue) -> Committed:
    return Committed(
        value.offset, value.leader_epoch, value.metadata, value.commit_timestamp, value.expire_timestamp, value.topic_id
    )
