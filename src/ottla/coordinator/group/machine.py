"""The group coordinator of one partition of `__consumer_offsets`: all its groups and their offsets, as one machine.

Durable: the last GroupMetadata record of each classic group, the consumer groups, and the committed offsets; changed by
`replay` alone. Volatile: the classic groups at work, made from their records when first needed, and the watch over each
consumer group. A group id is one or the other, and an empty one changes its kind freely. Requests come in as commands
with a token each; see `coordinator.outcome` for what goes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ottla.common.errors import (
    GroupIdNotFound,
    GroupSubscribedToTopic,
    IllegalGeneration,
    InvalidCommitOffsetSize,
    InvalidGroupId,
    KafkaError,
    NonEmptyGroup,
    OffsetMetadataTooLarge,
    PolicyViolation,
    UnknownMemberId,
    UnknownServerError,
)
from ottla.common.names import TopicPartition, Uuid
from ottla.coordinator.group.classic_answers import asked_to_leave, check_sync, join_refused, leave_answer, sync_refused
from ottla.coordinator.group.classic_group import CONSUMER_PROTOCOL, ClassicGroup, Protocols, State
from ottla.coordinator.group.consumer_offsets import check_commit, check_fetch, check_transactional_commit
from ottla.coordinator.group.consumer_records import forget_group
from ottla.coordinator.group.consumer_side import ConsumerSide
from ottla.coordinator.group.consumer_view import listed
from ottla.coordinator.group.limits import Caller
from ottla.coordinator.group.offsets import Committed, Found, offset_bytes
from ottla.coordinator.group.sizes import bytes_with, consumer_bytes, memory_bytes, offsets_bytes, protocols_bytes
from ottla.coordinator.group.tables import in_table_order
from ottla.coordinator.outcome import Author, Outcome, TimerName, Token
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
from ottla.protocol.messages.delete_groups import DeleteGroupsResponse
from ottla.protocol.messages.describe_groups import DescribeGroupsResponse
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.messages.list_groups import ListGroupsResponse
from ottla.protocol.messages.sync_group import SyncGroupRequest

GROUP_ID_NOT_FOUND_SINCE_COMMIT = 9
_DESCRIBE_NOT_FOUND_SINCE = 6
_FEW_OFFSETS = 100
"""So many fit into a batch, whatever their metadata."""
GROUP_METADATA_VERSION, OFFSET_COMMIT_VERSION = 3, 4


class CommitRequest(NamedTuple):
    """An OffsetCommit after its topics were authorised and resolved; `offsets` are those that may be stored."""

    group_id: str
    member_id: str
    instance_id: str | None
    generation: int
    offsets: dict[TopicPartition, Committed]


class GroupMachine(ConsumerSide):
    """See the module. `now_ms` is the clock of the runtime; nothing here waits, logs or looks at a file."""

    # --- the log

    def replay(self, key: Message, value: Message | None, now_ms: int, producer_id: int = -1) -> None:
        """The only way that durable state changes, while serving and while loading alike."""
        if isinstance(key, OffsetCommitKey):
            partition = TopicPartition(key.topic, key.partition)
            assert value is None or isinstance(value, OffsetCommitValue)
            self._replay_offset(key.group, partition, None if value is None else _committed(value), producer_id)
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
            self._replay_offset(key.group, partition, old, producer_id)
        elif self.consumers.replay(key, value) and value is None and isinstance(key, ConsumerGroupMetadataKey):
            self._watches.pop(key.group_id, None)

    def _replay_offset(
        self, group_id: str, partition: TopicPartition, committed: Committed | None, producer_id: int
    ) -> None:
        if producer_id >= 0 and committed is not None:
            self.pending.add(producer_id, group_id, partition, committed)
            return
        self.offsets.replay(group_id, partition, committed)
        if self.pending and committed is not None:
            self.pending.supersede(group_id, partition)
        elif self.pending:
            self.pending.forget(group_id, partition)

    def replay_marker(self, producer_id: int, committed: bool) -> None:
        """A transaction has ended: the offsets that it committed count now, or never."""
        self.pending.end(producer_id, committed, self.offsets)

    def loaded(self, now_ms: int) -> Outcome:
        """The log was read to its end: groups with members get their session timers."""
        self.room.forget()
        self.room.offsets.loaded(now_ms)
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
        self.room.forget()
        self.offset_share.end()
        out = Outcome()
        for group in self._groups.values():
            self.classic.dissolve(group, error, out)
        return out

    # --- members

    def join(self, token: Token, request: JoinGroupRequest, caller: Caller, now_ms: int) -> Outcome:
        out = Outcome()
        try:
            self.classic.check_join(request)
        except KafkaError as error:
            out.answer(token, join_refused(error, request.member_id))
            return out
        consumers = self.consumers.get(request.group_id)
        try:
            self._check_size(request, now_ms)
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
            else:
                self._admit(request.group_id, now_ms)
            self._join_first(token, request, caller, now_ms, out)
        except KafkaError as error:
            out = Outcome()
            member_id = "" if consumers is not None and consumers.members else request.member_id
            out.answer(token, join_refused(error, member_id))
        return out

    def _check_size(self, request: JoinGroupRequest, now_ms: int) -> None:
        """Before anything of the member is kept. Raises UnknownServerError, GroupMaxSizeReached."""
        protocols: Protocols = [(one.name, one.metadata) for one in request.protocols]
        group = self._find(request.group_id, now_ms)
        with_it = bytes_with(group, request.member_id, request.group_instance_id, protocols)
        if with_it > self.limits.record_max_bytes:
            raise UnknownServerError(
                f"the record of group {request.group_id} would have {with_it} bytes; message.max.bytes is "
                f"{self.limits.record_max_bytes}"
            )
        self._take_member(protocols_bytes(protocols), now_ms)

    def member_bytes(self) -> int:
        """What the members of classic groups have sent, and what those of consumer groups subscribe to."""
        classic = sum(map(memory_bytes, self._groups.values()))
        return classic + sum(map(consumer_bytes, self.consumers.all()))

    def _join_first(self, token: Token, request: JoinGroupRequest, caller: Caller, now_ms: int, out: Outcome) -> None:
        """A group begins, and with it its first record, even if nobody gets in."""
        before = len(out.records)
        group = self._create(request.group_id, now_ms)
        self.classic.join(group, token, request, caller, now_ms, out)
        if len(out.records) == before:
            out.write(GroupMetadataKey(group=group.group_id), group.snapshot_empty())

    def sync(self, token: Token, request: SyncGroupRequest, caller: Caller, now_ms: int) -> Outcome:
        out = Outcome()
        try:
            check_sync(request, caller.version)
            consumers = self.consumers.get(request.group_id)
            if consumers is not None:
                watch = self._watch(request.group_id)
                out.answer(token, self.classic_members.sync(consumers, watch, request, caller, now_ms, out))
            else:
                self.classic.sync(self._member_group(request.group_id, now_ms), token, request, caller, now_ms, out)
        except KafkaError as error:
            out.answer(token, sync_refused(error))
        return out

    def heartbeat(self, token: Token, request: HeartbeatRequest, now_ms: int) -> Outcome:
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
                    self._members_gone(consumers, gone, now_ms, out, "it left")
                out.answer(token, leave_answer(answers, caller.version))
                return out
            group = self._find(request.group_id, now_ms) or ClassicGroup(request.group_id, now_ms)
            out.answer(token, self.classic.leave(group, request, caller, now_ms, out))
        except KafkaError as error:
            out.answer(token, LeaveGroupResponse(error_code=error.code))
        return out

    # --- offsets

    def commit(self, token: Token, request: CommitRequest, caller: Caller, now_ms: int) -> Outcome:
        """Answers an error code for each partition: a dict of TopicPartition to code."""
        out = Outcome()
        try:
            self._check_commit(request, caller, now_ms, out)
        except KafkaError as error:
            out.answer(token, dict.fromkeys(request.offsets, error.code))
            return out
        out.answer(token, self._write_offsets(request, now_ms, out))
        return out

    def commit_transactional(self, token: Token, request: CommitRequest, author: Author, now_ms: int) -> Outcome:
        """TxnOffsetCommit: the same within a transaction. A request that names no member is not checked (KIP-447)."""
        out = Outcome()
        out.author = author
        try:
            consumers = self.consumers.get(request.group_id)
            group = None if consumers is not None else self._find(request.group_id, now_ms)
            if consumers is not None:
                check_transactional_commit(
                    consumers, request.member_id, request.instance_id, request.generation, self._storable(request)
                )
            elif group is not None:
                self.classic.check_transactional_commit(
                    group, request.member_id, request.instance_id, request.generation
                )
            elif request.generation >= 0:
                raise IllegalGeneration
            else:
                self._admit(request.group_id, now_ms, PolicyViolation)
                self._create(request.group_id, now_ms)
        except KafkaError as error:
            out.answer(token, dict.fromkeys(request.offsets, error.code))
            return out
        out.answer(token, self._write_offsets(request, now_ms, out))
        return out

    def _write_offsets(self, request: CommitRequest, now_ms: int, out: Outcome) -> dict[TopicPartition, int]:
        """The records of what may be stored; a code for each partition. Kafka's for what no batch can hold."""
        if (
            len(request.offsets) > _FEW_OFFSETS
            and offsets_bytes(request.group_id, request.offsets) > self.limits.record_max_bytes
        ):
            return dict.fromkeys(request.offsets, UnknownServerError.code)
        codes: dict[TopicPartition, int] = {}
        growth_bytes = 0
        for partition, committed in request.offsets.items():
            if self._is_too_large(committed):
                codes[partition] = OffsetMetadataTooLarge.code
                continue
            more_bytes = growth_bytes + self._growth_bytes(request.group_id, partition, committed, out)
            if not self.room.offsets.has(more_bytes, now_ms):
                codes[partition] = InvalidCommitOffsetSize.code
                continue
            growth_bytes = more_bytes
            codes[partition] = 0
            out.write(
                OffsetCommitKey(group=request.group_id, topic=partition.topic, partition=partition.partition),
                OffsetCommitValue(
                    offset=committed.offset,
                    leader_epoch=committed.leader_epoch,
                    metadata=committed.metadata,
                    commit_timestamp=committed.commit_ms,
                    expire_timestamp=committed.expire_ms,
                    topic_id=Uuid(committed.topic_id),
                ),
            )
        return codes

    def _growth_bytes(self, group_id: str, partition: TopicPartition, committed: Committed, out: Outcome) -> int:
        """What an offset takes on top of those before; within a transaction nothing is replaced until its marker."""
        if out.author is not None:
            return offset_bytes(partition, committed)
        return self.offsets.growth_bytes(group_id, partition, committed)

    def _is_too_large(self, committed: Committed) -> bool:
        """Kafka compares the length that Java tells, in UTF-16, with a setting that is named after bytes."""
        length = len(committed.metadata.encode("utf-16-le", "surrogatepass")) // 2
        return length > self.limits.offset_metadata_max_bytes

    def _storable(self, request: CommitRequest) -> dict[TopicPartition, Committed]:
        """Those for which the member must be up to date; the others are refused anyway."""
        return {one: committed for one, committed in request.offsets.items() if not self._is_too_large(committed)}

    def _check_commit(self, request: CommitRequest, caller: Caller, now_ms: int, out: Outcome) -> None:
        consumers = self.consumers.get(request.group_id)
        if consumers is not None:
            check_commit(consumers, request.member_id, request.generation, self._storable(request), caller.version)
            return
        group = self._find(request.group_id, now_ms)
        if group is None:
            if request.generation >= 0:
                raise GroupIdNotFound if caller.version >= GROUP_ID_NOT_FOUND_SINCE_COMMIT else IllegalGeneration
            self._admit(request.group_id, now_ms, PolicyViolation)
            group = self._create(request.group_id, now_ms)
        member = self.classic.check_commit(group, request.member_id, request.instance_id, request.generation)
        if member is not None:
            self.classic.committed(group, member, now_ms, out)

    def read_offsets(
        self,
        token: Token,
        group_id: str,
        member_id: str | None,
        epoch: int,
        stable: bool = False,
        wanted: Iterable[TopicPartition] | None = None,
    ) -> Outcome:
        """OffsetFetch. Answers the group's offsets of the partitions that are wanted, None for all; or a KafkaError
        when a member may not see them."""
        out = Outcome()
        group = self.consumers.get(group_id)
        try:
            if group is not None:
                check_fetch(group, member_id, epoch)
            unstable = self.pending.of(group_id) if stable else {}
            stored = self.offsets.of(group_id)
            asked = stored if wanted is None else wanted  # a group may have a million
            offsets = {one: stored[one] for one in asked if one in stored}
            out.answer(token, Found(offsets, unstable))
        except KafkaError as error:
            out.answer(token, error)
        return out

    def delete_offsets(self, token: Token, group_id: str, partitions: list[TopicPartition], now_ms: int) -> Outcome:
        """OffsetDelete. Answers a dict of codes, or a KafkaError for the whole group."""
        out = Outcome()
        group = self._find(group_id, now_ms)
        consumers = self.consumers.get(group_id)
        known = self.pending.known(group_id, self.offsets)
        if group is None and consumers is None and not known:
            out.answer(token, GroupIdNotFound())
            return out
        subscribed: frozenset[str] = frozenset()
        if consumers is not None:
            topics = dict.fromkeys(one.topic for one in partitions)
            subscribed = frozenset(topic for topic in topics if consumers.subscribes_to(topic))
        elif group is not None and group.state not in (State.EMPTY, State.DEAD):
            if group.protocol_type != CONSUMER_PROTOCOL:
                out.answer(token, NonEmptyGroup())
                return out
            read = group.subscribed_topics()
            # any, where it is not known
            subscribed = frozenset((one.topic for one in partitions) if read is None else read)
        codes = {}
        for partition in partitions:
            codes[partition] = GroupSubscribedToTopic.code if partition.topic in subscribed else 0
            if not codes[partition] and partition in known:
                out.write(_offset_key(group_id, partition), None)
        out.answer(token, codes)
        return out

    def groups_with_offsets(self) -> list[str]:
        return list(dict.fromkeys([*self.offsets.groups(), *self.pending.groups()]))

    def forget_topics(self, deleted: list[str], groups: Iterable[str], deleted_ms: int) -> Outcome:
        """Topics were deleted at that time: what these groups had committed by then goes as well. What is newer belongs
        to topics that were made since."""
        out = Outcome()
        topics = frozenset(deleted)
        for group_id in groups:
            committed = self.offsets.of(group_id)
            for partition in self.pending.known(group_id, self.offsets):
                if partition.topic not in topics:
                    continue
                known = committed.get(partition)
                if known is None or known.commit_ms <= deleted_ms:
                    out.write(_offset_key(group_id, partition), None)
        return out

    def expire(self, now_ms: int) -> Outcome:
        """Offsets that nobody needs any more, and groups that have neither members nor offsets left."""
        out = Outcome()
        for group_id in self.group_ids():
            group = self._find(group_id, now_ms)
            base_ms: int | None = None
            subscribed: frozenset[str] = frozenset()
            consumers = self.consumers.get(group_id)
            if consumers is not None:
                read = dict.fromkeys(one.topic for one in self.offsets.of(group_id))
                subscribed = frozenset(topic for topic in read if consumers.subscribes_to(topic))
            elif group is not None and group.state is State.EMPTY:
                base_ms = group.state_since_ms if group.protocol_type is not None else None
            elif group is not None:
                topics = group.subscribed_topics() if group.state is State.STABLE else None
                if topics is None:
                    continue  # what its members read is not known, or not now: keep everything
                subscribed = frozenset(topics)
            expired = self.offsets.expired(
                group_id,
                base_ms=base_ms,
                subscribed=subscribed,
                now_ms=now_ms,
                retention_ms=self.limits.offsets_retention_ms,
            )
            undecided = self.pending.of(group_id) if self.pending else {}
            for partition in expired:
                if partition not in undecided:
                    out.write(_offset_key(group_id, partition), None)
            unused = len(expired) == len(self.offsets.of(group_id)) and not undecided
            if consumers is not None:
                if unused and not consumers.members:
                    forget_group(out, consumers)
            elif unused and (group is None or (group.state is State.EMPTY and not group.pending_joins)):
                self._remove(group_id, out)
        return out

    # --- looking at groups

    def group_ids(self) -> list[str]:
        known = (*self._stored, *self._groups, *self.consumers.ids(), *self.offsets.groups(), *self.pending.groups())
        return list(dict.fromkeys(known))

    def list(self, now_ms: int) -> list[ListGroupsResponse.ListedGroup]:
        """In Kafka's order."""
        found = []
        for group_id in in_table_order(self.group_ids(), str):
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

    def delete(self, token: Token, group_id: str, now_ms: int) -> Outcome:
        """DeleteGroups for one group: only an empty one."""
        out = Outcome()
        answer = DeleteGroupsResponse.DeletableGroupResult(group_id=group_id)
        group = self._find(group_id, now_ms)
        consumers = self.consumers.get(group_id)
        known = self.pending.known(group_id, self.offsets)
        if group is None and consumers is None and not known:
            answer.error_code = GroupIdNotFound.code
        elif (consumers is not None and consumers.members) or (
            group is not None and group.state not in (State.EMPTY, State.DEAD)
        ):
            answer.error_code = NonEmptyGroup.code
        else:
            for partition in known:
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

    # --- helpers

    def _member_group(self, group_id: str, now_ms: int) -> ClassicGroup:
        if not group_id:
            raise InvalidGroupId
        group = self._find(group_id, now_ms)
        if group is None:
            raise UnknownMemberId
        return group


def _offset_key(group_id: str, partition: TopicPartition) -> OffsetCommitKey:
    return OffsetCommitKey(group=group_id, topic=partition.topic, partition=partition.partition)


def _committed(value: OffsetCommitValue) -> Committed:
    return Committed(
        value.offset, value.leader_epoch, value.metadata, value.commit_timestamp, value.expire_timestamp, value.topic_id
    )
