"""How a broker reaches brokers, itself among them: by requests, with the same decode, principal and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.broker.apis import ROWS
from ottla.broker.connection import CloseConnection
from ottla.common.errors import BrokerNotAvailable, NetworkException, NotController, error_for
from ottla.protocol.api import APIS
from ottla.protocol.headers import framed_request, read_response_header
from ottla.protocol.message import Message
from ottla.protocol.messages.inter_broker import EnvelopeRequest, EnvelopeResponse

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.broker.node import Node
    from ottla.broker.session import Session
    from ottla.security.principal import Principal

_LENGTH_BYTES = 4
NO_CONTROLLER = -1
"""`Node.controller_id` between two reigns."""


class Peers:
    """`send` to any broker of the cluster. This broker's own requests go through its router, not over a socket."""

    def __init__(self, node: Node, session: Session) -> None:
        self._node = node
        self._session = session

    async def send(self, node_id: int, request: Message, version: int | None = None) -> Any:
        """The answer. Raises NotController where none is known, BrokerNotAvailable for an unknown broker,
        NetworkException where it gave no answer."""
        if node_id == NO_CONTROLLER:
            raise NotController("There is no active controller now; try again.")
        if node_id != self._node.node_id:
            raise BrokerNotAvailable(f"broker {node_id} is not known")
        assert request.api is not None
        if version is None:
            version = ROWS[request.api].newest
        elements = self._node.elements
        body = await elements.write(request, version)
        frame = b"".join(framed_request(request, body, version, 0, f"broker-{self._node.node_id}"))
        try:
            parts = await self._node.router.serve(self._session, memoryview(frame)[_LENGTH_BYTES:])
        except CloseConnection as error:
            raise NetworkException(str(error)) from error
        if parts is None:
            return None
        answer = b"".join(parts)
        _, position = read_response_header(request.api, version, answer, _LENGTH_BYTES)
        return await elements.read_own(APIS[request.api].response_class(), version, answer, position)

    async def forward(self, ctx: Context, request: Message) -> Any:
        """Passes an admin request on to the controller in an Envelope, in the name of who sent it (KIP-590)."""
        from ottla.broker.audit import tell  # with the declarations of all admin APIs: not before one is used

        response = await self._forward(request, ctx.session.principal, ctx.session.client_host, ctx.client_id)
        tell(ctx, request, response)
        return response

    async def forward_as_broker(self, request: Message) -> Any:
        """The same in this broker's own name."""
        session = self._session
        return await self._forward(request, session.principal, session.client_host, None)

    async def _forward(self, request: Message, principal: Principal, host: str, client_id: str | None) -> Any:
        assert request.api is not None
        version = ROWS[request.api].newest
        elements = self._node.elements
        parts = framed_request(request, await elements.write(request, version), version, 0, client_id)
        frame = b"".join(parts)[_LENGTH_BYTES:]
        envelope = EnvelopeRequest(
            request_data=frame, request_principal=str(principal).encode(), client_host_address=host.encode()
        )
        answer: EnvelopeResponse = await self.send(self._node.controller_id(), envelope)
        if answer.error_code:
            raise error_for(answer.error_code)
        assert answer.response_data is not None
        _, body = read_response_header(request.api, version, answer.response_data)
        return await elements.read_own(APIS[request.api].response_class(), version, answer.response_data, body)
