"""From a frame to an answer: header, version, decode, handler, encode; and in one place what all requests share.

Throttling, counting and the mapping of unexpected failures sit here, so that handlers hold their API's rules alone.
"""

from __future__ import annotations

from bisect import bisect_left
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ottla.broker.apis import PRODUCE, ROWS, Row, handler_of
from ottla.broker.complaints import Complaints
from ottla.broker.connection import CloseConnection, Part
from ottla.broker.context import Context
from ottla.broker.intake import SHARED_BYTES
from ottla.broker.measures.latency import BOUNDS_S
from ottla.broker.session import Session
from ottla.broker.turns import Unheard
from ottla.common.errors import KafkaError, UnknownServerError, UnsupportedVersion
from ottla.protocol.api import APIS
from ottla.protocol.codec import EncodeError, ProtocolError
from ottla.protocol.headers import read_request_header, response_frame, response_head
from ottla.protocol.messages.api_versions import ApiVersionsResponse
from ottla.security.principal import ANONYMOUS

if TYPE_CHECKING:
    from ottla.broker.listeners import Listener
    from ottla.broker.measures.latency import RequestTimes
    from ottla.broker.node import Node
    from ottla.common.metrics import Counter, Registry

API_VERSIONS = 18
_FIRST_BOUND_S = BOUNDS_S[0]
_NOTHING = memoryview(b"")
_AT_ONCE_BYTES = 8 * 1024
"""Requests up to this size are decoded in one piece: 10 ms at the very worst, and nearly all are smaller."""


class Api:
    """One version of one API at work: how it is decoded, its handler once it was used, and its counts."""

    __slots__ = (
        "_metrics",
        "at_once_bytes",
        "decode",
        "encode",
        "errors",
        "frame_head",
        "handler",
        "head_bytes",
        "name",
        "request_bytes",
        "requests",
        "response_bytes",
        "row",
        "times",
        "version",
    )

    def __init__(self, row: Row, version: int, metrics: Registry, times: RequestTimes) -> None:
        self.row = row
        self.version = version
        self.at_once_bytes = SHARED_BYTES if row.key == PRODUCE else _AT_ONCE_BYTES
        """What is larger is decoded in slices. The batches of a larger Produce do not lie in the receive buffer."""
        self.name = APIS[row.key].name
        self.decode = APIS[row.key].request_class().decoder(version)
        response = APIS[row.key].response_class()
        self.encode = response.encoder(version)
        self.frame_head, self.head_bytes = response_head(response, version)
        self.handler: Any = None
        self._metrics = metrics
        labels = {"api": self.name, "version": str(version)}
        self.requests = metrics.counter("ottla_requests_total", "Requests received", **labels)
        self.request_bytes = metrics.counter("ottla_request_bytes_total", "Bytes of requests", **labels)
        self.response_bytes = metrics.counter("ottla_response_bytes_total", "Bytes of answers", **labels)
        self.times = times
        self.errors: dict[int, Counter] = {}

    def load(self) -> Any:
        module, _, function = handler_of(self.row).partition(":")
        self.handler = getattr(import_module(module), function)
        return self.handler

    def failed(self, error: KafkaError) -> None:
        counter = self.errors.get(error.code)
        if counter is None:
            counter = self.errors[error.code] = self._metrics.counter(
                "ottla_request_errors_total", "Errors in answers", api=self.name, error=error.name
            )
        counter.value += 1


class Router:
    """Serves the requests of all connections of a node, and of the node to itself."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._apis: dict[int, Api] = {}
        self.loop_time = node.loop.time
        self._monotonic = node.clock.monotonic
        self._connections = 0
        self._crowd = node.crowd
        self._complaints = Complaints(node.loop, node.log)
        self._elements = node.elements

    def open_session(self, listener: Listener) -> Session:
        self._connections += 1
        return Session(listener, ANONYMOUS, f"{self._node.node_id}-{self._connections}")

    def opened(self, session: Session) -> str | None:
        """Counts a new connection; why it must be closed again, if it must."""
        return self._crowd.enter(session.client_host)

    def closed(self, session: Session) -> None:
        session.leave()
        self._crowd.leave(session.client_host)

    def on_close(self, session: Session, reason: str) -> None:
        """This side closes a connection."""
        self._complaints.closed(session.client_host, session.connection_id, reason)

    def on_unreadable(self, error: OSError) -> None:
        """A file could not be read while an answer was being sent."""
        self._node.disks.unreadable(error)

    async def serve(self, session: Session, frame: memoryview) -> list[Part] | None:
        """The parts of the answer, its length first; None for no answer.

        Raises CloseConnection for what Kafka answers by closing the connection.

        `frame` may be a view into the receive buffer: it is not touched after the first wait.
        """
        began_s = self._monotonic()
        try:
            key, version, correlation_id, client_id, position = read_request_header(frame)
        except ProtocolError as error:
            raise CloseConnection(f"the request header does not parse: {error}") from None
        api = self._apis.get(key << 16 | version)
        if api is None:
            api = self._api(key, version, session)
            if api is None:
                return self._old_api_versions(correlation_id)
        size, held = len(frame), 0
        try:
            if size <= api.at_once_bytes:
                request, _ = api.decode(frame, position)
                frame = _NOTHING  # the records of a Produce keep it for as long as they are needed
            else:
                content = frame if api.row.key == PRODUCE else bytes(frame)
                frame = _NOTHING  # else it would be in memory twice, and for as long as the handler works
                request, held = await self._read_large(session, api, content, position)
                content = _NOTHING
        except ProtocolError as error:
            raise CloseConnection(f"{api.name} v{version} does not parse: {error}") from None
        api.requests.value += 1
        api.request_bytes.value += size
        node = self._node
        ctx = Context(node, session, api, version, client_id, node.clock.now_ms())
        handler = api.handler or api.load()
        if held:
            ctx.began_large(held)
        try:
            try:
                response = await handler(ctx, request)
            except Unheard:
                response = None
            except Exception as error:
                response = self._failed(ctx, request, error)
            if node.log.tells_requests:
                self._tell(ctx, began_s)
            if ctx.close_reason is not None:
                raise CloseConnection(ctx.close_reason)
            if response is None:
                self._time(ctx, began_s)
                return None
            if ctx.long is None:
                parts: list[Part] = api.encode(response)
            else:
                parts = await self._elements.write(response, version)
        except EncodeError as error:  # a defect of ours; the client must not wait for ever
            node.log_failure(f"request.failed api={api.name} version={version}", error)
            raise CloseConnection(f"the answer to {api.name} could not be written") from error
        finally:
            if ctx.long is not None:
                ctx.ended()
        size = len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
        parts[0] = api.frame_head(size + api.head_bytes, correlation_id) + parts[0]
        api.response_bytes.value += size
        if ctx.waited_s:
            self._time(ctx, began_s)
        else:  # as `Histogram.observe` would, without its call (60 ns), and for most requests without bisect's (100 ns)
            took_s = self._monotonic() - began_s
            at_once = api.times.at_once
            at_once.counts[0 if took_s <= _FIRST_BOUND_S else bisect_left(BOUNDS_S, took_s)] += 1
            at_once.total += took_s
        return parts

    def _time(self, ctx: Context, began_s: float) -> None:
        took_s = self._monotonic() - began_s
        if ctx.waited_s:
            ctx.api.times.observe_wait(took_s, ctx.waited_s)
        else:
            ctx.api.times.at_once.observe(took_s)

    def _tell(self, ctx: Context, began_s: float) -> None:
        """One line of debug for each request; nothing is asked where nobody listens."""
        session = ctx.session
        self._node.log.debug(
            "request.served", api=ctx.api.name, version=ctx.version, client_id=ctx.client_id,
            principal=session.principal, address=f"{session.client_host}:{session.client_port}",
            ms=round((self._monotonic() - began_s) * 1000, 3), error=getattr(ctx, "error", "none"),
        )  # fmt: skip

    async def _read_large(
        self, session: Session, api: Api, frame: bytes | memoryview, position: int
    ) -> tuple[Any, int]:
        """The request, and the elements that it holds until it is answered. Raises ProtocolError."""
        kind = APIS[api.row.key].request_class()
        if session.listener.internal:  # this broker's own: counted when the client's request came
            return await self._elements.read_own(kind, api.version, frame, position), 0
        return await self._elements.read(kind, api.version, frame, position, admin=APIS[api.row.key].forwarded)

    def _api(self, key: int, version: int, session: Session) -> Api | None:
        """None: ApiVersions in a version that we do not know. Raises CloseConnection for anything else unknown."""
        row = self._node.apis.get(key)
        if row is None or not (row.advertised or session.listener.internal):
            raise CloseConnection(f"the API key {key} is not served on listener {session.listener.name}")
        if not row.oldest <= version <= row.newest:
            if key == API_VERSIONS:
                return None
            raise CloseConnection(f"{APIS[key].name} v{version} is not supported; {row.oldest} to {row.newest} are")
        api = Api(row, version, self._node.metrics, self._node.latencies.of(APIS[key].name))
        if row.advertised:
            self._apis[key << 16 | version] = api
        return api

    def _old_api_versions(self, correlation_id: int) -> list[Part]:
        """Kafka answers an unknown version of ApiVersions in the oldest form, so that a newer client can fall back.

        The answer names the versions of ApiVersions alone (KIP-511).
        """
        row = ROWS[API_VERSIONS]
        name = APIS[API_VERSIONS].name
        Api(row, row.oldest, self._node.metrics, self._node.latencies.of(name)).failed(UnsupportedVersion())
        answer = ApiVersionsResponse(
            error_code=UnsupportedVersion.code,
            api_keys=[ApiVersionsResponse.ApiVersion(api_key=row.key, min_version=row.oldest, max_version=row.newest)],
        )
        return response_frame(answer, 0, correlation_id)

    def _failed(self, ctx: Context, request: Any, error: Exception) -> Any:
        """What a handler let through: a KafkaError for the whole request, or a defect of ours."""
        if not isinstance(error, KafkaError):
            self._node.log_failure(f"request.failed api={ctx.api.name} version={ctx.version}", error)
            error = UnknownServerError()
        response = APIS[ctx.api.row.key].response_class()()
        if not hasattr(response, "error_code"):
            raise CloseConnection(f"{ctx.api.name} failed: {error.message}")
        response.error_code = ctx.count_error(error)
        if hasattr(response, "error_message"):
            response.error_message = error.message
        return response
