"""DescribeCluster and DescribeTopicPartitions (compared with Kafka 4.3.1)."""

from __future__ import annotations

import pytest

from ottla.common.names import ZERO_UUID
from ottla.metadata.delta import Delta
from ottla.protocol.logs.cluster_metadata import RegisterBrokerRecord
from ottla.protocol.messages.cluster import DescribeClusterRequest
from ottla.protocol.messages.describe_topic_partitions import DescribeTopicPartitionsRequest
from ottla.security.operations import NOT_REQUESTED, Operation, ResourceType
from ottla.testing.authorizers import Check, DenyOnly, guard
from ottla.testing.cluster import PORT
from tests.unit.broker.handlers.support import Asking, on_broker

CLUSTER_OPERATIONS, TOPIC_OPERATIONS = 8096, 3576
Cursor = DescribeTopicPartitionsRequest.Cursor


def test_the_cluster_is_described_with_its_brokers() -> None:
    async def scenario(broker: Asking) -> None:
        for version in range(3):
            answer = await broker.ask(DescribeClusterRequest(include_cluster_authorized_operations=True), version)
            assert (answer.error_code, answer.controller_id) == (0, 1)
            assert answer.cluster_id == broker.node.cluster_id
            assert [(one.broker_id, one.host, one.port) for one in answer.brokers] == [(1, "broker-1", PORT)]
            assert answer.cluster_authorized_operations == CLUSTER_OPERATIONS
        plain = await broker.ask(DescribeClusterRequest(), 2)
        assert plain.cluster_authorized_operations == NOT_REQUESTED

    on_broker(scenario)


def test_fenced_brokers_are_shown_when_asked_for() -> None:
    async def scenario(broker: Asking) -> None:
        endpoint = RegisterBrokerRecord.BrokerEndpoint(name="PLAINTEXT", host="away", port=1, security_protocol=0)
        record = RegisterBrokerRecord(broker_id=2, fenced=True, end_points=[endpoint], log_dirs=[])
        broker.node.image.replay(record, Delta())
        live = await broker.ask(DescribeClusterRequest(), 2)
        assert [one.broker_id for one in live.brokers] == [1]
        all_of_them = await broker.ask(DescribeClusterRequest(include_fenced_brokers=True), 2)
        assert [(one.broker_id, one.is_fenced) for one in all_of_them.brokers] == [(1, False), (2, True)]

    on_broker(scenario)


@pytest.mark.parametrize(("endpoint_type", "code"), [(2, 114), (3, 115), (0, 115)])
def test_controllers_are_not_to_be_found_here(endpoint_type: int, code: int) -> None:
    async def scenario(broker: Asking) -> None:
        answer = await broker.ask(DescribeClusterRequest(endpoint_type=endpoint_type), 1)
        assert (answer.error_code, answer.brokers) == (code, [])
        assert answer.error_message

    on_broker(scenario)


Page = tuple[list[tuple[str, int, list[int]]], tuple[str, int] | None]


async def page(broker: Asking, names: str, limit: int = 2000, cursor: tuple[str, int] | None = None) -> Page:
    """(topics as name, error and partitions; the next cursor)."""
    request = DescribeTopicPartitionsRequest(
        topics=[DescribeTopicPartitionsRequest.TopicRequest(name=name) for name in names.split()],
        response_partition_limit=limit,
        cursor=None if cursor is None else Cursor(topic_name=cursor[0], partition_index=cursor[1]),
    )
    answer = await broker.ask(request, 0)
    topics = [
        (topic.name, topic.error_code, [one.partition_index for one in topic.partitions]) for topic in answer.topics
    ]
    following = answer.next_cursor
    return topics, None if following is None else (following.topic_name, following.partition_index)


def test_topics_come_sorted_and_page_by_page() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("b", 2)
        await broker.topic("a", 3)
        assert await page(broker, "") == ([("a", 0, [0, 1, 2]), ("b", 0, [0, 1])], None)
        assert await page(broker, "b absent b a") == (
            [("a", 0, [0, 1, 2]), ("absent", 3, []), ("b", 0, [0, 1])], None,
        )  # fmt: skip
        assert await page(broker, "", 2) == ([("a", 0, [0, 1])], ("a", 2))
        assert await page(broker, "", 2, ("a", 2)) == ([("a", 0, [2]), ("b", 0, [0])], ("b", 1))
        assert await page(broker, "a b", 3) == ([("a", 0, [0, 1, 2])], ("b", 0))
        assert await page(broker, "a b", 3, ("b", 0)) == ([("b", 0, [0, 1])], None)
        assert await page(broker, "b", 0) == ([("b", 0, [0])], ("b", 1))  # there is always progress
        assert await page(broker, "b zz", 9, ("b", 2)) == ([("b", 0, []), ("zz", 3, [])], None)

    on_broker(scenario)


def test_a_page_is_never_larger_than_the_broker_allows() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 5)
        assert await page(broker, "a", 100) == ([("a", 0, [0, 1])], ("a", 2))

    on_broker(scenario, {"max.request.partition.size.limit": "2"})


def test_a_cursor_that_points_nowhere_is_refused() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        for cursor in (("b", 0), ("a", -1), ("", 0)):
            assert await page(broker, "a", 9, cursor) == ([("a", 42, [])], None)
        assert await page(broker, "", 9, ("0", 3)) == ([("a", 0, [0])], None)  # without names it is only a place

    on_broker(scenario)


def test_a_topic_is_described_with_its_replicas_and_operations() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        request = DescribeTopicPartitionsRequest(
            topics=[DescribeTopicPartitionsRequest.TopicRequest(name=name) for name in ("a", "absent")]
        )
        known, absent = (await broker.ask(request, 0)).topics
        assert (known.name, known.topic_id, known.is_internal) == ("a", topic_id, False)
        assert known.topic_authorized_operations == TOPIC_OPERATIONS
        only = known.partitions[0]
        assert (only.leader_id, only.leader_epoch, only.replica_nodes, only.isr_nodes) == (1, 0, [1], [1])
        assert (only.eligible_leader_replicas, only.last_known_elr, only.offline_replicas) == ([], [], [])
        assert (absent.error_code, absent.topic_id) == (3, ZERO_UUID)
        request.topics.append(DescribeTopicPartitionsRequest.TopicRequest(name="a b"))
        assert [one.error_code for one in (await broker.ask(request, 0)).topics] == [0, 17, 3]
        request.topics[2].name = ""  # fails all, as in Kafka
        assert [one.error_code for one in (await broker.ask(request, 0)).topics] == [-1, -1, -1]

    on_broker(scenario)


def test_forbidden_topics_come_last_and_without_id() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.topic("b")
        guard(broker.node, DenyOnly(Check(Operation.DESCRIBE, ResourceType.TOPIC, "a")))
        assert await page(broker, "a b") == ([("b", 0, [0]), ("a", 29, [])], None)
        assert await page(broker, "") == ([("b", 0, [0])], None)

    on_broker(scenario)
