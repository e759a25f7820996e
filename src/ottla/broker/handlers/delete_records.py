"""DeleteRecords: moves the start of a log up to an offset. Versions 0 to 2 (KIP-107)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import (
    InvalidTopicException,
    KafkaError,
    OffsetNotAvailable,
    OffsetOutOfRange,
    PolicyViolation,
    TopicAuthorizationFailed,
)
from ottla.common.names import INTERNAL_TOPICS
from ottla.protocol.messages.delete_records import DeleteRecordsRequest, DeleteRecordsResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.broker.partition import Partition

TO_HIGH_WATERMARK = -1
_UNKNOWN = -1

Answer = DeleteRecordsResponse.DeleteRecordsPartitionResult


async def delete_records(ctx: Context, request: DeleteRecordsRequest) -> DeleteRecordsResponse:
    """Needs DELETE on the topic. Answers the new start of each log."""
    wanted: dict[str, dict[int, int]] = {}  # of a partition that is named twice the last offset counts
    for named in request.topics:
        wanted.setdefault(named.name, {}).update((one.partition_index, one.offset) for one in named.partitions)
    topics = []
    pace = ctx.pace()
    for topic, offsets in wanted.items():
        allowed = ctx.allows(Operation.DELETE, ResourceType.TOPIC, topic)
        answers = []
        for index, offset in offsets.items():
            answer = Answer(partition_index=index, low_watermark=_UNKNOWN)
            answers.append(answer)
            if pace.due():
                await pace.rest()
            try:
                if not allowed:
                    raise TopicAuthorizationFailed
                answer.low_watermark = await _delete(ctx, ctx.node.replicas.find(topic, index), offset)
                ctx.tell("partition.records_deleted", partition=f"{topic}-{index}", start=answer.low_watermark)
            except KafkaError as error:
                answer.error_code = ctx.count_error(error)
        if answers:
            topics.append(DeleteRecordsResponse.DeleteRecordsTopicResult(name=topic, partitions=answers))
    return DeleteRecordsResponse(throttle_time_ms=ctx.throttle_time_ms, topics=topics)


async def _delete(ctx: Context, partition: Partition, offset: int) -> int:
    """The new log start. Nothing above the high watermark is deleted: it is not committed.

    Where appends are synced, so is this: what was deleted must not come back with the power.
    """
    topic = partition.topic_partition.topic
    if topic in INTERNAL_TOPICS:
        raise InvalidTopicException(f"Cannot delete records of internal topic {topic}")
    log = partition.leader_log()
    if log.settings.compacts and not log.settings.deletes:
        raise PolicyViolation(f"Records of {partition.topic_partition} cannot be deleted: its topic is compacted only")
    high_watermark = partition.high_watermark
    start = high_watermark if offset == TO_HIGH_WATERMARK else offset
    if high_watermark < start <= partition.led_from:
        raise OffsetNotAvailable  # right after a start; it may have been told to clients before (KIP-207)
    if not 0 <= start <= high_watermark:
        raise OffsetOutOfRange
    if log.advance_start(start):
        partition.changed()
    start = log.log_start_offset
    if log.synced_appends:  # though it did not move now: the disk may have refused to note it when it did
        await ctx.node.disks.note_log_start(partition.topic_partition, start)
    return start
