"""A tiny HTTP endpoint: `GET /metrics` for Prometheus, `GET /health` for whoever starts brokers. Nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast

from ottla.broker import eager

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


Page = Callable[[], Coroutine[Any, Any, bytes]]


class Unhealthy(Exception):
    """A page is answered with 503 and this text."""


class Http(asyncio.Protocol):
    """One request for each connection; a request longer than 8 KiB is refused, and so is a 65th connection."""

    def __init__(
        self, pages: Mapping[str, Page], limits: HttpLimits, log_failure: Callable[[str, BaseException], None]
    ) -> None:
        self._pages = pages
        self._limits = limits
        self._log_failure = log_failure
        self._received = b""
        self._asked = False
        self._gone = False
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
        self._gone = True
        self._limits.open -= 1
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._asked:
            return  # one request for each connection
        self._received += data
        if len(self._received) > MAX_REQUEST_BYTES:
            self._send("431 Request Header Fields Too Large", "the request is longer than 8 KiB\n")
        elif b"\r\n\r\n" in self._received or b"\n\n" in self._received:
            self._answer()

    def eof_received(self) -> bool:
        """Who has asked may stop sending before the page is made."""
        return self._asked

    def _too_late(self) -> None:
        self._limits.timed_out += 1
        self._transport.abort()

    def _answer(self) -> None:
        words = self._received.split(b"\r\n", 1)[0].split(b" ")
        path = words[1].split(b"?")[0].decode("latin-1") if len(words) == 3 else ""
        if words[0] != b"GET":
            self._send("405 Method Not Allowed", "only GET is answered here\n")
        elif path in self._pages:
            self._asked = True
            eager.spawn(self._pages[path](), self._made)
        else:
            self._send("404 Not Found", f"there are only {', '.join(self._pages)}\n")

    def _made(self, page: bytes | None, error: BaseException | None) -> None:
        if isinstance(error, Unhealthy):
            self._send("503 Service Unavailable", f"{error}\n")
        elif error is not None:
            self._log_failure("listener.page_failed", error)
            self._send("500 Internal Server Error", "the page could not be made; the broker's log says why\n")
        else:
            assert page is not None
            self._send("200 OK", page)

    def _send(self, status: str, page: str | bytes) -> None:
        self._asked = True
        self._received = b""
        if self._gone:  # while the page was made
            return
        body = page.encode() if isinstance(page, str) else page
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1"))
        self._transport.write(body)  # the same bytes for all who asked at the same time
        self._transport.close()
