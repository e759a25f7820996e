"""A group machine driven by heartbeats of the new protocol, by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ottla.common.names import TopicPartition, Uuid
from ottla.coordinator.group.limits import Caller
from ottla.coordinator.group.machine import CommitRequest
from ottla.coordinator.group.offsets import Committed
from ottla.protocol.blobs import ConsumerProtocolSubscription
from ottla.protocol.messages.consumer_group import (
    ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from tests.unit.coordinator.harness import GROUP, Bench

Partitions = Mapping[str, Sequence[int]]


class ConsumerBench(Bench):
    """Topics go by their names here; a member's partitions are a dict of name to sorted indexes."""

    def reloaded(self) -> ConsumerBench:
        return ConsumerBench(self.limits, self.log, self.topics, self.configs, self.now_ms)

    def beat(
        self,
        member_id: str,
        epoch: int,
        *,
        topics: list[str] | None = None,
        pattern: str | None = None,
        owned: Partitions | None = None,
        instance_id: str | None = None,
        assignor: str | None = None,
        rebalance_ms: int = -1,
        group: str = GROUP,
        version: int = 1,
        rack_id: str | None = None,
        may_describe: Callable[[str], bool] = lambda name: True,
    ) -> ConsumerGroupHeartbeatResponse:
        token = self.token()
        request = ConsumerGroupHeartbeatRequest(
            group_id=group,
            member_id=member_id,
            member_epoch=epoch,
            instance_id=instance_id,
            rack_id=rack_id,
            rebalance_timeout_ms=rebalance_ms,
            subscribed_topic_names=topics,
            subscribed_topic_regex=pattern,
            server_assignor=assignor,
            topic_partitions=None if owned is None else self._by_id(owned),
        )
        caller = Caller(version, "client", "/127.0.0.1")
        self.run(self.machine.consumer_heartbeat(token, request, caller, may_describe, self.now_ms))
        answer: ConsumerGroupHeartbeatResponse = self.answers[token]
        return answer

    def enter(
        self, member_id: str, topics: list[str] | None = None, *, rebalance_ms: int = 60_000, **options: Any
    ) -> ConsumerGroupHeartbeatResponse:
        """A join; subscribes to `orders` unless told otherwise. The assignment interval has passed when it comes."""
        if topics is None and "pattern" not in options:
            topics = ["orders"]
        self.now_ms += 1_001
        return self.beat(member_id, 0, topics=topics, owned={}, rebalance_ms=rebalance_ms, **options)

    def settle(self, *members: str, group: str = GROUP) -> None:
        """Heartbeats, each member giving up what it is told to, until nothing changes any more."""
        self.now_ms += 1_001
        for _ in range(2 * len(members) + 3):
            for member_id in members:
                member = self.member(member_id, group)
                self.beat(member_id, member.member_epoch, owned=self.holding(member_id, group), group=group)

    def change_topics(self, *names: str) -> None:
        self.run(self.machine.topics_changed(list(names), self.topics.version))

    # --- what the group looks like

    def shown(self, group: str = GROUP) -> ConsumerGroupDescribeResponse.DescribedGroup:
        return self.machine.describe_consumers(group, self.now_ms)

    def member(self, member_id: str, group: str = GROUP) -> ConsumerGroupDescribeResponse.Member:
        return next(one for one in self.shown(group).members if one.member_id == member_id)

    def holding(self, member_id: str, group: str = GROUP) -> dict[str, list[int]]:
        """What the coordinator means the member to have: without what it is giving up."""
        found = self.machine.consumers.get(group)
        assert found is not None
        return self._by_name(found.members[member_id].assigned)

    def target(self, member_id: str, group: str = GROUP) -> dict[str, list[int]]:
        return {
            topic.topic_name: list(topic.partitions)
            for topic in self.member(member_id, group).target_assignment.topic_partitions
        }

    def given(self, answer: ConsumerGroupHeartbeatResponse) -> dict[str, list[int]] | None:
        if answer.assignment is None:
            return None
        return self._by_name({bytes(one.topic_id): one.partitions for one in answer.assignment.topic_partitions})

    def group_epochs(self, group: str = GROUP) -> tuple[int, int]:
        shown = self.shown(group)
        return shown.group_epoch, shown.assignment_epoch

    def group_state(self, group: str = GROUP) -> str:
        return self.shown(group).group_state

    # --- offsets, and classic clients

    def commit_as(
        self, member_id: str, epoch: int, *partitions: int, topic: str = "orders", version: int = 9
    ) -> list[int]:
        """The error codes."""
        token = self.token()
        known = self.topics.named(topic)
        topic_id = known.topic_id if known is not None else bytes(16)
        offsets = {
            TopicPartition(topic, one): Committed(5, -1, "", self.now_ms, topic_id=topic_id)
            for one in partitions or (0,)
        }
        request = CommitRequest(GROUP, member_id, None, epoch, offsets)
        self.run(self.machine.commit(token, request, Caller(version, "client", "/127.0.0.1"), self.now_ms))
        return list(self.answers[token].values())

    def classic_enter(
        self,
        member_id: str = "",
        *,
        topics: Sequence[str] = ("orders",),
        owned: Partitions | None = None,
        **options: Any,
    ) -> Any:
        """The answer to a classic join; the two steps of a new member are taken."""
        protocols = {"range": subscription(topics, owned or {})}
        answer = self.answers.get(self.join(member_id, protocols=protocols, **options))
        if answer is not None and answer.error_code == 79:
            answer = self.answers.get(self.join(answer.member_id, protocols=protocols, **options))
        return answer

    def _by_id(self, owned: Partitions) -> list[ConsumerGroupHeartbeatRequest.TopicPartitions]:
        found = []
        for name, partitions in owned.items():
            topic = self.topics.named(name)
            if topic is not None:
                found.append(
                    ConsumerGroupHeartbeatRequest.TopicPartitions(
                        topic_id=Uuid(topic.topic_id), partitions=list(partitions)
                    )
                )
        return found

    def _by_name(self, owned: Mapping[bytes, Any]) -> dict[str, list[int]]:
        names = {}
        for topic_id, partitions in owned.items():
            topic = self.topics.with_id(topic_id)
            names[topic.name if topic is not None else topic_id.hex()] = sorted(partitions)
        return dict(sorted(names.items()))


def subscription(topics: Sequence[str], owned: Partitions) -> bytes:
    """What a classic consumer puts into its join."""
    blob = ConsumerProtocolSubscription(
        topics=list(topics),
        owned_partitions=[
            ConsumerProtocolSubscription.TopicPartition(topic=name, partitions=list(partitions))
            for name, partitions in owned.items()
        ],
    )
    return (1).to_bytes(2, "big") + blob.encode(1)
