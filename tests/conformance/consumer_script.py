"""One sequence of requests about consumer groups, for a Kafka and for ours: what is answered must be equal.

Answers are made comparable: topics go by their names, and ids that the server makes by the order of their appearance.
"""

from __future__ import annotations

import re
from typing import Any

from ottla.client.connection import Connection, open_connection
from ottla.common.names import Uuid, uuid_text
from ottla.protocol.blobs import ConsumerProtocolSubscription
from ottla.protocol.messages.configs import IncrementalAlterConfigsRequest
from ottla.protocol.messages.consumer_group import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest,
)
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.heartbeat import HeartbeatRequest
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.protocol.messages.leave_group import LeaveGroupRequest
from ottla.protocol.messages.list_groups import ListGroupsRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest
from ottla.protocol.messages.sync_group import SyncGroupRequest

GROUP_CONFIG = 32
NOT_READY = (14, 15, 16)
PREFIX = "c848-"


class Script:
    """Runs against one broker; `said` is what it answered."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.said: list[object] = []
        self.topics: dict[str, Uuid] = {}
        self.names: dict[str, str] = {}
        """What stands for an id of the server."""

    async def ask(self, message: Any, version: int | None = None) -> Any:
        return await self.connection.send(message, version=version)

    async def topic(self, name: str, partitions: int) -> None:
        wanted = CreateTopicsRequest.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)
        answer = await self.ask(CreateTopicsRequest(topics=[wanted], timeout_ms=10_000), 7)
        assert answer.topics[0].error_code == 0, answer
        self.topics[name] = answer.topics[0].topic_id
        self.names[uuid_text(answer.topics[0].topic_id)] = name

    async def group(self, name: str) -> None:
        """Waits until its coordinator serves, and lets its targets be computed at once."""
        setting = IncrementalAlterConfigsRequest.AlterableConfig(
            name="consumer.assignment.interval.ms", config_operation=0, value="0"
        )
        resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
            resource_type=GROUP_CONFIG, resource_name=name, configs=[setting]
        )
        answer = await self.ask(IncrementalAlterConfigsRequest(resources=[resource]))
        assert answer.responses[0].error_code == 0, answer
        for _ in range(10_000):
            found = await self.ask(FindCoordinatorRequest(coordinator_keys=[name]))
            if not found.coordinators[0].error_code:
                served = await self.ask(ConsumerGroupDescribeRequest(group_ids=[name]))
                if served.groups[0].error_code not in NOT_READY:
                    return
        raise AssertionError("the coordinator does not serve")

    # --- the new protocol

    async def beat(self, group: str, member_id: str, epoch: int, **options: Any) -> Any:
        owned = options.pop("owned", None)
        version = options.pop("version", 1)
        answer = await self.ask(
            ConsumerGroupHeartbeatRequest(
                group_id=group,
                member_id=member_id,
                member_epoch=epoch,
                topic_partitions=None
                if owned is None
                else [
                    ConsumerGroupHeartbeatRequest.TopicPartitions(topic_id=self.topics[name], partitions=list(indexes))
                    for name, indexes in owned.items()
                ],
                **options,
            ),
            version,
        )
        given = None
        if answer.assignment is not None:
            topics = answer.assignment.topic_partitions
            given = sorted((self._name(one.topic_id), sorted(one.partitions)) for one in topics)
        self.say(
            "beat", answer.error_code, answer.error_message, answer.member_id, answer.member_epoch,
            answer.heartbeat_interval_ms, given,
        )  # fmt: skip
        return answer

    async def enter(self, group: str, member_id: str, topics: list[str] | None, **options: Any) -> Any:
        return await self.beat(
            group, member_id, 0, subscribed_topic_names=topics, owned={}, rebalance_timeout_ms=30_000, **options
        )

    async def describe(self, group: str) -> None:
        answer = await self.ask(ConsumerGroupDescribeRequest(group_ids=[group]))
        for one in answer.groups:
            members = sorted(
                (
                    self._name(member.member_id), member.instance_id, member.member_epoch, member.client_id,
                    member.client_host, sorted(member.subscribed_topic_names), member.subscribed_topic_regex,
                    self._assignment(member.assignment), self._assignment(member.target_assignment), member.member_type,
                )
                for member in one.members
            )  # fmt: skip
            self.say(
                "described", one.error_code, one.error_message, one.group_state, one.group_epoch, one.assignment_epoch,
                one.assignor_name, members,
            )  # fmt: skip

    def _assignment(self, assignment: ConsumerGroupDescribeResponse.Assignment) -> list[tuple[str, list[int]]]:
        return sorted((one.topic_name, sorted(one.partitions)) for one in assignment.topic_partitions)

    async def listed(self, group: str) -> None:
        answer = await self.ask(ListGroupsRequest(types_filter=["Consumer"]), 5)
        self.say(
            "listed", [(g.protocol_type, g.group_state, g.group_type) for g in answer.groups if g.group_id == group]
        )
        old = (await self.ask(DescribeGroupsRequest(groups=[group]), 6)).groups[0]
        self.say("classic", old.error_code, old.error_message, old.group_state, old.protocol_type, len(old.members))

    async def delete(self, group: str) -> None:
        answer = await self.ask(DeleteGroupsRequest(groups_names=[group]))
        self.say("deleted", [one.error_code for one in answer.results])

    # --- the classic protocol

    async def join(self, group: str, member_id: str, topics: list[str], version: int = 9, **options: Any) -> Any:
        owned = options.pop("owned", {})
        blob = ConsumerProtocolSubscription(
            topics=topics,
            owned_partitions=[
                ConsumerProtocolSubscription.TopicPartition(topic=name, partitions=indexes)
                for name, indexes in owned.items()
            ],
        )
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"\0\1" + blob.encode(1))
        answer = await self.ask(
            JoinGroupRequest(
                group_id=group, session_timeout_ms=30_000, rebalance_timeout_ms=20_000, member_id=member_id,
                protocol_type="consumer", protocols=[protocol], **options,
            ),
            version,
        )  # fmt: skip
        self.say(
            "joined", answer.error_code, answer.generation_id, answer.protocol_type, answer.protocol_name,
            len(answer.members), answer.skip_assignment, bool(answer.leader), self._name(answer.member_id),
        )  # fmt: skip
        return answer

    async def sync(self, group: str, member_id: str, generation: int) -> None:
        answer = await self.ask(
            SyncGroupRequest(
                group_id=group, generation_id=generation, member_id=member_id, protocol_type="consumer",
                protocol_name="range",
            ),
            5,
        )  # fmt: skip
        self.say("synced", answer.error_code, answer.protocol_type, answer.protocol_name, bytes(answer.assignment))

    async def classic_beat(self, group: str, member_id: str, generation: int) -> None:
        answer = await self.ask(HeartbeatRequest(group_id=group, generation_id=generation, member_id=member_id), 4)
        self.say("heartbeat", answer.error_code)

    async def leave(self, group: str, *members: str) -> None:
        asked = [LeaveGroupRequest.MemberIdentity(member_id=one) for one in members]
        answer = await self.ask(LeaveGroupRequest(group_id=group, members=asked), 5)
        self.say("left", answer.error_code, [(self._name(one.member_id), one.error_code) for one in answer.members])

    # --- offsets

    async def commit(
        self, group: str, member_id: str, epoch: int, topic: str, *indexes: int, version: int = 10
    ) -> None:
        parts = [
            OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=one, committed_offset=5) for one in indexes
        ]
        asked = OffsetCommitRequest.OffsetCommitRequestTopic(name=topic, topic_id=self.topics[topic], partitions=parts)
        answer = await self.ask(
            OffsetCommitRequest(
                group_id=group, member_id=member_id, generation_id_or_member_epoch=epoch, topics=[asked]
            ),
            version,
        )
        self.say("committed", [(one.partition_index, one.error_code) for one in answer.topics[0].partitions])

    async def fetch(self, group: str, member_id: str | None, epoch: int, topic: str, *indexes: int) -> None:
        asked = OffsetFetchRequest.OffsetFetchRequestTopics(
            topic_id=self.topics[topic], partition_indexes=list(indexes)
        )
        wanted = OffsetFetchRequest.OffsetFetchRequestGroup(
            group_id=group, member_id=member_id, member_epoch=epoch, topics=[asked]
        )
        found = (await self.ask(OffsetFetchRequest(groups=[wanted]), 10)).groups[0]
        parts = [(one.partition_index, one.committed_offset) for topic in found.topics for one in topic.partitions]
        self.say("fetched", found.error_code, parts)

    # --- comparing

    def say(self, *facts: object) -> None:
        self.said.append(facts)

    def _name(self, one: str | bytes) -> str:
        text = one if isinstance(one, str) else uuid_text(one)
        if re.fullmatch(r"[\w-]{22}|ottla-[\da-f-]{36}", text) and text not in self.names:
            self.names[text] = f"<id {len(self.names)}>"
        return self.names.get(text, text)


async def run(address: str) -> Script:
    """The whole sequence."""
    host, _, port = address.partition(":")
    script = Script(await open_connection(host, int(port)))
    t, u = PREFIX + "orders", PREFIX + "bills"
    await script.topic(t, 4)
    await script.topic(u, 3)
    await _epochs(script, PREFIX + "one", t, u)
    await _static(script, PREFIX + "two", t, u)
    await _mixed(script, PREFIX + "three", t)
    await _patterns(script, PREFIX + "four")
    await _refusals(script, PREFIX + "five", t)
    script.connection.close()
    return script


async def _epochs(s: Script, g: str, t: str, u: str) -> None:
    await s.group(g)
    await s.enter(g, "m1", [t])
    await s.beat(g, "m1", 2)
    await s.commit(g, "m1", 2, t, 0, 1, 2, 3)
    await s.commit(g, "m1", 2, t, 0, version=8)
    await s.enter(g, "m2", [t])
    await s.describe(g)
    await s.beat(g, "m1", 2)
    await s.beat(g, "m1", 2, owned={t: [0, 1, 2]})
    await s.beat(g, "m1", 2, owned={t: [0, 1]})
    await s.beat(g, "m1", 2, owned={t: [0, 1]})
    await s.beat(g, "m1", 2)
    for epoch in (-1, 0, 1, 2, 3, 4):
        await s.commit(g, "m1", epoch, t, 0, 1)
        await s.commit(g, "m1", epoch, t, 0, 3)
        await s.fetch(g, "m1", epoch, t, 0, 3)
    await s.commit(g, "", -1, t, 0)
    await s.commit(g, "mx", 3, t, 0)
    await s.fetch(g, None, -1, t, 0, 3)
    await s.beat(g, "m2", 3)
    await s.listed(g)
    await s.beat(g, "m2", 3, subscribed_topic_names=[t, u])
    await s.describe(g)
    await s.enter(g, "m3", [u])
    await s.enter(g, "m4", [t, u], server_assignor="range")
    await s.describe(g)
    await s.delete(g)
    for member in ("m1", "m2", "m3", "m4", "m1"):
        await s.beat(g, member, -1)
    await s.describe(g)
    await s.commit(g, "", -1, t, 0)
    await s.commit(g, "m1", 3, t, 0)
    await s.delete(g)
    await s.describe(g)


async def _static(s: Script, g: str, t: str, u: str) -> None:
    await s.group(g)
    await s.enter(g, "s1", [t], instance_id="i")
    await s.enter(g, "s2", [t], instance_id="i")
    await s.beat(g, "s2", 2, instance_id="i")
    await s.beat(g, "s1", 2, instance_id="j")
    await s.beat(g, "s1", -2, instance_id="i")
    await s.describe(g)
    await s.beat(g, "s1", 2, instance_id="i")
    await s.enter(g, "s2", [t], instance_id="i")
    await s.beat(g, "s1", 2, instance_id="i")
    await s.beat(g, "s2", -2, instance_id="i")
    await s.enter(g, "s3", [u], instance_id="i")
    await s.describe(g)
    await s.beat(g, "s3", -1, instance_id="i")
    await s.describe(g)


async def _mixed(s: Script, g: str, t: str) -> None:
    await s.group(g)
    await s.enter(g, "m1", [t])
    await s.join(g, "", [t])
    classic = "c1"  # an id of our own is taken as well, and targets depend on the order of ids
    generation = (await s.join(g, classic, [t])).generation_id
    await s.sync(g, classic, generation)
    await s.classic_beat(g, classic, generation)
    await s.beat(g, "m1", 2)
    await s.beat(g, "m1", 2, owned={t: [0, 1]})
    await s.classic_beat(g, classic, generation)
    await s.join(g, classic, [t])
    await s.sync(g, classic, generation)
    await s.sync(g, classic, 9)
    await s.sync(g, "m1", 3)
    await s.commit(g, classic, generation, t, 0, version=8)
    await s.commit(g, classic, 1, t, 0, version=8)
    await s.describe(g)
    await s.beat(g, "m1", -1)  # and the group is classic again
    await s.describe(g)
    await s.listed(g)
    await s.classic_beat(g, classic, generation)
    generation = (await s.join(g, classic, [t])).generation_id
    await s.sync(g, classic, generation)
    await s.enter(g, "m2", [t])  # and a consumer group once more
    await s.describe(g)
    await s.classic_beat(g, classic, generation)
    generation = (await s.join(g, classic, [t])).generation_id
    await s.sync(g, classic, generation)
    await s.leave(g, classic, "nobody")
    await s.describe(g)
    await s.leave(g, "m2")
    await s.describe(g)
    await s.join(g, "", [t], version=3)
    await s.describe(g)


async def _patterns(s: Script, g: str) -> None:
    await s.group(g)
    await s.enter(g, "m1", None, subscribed_topic_regex=PREFIX + "(orders|bills)")
    for _ in range(10_000):  # Kafka resolves them in the background
        answer = await s.beat(g, "m1", 1)
        if answer.member_epoch == 2:
            break
        s.said.pop()
    await s.describe(g)
    for wrong in ("t(", "[a", "*a", "a**", "a{2,1}", "a\\", "\\1", "(?=a)", "[[:foo:]]", "\\pX", "t)"):
        await s.enter(g, "m2", None, subscribed_topic_regex=wrong)
    await s.beat(g, "m1", -1)
    await s.describe(g)


async def _refusals(s: Script, g: str, t: str) -> None:
    await s.group(g)
    good: dict[str, Any] = {"subscribed_topic_names": [t], "owned": {}, "rebalance_timeout_ms": 1000}
    await s.beat("", "m", 0, **good)
    await s.beat(g, "", 0, **good)
    for change in (
        {"rebalance_timeout_ms": -1}, {"subscribed_topic_names": None}, {"owned": {t: [1]}}, {"owned": None},
        {"instance_id": ""}, {"rack_id": ""}, {"server_assignor": "foo"}, {"server_assignor": ""},
    ):  # fmt: skip
        await s.beat(g, "m", 0, **{**good, **change})
    for epoch in (-3, -2, -1, 3):
        await s.beat(g, "m", epoch)
    await s.beat(g, "m", 0, **good)
    for epoch in (-3, -2, 1, 3):
        await s.beat(g, "m", epoch)
    await s.beat(g, "x", 3)
    await s.beat(g, "x", -1)
    await s.describe("")
    await s.describe(g + "-unknown")
