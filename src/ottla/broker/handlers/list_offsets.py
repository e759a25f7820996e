"""ListOffsets: earliest, latest, by time, and the special timestamps of later versions. Versions 1 to 11."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from typing import TYPE_CHECKING

from ottla.broker.isolation import ISOLATION_LEVELS, READ_COMMITTED
from ottla.common.errors import (
    InvalidRequest,
    KafkaError,
    LeaderNotAvailable,
    OffsetNotAvailable,
    TopicAuthorizationFailed,
    UnknownServerError,
    UnsupportedVersion,
)
from ottla.protocol.messages.list_offsets import ListOffsetsRequest, ListOffsetsResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.broker.partition import Partition

LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LAST_TIERED, EARLIEST_PENDING_UPLOAD = -1, -2, -3, -4, -5, -6

# The version that introduced each special timestamp (KIP-734, KIP-405, KIP-1005, KIP-1023).
_SINCE = {LATEST: 1, EARLIEST: 1, MAX_TIMESTAMP: 7, EARLIEST_LOCAL: 8, LAST_TIERED: 9, EARLIEST_PENDING_UPLOAD: 11}
_LEADER_EPOCH_SINCE = 4
_NOT_AVAILABLE_SINCE = 5

Answer = ListOffsetsResponse.ListOffsetsPartitionResponse


async def list_offsets(ctx: Context, request: ListOffsetsRequest) -> ListOffsetsResponse:
    topics = []
    pace = ctx.pace(only_reads=True)
    for topic in request.topics if len(request.topics) < 2 else _joined(request.topics):
        allowed = ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, topic.name)
        answers = []
        partitions = topic.partitions
        twice = _twice(partitions) if len(partitions) > 1 else ()
        for asked in partitions if not twice else {one.partition_index: one for one in partitions}.values():
            answer = Answer(partition_index=asked.partition_index, timestamp=-1, offset=-1, leader_epoch=-1)
            answers.append(answer)
            if pace.due():
                await pace.rest()
            try:
                if not allowed:
                    raise TopicAuthorizationFailed
                if asked.partition_index in twice:
                    raise InvalidRequest(f"partition {asked.partition_index} is asked for twice")
                if request.isolation_level not in ISOLATION_LEVELS:
                    raise UnknownServerError
                _check_timestamp(ctx, asked.timestamp)
                partition = ctx.node.replicas.find(topic.name, asked.partition_index)
                await _answer(ctx, request, partition, asked, answer)
                if ctx.version < _LEADER_EPOCH_SINCE:
                    answer.leader_epoch = -1
            except KafkaError as error:
                answer.error_code = ctx.count_error(error)
        if answers or request.isolation_level not in ISOLATION_LEVELS:
            topics.append(ListOffsetsResponse.ListOffsetsTopicResponse(name=topic.name, partitions=answers))
    return ListOffsetsResponse(throttle_time_ms=ctx.throttle_time_ms, topics=topics)


def _joined(topics: list[ListOffsetsRequest.ListOffsetsTopic]) -> list[ListOffsetsRequest.ListOffsetsTopic]:
    """Rows of one topic count as one row."""
    partitions: dict[str, list[ListOffsetsRequest.ListOffsetsPartition]] = {}
    for topic in topics:
        partitions.setdefault(topic.name, []).extend(topic.partitions)
    return [ListOffsetsRequest.ListOffsetsTopic(name=name, partitions=rows) for name, rows in partitions.items()]


def _twice(partitions: list[ListOffsetsRequest.ListOffsetsPartition]) -> Container[int]:
    times = Counter(one.partition_index for one in partitions)
    return () if len(times) == len(partitions) else {index for index, count in times.items() if count > 1}


def _check_timestamp(ctx: Context, timestamp: int) -> None:
    if timestamp < 0 and ctx.version < _SINCE.get(timestamp, 1 << 15):
        raise UnsupportedVersion(f"timestamp {timestamp} is not known in version {ctx.version}")


async def _answer(
    ctx: Context,
    request: ListOffsetsRequest,
    partition: Partition,
    asked: ListOffsetsRequest.ListOffsetsPartition,
    answer: Answer,
) -> None:
    log = partition.leader_log(asked.current_leader_epoch)
    timestamp = asked.timestamp
    committed = request.isolation_level == READ_COMMITTED
    readable = partition.last_stable_offset if committed else partition.high_watermark
    if timestamp == LATEST:
        if partition.high_watermark < partition.led_from:
            raise OffsetNotAvailable if ctx.version >= _NOT_AVAILABLE_SINCE else LeaderNotAvailable
        answer.offset = readable
        answer.leader_epoch = partition.leader_epoch
    elif timestamp in (EARLIEST, EARLIEST_LOCAL):
        answer.offset = log.log_start_offset
        answer.leader_epoch = log.epoch_at(log.log_start_offset)
    elif timestamp in (LAST_TIERED, EARLIEST_PENDING_UPLOAD):
        return  # nothing is tiered: -1
    else:
        by_largest = timestamp == MAX_TIMESTAMP
        steps = log.steps_for_max_timestamp() if by_largest else log.steps_for_timestamp(timestamp)
        found = await ctx.node.openings.look(steps, ctx)
        if found is not None and found.offset < readable:
            answer.offset, answer.timestamp, answer.leader_epoch = found.offset, found.timestamp, found.leader_epoch
