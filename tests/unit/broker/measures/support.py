"""A broker whose page is read."""

from __future__ import annotations

from typing import Any

from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest
from tests.unit.broker.handlers.support import Asking
from tests.unit.exposition import Page


async def page_of(broker: Asking) -> Page:
    """The page `/metrics` of the broker, read strictly."""
    return Page((await broker.node.metrics_page()).decode())


async def fetch(broker: Asking, topic: str, partition: int = 0, offset: int = 0, max_wait_ms: int = 0) -> Any:
    """One fetch without a session; `max_wait_ms` for more than there is."""
    want = FetchRequest.FetchPartition(
        partition=partition, fetch_offset=offset, partition_max_bytes=1 << 20, current_leader_epoch=-1
    )
    request = FetchRequest(
        replica_id=-1, max_wait_ms=max_wait_ms, min_bytes=1 << 20 if max_wait_ms else 1, max_bytes=1 << 20,
        topics=[FetchRequest.FetchTopic(topic=topic, partitions=[want])], session_epoch=-1,
    )  # fmt: skip
    return await broker.ask(request, 12)


async def commit(broker: Asking, group: str, topic: str, *offsets: tuple[int, int]) -> None:
    """By a consumer without a group's members."""
    partitions = [
        OffsetCommitRequest.OffsetCommitRequestPartition(
            partition_index=index, committed_offset=offset, committed_metadata=""
        )
        for index, offset in offsets
    ]
    named = OffsetCommitRequest.OffsetCommitRequestTopic(name=topic, partitions=partitions)
    answer = await broker.ask(OffsetCommitRequest(group_id=group, topics=[named]), 8)
    assert all(one.error_code == 0 for topic in answer.topics for one in topic.partitions), answer
