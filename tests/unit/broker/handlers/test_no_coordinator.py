"""Before anybody has asked for a coordinator there is none, and every group API says so (compared with Kafka 4.3.1)."""

from __future__ import annotations

import pytest

from ottla.protocol.message import Message
from ottla.protocol.messages.consumer_group import ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest
from ottla.protocol.messages.heartbeat import HeartbeatRequest
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.protocol.messages.leave_group import LeaveGroupRequest
from ottla.protocol.messages.list_groups import ListGroupsRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest
from ottla.protocol.messages.offset_delete import OffsetDeleteRequest
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest
from ottla.protocol.messages.sync_group import SyncGroupRequest
from tests.unit.broker.handlers.support import Asking, on_broker

NOT_COORDINATOR = "error_code=16"
MEMBER = "AAAAAAAAAAAAAAAAAAAAAA"
PROTOCOL = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")
COMMITTED = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=1)
REQUESTS: list[tuple[Message, int]] = [
    (
        OffsetFetchRequest(
            group_id="g", topics=[OffsetFetchRequest.OffsetFetchRequestTopic(name="a", partition_indexes=[0])]
        ),
        1,
    ),
    (OffsetFetchRequest(group_id="g", topics=None), 5),
    (OffsetFetchRequest(groups=[OffsetFetchRequest.OffsetFetchRequestGroup(group_id="g", topics=None)]), 8),
    (
        OffsetCommitRequest(
            group_id="g", topics=[OffsetCommitRequest.OffsetCommitRequestTopic(name="a", partitions=[COMMITTED])]
        ),
        8,
    ),
    (OffsetDeleteRequest(group_id="g"), 0),
    (DescribeGroupsRequest(groups=["g"]), 6),
    (DeleteGroupsRequest(groups_names=["g"]), 2),
    (HeartbeatRequest(group_id="g", generation_id=1, member_id="m"), 4),
    (
        JoinGroupRequest(
            group_id="g", session_timeout_ms=10_000, rebalance_timeout_ms=10_000,
            protocol_type="consumer", protocols=[PROTOCOL],
        ),
        9,
    ),
    (
        SyncGroupRequest(
            group_id="g", generation_id=1, member_id="m", protocol_type="consumer", protocol_name="range"
        ),
        5,
    ),
    (LeaveGroupRequest(group_id="g", members=[LeaveGroupRequest.MemberIdentity(member_id="m")]), 5),
    (ConsumerGroupDescribeRequest(group_ids=["g"]), 0),
    (
        ConsumerGroupHeartbeatRequest(
            group_id="g", member_id=MEMBER, member_epoch=0, rebalance_timeout_ms=10_000,
            subscribed_topic_names=["a"], topic_partitions=[],
        ),
        1,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "version"), REQUESTS, ids=lambda value: type(value).__name__)
def test_a_broker_that_nobody_asked_for_a_coordinator_is_none(request_: Message, version: int) -> None:
    async def scenario(broker: Asking) -> str:
        await broker.topic("a")
        return repr(await broker.ask(request_, version))

    assert NOT_COORDINATOR in on_broker(scenario)


def test_there_are_no_groups_to_list_then() -> None:
    async def scenario(broker: Asking) -> object:
        return await broker.ask(ListGroupsRequest(), 5)

    answer = on_broker(scenario)
    assert answer == type(answer)()
