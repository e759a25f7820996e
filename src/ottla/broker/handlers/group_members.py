"""JoinGroup, SyncGroup, Heartbeat, LeaveGroup: authorise, and hand on to the group's machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ottla.common.errors import KafkaError
from ottla.coordinator.group.classic_answers import join_refused, sync_refused
from ottla.coordinator.group.limits import Caller
from ottla.coordinator.group.machine import GroupMachine
from ottla.coordinator.outcome import Outcome, Token
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_NO_PROTOCOL_SINCE = 7  # KIP-559: null says that there is none


def caller_of(ctx: Context) -> Caller:
    """The client as groups remember and show it; the host in the form of Java's InetAddress."""
    return Caller(ctx.version, ctx.client_id or "", "/" + ctx.session.client_host)


async def join_group(ctx: Context, request: JoinGroupRequest) -> JoinGroupResponse:
    answer = await _ask(ctx, request, GroupMachine.join, lambda error: join_refused(error, request.member_id))
    if answer.protocol_name is None and ctx.version < _NO_PROTOCOL_SINCE:
        answer.protocol_name = ""
    return answer


async def sync_group(ctx: Context, request: SyncGroupRequest) -> SyncGroupResponse:
    return await _ask(ctx, request, sync_of, sync_refused)


def sync_of(machine: GroupMachine, token: Token, request: SyncGroupRequest, caller: Caller, now_ms: int) -> Outcome:
    outcome = machine.sync(token, request, caller, now_ms)
    request.assignments = []  # the group has what counts of them, and a member may send any, and wait for the leader
    return outcome


async def heartbeat(ctx: Context, request: HeartbeatRequest) -> HeartbeatResponse:
    """Written out, and not through `_ask`: the most frequent request of all to a coordinator, by 2 us faster so."""
    try:
        ctx.authorize(Operation.READ, ResourceType.GROUP, request.group_id)
        answer: HeartbeatResponse = await ctx.node.groups.call(
            request.group_id, lambda machine, token, now_ms: machine.heartbeat(token, request, now_ms)
        )
    except KafkaError as error:
        answer = HeartbeatResponse(error_code=error.code)
    if answer.error_code:
        ctx.count_code(answer.error_code)
    answer.throttle_time_ms = ctx.throttle_time_ms
    return answer


async def leave_group(ctx: Context, request: LeaveGroupRequest) -> LeaveGroupResponse:
    return await _ask(ctx, request, GroupMachine.leave, lambda error: LeaveGroupResponse(error_code=error.code))


Answer = TypeVar("Answer", JoinGroupResponse, SyncGroupResponse, LeaveGroupResponse)


async def _ask(
    ctx: Context, request: Any, command: Callable[..., Outcome], refused: Callable[[KafkaError], Answer]
) -> Answer:
    """The machine's answer to one request about a member; `refused` makes the answer of an error on the way to it."""
    caller = caller_of(ctx)
    try:
        ctx.authorize(Operation.READ, ResourceType.GROUP, request.group_id)
        ctx.session.let_go()  # it may wait for a rebalance, with what the group has counted
        answer: Answer = await ctx.node.groups.call(
            request.group_id, lambda machine, token, now_ms: command(machine, token, request, caller, now_ms)
        )
    except KafkaError as error:
        answer = refused(error)
    if answer.error_code:
        ctx.count_code(answer.error_code)
    answer.throttle_time_ms = ctx.throttle_time_ms
    return answer
