"""DescribeGroups (0 to 6), ListGroups (0 to 5), DeleteGroups (0 to 2): groups as tools see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.handlers.answers import counted
from ottla.common.errors import CoordinatorLoadInProgress, KafkaError
from ottla.coordinator.outcome import Outcome
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.coordinator.group.machine import GroupMachine
    from ottla.coordinator.outcome import Token

Described = DescribeGroupsResponse.DescribedGroup
Deleted = DeleteGroupsResponse.DeletableGroupResult

_NAMES_ERROR = 6


async def describe_groups(ctx: Context, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
    """Needs DESCRIBE on each group. A group named twice is answered once: three bytes ask for megabytes."""
    groups = []
    pace = ctx.pace(only_reads=True)
    for group_id in dict.fromkeys(request.groups):
        group = await _describe(ctx, group_id)
        if request.include_authorized_operations and not group.error_code:
            group.authorized_operations = ctx.authorized_operations(ResourceType.GROUP, group_id)
        groups.append(group)
        if pace.due(1 + len(group.members)):
            await pace.rest()
    return DescribeGroupsResponse(throttle_time_ms=ctx.throttle_time_ms, groups=counted(ctx, groups))


async def _describe(ctx: Context, group_id: str) -> Described:
    def describe(machine: GroupMachine, token: Token, now_ms: int) -> Outcome:
        outcome = Outcome()  # as a command, so that the answer waits until what it tells is committed
        outcome.answer(token, machine.describe(group_id, ctx.version, now_ms))
        return outcome

    try:
        ctx.authorize(Operation.DESCRIBE, ResourceType.GROUP, group_id)
        group: Described = await ctx.node.groups.call(group_id, describe)
        ctx.spend(
            1 + len(group.members), sum(len(one.member_metadata) + len(one.member_assignment) for one in group.members)
        )
    except KafkaError as error:
        group = Described(error_code=error.code, group_id=group_id)
        if ctx.version >= _NAMES_ERROR:
            group.error_message = error.message
    return group


async def list_groups(ctx: Context, request: ListGroupsRequest) -> ListGroupsResponse:
    """Needs DESCRIBE on the cluster, or on a group to see that one; the others are left out."""
    response = ListGroupsResponse(throttle_time_ms=ctx.throttle_time_ms)
    runtime = ctx.node.groups.runtime
    if runtime.loading:
        response.error_code = ctx.count_error(CoordinatorLoadInProgress())
        return response
    everything = ctx.allows(Operation.DESCRIBE, ResourceType.CLUSTER, CLUSTER_NAME)
    states = frozenset(state.lower() for state in request.states_filter)
    types = frozenset(one.lower() for one in request.types_filter)
    pace = ctx.pace(only_reads=True)
    for shard in runtime.shards():
        groups = shard.machine.list(ctx.node.steady.now_ms())
        response.groups += [
            group
            for group in groups
            if (not states or group.group_state.lower() in states)
            and (not types or group.group_type in types)
            and (everything or ctx.allows(Operation.DESCRIBE, ResourceType.GROUP, group.group_id))
        ]
        if pace.due(len(groups)):
            await pace.rest()
    return response


async def delete_groups(ctx: Context, request: DeleteGroupsRequest) -> DeleteGroupsResponse:
    """Needs DELETE on each group. A group named twice is answered once."""
    results = []
    pace = ctx.pace()
    for group_id in dict.fromkeys(request.groups_names):
        results.append(await _delete(ctx, group_id))
        if pace.due():
            await pace.rest()
    return DeleteGroupsResponse(throttle_time_ms=ctx.throttle_time_ms, results=counted(ctx, results))


async def _delete(ctx: Context, group_id: str) -> Deleted:
    try:
        ctx.authorize(Operation.DELETE, ResourceType.GROUP, group_id)
        answer: Deleted = await ctx.node.groups.call(
            group_id, lambda machine, token, now_ms: machine.delete(token, group_id, now_ms)
        )
    except KafkaError as error:
        return Deleted(group_id=group_id, error_code=error.code)
    if not answer.error_code:
        ctx.tell("group.deleted", group=group_id)
    return answer
