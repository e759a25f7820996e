"""A broker of a few lines on the simulated network: it answers what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ottla.client.frames import FrameReader
from ottla.protocol.api import request_class
from ottla.protocol.headers import read_request_header, response_frame
from ottla.protocol.message import Message
from ottla.protocol.messages.api_versions import ApiVersionsResponse
from ottla.testing.simulation import Simulation

Handler = Callable[[Any, int], Message | None]
"""(request, version) to the response; None sends nothing."""


def versions(**ranges: tuple[int, int]) -> ApiVersionsResponse:
    """An answer to ApiVersions: `api_3=(0, 12)` offers Metadata 0 to 12."""
    rows = [
        ApiVersionsResponse.ApiVersion(api_key=int(name.removeprefix("api_")), min_version=low, max_version=high)
        for name, (low, high) in ranges.items()
    ]
    return ApiVersionsResponse(api_keys=rows)


class ScriptedBroker:
    """handlers: API key to what answers. received: (request, version) in order, over all connections."""

    def __init__(self, simulation: Simulation, port: int = 9092, host: str = "127.0.0.1") -> None:
        self.simulation = simulation
        self.host, self.port = host, port
        self.handlers: dict[int, Handler] = {18: lambda _request, _version: versions(api_18=(0, 4), api_3=(0, 13))}
        self.received: list[tuple[Any, int]] = []
        self.connections: list[ScriptedConnection] = []
        self.server: Any = None

    async def start(self) -> ScriptedBroker:
        def accept() -> ScriptedConnection:
            self.connections.append(ScriptedConnection(self))
            return self.connections[-1]

        self.server = await self.simulation.loop.create_server(accept, self.host, self.port)
        return self

    def stop(self) -> None:
        self.server.close()
        for connection in self.connections:
            connection.transport.abort()

    def requests(self, kind: type[Message]) -> list[Any]:
        return [request for request, _ in self.received if isinstance(request, kind)]


class ScriptedConnection(asyncio.Protocol):
    """One connection to it."""

    def __init__(self, broker: ScriptedBroker) -> None:
        self._broker = broker
        self._frames = FrameReader(1 << 20)
        self.transport: Any = None
        self.last_correlation_id = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            header = read_request_header(frame)
            self.last_correlation_id = header.correlation_id
            request, _ = request_class(header.api_key).decode(header.api_version, frame, header.body)
            self._broker.received.append((request, header.api_version))
            response = self._broker.handlers[header.api_key](request, header.api_version)
            if response is not None:
                version = 0 if getattr(response, "error_code", 0) == 35 else header.api_version
                self.send(response, version, header.correlation_id)

    def send(self, response: Message, version: int, correlation_id: int) -> None:
        self.transport.write(b"".join(response_frame(response, version, correlation_id)))
