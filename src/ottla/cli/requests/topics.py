"""Topics: what there is, and changes to it that `ottla.client.operations` has not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from ottla.cli.options import missing
from ottla.client.cluster import Cluster, raise_error
from ottla.common.names import TopicPartition
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsResponse
from ottla.protocol.messages.delete_records import DeleteRecordsRequest, DeleteRecordsResponse
from ottla.protocol.messages.metadata import MetadataResponse

Topic = MetadataResponse.MetadataResponseTopic

_TIMEOUT_MS = 15_000


async def all_topics(cluster: Cluster) -> list[Topic]:
    """By name."""
    response = await cluster.refresh(None)
    return sorted((topic for topic in response.topics if topic.name), key=lambda topic: topic.name or "")


async def topics_named(cluster: Cluster, names: Sequence[str]) -> list[Topic]:
    """In the order of the names. Raises ClickException for one that does not exist, with the nearest that does."""
    found = []
    await cluster.refresh(names)
    for name in names:
        if name not in cluster.topics:
            known = [topic.name or "" for topic in await all_topics(cluster)]
            raise missing("topic", name, known)
        found.append(cluster.topics[name])
    return found


async def partitions_of(cluster: Cluster, wanted: Iterable[tuple[str, list[int] | None]]) -> list[TopicPartition]:
    """Topics with some or all (None) of their partitions, in order. Raises ClickException for what does not exist."""
    result: dict[TopicPartition, None] = {}
    for name, numbers in wanted:
        (topic,) = await topics_named(cluster, [name])
        existing = sorted(row.partition_index for row in topic.partitions)
        for number in existing if numbers is None else numbers:
            if number not in existing:
                raise click.ClickException(f"topic {name} has no partition {number}; it has 0 to {existing[-1]}")
            result[TopicPartition(name, number)] = None
    return list(result)


async def add_partitions(cluster: Cluster, name: str, count: int) -> None:
    """Raises InvalidPartitions unless `count` is more than there are."""
    row = CreatePartitionsRequest.CreatePartitionsTopic(name=name, count=count, assignments=None)
    request = CreatePartitionsRequest(topics=[row], timeout_ms=_TIMEOUT_MS)

    def check(response: CreatePartitionsResponse) -> None:
        raise_error(response.results[0])

    await cluster.send_to_controller(request, check)


async def delete_records(cluster: Cluster, partition: TopicPartition, offset: int) -> int:
    """Deletes what lies before `offset` (-1: everything); the offset where the partition now begins."""
    row = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=partition.partition, offset=offset)
    topic = DeleteRecordsRequest.DeleteRecordsTopic(name=partition.topic, partitions=[row])
    request = DeleteRecordsRequest(topics=[topic], timeout_ms=_TIMEOUT_MS)

    def check(response: DeleteRecordsResponse) -> int:
        answer = response.topics[0].partitions[0]
        raise_error(answer)
        return answer.low_watermark

    return await cluster.send_to_leader(partition.topic, partition.partition, request, check)
