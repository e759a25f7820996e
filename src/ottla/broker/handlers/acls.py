"""DescribeAcls, CreateAcls, DeleteAcls, versions 1 to 3: no authoriser of ours keeps ACLs, and the answers say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import ClusterAuthorizationFailed, KafkaError, SecurityDisabled
from ottla.protocol.messages.acls import (
    CreateAclsRequest,
    CreateAclsResponse,
    DeleteAclsRequest,
    DeleteAclsResponse,
    DescribeAclsRequest,
    DescribeAclsResponse,
)
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context


_UNKNOWN = 0


async def describe_acls(ctx: Context, request: DescribeAclsRequest) -> DescribeAclsResponse:
    """Needs DESCRIBE on the cluster. A filter of an unknown kind is no request for Kafka: it hangs up."""
    kinds = (request.resource_type_filter, request.pattern_type_filter, request.operation, request.permission_type)
    if _UNKNOWN in kinds:
        ctx.close_connection("a filter for ACLs has an element of an unknown kind")
    error = _refusal(ctx, Operation.DESCRIBE, "No Authorizer is configured on the broker")
    return DescribeAclsResponse(
        throttle_time_ms=ctx.throttle_time_ms, error_code=ctx.count_error(error), error_message=error.message
    )


async def create_acls(ctx: Context, request: CreateAclsRequest) -> CreateAclsResponse:
    """Needs ALTER on the cluster."""
    error = _refusal(ctx, Operation.ALTER, "No Authorizer is configured.")
    results = [
        CreateAclsResponse.AclCreationResult(error_code=ctx.count_error(error), error_message=error.message)
        for _ in request.creations
    ]
    return CreateAclsResponse(throttle_time_ms=ctx.throttle_time_ms, results=results)


async def delete_acls(ctx: Context, request: DeleteAclsRequest) -> DeleteAclsResponse:
    """Needs ALTER on the cluster."""
    error = _refusal(ctx, Operation.ALTER, "No Authorizer is configured.")
    results = [
        DeleteAclsResponse.DeleteAclsFilterResult(error_code=ctx.count_error(error), error_message=error.message)
        for _ in request.filters
    ]
    return DeleteAclsResponse(throttle_time_ms=ctx.throttle_time_ms, filter_results=results)


def _refusal(ctx: Context, operation: Operation, message: str) -> KafkaError:
    if ctx.allows(operation, ResourceType.CLUSTER, CLUSTER_NAME):
        return SecurityDisabled(message)
    return ClusterAuthorizationFailed()
