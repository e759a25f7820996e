"""Authorisers for tests: deny everything, or deny just this."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.security.authorizer import Authorizer
    from ottla.security.principal import Principal


class Check(NamedTuple):
    """One question to an authoriser. `name` None stands for every resource of the type."""

    operation: Operation
    resource: ResourceType
    name: str | None = None


class DenyAll:
    """Nobody may do anything."""

    allows_everything = False

    def authorize(
        self, principal: Principal, host: str, operation: Operation, resource: ResourceType, name: str
    ) -> bool:
        return False

    def authorize_any(self, principal: Principal, host: str, operation: Operation, resource: ResourceType) -> bool:
        return False


class DenyOnly:
    """Everything is allowed but `denied`. No operation implies another here, so that each check can be denied alone.

    refused: what was asked for and denied so far, in that order.
    """

    allows_everything = False

    def __init__(self, *denied: Check) -> None:
        self._denied = denied
        self.refused: list[Check] = []

    def authorize(
        self, principal: Principal, host: str, operation: Operation, resource: ResourceType, name: str
    ) -> bool:
        check = Check(operation, resource, name)
        return self._answer(check, check in self._denied or self._all(operation, resource))

    def authorize_any(self, principal: Principal, host: str, operation: Operation, resource: ResourceType) -> bool:
        """Denied only where a check without a name denies every resource of the type."""
        return self._answer(Check(operation, resource), self._all(operation, resource))

    def _all(self, operation: Operation, resource: ResourceType) -> bool:
        return Check(operation, resource) in self._denied

    def _answer(self, check: Check, denied: bool) -> bool:
        if denied:
            self.refused.append(check)
        return not denied


def guard(node: Node, authorizer: Authorizer) -> None:
    """From now on a running broker asks this authoriser: what a test needs to exist is made before."""
    node.authorizer = authorizer
    node.allows_everything = authorizer.allows_everything
