"""May this principal do this? The port that every handler asks."""

from __future__ import annotations

from typing import Protocol

from ottla.security.operations import SUPPORTED_OPERATIONS, Operation, ResourceType
from ottla.security.principal import Principal


class Authorizer(Protocol):
    """Decides without waiting. Implementations keep what they need (ACLs) in memory."""

    allows_everything: bool
    """No authoriser is configured: callers may skip the question."""

    def authorize(
        self, principal: Principal, host: str, operation: Operation, resource: ResourceType, name: str
    ) -> bool:
        """Whether `principal`, connected from `host`, may do `operation` on the resource `name`."""
        ...

    def authorize_any(self, principal: Principal, host: str, operation: Operation, resource: ResourceType) -> bool:
        """Whether there is at least one resource of this type on which it may (InitProducerId asks this)."""
        ...


class AllowAll:
    """No authoriser is configured: everything is allowed."""

    allows_everything = True

    def authorize(
        self, principal: Principal, host: str, operation: Operation, resource: ResourceType, name: str
    ) -> bool:
        return True

    def authorize_any(self, principal: Principal, host: str, operation: Operation, resource: ResourceType) -> bool:
        return True


def authorized_operations(
    authorizer: Authorizer, principal: Principal, host: str, resource: ResourceType, name: str
) -> int:
    """The bit set of an answer's `authorized_operations`: bit n is set if the operation of code n is allowed."""
    bits = 0
    for operation in SUPPORTED_OPERATIONS[resource]:
        if authorizer.authorize(principal, host, operation, resource, name):
            bits |= 1 << operation
    return bits
