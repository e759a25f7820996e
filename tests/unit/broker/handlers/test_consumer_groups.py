"""ConsumerGroupHeartbeat and ConsumerGroupDescribe on a whole broker: settings, features, topics, permissions."""

from __future__ import annotations

from typing import Any

import pytest

from ottla.broker.settings import BrokerSettings
from ottla.coordinator.group.settings import GroupSettings
from ottla.protocol.messages.configs import IncrementalAlterConfigsRequest
from ottla.protocol.messages.consumer_group import ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest
from ottla.security.operations import Operation, ResourceType
from ottla.testing.authorizers import Check, DenyOnly, guard
from tests.unit.broker.handlers.support import Asking, on_coordinator

GROUP_CONFIG = 32
TOPIC_DENIED, UNSUPPORTED = 29, 35


async def beat(broker: Asking, epoch: int, **options: Any) -> Any:
    if epoch == 0:
        options = {"rebalance_timeout_ms": 10_000, "topic_partitions": [], **options}
    return await broker.ask(
        ConsumerGroupHeartbeatRequest(group_id="g", member_id="m", member_epoch=epoch, **options), 1
    )


async def configure(broker: Asking, **values: str) -> None:
    settings = [
        IncrementalAlterConfigsRequest.AlterableConfig(name=name.replace("_", "."), config_operation=0, value=value)
        for name, value in values.items()
    ]
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
        resource_type=GROUP_CONFIG, resource_name="g", configs=settings
    )
    answer = await broker.ask(IncrementalAlterConfigsRequest(resources=[resource]), 1)
    assert answer.responses[0].error_code == 0, answer


def test_settings_of_a_group_hold_from_the_next_heartbeat() -> None:
    async def scenario(broker: Asking) -> list[int]:
        await broker.topic("a")
        first = await beat(broker, 0, subscribed_topic_names=["a"])
        await configure(broker, consumer_heartbeat_interval_ms="7000", consumer_assignment_interval_ms="0")
        second = await beat(broker, first.member_epoch)
        return [first.heartbeat_interval_ms, second.heartbeat_interval_ms]

    assert on_coordinator(scenario) == [5000, 7000]


def test_stored_settings_outside_the_limits_of_today_are_brought_to_them() -> None:
    broker = BrokerSettings.load({"group.consumer.min.heartbeat.interval.ms": "6000"})
    stored = {"consumer.heartbeat.interval.ms": "5500", "consumer.session.timeout.ms": "99000"}
    found = GroupSettings.in_force(stored, broker)
    assert (found.consumer_heartbeat_interval_ms, found.consumer_session_timeout_ms) == (6000, 60000)
    assert GroupSettings.in_force({}, broker).consumer_session_timeout_ms == 45000


def test_new_partitions_reach_the_group() -> None:
    async def scenario(broker: Asking) -> list[int]:
        await broker.topic("a", 2)
        await configure(broker, consumer_assignment_interval_ms="0")
        joined = await beat(broker, 0, subscribed_topic_names=["a"])
        wanted = CreatePartitionsRequest.CreatePartitionsTopic(name="a", count=3, assignments=None)
        await broker.ask(CreatePartitionsRequest(topics=[wanted], timeout_ms=1000), 3)
        answer = await beat(broker, joined.member_epoch)
        return list(answer.assignment.topic_partitions[0].partitions)

    assert on_coordinator(scenario) == [0, 1, 2]


@pytest.mark.parametrize("protocols", ["classic", "classic,share"])
def test_a_broker_that_leaves_the_protocol_out_says_so(protocols: str) -> None:
    async def scenario(broker: Asking) -> list[int]:
        answer = await beat(broker, 0, subscribed_topic_names=["a"])
        described = await broker.ask(ConsumerGroupDescribeRequest(group_ids=["g"]), 1)
        return [answer.error_code, described.groups[0].error_code]

    assert on_coordinator(scenario, {"group.coordinator.rebalance.protocols": protocols}) == [UNSUPPORTED] * 2


def test_a_group_with_a_topic_that_the_client_may_not_see_is_not_described() -> None:
    async def scenario(broker: Asking) -> list[tuple[int, int]]:
        await broker.topic("a")
        await broker.topic("b")
        await beat(broker, 0, subscribed_topic_names=["a", "b"])
        guard(broker.node, DenyOnly(Check(Operation.DESCRIBE, ResourceType.TOPIC, "b")))
        described = (await broker.ask(ConsumerGroupDescribeRequest(group_ids=["g"]), 1)).groups[0]
        refused = await beat(broker, 2, subscribed_topic_names=["a", "b"])
        return [(described.error_code, len(described.members)), (refused.error_code, refused.member_epoch)]

    assert on_coordinator(scenario) == [(TOPIC_DENIED, 0), (TOPIC_DENIED, 0)]


def test_a_pattern_matches_only_topics_that_the_member_may_see() -> None:
    async def scenario(broker: Asking) -> int:
        await broker.topic("a1")
        await broker.topic("a2")
        guard(broker.node, DenyOnly(Check(Operation.DESCRIBE, ResourceType.TOPIC, "a2")))
        await beat(broker, 0, subscribed_topic_regex="a.")
        answer = await beat(broker, 1)
        return len(answer.assignment.topic_partitions)

    assert on_coordinator(scenario) == 1
