"""Log directories: how much lies where."""

from __future__ import annotations

from collections.abc import Sequence

from ottla.client.cluster import Cluster, raise_error
from ottla.common.errors import ClusterAuthorizationFailed
from ottla.common.names import TopicPartition
from ottla.protocol.messages.log_dirs import DescribeLogDirsRequest, DescribeLogDirsResponse

Directory = DescribeLogDirsResponse.DescribeLogDirsResult


async def directories(cluster: Cluster, topics: Sequence[str] | None = None) -> list[tuple[int, Directory]]:
    """(broker, directory) of every broker; of the topics named, or of all."""
    if not cluster.brokers:
        await cluster.refresh([])
    wanted = None
    if topics is not None:
        wanted = [
            DescribeLogDirsRequest.DescribableLogDirTopic(
                topic=name, partitions=[row.partition_index for row in cluster.topics[name].partitions]
            )
            for name in topics
        ]
    found = []
    for broker in sorted(cluster.brokers):
        response: DescribeLogDirsResponse = await cluster.send(DescribeLogDirsRequest(topics=wanted), broker=broker)
        raise_error(response)
        found += [(broker, directory) for directory in response.results]
    return found


async def sizes(cluster: Cluster, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """Bytes of the largest replica of each partition; empty where we may not ask."""
    result: dict[TopicPartition, int] = {}
    try:
        rows = await directories(cluster, topics)
    except ClusterAuthorizationFailed:
        return {}
    for _, directory in rows:
        for topic in directory.topics:
            for row in topic.partitions:
                partition = TopicPartition(topic.name, row.partition_index)
                result[partition] = max(result.get(partition, 0), row.partition_size)
    return result
