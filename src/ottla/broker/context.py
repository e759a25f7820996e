"""What a handler knows of the request at hand besides its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.turns import LongWork, Pace
from ottla.broker.waits import until
from ottla.common.errors import (
    ClusterAuthorizationFailed,
    GroupAuthorizationFailed,
    InvalidRequest,
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

_BYTES_OF_ONE = 256
"""So many bytes of an answer weigh as much as an element."""
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
        "error",
        "long",
        "node",
        "now_ms",
        "session",
        "throttle_time_ms",
        "version",
        "waited_s",
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
        self.waited_s = 0.0
        """For data or replicas."""
        self.close_reason: str | None = None
        # `error`, the name of the last error in the answer, is set with the first one: most requests have none.
        self.long: LongWork | None = None
        """Of the few requests that have any."""

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
        news only, and ends when the broker stops. The frame's bytes are given back: the handler has dropped what of its
        request is not bounded otherwise.
        """
        session = self.session
        session.let_go()
        self.leave_place()  # a wait is no work
        if session.gone and not future.done():
            return False
        session.parked, session.polls = future, polls
        monotonic = self.node.clock.monotonic
        since_s = monotonic()
        try:
            return await until(self.node.loop, future, min(timeout_s, MAX_WAIT_S))
        finally:
            session.parked = None
            self.waited_s += monotonic() - since_s

    @property
    def abandoned(self) -> bool:
        """The connection is closed."""
        return self.session.gone

    @property
    def unheard(self) -> bool:
        """Whether to answer now with what is there: the connection is closed, or the broker stops."""
        return self.session.gone or self.session.draining

    async def rest(self) -> None:
        """Others run. Before its first rest a long request waits for a place among the long ones.

        Requests of the broker to itself need none: the client's request that they serve has one.
        """
        turns = self.node.turns
        long = self._long()
        if not long.has_place and not self.session.listener.internal:
            await turns.begin()
            long.has_place = True
        await turns.next()

    @property
    def is_large(self) -> bool:
        """Whether the request was decoded in slices, and is to be handled so."""
        return self.long is not None and self.long.elements > 0

    def began_large(self, elements: int) -> None:
        self._long().elements = elements

    def _long(self) -> LongWork:
        if self.long is None:
            self.long = LongWork()
        return self.long

    def leave_place(self) -> None:
        """The long work is done, for now."""
        long = self.long
        if long is not None and long.has_place:
            long.has_place = False
            self.node.turns.end()

    def ended(self) -> None:
        """A request with long work was answered."""
        self.leave_place()
        if self.long is not None:
            self.node.elements.give(self.long.elements)

    def spend(self, elements: int, size_bytes: int = 0) -> None:
        """The answer grows by so many elements, with so many bytes of other people's data.

        Raises InvalidRequest when one answer would become too large.
        """
        long = self._long()
        long.answered += elements + size_bytes // _BYTES_OF_ONE
        if long.answered > self.node.elements.limit:
            raise InvalidRequest(
                f"the answer would have more than {self.node.elements.limit} elements "
                "(ottla.max.request.elements); ask for less in one request"
            )

    def pace(self, *, only_reads: bool = False) -> Pace:
        """For a handler whose loop is as long as the client wants. One that only reads ends when the client goes."""
        return Pace(self, only_reads)

    def count_error(self, error: KafkaError) -> int:
        """The code of an error that goes into the answer, counted by name in the metrics."""
        self.api.failed(error)
        self.error = error.name
        return error.code

    def count_code(self, code: int) -> None:
        """Counts an error that a machine has put into the answer already."""
        self.count_error(error_for(code))

    def tell(self, event: str, **facts: object) -> None:
        """Tells the log what this request has changed, and who sent it."""
        session = self.session
        self.node.log.info(
            event, **facts, principal=session.principal, client_id=self.client_id, address=session.client_host
        )

    def close_connection(self, reason: str) -> None:
        """After this request the connection is closed instead of answered."""
        self.close_reason = reason

    def authorized_operations(self, resource_type: ResourceType, name: str) -> int:
        """The bit set of what the principal may do with the resource."""
        session = self.session
        return authorized_operations(self.node.authorizer, session.principal, session.client_host, resource_type, name)
