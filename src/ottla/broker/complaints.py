"""Connections that this side closes are said once a second together: a stranger may open thousands of bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from ottla.common.log import Log

_WINDOW_S = 1.0
_CLIENTS_MAX = 1000


class Complaints:
    """The first is said at once, those of the next second as a number."""

    def __init__(self, loop: asyncio.AbstractEventLoop, log: Log) -> None:
        self._loop = loop
        self._log = log
        self._open = False
        self._times = 0
        self._clients: dict[str, None] = {}
        self._reason = ""

    def closed(self, client: str, connection_id: str, reason: str) -> None:
        if not self._open:
            self._log.info("connection.closed", client=client, id=connection_id, reason=reason)
            self._begin()
            return
        self._times += 1
        self._reason = reason
        if len(self._clients) < _CLIENTS_MAX:
            self._clients[client] = None

    def _begin(self) -> None:
        self._open = True
        self._times = 0
        self._clients.clear()
        self._loop.call_later(_WINDOW_S, self._end)

    def _end(self) -> None:
        self._open = False
        if self._times:
            self._log.info("connection.closed", times=self._times, clients=len(self._clients), last_reason=self._reason)
            self._begin()
