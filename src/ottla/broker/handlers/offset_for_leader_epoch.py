"""OffsetForLeaderEpoch: where a leader epoch ended; finds truncation (KIP-320). Versions 2 to 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import KafkaError, TopicAuthorizationFailed
from ottla.protocol.messages.offset_for_leader_epoch import OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_UNDEFINED = -1

Answer = OffsetForLeaderEpochResponse.EpochEndOffset


async def offset_for_leader_epoch(ctx: Context, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse:
    """Needs DESCRIBE on the topic, or CLUSTER_ACTION, which brokers have."""
    topics = []
    pace = ctx.pace(only_reads=True)
    for topic in request.topics:
        allowed = ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, topic.topic) or ctx.allows(
            Operation.CLUSTER_ACTION, ResourceType.CLUSTER, CLUSTER_NAME
        )
        answers = []
        for asked in topic.partitions:
            answer = Answer(partition=asked.partition)
            answers.append(answer)
            if pace.due():
                await pace.rest()
            try:
                if not allowed:
                    raise TopicAuthorizationFailed
                partition = ctx.node.replicas.find(topic.topic, asked.partition)
                log = partition.leader_log(asked.current_leader_epoch)
                if asked.leader_epoch < _UNDEFINED:  # before every epoch: it ended where the log begins
                    answer.leader_epoch, answer.end_offset = asked.leader_epoch, log.log_start_offset
                else:
                    answer.leader_epoch, answer.end_offset = log.end_offset_for_epoch(asked.leader_epoch)
            except KafkaError as error:
                answer.error_code = ctx.count_error(error)
        topics.append(OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult(topic=topic.topic, partitions=answers))
    return OffsetForLeaderEpochResponse(throttle_time_ms=ctx.throttle_time_ms, topics=topics)
