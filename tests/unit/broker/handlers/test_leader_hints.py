"""Who leads instead (KIP-951): told in the versions that can say so, and no reason to fail in those that cannot."""

from __future__ import annotations

from typing import Any

import pytest

from ottla.common.errors import FencedLeaderEpoch, NotLeaderOrFollower
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.records.record import BatchBuilder
from tests.unit.broker.handlers.support import Asking, on_broker

OTHER, EPOCH = 7, 5
HINT = 16
"""The version of Fetch from which on Kafka fills a field that is there since version 12."""


async def fetched(broker: Asking, topic_id: Any, version: int, epoch: int = -1) -> tuple[Any, Any]:
    partition = FetchRequest.FetchPartition(partition=0, fetch_offset=0, current_leader_epoch=epoch)
    topic = FetchRequest.FetchTopic(topic_id=topic_id, partitions=[partition])
    if version < 13:
        topic = FetchRequest.FetchTopic(topic="a", partitions=[partition])
    answer = await broker.ask(FetchRequest(topics=[topic]), version)
    return answer, answer.responses[0].partitions[0]


async def produced(broker: Asking, topic_id: Any, version: int) -> tuple[Any, Any]:
    builder = BatchBuilder()
    builder.append(1_700_000_000_000, b"key", b"value")
    data = [ProduceRequest.PartitionProduceData(index=0, records=builder.build())]
    topic = ProduceRequest.TopicProduceData(topic_id=topic_id, partition_data=data)
    if version < 13:
        topic = ProduceRequest.TopicProduceData(name="a", partition_data=data)
    answer = await broker.ask(ProduceRequest(acks=1, timeout_ms=1000, topic_data=[topic]), version)
    return answer, answer.responses[0].partition_responses[0]


@pytest.mark.parametrize("version", range(4, 19))
def test_a_fetch_from_who_leads_no_more_is_answered_in_every_version(version: int) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        broker.node.replicas.find("a", 0).set_leader(OTHER, EPOCH, broker.node.node_id)
        _, partition = await fetched(broker, topic_id, version)
        assert partition.error_code == NotLeaderOrFollower.code
        assert (partition.current_leader is not None) == (version >= HINT)
        if version >= HINT:
            assert (partition.current_leader.leader_id, partition.current_leader.leader_epoch) == (OTHER, EPOCH)

    on_broker(scenario)


@pytest.mark.parametrize("version", range(9, 19))
def test_a_fetch_with_an_old_epoch_is_answered_in_every_version(version: int) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        own = broker.node.node_id
        broker.node.replicas.find("a", 0).set_leader(own, EPOCH, own)
        answer, partition = await fetched(broker, topic_id, version, epoch=EPOCH - 1)
        assert partition.error_code == FencedLeaderEpoch.code
        assert (partition.current_leader is not None) == (version >= HINT)
        assert answer.node_endpoints == []  # the client has our address

    on_broker(scenario)


@pytest.mark.parametrize("version", range(3, 14))
def test_a_produce_to_who_leads_no_more_is_answered_in_every_version(version: int) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        broker.node.replicas.find("a", 0).set_leader(OTHER, EPOCH, broker.node.node_id)
        _, partition = await produced(broker, topic_id, version)
        assert partition.error_code == NotLeaderOrFollower.code
        assert (partition.current_leader is not None) == (version >= 10)
        if version >= 10:
            assert (partition.current_leader.leader_id, partition.current_leader.leader_epoch) == (OTHER, EPOCH)

    on_broker(scenario)
