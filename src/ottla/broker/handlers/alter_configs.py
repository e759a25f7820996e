"""AlterConfigs (0 to 2) and IncrementalAlterConfigs (0 to 1; KIP-339): authorised here, decided by the controller.

Only the log level is this broker's own affair; it lasts until the broker stops, as in Kafka (KIP-412).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ottla.broker.handlers.answers import counted
from ottla.broker.handlers.configs import ROOT_LOGGER, config_denial
from ottla.common.errors import InvalidConfig, InvalidRequest, KafkaError
from ottla.common.log import SUBJECTS
from ottla.controller.configs import DELETE, SET, Change, check_changes
from ottla.metadata.image import BROKER_LOGGER
from ottla.protocol.messages.configs import (
    AlterConfigsRequest,
    AlterConfigsResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.security.operations import Operation

if TYPE_CHECKING:
    from ottla.broker.context import Context

LEVELS = {"DEBUG": "debug", "ERROR": "error", "FATAL": "error", "INFO": "info", "TRACE": "debug", "WARN": "warn"}
"""Kafka's log levels, and which of ours each stands for."""

_OPERATIONS = ("SET", "DELETE", "APPEND", "SUBTRACT")

Altered = AlterConfigsResponse.AlterConfigsResourceResponse
AlteredOne = IncrementalAlterConfigsResponse.AlterConfigsResourceResponse
Resource = IncrementalAlterConfigsRequest.AlterConfigsResource


async def alter_configs(ctx: Context, request: AlterConfigsRequest) -> AlterConfigsResponse:
    """Needs ALTER_CONFIGS on the topic or group, for anything else on the cluster."""
    answers: list[Altered | None] = []
    wanted = []
    for resource in request.resources:
        error = config_denial(ctx, Operation.ALTER_CONFIGS, resource.resource_type, resource.resource_name)
        answers.append(None if error is None else _altered(resource, error))
        if error is None:
            wanted.append(resource)
    decided: list[Altered] = []
    if wanted:
        try:
            forwarded = AlterConfigsRequest(resources=wanted, validate_only=request.validate_only)
            response: AlterConfigsResponse = await ctx.node.peers.forward(ctx, forwarded)
            decided = response.responses
        except KafkaError as error:
            decided = [_altered(resource, error) for resource in wanted]
    rest = iter(decided)
    responses = counted(ctx, [answer or next(rest) for answer in answers])
    return AlterConfigsResponse(throttle_time_ms=ctx.throttle_time_ms, responses=responses)


def _altered(resource: AlterConfigsRequest.AlterConfigsResource, error: KafkaError) -> Altered:
    return Altered(
        error_code=error.code,
        error_message=error.message,
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
    )


async def incremental_alter_configs(
    ctx: Context, request: IncrementalAlterConfigsRequest
) -> IncrementalAlterConfigsResponse:
    """Needs ALTER_CONFIGS on the topic or group, for anything else on the cluster."""
    times = Counter((resource.resource_type, resource.resource_name) for resource in request.resources)
    answers: list[AlteredOne | None] = []
    wanted = []
    for resource in request.resources:
        key = (resource.resource_type, resource.resource_name)
        error = config_denial(ctx, Operation.ALTER_CONFIGS, *key)
        if error is not None:
            answers.append(_altered_one(resource, error))
        elif key[0] == BROKER_LOGGER and times[key] == 1:
            answers.append(_alter_log_level(ctx, resource, validate_only=request.validate_only))
        else:
            answers.append(None)
            wanted.append(resource)
    decided = iter(await _decide(ctx, wanted, validate_only=request.validate_only) if wanted else [])
    responses = counted(ctx, [answer or next(decided) for answer in answers])
    return IncrementalAlterConfigsResponse(throttle_time_ms=ctx.throttle_time_ms, responses=responses)


async def _decide(ctx: Context, resources: list[Resource], *, validate_only: bool) -> list[AlteredOne]:
    """One answer for each resource, in their order."""
    forwarded = IncrementalAlterConfigsRequest(resources=resources, validate_only=validate_only)
    try:
        response: IncrementalAlterConfigsResponse = await ctx.node.peers.forward(ctx, forwarded)
    except KafkaError as error:
        return [_altered_one(resource, error) for resource in resources]
    return response.responses


def _altered_one(resource: Resource, error: KafkaError | None) -> AlteredOne:
    return AlteredOne(
        error_code=0 if error is None else error.code,
        error_message=None if error is None else error.message,
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
    )


# --- the log level


def _alter_log_level(ctx: Context, resource: Resource, *, validate_only: bool) -> AlteredOne:
    try:
        check_changes([Change(each.name, each.config_operation, each.value) for each in resource.configs])
        _check_node(ctx, resource.resource_name)
        for change in resource.configs:
            _check_level(change)
    except KafkaError as error:
        return _altered_one(resource, error)
    if not validate_only:
        for change in resource.configs:
            level = None if change.config_operation == DELETE else LEVELS[change.value or ""]
            if change.name != ROOT_LOGGER:
                ctx.node.log.set_level_of(change.name, level)
            elif level is not None:
                ctx.node.log.level = level
    return _altered_one(resource, None)


def _check_node(ctx: Context, name: str) -> None:
    own = str(ctx.node.node_id)
    if not name.removeprefix("-").isdigit():
        raise InvalidRequest(f"Node id must be an integer, but it is: {name}")
    if name != own:
        raise InvalidRequest(f"Unexpected node id. Expected {own}, but received {name}")


def _check_level(change: IncrementalAlterConfigsRequest.AlterableConfig) -> None:
    """The root and what events are about are the loggers of this broker; Kafka's are its classes."""
    name, operation = change.name, change.config_operation
    if operation not in (SET, DELETE):
        shown = _OPERATIONS[operation] if 0 <= operation < len(_OPERATIONS) else f"{operation}"
        raise InvalidRequest(f"{shown} operation is not allowed for the BROKER_LOGGER resource")
    if name != ROOT_LOGGER and name not in SUBJECTS:
        raise InvalidConfig(f"Logger {name} does not exist!")
    if operation == DELETE:
        if name != ROOT_LOGGER:
            return
        raise InvalidRequest("Removing the log level of the root logger is not allowed")
    if change.value not in LEVELS:
        raise InvalidConfig(
            f"Cannot set the log level of {name} to {change.value} as it is not a supported log level. "
            f"Valid log levels are {', '.join(LEVELS)}"
        )
