"""A broker as a client sees it over time: a connection that is opened when first needed and again after it broke."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from ottla.client.bootstrap import Address
from ottla.client.connection import Connection, ConnectionOptions, open_connection
from ottla.common.clock import Random
from ottla.common.errors import NetworkException
from ottla.protocol.message import Message


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after the n-th failure in a row: doubling from `first_ms` to `most_ms`, give or take 20 %."""

    first_ms: int = 50
    most_ms: int = 1000
    jitter: float = 0.2

    def delay_s(self, failures: int, random: Random) -> float:
        """Seconds; 0 when nothing has failed."""
        if failures <= 0:
            return 0.0
        delay_ms: float = min(self.first_ms << min(failures - 1, 32), self.most_ms)
        share = int.from_bytes(random.bytes(4), "big") / 2**31 - 1
        return delay_ms * (1 + self.jitter * share) / 1000


class Node:
    """One broker address. All that use it share one connection and one attempt to open it.

    An attempt that fails is known to all who wait for it, and they decide whether to ask again; the next attempt starts
    after a pause that grows with the failures in a row.
    """

    def __init__(
        self, address: Address, random: Random, options: ConnectionOptions | None = None, backoff: Backoff | None = None
    ) -> None:
        self.address = address
        self.options = options if options is not None else ConnectionOptions()
        self.backoff = backoff if backoff is not None else Backoff()
        self.failures = 0
        self._random = random
        self._connection: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None
        self._not_before = 0.0
        self._closed = False

    async def send(self, message: Message, *, version: int | None = None, timeout_ms: int | None = None) -> Any:
        """As `Connection.send`, on a connection that is opened if need be. It is sent at most once."""
        connection = await self.connection()
        return await connection.send(message, version=version, timeout_ms=timeout_ms)

    async def connection(self) -> Connection:
        """The open connection. Raises NetworkException, and what negotiating and authenticating raise."""
        if self._connection is not None and self._connection.is_open:
            return self._connection
        if self._closed:
            raise NetworkException(f"the client of {self.address} was closed")
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    async def _open(self) -> Connection:
        pause = self._not_before - asyncio.get_running_loop().time()
        if self.failures and pause > 0:
            await asyncio.sleep(pause)
        return await open_connection(self.address.host, self.address.port, self.options)

    def _opened(self, task: asyncio.Task[Connection]) -> None:
        self._opening = None
        if task.cancelled():
            return
        if task.exception() is None:
            self.failures = 0
            self._connection = task.result()
            return
        self.failures += 1
        delay = self.backoff.delay_s(self.failures, self._random)
        self._not_before = asyncio.get_running_loop().time() + delay

    async def close(self) -> None:
        """Ends the connection and any attempt to open one; what is pending fails with NetworkException."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()
