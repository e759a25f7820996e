"""Offsets of many partitions by one request to each leader."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ottla.client.cluster import Cluster, raise_error
from ottla.client.operations import EARLIEST, LATEST
from ottla.common.names import TopicPartition
from ottla.protocol.messages.list_offsets import ListOffsetsRequest, ListOffsetsResponse

MAX_TIMESTAMP = -3


class Found(NamedTuple):
    """offset and timestamp (ms); -1 where no record is so young."""

    offset: int
    timestamp: int


class Range(NamedTuple):
    """A partition's first offset and the one after its last record."""

    start: int
    end: int


async def offsets_at(
    cluster: Cluster, partitions: Iterable[TopicPartition], timestamp: int
) -> dict[TopicPartition, Found]:
    """For each partition, in order, the first record at or after `timestamp`; or a mark: LATEST, MAX_TIMESTAMP."""
    result: dict[TopicPartition, Found] = {}
    by_leader: dict[int, dict[str, list[int]]] = {}
    for topic, partition in partitions:
        leader = await cluster.leader(topic, partition)
        by_leader.setdefault(leader, {}).setdefault(topic, []).append(partition)
    for leader, topics in by_leader.items():
        response = await cluster.retrying(lambda leader=leader, topics=topics: _ask(cluster, leader, topics, timestamp))  # type: ignore[misc]
        for topic_row in response.topics:
            for row in topic_row.partitions:
                result[TopicPartition(topic_row.name, row.partition_index)] = Found(row.offset, row.timestamp)
    return dict(sorted(result.items()))


async def _ask(cluster: Cluster, leader: int, topics: dict[str, list[int]], timestamp: int) -> ListOffsetsResponse:
    rows = [
        ListOffsetsRequest.ListOffsetsTopic(
            name=topic,
            partitions=[
                ListOffsetsRequest.ListOffsetsPartition(partition_index=number, timestamp=timestamp)
                for number in numbers
            ],
        )
        for topic, numbers in topics.items()
    ]
    request = ListOffsetsRequest(replica_id=-1, topics=rows, timeout_ms=15_000)
    response: ListOffsetsResponse = await cluster.send(request, broker=leader)
    for topic in response.topics:
        for row in topic.partitions:
            raise_error(row)
    return response


async def ranges(cluster: Cluster, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Range]:
    wanted = list(partitions)
    starts = await offsets_at(cluster, wanted, EARLIEST)
    ends = await offsets_at(cluster, wanted, LATEST)
    return {partition: Range(starts[partition].offset, ends[partition].offset) for partition in wanted}
