"""A tiny HTTP endpoint: `GET /metrics` for Prometheus, `GET /health` for whoever starts brokers. Nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

MAX_REQUEST_BYTES = 8192
MAX_CONNECTIONS = 64
TIMEOUT_S = 10.0
"""From the connection to the answer taken: a request that is half sent holds a descriptor and nothing else."""


class HttpLimits:
    """The connections of one endpoint: so many, each for so long."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.open = 0
        self.refused = 0
        self.timed_out = 0


class Unhealthy(Exception):
    """A page is answered with 503 and this text."""


class Http(asyncio.Protocol):
    """One request for each connection; a request longer than 8 KiB is refused, and so is a 65th connection."""

    def __init__(self, pages: dict[str, Callable[[], str]], limits: HttpLimits) -> None:
        self._pages = pages
        self._limits = limits
        self._received = b""
        self._answered = False
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        limits = self._limits
        limits.open += 1
        if limits.open > MAX_CONNECTIONS:
            limits.refused += 1
            self._transport.close()
            return
        self._timer = limits.loop.call_later(TIMEOUT_S, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._limits.open -= 1
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._answered:
            return  # one request for each connection
        self._received += data
        if len(self._received) > MAX_REQUEST_BYTES:
            self._send("431 Request Header Fields Too Large", "the request is longer than 8 KiB\n")
        elif b"\r\n\r\n" in self._received or b"\n\n" in self._received:
            self._answer()

    def _too_late(self) -> None:
        self._limits.timed_out += 1
        self._transport.abort()

    def _answer(self) -> None:
        words = self._received.split(b"\r\n", 1)[0].split(b" ")
        path = words[1].split(b"?")[0].decode("latin-1") if len(words) == 3 else ""
        if words[0] != b"GET":
            self._send("405 Method Not Allowed", "only GET is answered here\n")
        elif path in self._pages:
            try:
                self._send("200 OK", self._pages[path]())
            except Unhealthy as problem:
                self._send("503 Service Unavailable", f"{problem}\n")
        else:
            self._send("404 Not Found", f"there are only {', '.join(self._pages)}\n")

    def _send(self, status: str, text: str) -> None:
        self._answered = True
        self._received = b""
        body = text.encode()
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1") + body)
        self._transport.close()
