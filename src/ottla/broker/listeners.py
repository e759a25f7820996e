"""Where a broker listens: each listener has a name, an address to bind and an address to advertise."""

from __future__ import annotations

from asyncio import Server
from typing import TYPE_CHECKING, NamedTuple

from ottla.broker.connection import Connection
from ottla.broker.intake import SHARED_BYTES, Budget
from ottla.common.errors import InvalidConfig

if TYPE_CHECKING:
    from ssl import SSLContext

    from ottla.broker.node import Node
    from ottla.broker.router import Router
    from ottla.broker.settings import BrokerSettings

_LEAST_BACKLOG = 1024  # Kafka's default of 50 turns clients away when thousands connect at once


class Address(NamedTuple):
    """A listener's name, host and port, as in `PLAINTEXT://127.0.0.1:9092`."""

    name: str
    host: str
    port: int


class Listener:
    """One listening socket and its connections. `internal`: this cluster's own brokers speak through it."""

    def __init__(self, bind: Address, advertised: Address, *, internal: bool = False) -> None:
        self.name = bind.name
        self.bind = bind
        self.advertised = advertised
        self.internal = internal
        self.ssl_context: SSLContext | None = None
        self.connections: dict[Connection, None] = {}
        self.accepted = 0
        self._server: Server | None = None

    @classmethod
    def internal_one(cls) -> Listener:
        """Stands for this broker's requests to itself; no socket belongs to it."""
        nowhere = Address("LOCAL", "127.0.0.1", 0)
        return cls(nowhere, nowhere, internal=True)

    async def bind_address(self, node: Node, router: Router, budget: Budget) -> None:
        """Takes the address, without accepting yet. Raises OSError when it is taken or not ours."""
        shared, unsent = node.receive_buffer, node.unsent
        max_bytes = node.settings.socket_request_max_bytes
        self._server = await node.loop.create_server(
            lambda: Connection(self, router, shared, budget, unsent, max_bytes),
            self.bind.host or None,
            self.bind.port,
            ssl=self.ssl_context,
            backlog=max(node.settings.socket_listen_backlog_size, _LEAST_BACKLOG),
            start_serving=False,
        )
        if self.bind.port == 0:
            port = self._server.sockets[0].getsockname()[1]
            self.bind = self.bind._replace(port=port)
            if self.advertised.port == 0:
                self.advertised = self.advertised._replace(port=port)

    async def start(self) -> None:
        assert self._server is not None
        await self._server.start_serving()

    def opened(self, connection: Connection) -> None:
        self.accepted += 1
        self.connections[connection] = None

    def closed(self, connection: Connection) -> None:
        self.connections.pop(connection, None)

    def stop_accepting(self) -> None:
        if self._server is not None:
            self._server.close()

    def drain(self) -> None:
        for connection in tuple(self.connections):
            connection.drain()

    def close_idle(self, before: float) -> int:
        """Closes connections on which nothing arrived since `before` and nothing is at work; how many."""
        idle = [one for one in self.connections if one.active_at < before and one.idle]
        for connection in idle:
            connection.close("idle for longer than connections.max.idle.ms")
        return len(idle)

    def abort(self) -> None:
        for connection in tuple(self.connections):
            connection.abort()


def receive_buffer() -> memoryview:
    """The buffer that all connections of a broker receive into."""
    return memoryview(bytearray(SHARED_BYTES))


def addresses_of(settings: BrokerSettings) -> list[tuple[Address, Address]]:
    """Where each listener binds, and what it advertises. Raises InvalidConfig for what is not `NAME://host:port`.

    Listeners named in controller.listener.names are left out: controllers here talk through the metadata store.
    """
    advertised = {one.name: one for one in map(_parse, settings.advertised_listeners or ())}
    found = []
    for bind in map(_parse, settings.listeners):
        if bind.name in (settings.controller_listener_names or ()):
            continue
        public = advertised.pop(bind.name, bind)
        if public is bind and bind.host in ("", "0.0.0.0", "::"):
            public = bind._replace(host="127.0.0.1")
        found.append((bind, public))
    if advertised:
        raise InvalidConfig(f"advertised.listeners names {', '.join(advertised)}, which listeners does not have")
    if not found:
        raise InvalidConfig("listeners has no listener for clients")
    return found


def _parse(text: str) -> Address:
    name, separator, rest = text.partition("://")
    host, colon, port = rest.rpartition(":")
    if not (name and separator and colon and port.isdigit() and int(port) < 65536):
        raise InvalidConfig(f"the listener {text!r} is not of the form NAME://host:port")
    return Address(name.upper(), host.strip("[]"), int(port))
