"""AlterPartitionReassignments (0 to 1) and ListPartitionReassignments (0): moving replicas (KIP-455, KIP-860)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.handlers.answers import counted
from ottla.common.errors import KafkaError
from ottla.protocol.messages.reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.metadata.parts import PartitionImage

TopicMoves = ListPartitionReassignmentsResponse.OngoingTopicReassignment
Move = ListPartitionReassignmentsResponse.OngoingPartitionReassignment


async def alter_partition_reassignments(
    ctx: Context, request: AlterPartitionReassignmentsRequest
) -> AlterPartitionReassignmentsResponse:
    """Needs ALTER on the cluster."""
    response: AlterPartitionReassignmentsResponse
    try:
        ctx.authorize(Operation.ALTER, ResourceType.CLUSTER)
        response = await ctx.node.peers.forward(ctx, request)
    except KafkaError as error:
        response = AlterPartitionReassignmentsResponse(
            error_code=ctx.count_error(error), error_message=error.message, responses=[]
        )
    for topic in response.responses:
        counted(ctx, topic.partitions)
    response.throttle_time_ms = ctx.throttle_time_ms
    return response


async def list_partition_reassignments(
    ctx: Context, request: ListPartitionReassignmentsRequest
) -> ListPartitionReassignmentsResponse:
    """Needs DESCRIBE on the cluster. Partitions that do not move, or do not exist, are left out."""
    response = ListPartitionReassignmentsResponse(throttle_time_ms=ctx.throttle_time_ms, topics=[])
    try:
        ctx.authorize(Operation.DESCRIBE, ResourceType.CLUSTER)
    except KafkaError as error:
        response.error_code, response.error_message = ctx.count_error(error), error.message
        return response
    response.error_message = None
    known = ctx.node.image.topics
    asked = dict.fromkeys(known) if request.topics is None else _named(request.topics)
    for name, indexes in asked.items():
        partitions = known[name].partitions if name in known else {}
        chosen = list(partitions) if indexes is None else [index for index in indexes if index in partitions]
        moves = [_move(index, partitions[index]) for index in chosen if _moves(partitions[index])]
        if moves:
            response.topics.append(TopicMoves(name=name, partitions=moves))
    return response


def _named(
    topics: list[ListPartitionReassignmentsRequest.ListPartitionReassignmentsTopics],
) -> dict[str, list[int] | None]:
    return {topic.name: list(topic.partition_indexes) for topic in topics}


def _moves(partition: PartitionImage) -> bool:
    return bool(partition.adding_replicas or partition.removing_replicas)


def _move(index: int, partition: PartitionImage) -> Move:
    return Move(
        partition_index=index,
        replicas=list(partition.replicas),
        adding_replicas=list(partition.adding_replicas),
        removing_replicas=list(partition.removing_replicas),
    )
