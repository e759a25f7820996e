"""DescribeUserScramCredentials and AlterUserScramCredentials: version 0 (KIP-554)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ottla.broker.handlers.answers import counted
from ottla.common.errors import DuplicateResource, KafkaError, ResourceNotFound
from ottla.protocol.messages.scram import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
)
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

Described = DescribeUserScramCredentialsResponse.DescribeUserScramCredentialsResult
Info = DescribeUserScramCredentialsResponse.CredentialInfo
Altered = AlterUserScramCredentialsResponse.AlterUserScramCredentialsResult


async def describe_user_scram_credentials(
    ctx: Context, request: DescribeUserScramCredentialsRequest
) -> DescribeUserScramCredentialsResponse:
    """Needs DESCRIBE on the cluster. No users named, or null, asks for all. Secrets are never shown."""
    response = DescribeUserScramCredentialsResponse(throttle_time_ms=ctx.throttle_time_ms, results=[])
    try:
        ctx.authorize(Operation.DESCRIBE, ResourceType.CLUSTER)
    except KafkaError as error:
        response.error_code, response.error_message = ctx.count_error(error), error.message
        return response
    infos: dict[str, list[Info]] = {}
    for (name, mechanism), credential in sorted(ctx.node.image.scram.items()):
        infos.setdefault(name, []).append(Info(mechanism=mechanism, iterations=credential.iterations))
    times = Counter(user.name for user in request.users) if request.users else Counter(infos)
    response.results = [_described(ctx, name, infos, twice=bool(request.users) and times[name] > 1) for name in times]
    return response


def _described(ctx: Context, name: str, infos: dict[str, list[Info]], *, twice: bool) -> Described:
    try:
        if twice:
            raise DuplicateResource(
                f"Cannot describe SCRAM credentials for the same user twice in a single request: {name}"
            )
        if name not in infos:
            raise ResourceNotFound(f"Attempt to describe a user credential that does not exist: {name}")
    except KafkaError as error:
        return Described(user=name, error_code=ctx.count_error(error), error_message=error.message, credential_infos=[])
    return Described(user=name, credential_infos=infos[name])


async def alter_user_scram_credentials(
    ctx: Context, request: AlterUserScramCredentialsRequest
) -> AlterUserScramCredentialsResponse:
    """Needs ALTER on the cluster."""
    try:
        ctx.authorize(Operation.ALTER, ResourceType.CLUSTER)
        response: AlterUserScramCredentialsResponse = await ctx.node.peers.forward(ctx, request)
    except KafkaError as error:
        named = [deletion.name for deletion in request.deletions] + [change.name for change in request.upsertions]
        users = dict.fromkeys(named)
        response = AlterUserScramCredentialsResponse(
            results=[Altered(user=user, error_code=error.code, error_message=error.message) for user in users]
        )
    counted(ctx, response.results)
    response.throttle_time_ms = ctx.throttle_time_ms
    return response
