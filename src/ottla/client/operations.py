"""What tests, simulations and the command line do to a cluster most: one call each, repeated where Kafka allows it.

`produce` repeats on its own risk: without a producer id in the batch, a repeated one may be stored twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ottla.client.cluster import Cluster, raise_error
from ottla.common.errors import TopicAlreadyExists, UnknownTopicOrPartition
from ottla.common.names import ZERO_UUID, Uuid
from ottla.protocol.message import Message
from ottla.protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse
from ottla.protocol.messages.list_offsets import ListOffsetsRequest, ListOffsetsResponse
from ottla.protocol.messages.produce import ProduceRequest, ProduceResponse

LATEST, EARLIEST = -1, -2
"""Timestamps that stand for the ends of a partition."""
READ_UNCOMMITTED, READ_COMMITTED = 0, 1


class Fetched(NamedTuple):
    """One partition's part of a fetch. records: whole batches as stored, maybe beginning below the offset asked for."""

    records: memoryview
    high_watermark: int
    last_stable_offset: int
    log_start_offset: int


async def create_topic(
    cluster: Cluster,
    name: str,
    partitions: int = 1,
    replication_factor: int = -1,
    configs: Mapping[str, str] | None = None,
    *,
    timeout_ms: int = 30_000,
) -> Uuid:
    """The topic's id. -1 leaves a number to the broker's defaults.

    A repeated request that finds the topic made by the first one counts as done. Raises TopicAlreadyExists if it was
    there before, and what else the controller refuses.
    """
    topic = CreateTopicsRequest.CreatableTopic(
        name=name, num_partitions=partitions, replication_factor=replication_factor
    )
    for key, value in (configs or {}).items():
        topic.configs.append(CreateTopicsRequest.CreatableTopicConfig(name=key, value=value))
    attempts = _Attempts(CreateTopicsRequest(topics=[topic], timeout_ms=timeout_ms))

    def check(response: CreateTopicsResponse) -> Uuid:
        result = response.topics[0]
        if not (attempts.answered() and result.error_code == TopicAlreadyExists.code):
            raise_error(result)
        return Uuid(result.topic_id)

    created = await cluster.send_to_controller(attempts.message, check)
    return created if created != ZERO_UUID else await topic_id(cluster, name)


async def delete_topic(cluster: Cluster, name: str, *, timeout_ms: int = 30_000) -> None:
    """Raises UnknownTopicOrPartition, after a while: it may be the answer of a broker that is behind."""
    state = DeleteTopicsRequest.DeleteTopicState(name=name)
    attempts = _Attempts(DeleteTopicsRequest(topics=[state], timeout_ms=timeout_ms))

    def check(response: DeleteTopicsResponse) -> None:
        result = response.responses[0]
        if not (attempts.answered() and result.error_code == UnknownTopicOrPartition.code):
            raise_error(result)

    await cluster.send_to_controller(attempts.message, check)
    cluster.topics.pop(name, None)


class _Attempts:
    """Knows whether a request was sent that nobody answered: then it may have been carried out."""

    def __init__(self, request: Message) -> None:
        self._request = request
        self._open = 0

    def message(self) -> Message:
        self._open += 1
        return self._request

    def answered(self) -> bool:
        """The last one was; True if an earlier one was not."""
        self._open -= 1
        return self._open > 0


async def topic_id(cluster: Cluster, name: str) -> Uuid:
    await cluster.leader(name, 0)
    return Uuid(cluster.topics[name].topic_id)


async def produce(
    cluster: Cluster,
    topic: str,
    partition: int,
    records: bytes | memoryview,
    *,
    acks: int = -1,
    timeout_ms: int = 30_000,
) -> int:
    """The offset of the first record of one batch; -1 with acks=0."""

    def request() -> ProduceRequest:
        data = ProduceRequest.PartitionProduceData(index=partition, records=records)
        known = cluster.topics[topic]
        named = ProduceRequest.TopicProduceData(name=topic, topic_id=known.topic_id, partition_data=[data])
        return ProduceRequest(acks=acks, timeout_ms=timeout_ms, topic_data=[named])

    def check(response: ProduceResponse | None) -> int:
        if response is None:
            return -1
        answer = response.responses[0].partition_responses[0]
        raise_error(answer)
        return answer.base_offset

    return await cluster.send_to_leader(topic, partition, request, check)


async def fetch(
    cluster: Cluster,
    topic: str,
    partition: int,
    offset: int,
    *,
    max_wait_ms: int = 500,
    min_bytes: int = 1,
    max_bytes: int = 1 << 20,
    isolation: int = READ_UNCOMMITTED,
) -> Fetched:
    """Whole batches from the one that holds `offset`; empty when nothing came in time. Raises OffsetOutOfRange."""

    def request() -> FetchRequest:
        part = FetchRequest.FetchPartition(partition=partition, fetch_offset=offset, partition_max_bytes=max_bytes)
        known = cluster.topics[topic]
        return FetchRequest(
            max_wait_ms=max_wait_ms,
            min_bytes=min_bytes,
            max_bytes=max_bytes,
            isolation_level=isolation,
            topics=[FetchRequest.FetchTopic(topic=topic, topic_id=known.topic_id, partitions=[part])],
        )

    def check(response: FetchResponse) -> Fetched:
        raise_error(response)
        answer = response.responses[0].partitions[0]
        raise_error(answer)
        records = memoryview(b"" if answer.records is None else answer.records)
        return Fetched(records, answer.high_watermark, answer.last_stable_offset, answer.log_start_offset)

    return await cluster.send_to_leader(topic, partition, request, check)


async def offset_for(
    cluster: Cluster, topic: str, partition: int, timestamp: int = LATEST, *, isolation: int = READ_UNCOMMITTED
) -> int:
    """The first offset with at least this timestamp (ms), or the end that LATEST or EARLIEST stands for; -1: none."""
    wanted = ListOffsetsRequest.ListOffsetsPartition(partition_index=partition, timestamp=timestamp)
    request = ListOffsetsRequest(
        replica_id=-1,
        isolation_level=isolation,
        topics=[ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=[wanted])],
        timeout_ms=30_000,
    )

    def check(response: ListOffsetsResponse) -> int:
        answer = response.topics[0].partitions[0]
        raise_error(answer)
        return answer.offset

    return await cluster.send_to_leader(topic, partition, request, check)
