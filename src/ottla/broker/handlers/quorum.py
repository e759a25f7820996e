"""DescribeQuorum (0 to 2), AddRaftVoter (0 to 1), RemoveRaftVoter (0): the metadata log as Kafka's tools see it.

There is no Raft here: a store decides who is the controller. Its log looks like a quorum whose only voter is the
controller, and whose voters cannot be changed (kraft.version 0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import (
    InconsistentClusterId,
    InvalidRequest,
    KafkaError,
    UnknownTopicOrPartition,
    UnsupportedVersion,
)
from ottla.common.names import METADATA_TOPIC, ZERO_UUID
from ottla.protocol.messages.quorum import DescribeQuorumRequest, DescribeQuorumResponse
from ottla.protocol.messages.voters import (
    AddRaftVoterRequest,
    AddRaftVoterResponse,
    RemoveRaftVoterRequest,
    RemoveRaftVoterResponse,
)
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_NODES_SINCE = 2

Topic = DescribeQuorumResponse.TopicData
Partition = DescribeQuorumResponse.PartitionData


async def describe_quorum(ctx: Context, request: DescribeQuorumRequest) -> DescribeQuorumResponse:
    """Needs DESCRIBE on the cluster. Knows one partition; a request for anything besides gets an error for all."""
    response = DescribeQuorumResponse(topics=[], nodes=[])
    try:
        ctx.authorize(Operation.DESCRIBE, ResourceType.CLUSTER)
    except KafkaError as error:
        response.error_code, response.error_message = ctx.count_error(error), error.message
        return response
    asked = [(topic.topic_name, each.partition_index) for topic in request.topics for each in topic.partitions]
    if asked == [(METADATA_TOPIC, 0)]:
        response.topics = [Topic(topic_name=METADATA_TOPIC, partitions=[_log(ctx)])]
        if ctx.version >= _NODES_SINCE:
            response.nodes = _controller(ctx)
        return response
    response.topics = [
        Topic(
            topic_name=topic.topic_name, partitions=[_unknown(ctx, each.partition_index) for each in topic.partitions]
        )
        for topic in request.topics
    ]
    return response


def _unknown(ctx: Context, index: int) -> Partition:
    error = UnknownTopicOrPartition("This server does not host this topic-partition.")
    return Partition(
        partition_index=index,
        error_code=ctx.count_error(error),
        error_message=error.message,
        current_voters=[],
        observers=[],
    )


def _log(ctx: Context) -> Partition:
    node = ctx.node
    end = node.image.end_offset
    voter = DescribeQuorumResponse.ReplicaState(
        replica_id=node.controller_id(),
        log_end_offset=end,
        last_fetch_timestamp=ctx.now_ms,
        last_caught_up_timestamp=ctx.now_ms,
    )
    return Partition(
        partition_index=0,
        leader_id=node.controller_id(),
        leader_epoch=node.controller.epoch or 0,
        high_watermark=end,
        current_voters=[voter],
        observers=[],
    )


def _controller(ctx: Context) -> list[DescribeQuorumResponse.Node]:
    """Where the controller is reached: it is one of the brokers."""
    broker = ctx.node.image.brokers.get(ctx.node.controller_id())
    if broker is None:
        return []
    listeners = [
        DescribeQuorumResponse.Listener(name=end.listener, host=end.host, port=end.port) for end in broker.endpoints
    ]
    return [DescribeQuorumResponse.Node(node_id=broker.id, listeners=listeners)]


async def add_raft_voter(ctx: Context, request: AddRaftVoterRequest) -> AddRaftVoterResponse:
    """Needs ALTER on the cluster; then refused."""
    error = _refusal(ctx, request) or _without_endpoint(ctx, request) or _fixed("adding voter")
    return AddRaftVoterResponse(
        throttle_time_ms=ctx.throttle_time_ms, error_code=ctx.count_error(error), error_message=error.message
    )


async def remove_raft_voter(ctx: Context, request: RemoveRaftVoterRequest) -> RemoveRaftVoterResponse:
    """Needs ALTER on the cluster; then refused."""
    error = _refusal(ctx, request) or _fixed("removing voter")
    return RemoveRaftVoterResponse(
        throttle_time_ms=ctx.throttle_time_ms, error_code=ctx.count_error(error), error_message=error.message
    )


def _refusal(ctx: Context, request: AddRaftVoterRequest | RemoveRaftVoterRequest) -> KafkaError | None:
    try:
        ctx.authorize(Operation.ALTER, ResourceType.CLUSTER)
    except KafkaError as error:
        return error
    own, given = ctx.node.cluster_id, request.cluster_id
    if given is not None and given != own:
        return InconsistentClusterId(f'The given id "{given}" doesn\'t match the cluster id "{own}"')
    if request.voter_id < 0 or request.voter_directory_id == ZERO_UUID:
        what = "Add" if isinstance(request, AddRaftVoterRequest) else "Remove"
        return InvalidRequest(f"{what} voter request didn't include a valid voter")
    return None


def _without_endpoint(ctx: Context, request: AddRaftVoterRequest) -> KafkaError | None:
    """A voter must be reachable where this controller is: on the listener of that name."""
    own = [end.name for node in _controller(ctx) for end in node.listeners][:1]
    if not own or own[0] in {end.name for end in request.listeners}:
        return None
    given = ", ".join(f"ListenerName({end.name})={end.host}/<unresolved>:{end.port}" for end in request.listeners)
    return InvalidRequest(
        f"Add voter request didn't include the endpoint (Endpoints(endpoints={{{given}}})) for the default listener "
        f"ListenerName({own[0]})"
    )


def _fixed(what: str) -> KafkaError:
    return UnsupportedVersion(f"Cluster doesn't support {what} because the kraft.version feature is 0")
