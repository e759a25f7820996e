"""ConsumerGroupHeartbeat (0 to 1) and ConsumerGroupDescribe (0 to 1): groups of the new protocol (KIP-848)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.handlers.answers import counted
from ottla.broker.handlers.group_members import caller_of
from ottla.common.errors import InvalidGroupId, KafkaError, TopicAuthorizationFailed, UnsupportedVersion
from ottla.coordinator.outcome import Outcome
from ottla.protocol.messages.consumer_group import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.coordinator.group.machine import GroupMachine
    from ottla.coordinator.outcome import Token

Described = ConsumerGroupDescribeResponse.DescribedGroup

_PROTOCOL = "consumer"
_FEATURE = "group.version"


async def consumer_group_heartbeat(
    ctx: Context, request: ConsumerGroupHeartbeatRequest
) -> ConsumerGroupHeartbeatResponse:
    """Needs READ on the group, then DESCRIBE on each topic that is subscribed to by name."""
    caller = caller_of(ctx)
    try:
        _check_offered(ctx)
        ctx.authorize(Operation.READ, ResourceType.GROUP, request.group_id)
        for name in request.subscribed_topic_names or ():
            ctx.authorize(Operation.DESCRIBE, ResourceType.TOPIC, name)
    except KafkaError as error:
        return ConsumerGroupHeartbeatResponse(
            error_code=ctx.count_error(error), error_message=None, throttle_time_ms=ctx.throttle_time_ms
        )

    def may_describe(name: str) -> bool:
        return ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, name)

    try:
        answer: ConsumerGroupHeartbeatResponse = await ctx.node.groups.call(
            request.group_id,
            lambda machine, token, now_ms: machine.consumer_heartbeat(token, request, caller, may_describe, now_ms),
        )
    except KafkaError as error:
        answer = ConsumerGroupHeartbeatResponse(error_code=error.code, error_message=error.message)
    if answer.error_code:
        ctx.count_code(answer.error_code)
    answer.throttle_time_ms = ctx.throttle_time_ms
    return answer


def _check_offered(ctx: Context) -> None:
    """Raises UnsupportedVersion where the broker's settings or the cluster's features leave the protocol out."""
    node = ctx.node
    if _PROTOCOL not in node.settings.group_coordinator_rebalance_protocols or not node.image.features.get(_FEATURE):
        raise UnsupportedVersion


async def consumer_group_describe(ctx: Context, request: ConsumerGroupDescribeRequest) -> ConsumerGroupDescribeResponse:
    """Needs DESCRIBE on each group, and on each topic that its members have: else the group is not shown.

    A group named twice is answered once, as in DescribeGroups.
    """
    groups = []
    pace = ctx.pace(only_reads=True)
    for group_id in dict.fromkeys(request.group_ids):
        group = await _describe(ctx, group_id)
        if request.include_authorized_operations and not group.error_code:
            group.authorized_operations = ctx.authorized_operations(ResourceType.GROUP, group_id)
        groups.append(group)
        if pace.due(1 + len(group.members)):
            await pace.rest()
    return ConsumerGroupDescribeResponse(throttle_time_ms=ctx.throttle_time_ms, groups=counted(ctx, groups))


async def _describe(ctx: Context, group_id: str) -> Described:
    def command(machine: GroupMachine, token: Token, now_ms: int) -> Outcome:
        outcome = Outcome()  # as a command, so that the answer waits until what it tells is committed
        outcome.answer(token, machine.describe_consumers(group_id, now_ms))
        return outcome

    try:
        _check_offered(ctx)
        ctx.authorize(Operation.DESCRIBE, ResourceType.GROUP, group_id)
        if not group_id:
            raise InvalidGroupId
        group: Described = await ctx.node.groups.call(group_id, command)
        ctx.spend(1 + len(group.members) + len(_topics_shown(group)))
    except KafkaError as error:
        return Described(error_code=error.code, group_id=group_id)
    if not all(ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, name) for name in _topics_shown(group)):
        return Described(
            error_code=TopicAuthorizationFailed.code,
            error_message="The group has described topic(s) that the client is not authorized to describe.",
            group_id=group_id,
        )
    return group


def _topics_shown(group: Described) -> list[str]:
    return [
        topic.topic_name
        for member in group.members
        for assignment in (member.assignment, member.target_assignment)
        for topic in assignment.topic_partitions
    ]
