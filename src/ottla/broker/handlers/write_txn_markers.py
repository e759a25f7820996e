"""WriteTxnMarkers: a coordinator ends a transaction in partitions led here. Versions 1 and 2 (2: KIP-890)."""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING

from ottla.broker.machine_log import append_marker
from ottla.broker.waits import until
from ottla.common.errors import (
    ClusterAuthorizationFailed,
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    KafkaError,
    NotCoordinator,
    NotLeaderOrFollower,
    RequestTimedOut,
)
from ottla.common.names import CONSUMER_OFFSETS, TopicPartition
from ottla.coordinator.logged import TransactionEnd
from ottla.protocol.messages.transactions import WriteTxnMarkersRequest, WriteTxnMarkersResponse
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_TIMEOUT_S = 30.0

Answer = WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult
TopicAnswer = WriteTxnMarkersResponse.WritableTxnMarkerTopicResult
Pending = list[tuple[Answer, "Future[bool]"]]


async def write_txn_markers(ctx: Context, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse:
    """Needs ALTER or CLUSTER_ACTION on the cluster. All the appends, then one wait."""
    allowed = any(
        ctx.allows(operation, ResourceType.CLUSTER, CLUSTER_NAME)
        for operation in (Operation.ALTER, Operation.CLUSTER_ACTION)
    )
    pending: Pending = []
    markers = []
    pace = ctx.pace()
    for marker in request.markers:
        end = TransactionEnd(
            marker.producer_id,
            marker.producer_epoch,
            marker.transaction_result,
            marker.coordinator_epoch,
            marker.transaction_version,
        )
        topics = []
        for topic in marker.topics:
            answers = []
            for index in topic.partition_indexes:
                answers.append(_write(ctx, TopicPartition(topic.name, index), end, pending, allowed))
                if pace.due():
                    await pace.rest()
            topics.append(TopicAnswer(name=topic.name, partitions=answers))
        markers.append(WriteTxnMarkersResponse.WritableTxnMarkerResult(producer_id=marker.producer_id, topics=topics))
    for answer, committed in pending:
        if not await until(ctx.node.loop, committed, _TIMEOUT_S):
            answer.error_code = ctx.count_error(RequestTimedOut())
    return WriteTxnMarkersResponse(markers=markers)


def _write(ctx: Context, partition: TopicPartition, end: TransactionEnd, pending: Pending, allowed: bool) -> Answer:
    answer = Answer(partition_index=partition.partition)
    try:
        if not allowed:
            raise ClusterAuthorizationFailed
        pending.append((answer, _append(ctx, partition, end)))
        ctx.node.verification.ended(partition, end.producer_id)
    except (NotCoordinator, CoordinatorNotAvailable, CoordinatorLoadInProgress):
        answer.error_code = ctx.count_error(NotLeaderOrFollower())  # what a transaction coordinator repeats
    except KafkaError as error:
        answer.error_code = ctx.count_error(error)
    return answer


def _append(ctx: Context, partition: TopicPartition, end: TransactionEnd) -> Future[bool]:
    """The future that says that the marker is committed. The offsets of a group are the group coordinator's."""
    node = ctx.node
    hosted = node.replicas.find(*partition)
    if partition.topic == CONSUMER_OFFSETS:
        return node.groups.runtime.shard(partition.partition).end_transaction(end)
    offset = append_marker(hosted, end, ctx.now_ms)
    committed: Future[bool] = node.loop.create_future()
    hosted.commit_future(offset, committed)
    return committed
