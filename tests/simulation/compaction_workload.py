"""A compacted topic on a simulated broker: filled, read, awaited."""

from __future__ import annotations

import asyncio

from ottla.broker.node import Node
from ottla.client.cluster import Cluster
from ottla.client.operations import fetch, offset_for, produce
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


async def fill(client: Cluster, topic: str, *, keys: int, rounds: int, tag: str = "") -> list[Pair]:
    """One batch a round, which writes every key; what was written, with its offsets."""
    written: list[Pair] = []
    for number in range(rounds):
        builder = BatchBuilder()
        pairs = [(b"key-%d" % key, f"{tag}{number}-{key}".encode()) for key in range(keys)]
        for key, value in pairs:
            builder.append(1_700_000_000_000 + number, key, value)
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
