"""What a handler knows of the request at hand besides its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.turns import Pace
from ottla.broker.waits import until
from ottla.common.errors import (
    ClusterAuthorizationFailed,
    GroupAuthorizationFailed,
    KafkaError,
    TopicAuthorizationFailed,
    TransactionalIdAuthorizationFailed,
    error_for,
)
from ottla.security.authorizer import authorized_operations
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from asyncio import Future

    from ottla.broker.node import Node
    from ottla.broker.router import Api
    from ottla.broker.session import Session

MAX_WAIT_S = 300.0
"""The longest that a request waits for data or replicas, whatever it asks for: 2^31-1 ms are 24 days."""

_DENIED: dict[ResourceType, type[KafkaError]] = {
    ResourceType.TOPIC: TopicAuthorizationFailed,
    ResourceType.GROUP: GroupAuthorizationFailed,
    ResourceType.CLUSTER: ClusterAuthorizationFailed,
    ResourceType.TRANSACTIONAL_ID: TransactionalIdAuthorizationFailed,
}


class Context:
    """One request: where it came from, its version, and the node that serves it."""

    __slots__ = (
        "api",
        "client_id",
        "close_reason",
        "is_large",
        "node",
        "now_ms",
        "rested",
        "session",
        "throttle_time_ms",
        "version",
    )

    def __init__(
        self, node: Node, session: Session, api: Api, version: int, client_id: str | None, now_ms: int
    ) -> None:
        self.node = node
        self.session = session
        self.api = api
        self.version = version
        self.client_id = client_id
        self.now_ms = now_ms
        self.throttle_time_ms = 0
        self.close_reason: str | None = None
        self.is_large = False
        """It was decoded in slices, and is handled so."""
        self.rested = False
        """Its handler had long work, so its answer is long as well."""

    def allows(self, operation: Operation, resource_type: ResourceType, name: str) -> bool:
        """May the principal do this? Asks the authoriser; every handler asks as the authorisation table says.

        What this broker asks of itself needs no permission: it has authorised the client's request that led to it.
        """
        node = self.node
        if node.allows_everything or self.session.listener.internal:  # no authoriser: spare the hot path the question
            return True
        return node.authorizer.authorize(
            self.session.principal, self.session.client_host, operation, resource_type, name
        )

    def authorize(self, operation: Operation, resource_type: ResourceType, name: str = CLUSTER_NAME) -> None:
        """Raises the authorisation error of the resource type when the principal may not."""
        if not self.allows(operation, resource_type, name):
            raise _DENIED[resource_type]

    async def wait(self, future: Future[bool], timeout_s: float, *, polls: bool = False) -> bool:
        """The future's result; False when the time is up or nobody is there to read an answer.

        Waits no longer than MAX_WAIT_S. Only the wait ends: what the handler has done stays done. `polls`: it waits for
        news only, and ends when the broker stops.
        """
        session = self.session
        if session.gone and not future.done():
            return False
        session.parked, session.polls = future, polls
        try:
            return await until(self.node.loop, future, min(timeout_s, MAX_WAIT_S))
        finally:
            session.parked = None

    @property
    def unheard(self) -> bool:
        """Whether to answer now with what is there: the connection is closed, or the broker stops."""
        return self.session.gone or self.session.draining

    def pace(self) -> Pace:
        """For a handler whose loop is as long as the client wants."""
        return Pace(self)

    def count_error(self, error: KafkaError) -> int:
        """The code of an error that goes into the answer, counted by name in the metrics."""
        self.api.failed(error)
        return error.code

    def count_code(self, code: int) -> None:
        """Counts an error that a machine has put into the answer already."""
        self.api.failed(error_for(code))

    def close_connection(self, reason: str) -> None:
        """After this request the connection is closed instead of answered."""
        self.close_reason = reason

    def authorized_operations(self, resource_type: ResourceType, name: str) -> int:
        """The bit set of what the principal may do with the resource."""
        session = self.session
        return authorized_operations(self.node.authorizer, session.principal, session.client_host, resource_type, name)
