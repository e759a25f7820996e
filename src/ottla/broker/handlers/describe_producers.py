"""DescribeProducers: who has written to a partition lately, and what is left open. Version 0 (KIP-664)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import KafkaError, TopicAuthorizationFailed, UnknownTopicOrPartition
from ottla.controller.names import check_topic_name
from ottla.protocol.messages.describe_producers import DescribeProducersRequest, DescribeProducersResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.storage.log import ProducerView

Answer = DescribeProducersResponse.PartitionResponse


async def describe_producers(ctx: Context, request: DescribeProducersRequest) -> DescribeProducersResponse:
    """Needs READ on the topic."""
    topics = []
    pace = ctx.pace(only_reads=True)
    for topic in request.topics:
        allowed = ctx.allows(Operation.READ, ResourceType.TOPIC, topic.name)
        answers = []
        for index in topic.partition_indexes:
            answer = Answer(partition_index=index)
            answers.append(answer)
            try:
                if not allowed:
                    raise TopicAuthorizationFailed
                check_topic_name(topic.name)
                producers = ctx.node.replicas.find(topic.name, index).leader_log().producers()
                ctx.spend(1 + len(producers))
                answer.active_producers = [_shown(producer) for producer in producers]
            except KafkaError as error:
                answer.error_code = ctx.count_error(error)
                if not isinstance(error, UnknownTopicOrPartition) or topic.name not in ctx.node.image.topics:
                    answer.error_message = error.message  # a partition that a topic lacks gets none
            if pace.due(1 + len(answer.active_producers)):
                await pace.rest()
        topics.append(DescribeProducersResponse.TopicResponse(name=topic.name, partitions=answers))
    return DescribeProducersResponse(throttle_time_ms=ctx.throttle_time_ms, topics=topics)


def _shown(producer: ProducerView) -> DescribeProducersResponse.ProducerState:
    return DescribeProducersResponse.ProducerState(
        producer_id=producer.producer_id,
        producer_epoch=producer.epoch,
        last_sequence=producer.last_sequence,
        last_timestamp=producer.last_timestamp,
        coordinator_epoch=producer.coordinator_epoch,
        current_txn_start_offset=producer.transaction_start_offset,
    )
