"""JoinGroup, SyncGroup, Heartbeat, LeaveGroup: authorise, and hand on to the group's machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ottla.common.errors import KafkaError
from ottla.coordinator.group.classic import join_refused, sync_refused
from ottla.coordinator.group.limits import Caller
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
    caller = caller_of(ctx)
    try:
        ctx.authorize(Operation.READ, ResourceType.GROUP, request.group_id)
        answer: JoinGroupResponse = await ctx.node.groups.call(
            request.group_id, lambda machine, token, now_ms: machine.join(token, request, caller, now_ms)
        )
    except KafkaError as error:
        answer = join_refused(error, request.member_id)
    if answer.protocol_name is None and ctx.version < _NO_PROTOCOL_SINCE:
        answer.protocol_name = ""
    return _finished(ctx, answer)


async def sync_group(ctx: Context, request: SyncGroupRequest) -> SyncGroupResponse:
    caller = caller_of(ctx)
    try:
        ctx.authorize(Operation.READ, ResourceType.GROUP, request.group_id)
        answer: SyncGroupResponse = await ctx.node.groups.call(
            request.group_id, lambda machine, token, now_ms: machine.sync(token, request, caller, now_ms)
        )
    except KafkaError as error:
        answer = sync_refused(error)
    return _finished(ctx, answer)


async def heartbeat(ctx: Context, request: HeartbeatRequest) -> HeartbeatResponse:
    caller = caller_of(ctx)
    try:
        ctx.authorize(Operation.READ, ResourceType.GROUP, request.group_id)
        answer: HeartbeatResponse = await ctx.node.groups.call(
            request.group_id, lambda machine, token, now_ms: machine.heartbeat(token, request, caller, now_ms)
        )
    except KafkaError as error:
        answer = HeartbeatResponse(error_code=error.code)
    return _finished(ctx, answer)


async def leave_group(ctx: Context, request: LeaveGroupRequest) -> LeaveGroupResponse:
    caller = caller_of(ctx)
    try:
        ctx.authorize(Operation.READ, ResourceType.GROUP, request.group_id)
        answer: LeaveGroupResponse = await ctx.node.groups.call(
            request.group_id, lambda machine, token, now_ms: machine.leave(token, request, caller, now_ms)
        )
    except KafkaError as error:
        answer = LeaveGroupResponse(error_code=error.code)
    return _finished(ctx, answer)


Answer = TypeVar("Answer", JoinGroupResponse, SyncGroupResponse, HeartbeatResponse, LeaveGroupResponse)


def _finished(ctx: Context, answer: Answer) -> Answer:
    if answer.error_code:
        ctx.count_code(answer.error_code)
    answer.throttle_time_ms = ctx.throttle_time_ms
    return answer
