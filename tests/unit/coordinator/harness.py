"""A group machine with a log, a clock and tokens, driven by hand: what the runtime does, without a loop."""

from __future__ import annotations

from typing import Any

from ottla.common.errors import KafkaError
from ottla.common.names import TopicPartition
from ottla.coordinator.group.formats import GROUP_FORMATS
from ottla.coordinator.group.limits import Caller, GroupLimits
from ottla.coordinator.group.machine import CommitRequest, GroupMachine
from ottla.coordinator.group.offsets import Committed
from ottla.coordinator.group.room import MemberRoom, Room, weight_of
from ottla.coordinator.outcome import Outcome, TimerName
from ottla.coordinator.room import ByteRoom
from ottla.protocol.messages.heartbeat import HeartbeatRequest
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.protocol.messages.leave_group import LeaveGroupRequest
from ottla.protocol.messages.sync_group import SyncGroupRequest
from tests.unit.coordinator.group_world import FakeConfigs, FakeTopics

GROUP = "readers"


class CountingRandom:
    """Bytes that differ at each call."""

    def __init__(self) -> None:
        self.calls = 0

    def bytes(self, count: int) -> bytes:
        self.calls += 1
        return self.calls.to_bytes(count, "big")


class Bench:
    """Answers by token in `answers`; records as encoded pairs in `log`, replayed at once as the runtime does."""

    def __init__(
        self,
        limits: GroupLimits | None = None,
        log: list[Any] | None = None,
        topics: FakeTopics | None = None,
        configs: FakeConfigs | None = None,
        now_ms: int = 1_000_000,
        most_groups: int = 1_000,
        most_member_bytes: int = 1 << 30,
        most_offset_bytes: int = 1 << 30,
    ) -> None:
        self.limits = limits or GroupLimits(group_initial_rebalance_delay_ms=0)
        self.topics = topics or FakeTopics()
        self.configs = configs or FakeConfigs()
        self.told = 0
        self.offset_room = ByteRoom(most_offset_bytes, self._tell)
        self.room = Room(most_groups, lambda: sum(map(weight_of, self.machine.group_ids())), self.offset_room)
        self.member_room = MemberRoom(most_member_bytes, lambda: self.machine.member_bytes())
        random = CountingRandom()
        self.machine = GroupMachine(self.limits, self.room, self.configs, self.topics, random, self.member_room)
        self.now_ms = now_ms
        self.log: list[Any] = []
        self.timers: dict[TimerName, int] = {}
        self.answers: dict[Any, Any] = {}
        self.refuse: KafkaError | None = None
        """What the log answers to appends: nothing is written then."""
        self._tokens = 0
        for pair in log or []:
            self.log.append(pair)
            decoded = GROUP_FORMATS.decode(pair)
            assert decoded is not None
            self.machine.replay(*decoded, self.now_ms)
        if log:
            self.run(self.machine.loaded(self.now_ms))

    def _tell(self, _room: ByteRoom) -> None:
        self.told += 1

    def reloaded(self) -> Bench:
        """Another coordinator that has read the log to its end."""
        return Bench(self.limits, self.log, self.topics, self.configs, self.now_ms)

    def run(self, outcome: Outcome) -> None:
        if self.refuse is not None and outcome.records:
            for token, _ in outcome.answers:
                self.answers[token] = self.refuse
            self.run(self.machine.refused(outcome.records, self.refuse, self.now_ms))
            return
        for key, value in outcome.records:
            self.log.append(GROUP_FORMATS.encode(key, value))
            self.machine.replay(key, value, self.now_ms)
        for name, at_ms in outcome.timers:
            self.timers.pop(name, None)
            if at_ms is not None:
                self.timers[name] = at_ms
        for token, answer in outcome.answers:
            assert token not in self.answers, "a request was answered twice"
            self.answers[token] = answer

    def token(self) -> int:
        self._tokens += 1
        return self._tokens

    def advance(self, ms: int) -> None:
        """Time passes; timers fire in their order."""
        end = self.now_ms + ms
        while self.timers:
            name, at_ms = min(self.timers.items(), key=lambda item: item[1])
            if at_ms > end:
                break
            del self.timers[name]
            self.now_ms = max(self.now_ms, at_ms)
            self.run(self.machine.on_timer(name, self.now_ms))
        self.now_ms = end

    # --- requests; the result is the token

    def join(
        self,
        member_id: str = "",
        *,
        version: int = 5,
        instance_id: str | None = None,
        protocols: dict[str, bytes] | None = None,
        session_ms: int = 10_000,
        rebalance_ms: int = 60_000,
        group: str = GROUP,
        protocol_type: str = "consumer",
        client_id: str = "client",
    ) -> int:
        token = self.token()
        request = JoinGroupRequest(
            group_id=group,
            session_timeout_ms=session_ms,
            rebalance_timeout_ms=rebalance_ms,
            member_id=member_id,
            group_instance_id=instance_id,
            protocol_type=protocol_type,
            protocols=[
                JoinGroupRequest.JoinGroupRequestProtocol(name=name, metadata=metadata)
                for name, metadata in (protocols if protocols is not None else {"range": b"topics"}).items()
            ],
        )
        self.run(self.machine.join(token, request, Caller(version, client_id, "/127.0.0.1"), self.now_ms))
        return token

    def sync(
        self,
        member_id: str,
        generation: int,
        assignments: dict[str, bytes] | None = None,
        *,
        instance_id: str | None = None,
        version: int = 4,
        protocol_type: str | None = None,
        protocol_name: str | None = None,
    ) -> int:
        token = self.token()
        request = SyncGroupRequest(
            group_id=GROUP,
            generation_id=generation,
            member_id=member_id,
            group_instance_id=instance_id,
            protocol_type=protocol_type,
            protocol_name=protocol_name,
            assignments=[
                SyncGroupRequest.SyncGroupRequestAssignment(member_id=member, assignment=assignment)
                for member, assignment in (assignments or {}).items()
            ],
        )
        self.run(self.machine.sync(token, request, Caller(version, "client", "/127.0.0.1"), self.now_ms))
        return token

    def heartbeat(self, member_id: str, generation: int, *, instance_id: str | None = None) -> int:
        """The error code."""
        token = self.token()
        request = HeartbeatRequest(
            group_id=GROUP, generation_id=generation, member_id=member_id, group_instance_id=instance_id
        )
        self.run(self.machine.heartbeat(token, request, self.now_ms))
        code: int = self.answers[token].error_code
        return code

    def leave(self, *members: str, version: int = 4, instance_id: str | None = None, group: str = GROUP) -> Any:
        token = self.token()
        request = LeaveGroupRequest(group_id=group)
        if version < 3:
            request.member_id = members[0]
        else:
            request.members = [
                LeaveGroupRequest.MemberIdentity(member_id=member, group_instance_id=instance_id) for member in members
            ]
        self.run(self.machine.leave(token, request, Caller(version, "client", "/127.0.0.1"), self.now_ms))
        return self.answers[token]

    def commit(
        self,
        offset: int,
        *,
        member_id: str = "",
        generation: int = -1,
        metadata: str = "",
        version: int = 9,
        topic: str = "orders",
        group: str = GROUP,
        expire_ms: int = -1,
    ) -> int:
        """The error code of the one partition."""
        token = self.token()
        partition = TopicPartition(topic, 0)
        request = CommitRequest(
            group, member_id, None, generation, {partition: Committed(offset, -1, metadata, self.now_ms, expire_ms)}
        )
        self.run(self.machine.commit(token, request, Caller(version, "client", "/127.0.0.1"), self.now_ms))
        code: int = self.answers[token][partition]
        return code

    def committed(self, topic: str = "orders", group: str = GROUP) -> int | None:
        found = self.machine.offsets.of(group).get(TopicPartition(topic, 0))
        return None if found is None else found.offset

    def state(self) -> str:
        return self.machine.describe(GROUP, 6, self.now_ms).group_state

    # --- whole scenarios

    def new_member(self, **options: Any) -> tuple[int, str]:
        """The MEMBER_ID_REQUIRED dance (KIP-394): the parked join's token and the member id."""
        first = self.join(**options)
        member_id = self.answers[first].member_id
        assert self.answers[first].error_code == 79
        return self.join(member_id, **options), member_id

    def stable(self, count: int = 1, **options: Any) -> list[str]:
        """A Stable group of generation 1 with `count` members; the first is the leader."""
        joined = [self.new_member(**options) for _ in range(count)]
        self.advance(0)
        members = [member for _, member in joined]
        for token, _ in joined:
            assert self.answers[token].error_code == 0
        for member in members[1:]:
            self.sync(member, 1)
        self.sync(members[0], 1, {member: member.encode() for member in members})
        assert self.state() == "Stable"
        return members
