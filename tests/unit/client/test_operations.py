"""Topics, batches and offsets through a cluster whose answers get lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, delete_topic, fetch, offset_for, produce
from ottla.common.errors import NotLeaderOrFollower, OffsetOutOfRange, TopicAlreadyExists, UnknownTopicOrPartition
from ottla.protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.delete_topics import DeleteTopicsResponse
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse
from ottla.protocol.messages.list_offsets import ListOffsetsRequest, ListOffsetsResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.produce import ProduceRequest, ProduceResponse
from ottla.testing.simulation import Simulation, run_simulation
from tests.unit.client.scripted import ScriptedBroker, versions

TOPIC_ID = bytes(range(16))


def with_topics(*existing: str) -> Callable[[Callable[[ScriptedBroker, Cluster], Awaitable[None]]], None]:
    """Runs a test body against one broker that knows these topics, of one partition each."""

    def metadata(request: MetadataRequest, _version: int) -> MetadataResponse:
        broker = MetadataResponse.MetadataResponseBroker(node_id=1, host="127.0.0.1", port=9092)
        response = MetadataResponse(brokers=[broker], controller_id=1)
        for wanted in request.topics or []:
            topic = MetadataResponse.MetadataResponseTopic(name=wanted.name, topic_id=TOPIC_ID)
            topic.error_code = 0 if wanted.name in existing else UnknownTopicOrPartition.code
            topic.partitions = [MetadataResponse.MetadataResponsePartition(partition_index=0, leader_id=1)]
            response.topics.append(topic)
        return response

    def run(body: Callable[[ScriptedBroker, Cluster], Awaitable[None]]) -> None:
        async def main(simulation: Simulation) -> None:
            broker = await ScriptedBroker(simulation).start()
            offered = {f"api_{key}": span for key, span in {0: (3, 13), 1: (4, 18), 2: (1, 11), 3: (0, 13)}.items()}
            broker.handlers[18] = lambda _request, _version: versions(**offered, api_19=(2, 7), api_20=(1, 6))
            broker.handlers[3] = metadata
            async with Cluster("127.0.0.1:9092", simulation.random, timeout_ms=120_000) as cluster:
                await body(broker, cluster)

        run_simulation(1, main)

    return run


def losing_first_answer(broker: ScriptedBroker, answer: Any) -> Callable[[Any, int], Any]:
    """A handler that closes the connection instead of answering its first request."""
    calls: list[Any] = []

    def handle(request: Any, _version: int) -> Any:
        calls.append(request)
        if len(calls) == 1:
            broker.connections[-1].transport.abort()
            return None
        return answer

    return handle


def refused(code: int) -> CreateTopicsResponse:
    return CreateTopicsResponse(topics=[CreateTopicsResponse.CreatableTopicResult(name="t", error_code=code)])


def test_a_topic_is_created_with_what_was_asked_for() -> None:
    async def body(broker: ScriptedBroker, cluster: Cluster) -> None:
        created = CreateTopicsResponse.CreatableTopicResult(name="t", topic_id=TOPIC_ID)
        broker.handlers[19] = lambda _request, _version: CreateTopicsResponse(topics=[created])
        assert await create_topic(cluster, "t", 3, 1, {"retention.ms": "5"}) == TOPIC_ID
        topic = broker.requests(CreateTopicsRequest)[0].topics[0]
        assert (topic.name, topic.num_partitions, topic.replication_factor) == ("t", 3, 1)
        assert [(config.name, config.value) for config in topic.configs] == [("retention.ms", "5")]

    with_topics()(body)


def test_a_topic_that_was_there_before_is_an_error() -> None:
    async def body(broker: ScriptedBroker, cluster: Cluster) -> None:
        broker.handlers[19] = lambda _request, _version: refused(TopicAlreadyExists.code)
        with pytest.raises(TopicAlreadyExists):
            await create_topic(cluster, "t")

    with_topics("t")(body)


def test_a_topic_made_by_a_request_whose_answer_was_lost_counts_as_created() -> None:
    async def body(broker: ScriptedBroker, cluster: Cluster) -> None:
        broker.handlers[19] = losing_first_answer(broker, refused(TopicAlreadyExists.code))
        assert await create_topic(cluster, "t") == TOPIC_ID

    with_topics("t")(body)


def test_a_topic_deleted_by_a_request_whose_answer_was_lost_counts_as_deleted() -> None:
    async def body(broker: ScriptedBroker, cluster: Cluster) -> None:
        gone = DeleteTopicsResponse.DeletableTopicResult(name="t", error_code=UnknownTopicOrPartition.code)
        answer = DeleteTopicsResponse(responses=[gone])
        broker.handlers[20] = losing_first_answer(broker, answer)
        await delete_topic(cluster, "t")
        broker.handlers[20] = lambda _request, _version: answer
        with pytest.raises(UnknownTopicOrPartition):
            await delete_topic(cluster, "t")

    with_topics("t")(body)


def test_produce_carries_the_topic_id_and_repeats_while_the_leader_moves() -> None:
    async def body(broker: ScriptedBroker, cluster: Cluster) -> None:
        codes = [NotLeaderOrFollower.code, 0]

        def answer(_request: ProduceRequest, _version: int) -> ProduceResponse:
            part = ProduceResponse.PartitionProduceResponse(error_code=codes.pop(0), base_offset=7)
            topic = ProduceResponse.TopicProduceResponse(topic_id=TOPIC_ID, partition_responses=[part])
            return ProduceResponse(responses=[topic])

        broker.handlers[0] = answer
        assert await produce(cluster, "t", 0, b"a batch") == 7
        assert [request.topic_data[0].topic_id for request in broker.requests(ProduceRequest)] == [TOPIC_ID] * 2
        broker.handlers[0] = lambda _request, _version: None
        assert await produce(cluster, "t", 0, b"a batch", acks=0) == -1

    with_topics("t")(body)


def test_fetch_gives_batches_and_offsets_or_the_error_of_its_partition() -> None:
    async def body(broker: ScriptedBroker, cluster: Cluster) -> None:
        data = FetchResponse.PartitionData(high_watermark=9, last_stable_offset=8, log_start_offset=2, records=b"batch")
        topic = FetchResponse.FetchableTopicResponse(topic_id=TOPIC_ID, partitions=[data])
        broker.handlers[1] = lambda _request, _version: FetchResponse(responses=[topic])
        found = await fetch(cluster, "t", 0, 5, min_bytes=1)
        assert (bytes(found.records), found[1:]) == (b"batch", (9, 8, 2))
        part = broker.requests(FetchRequest)[0].topics[0].partitions[0]
        assert (part.partition, part.fetch_offset) == (0, 5)
        data.error_code, data.records = OffsetOutOfRange.code, None
        with pytest.raises(OffsetOutOfRange):
            await fetch(cluster, "t", 0, 99)

    with_topics("t")(body)


def test_offsets_are_found_by_timestamp() -> None:
    async def body(broker: ScriptedBroker, cluster: Cluster) -> None:
        part = ListOffsetsResponse.ListOffsetsPartitionResponse(offset=42)
        topic = ListOffsetsResponse.ListOffsetsTopicResponse(name="t", partitions=[part])
        broker.handlers[2] = lambda _request, _version: ListOffsetsResponse(topics=[topic])
        assert await offset_for(cluster, "t", 0, 1234) == 42
        asked = broker.requests(ListOffsetsRequest)[0]
        assert (asked.replica_id, asked.topics[0].partitions[0].timestamp) == (-1, 1234)

    with_topics("t")(body)
