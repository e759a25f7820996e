"""A compacted topic on a simulated broker: filled, read, awaited."""

from __future__ import annotations

import asyncio

from ottla.broker.node import Node
from ottla.client.cluster import Cluster, raise_error
from ottla.client.operations import fetch, offset_for, produce
from ottla.client.operations import topic_id as topic_id_of
from ottla.protocol.messages.configs import IncrementalAlterConfigsRequest
from ottla.protocol.messages.delete_records import DeleteRecordsRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse
from ottla.records.record import BatchBuilder, read_all
from ottla.storage.log import PartitionLog

COMPACTED = {
    "cleanup.policy": "compact",
    "internal.segment.bytes": "3000",
    "index.interval.bytes": "300",
    "min.cleanable.dirty.ratio": "0.1",
    "file.delete.delay.ms": "1000",
}
Pair = tuple[int, bytes | None, bytes | None]
"""Offset, key, value."""


async def fill(
    client: Cluster, topic: str, *, keys: int, rounds: int, tag: str = "", time_ms: int = 1_700_000_000_000
) -> list[Pair]:
    """One batch a round, which writes every key; what was written, with its offsets."""
    written: list[Pair] = []
    for number in range(rounds):
        builder = BatchBuilder()
        pairs = [(b"key-%d" % key, f"{tag}{number}-{key}".encode()) for key in range(keys)]
        for key, value in pairs:
            builder.append(time_ms + number, key, value)
        base = await produce(client, topic, 0, builder.build())
        written += [(base + index, key, value) for index, (key, value) in enumerate(pairs)]
    return written


async def read_pairs(client: Cluster, topic: str) -> list[Pair]:
    """Every record there is, as a consumer from the beginning gets them."""
    found: list[Pair] = []
    end = await offset_for(client, topic, 0)
    offset = await offset_for(client, topic, 0, -2)
    while offset < end:
        fetched = await fetch(client, topic, 0, offset, max_bytes=2000)
        records = [one for one in read_all(fetched.records) if one.offset >= offset]
        if not records:
            break
        found += [(one.offset, one.key, one.value) for one in records]
        offset = records[-1].offset + 1
    return found


def newest(pairs: list[Pair]) -> dict[bytes | None, Pair]:
    return {key: (offset, key, value) for offset, key, value in pairs}


def log_of(node: Node, topic: str) -> PartitionLog:
    log = node.replicas.find(topic, 0).log
    assert log is not None
    return log


async def until_clean(node: Node, topic: str) -> None:
    """The cleaner has come as far as it can."""
    partition = node.replicas.find(topic, 0)
    for _ in range(10_000):
        log = log_of(node, topic)
        checkpoint = node.directories[0].cleaned_to(partition.topic_partition)
        dirt = log.dirt(checkpoint, partition.high_watermark, node.clock.now_ms())
        if not dirt.is_worth(log.settings.min_cleanable_dirty_ratio) and node.cleaning.busy is None and checkpoint:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"{log} is not clean: {dirt}")


async def until_busy(node: Node, topic: str) -> None:
    """A pass over the topic has begun."""
    partition = node.replicas.find(topic, 0)
    for _ in range(100_000):
        if node.cleaning.busy is partition:
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"{topic} is never cleaned")


async def until_copying(node: Node, topic: str) -> None:
    """The pass is past the dirty part and writes the first copy."""
    await until_busy(node, topic)
    folder = log_of(node, topic).folder
    while node.cleaning.busy is not None:
        if any(name.endswith(".cleaned") for name in node.files.list_folder(folder)):
            return
        await asyncio.sleep(0.001)
    raise AssertionError("the pass is over already")


async def alter_topic(client: Cluster, topic: str, configs: dict[str, str]) -> None:
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=2, resource_name=topic)
    for name, value in configs.items():
        resource.configs.append(IncrementalAlterConfigsRequest.AlterableConfig(name=name, value=value))
    answer = await client.send(IncrementalAlterConfigsRequest(resources=[resource]))
    assert answer.responses[0].error_code == 0, answer


async def alter_cluster(client: Cluster, configs: dict[str, str]) -> None:
    """The cluster-wide defaults of the brokers."""
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=4, resource_name="")
    for name, value in configs.items():
        resource.configs.append(IncrementalAlterConfigsRequest.AlterableConfig(name=name, value=value))
    answer = await client.send(IncrementalAlterConfigsRequest(resources=[resource]))
    assert answer.responses[0].error_code == 0, answer


async def delete_records(client: Cluster, topic: str, offset: int) -> None:
    partition = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=offset)
    named = DeleteRecordsRequest.DeleteRecordsTopic(name=topic, partitions=[partition])
    answer = await client.send(DeleteRecordsRequest(topics=[named], timeout_ms=1000))
    assert answer.topics[0].partitions[0].error_code == 0, answer


async def commit(client: Cluster, group: str, topic: str, offset: int) -> None:
    part = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=offset)
    topic_id = await topic_id_of(client, topic)
    named = OffsetCommitRequest.OffsetCommitRequestTopic(name=topic, topic_id=topic_id, partitions=[part])
    request = OffsetCommitRequest(group_id=group, topics=[named])

    def check(answer: OffsetCommitResponse) -> None:
        raise_error(answer.topics[0].partitions[0])

    await client.send_to_coordinator(group, request, check)


async def committed(client: Cluster, group: str, topic: str) -> int:
    topic_id = await topic_id_of(client, topic)
    named = OffsetFetchRequest.OffsetFetchRequestTopics(name=topic, topic_id=topic_id, partition_indexes=[0])
    request = OffsetFetchRequest(groups=[OffsetFetchRequest.OffsetFetchRequestGroup(group_id=group, topics=[named])])

    def check(answer: OffsetFetchResponse) -> int:
        raise_error(answer.groups[0])
        return answer.groups[0].topics[0].partitions[0].committed_offset

    return await client.send_to_coordinator(group, request, check)
