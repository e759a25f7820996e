"""A tiny HTTP endpoint: `GET /metrics` for Prometheus, `GET /health` for whoever starts brokers. Nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

_MAX_REQUEST_BYTES = 8192


class Unhealthy(Exception):
    """A page is answered with 503 and this text."""


class Http(asyncio.Protocol):
    """One request for each connection; a request longer than 8 KiB is refused."""

    def __init__(self, pages: dict[str, Callable[[], str]]) -> None:
        self._pages = pages
        self._received = b""
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" in self._received or b"\n\n" in self._received:
            self._answer()
        elif len(self._received) > _MAX_REQUEST_BYTES:
            self._send("431 Request Header Fields Too Large", "the request is longer than 8 KiB\n")

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
        body = text.encode()
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1") + body)
        self._transport.close()
