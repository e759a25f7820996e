"""What a broker knows of the other side of one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable

    from ottla.broker.listeners import Listener
    from ottla.security.principal import Principal


class Session:
    """The peer of one connection: who it is, where from, and with which software."""

    __slots__ = (
        "client_host", "client_port", "client_software", "client_software_version",  "connection_id", "draining",
        "gone", "let_go", "listener", "parked", "polls", "principal",
    )  # fmt: skip

    def __init__(self, listener: Listener, principal: Principal, connection_id: str) -> None:
        self.listener = listener
        self.principal = principal
        self.connection_id = connection_id
        self.client_host = "127.0.0.1"
        self.client_port = -1
        self.client_software = "unknown"
        self.client_software_version = "unknown"
        self.draining = False
        """The broker stops: the request at work is the last."""
        self.gone = False
        """The connection is closed: nobody reads an answer."""
        self.parked: Future[bool] | None = None
        """What the request at work waits for. It ends with the connection; the handler itself is never cancelled."""
        self.let_go: Callable[[], None] = _nothing
        """Says that the frame of the request at work is not in memory any more, before its handler waits for long."""
        self.polls = False
        """It waits for news only, so a broker that stops answers it."""

    def drain(self) -> None:
        self.draining = True
        if self.polls:
            self._end_wait()

    def leave(self) -> None:
        self.gone = True
        self.let_go = _nothing
        self._end_wait()

    def _end_wait(self) -> None:
        if self.parked is not None and not self.parked.done():
            self.parked.set_result(False)

    def opened(self, peername: object) -> None:
        if isinstance(peername, tuple) and peername:
            self.client_host = str(peername[0])
            self.client_port = int(peername[1])


def _nothing() -> None:
    """A request of this broker to itself: no connection has counted its bytes."""
