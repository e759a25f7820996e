"""One connection to one broker: negotiate versions, pipeline requests, match the answers, time out.

A broker answers the requests of a connection in order, so the oldest pending request gets the next answer; the
correlation id only proves it. A request that is not answered in time ends the connection, as in the Java client: what
comes after it could no longer be told apart from a broker that hangs. When the connection ends, every pending request
fails with NetworkException, and whether the broker carried it out is unknown.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from ottla.client.frames import FrameReader
from ottla.common.errors import (
    InvalidRequest,
    KafkaError,
    NetworkException,
    RequestTimedOut,
    UnsupportedVersion,
    error_for,
)
from ottla.protocol.api import response_class
from ottla.protocol.codec import ProtocolError
from ottla.protocol.headers import read_response_header, request_frame
from ottla.protocol.message import Message
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse

PRODUCE, API_VERSIONS = 0, 18
JOINED_BYTES = 64 * 1024
"""Requests up to this size are handed over as one byte string, larger ones in parts without a copy."""
SOFTWARE_NAME, SOFTWARE_VERSION = "ottla", "0.1.0"


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What does not differ between the connections of one client.

    max_in_flight: requests sent and not answered; more wait in order. max_response_bytes: a larger answer ends the
    connection. authenticate: called with the connection before it is handed out.
    """

    client_id: str | None = "ottla"
    request_timeout_ms: int = 30_000
    connect_timeout_ms: int = 10_000
    max_in_flight: int = 100
    max_response_bytes: int = 256 * 1024 * 1024
    tls: ssl.SSLContext | None = None
    authenticate: Callable[[Connection], Awaitable[None]] | None = None


class Pending:
    """A request that waits for its answer."""

    __slots__ = ("correlation_id", "deadline", "future", "message", "version")

    def __init__(self, message: Message, version: int, future: asyncio.Future[Any], deadline: float) -> None:
        self.message = message
        self.version = version
        self.future = future
        self.deadline = deadline
        self.correlation_id = -1

    @property
    def answered(self) -> bool:
        """False for a Produce with acks=0: the broker sends nothing, not even an empty frame."""
        return not (self.message.api == PRODUCE and self.message.acks == 0)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"{type(self.message).__name__} v{self.version}"


class Connection(asyncio.Protocol):
    """See the module's text. Made by `open_connection`.

    versions: API key to (oldest, newest) that the broker has. features: finalised feature to its level.
    """

    def __init__(self, host: str, port: int, options: ConnectionOptions) -> None:
        self.address = f"{host}:{port}"
        self.options = options
        self.versions: dict[int, tuple[int, int]] = {}
        self.features: dict[str, int] = {}
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._frames = FrameReader(options.max_response_bytes)
        self._pending: deque[Pending] = deque()
        self._waiting: deque[Pending] = deque()
        self._last_correlation_id = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writable = True
        self._error: KafkaError | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()

    # -- requests ----------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._error is None and self._transport is not None

    @property
    def in_flight(self) -> int:
        return len(self._pending)

    async def send(self, message: Message, *, version: int | None = None, timeout_ms: int | None = None) -> Any:
        """The answer to a request; None for a Produce with acks=0.

        version: the highest that both sides have, unless given (then it is sent, whatever the broker announced).
        Raises UnsupportedVersion, RequestTimedOut, NetworkException.
        """
        return await self.submit(message, version=version, timeout_ms=timeout_ms)

    def submit(
        self, message: Message, *, version: int | None = None, timeout_ms: int | None = None
    ) -> asyncio.Future[Any]:
        """As `send`, but in the order of the calls: the future of the answer. Its cancellation drops the answer only.

        Records in the message must not be changed before the answer is there.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._error is not None:
            raise self._error
        if version is None:
            version = self.version_for(type(message))
        limit_ms = self.options.request_timeout_ms if timeout_ms is None else timeout_ms
        pending = Pending(message, version, future, self._loop.time() + limit_ms / 1000)
        if self._waiting or not self._has_room():
            self._waiting.append(pending)
        else:
            self._write(pending)
        self._watch(pending.deadline)
        return future

    def version_for(self, request: type[Message]) -> int:
        """The highest version that both sides have. Raises UnsupportedVersion."""
        api = request.api
        assert api is not None, f"{request.__name__} is no request"
        name = request.__name__.removesuffix("Request")
        oldest, newest = request.versions
        if api not in self.versions:
            raise UnsupportedVersion(f"the broker at {self.address} does not offer {name} (API key {api})")
        broker_oldest, broker_newest = self.versions[api]
        version = min(newest, broker_newest)
        if version < max(oldest, broker_oldest):
            raise UnsupportedVersion(
                f"{name}: the broker at {self.address} has versions {broker_oldest} to {broker_newest}, "
                f"this client {oldest} to {newest}"
            )
        return version

    def _has_room(self) -> bool:
        return self._writable and len(self._pending) < self.options.max_in_flight

    def _write(self, pending: Pending) -> None:
        assert self._transport is not None
        self._last_correlation_id = self._last_correlation_id + 1 & 0x7FFFFFFF
        pending.correlation_id = self._last_correlation_id
        parts = request_frame(pending.message, pending.version, pending.correlation_id, self.options.client_id)
        if pending.answered:
            self._pending.append(pending)
        if len(parts) == 1:
            self._transport.write(parts[0])
        elif sum(map(len, parts)) <= JOINED_BYTES:
            self._transport.write(b"".join(parts))
        else:
            self._transport.writelines(parts)
        if not pending.answered:
            _finish(pending.future, None)

    def _write_waiting(self) -> None:
        while self._waiting and self._error is None and self._has_room():
            pending = self._waiting.popleft()
            if pending.future.done():
                continue
            try:
                self._write(pending)
            except Exception as error:  # the values do not fit the version: the caller's, and only its own, failure
                pending.future.set_exception(error)

    # -- timeouts ----------------------------------------------------------------------------------------------------

    def _watch(self, deadline: float) -> None:
        """One timer watches all: it is set anew only when it fires or when an earlier deadline comes."""
        if self._timer is None or deadline < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._check_deadlines)

    def _check_deadlines(self) -> None:
        self._timer = None
        now = self._loop.time()
        for pending in (*self._pending, *self._waiting):
            if pending.deadline <= now:
                late = RequestTimedOut(f"{self.address} did not answer {pending!r} in time")
                if not pending.future.done():
                    pending.future.set_exception(late)
                self._end(NetworkException(f"closed {self.address}: {late.message}"))
                return
        waiting = [pending.deadline for pending in (*self._pending, *self._waiting)]
        if waiting:
            self._watch(min(waiting))

    # -- what the transport calls --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                self._answer(frame)
        except ProtocolError as error:
            self._end(NetworkException(f"{self.address} sent what does not parse: {error}"))
        if self._waiting:
            self._write_waiting()

    def _answer(self, frame: memoryview) -> None:
        if self._error is not None:
            return
        if not self._pending:
            raise ProtocolError("an answer without a request")
        pending = self._pending[0]
        message, version = pending.message, pending.version
        assert message.api is not None
        correlation_id, position = read_response_header(message.api, version, frame)
        if correlation_id != pending.correlation_id:
            raise ProtocolError(f"the answer to request {correlation_id} where {pending.correlation_id} is due")
        if message.api == API_VERSIONS and version > 0 and frame[position : position + 2] == _UNSUPPORTED:
            version = 0  # the broker does not have this version, and says so in the oldest form (KIP-511)
        response, _ = _response_class(message.api).decode(version, frame, position)
        self._pending.popleft()
        _finish(pending.future, response)

    def eof_received(self) -> None:
        """The broker closes, and so do we."""

    def connection_lost(self, exc: Exception | None) -> None:
        reason = f": {exc}" if exc is not None else ""
        self._end(NetworkException(f"{self.address} closed the connection{reason}"))
        _finish(self._lost, None)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._write_waiting()

    # -- the end -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends the connection; pending requests fail with NetworkException. Idempotent."""
        self._end(NetworkException(f"the connection to {self.address} was closed here"))

    async def wait_closed(self) -> None:
        await asyncio.shield(self._lost)

    def _end(self, error: KafkaError) -> None:
        if self._error is not None:
            return
        self._error = error
        if self._timer is not None:
            self._timer.cancel()
        for pending in (*self._pending, *self._waiting):
            if not pending.future.done():
                pending.future.set_exception(NetworkException(error.message))
        self._pending.clear()
        self._waiting.clear()
        if self._transport is not None:
            self._transport.abort()


_response_class = functools.cache(response_class)
_UNSUPPORTED = UnsupportedVersion.code.to_bytes(2, "big")


def _finish(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


async def open_connection(host: str, port: int, options: ConnectionOptions | None = None) -> Connection:
    """Connects, learns what the broker offers, and authenticates if the options say how.

    Raises NetworkException, RequestTimedOut, UnsupportedVersion, and what `authenticate` raises.
    """
    options = options if options is not None else ConnectionOptions()
    connection = await _connect(host, port, options)
    try:
        await negotiate(connection)
        if options.authenticate is not None:
            await options.authenticate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


async def _connect(host: str, port: int, options: ConnectionOptions) -> Connection:
    loop = asyncio.get_running_loop()
    connection = Connection(host, port, options)
    connecting = loop.create_task(loop.create_connection(lambda: connection, host, port, ssl=options.tls))
    timer = loop.call_later(options.connect_timeout_ms / 1000, connecting.cancel)
    try:
        await asyncio.wait([connecting])
    except asyncio.CancelledError:
        connecting.cancel()
        connection.close()
        raise
    finally:
        timer.cancel()
    if connecting.cancelled():
        raise NetworkException(f"{connection.address} did not accept within {options.connect_timeout_ms} ms")
    error = connecting.exception()
    if error is None:
        return connection
    if isinstance(error, OSError):
        raise NetworkException(f"cannot connect to {connection.address}: {error.strerror or error}") from error
    raise error


async def negotiate(connection: Connection) -> None:
    """Asks for the broker's versions: in our newest form, and if it does not have that, in its newest (KIP-511)."""
    version = ApiVersionsRequest.versions[1]
    for _ in range(3):
        request = ApiVersionsRequest(client_software_name=SOFTWARE_NAME, client_software_version=SOFTWARE_VERSION)
        response: ApiVersionsResponse = await connection.send(request, version=version)
        if response.error_code != UnsupportedVersion.code:
            break
        offered = {row.api_key: row.max_version for row in response.api_keys}
        fallback = offered.get(API_VERSIONS, 0)
        version = fallback if 0 <= fallback < version else 0
    if response.error_code:
        raise error_for(response.error_code, f"{connection.address} refused ApiVersions v{version}")
    if not response.api_keys:
        raise InvalidRequest(f"{connection.address} offers no API at all")
    connection.versions = {row.api_key: (row.min_version, row.max_version) for row in response.api_keys}
    connection.features = {feature.name: feature.max_version_level for feature in response.finalized_features}
