"""One client's connection: frames in, one request at a time, answers out in order.

Memory: a frame in the shared receive buffer is a view that is valid only until `buffer_updated` returns. It is handled
at once if the connection is idle, and copied if it must wait. Nothing handed to the transport is touched again.

Back-pressure: while a request waits, later frames queue up to `_MAX_QUEUED_BYTES` and reading pauses; while the client
does not read, answers stop at the transport's high-water mark, later frames queue, and file ranges are read only as it
drains, by as much as all connections together leave room for (`Unsent`).

Large file ranges go from the page cache to the socket without a copy (sendfile), past the transport while that holds
nothing. Only their first piece is read, to go with the answer's header, and one small piece whenever the socket is
full: the transport tells when that piece has gone. TLS and simulated connections read everything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, Any, cast

from ottla.broker import eager
from ottla.broker.intake import Budget, FrameTooLarge, PartialFrame, check_length
from ottla.broker.unsent import Unsent

if TYPE_CHECKING:
    from ottla.broker.listeners import Listener
    from ottla.broker.router import Router

_MAX_QUEUED_BYTES = 1024 * 1024
_MAX_QUEUED_FRAMES = 512
_JOINED_BYTES = 4 * 1024
_MOST_JOINED = 64
"""Answers of one turn that go out in one write: beyond that the client must show that it reads."""
_SENDFILE_BYTES = 64 * 1024
"""Below that a copy costs less than the second call and the client's second wake-up."""
_BESIDE_SENDFILE_BYTES = 16 * 1024

_length = Struct(">i").unpack_from

Part = Any
"""bytes-like, or a file range: `len()`, `read`, `send_to` and `release` of `LogRange`."""


class CloseConnection(Exception):
    """The request must be answered by closing the connection, as Kafka does for what it cannot parse."""


class Connection(asyncio.BufferedProtocol):
    """See the module's text. Made by a listener for each accepted socket."""

    def __init__(
        self, listener: Listener, router: Router, shared: memoryview, budget: Budget, unsent: Unsent, max_bytes: int
    ) -> None:
        self.listener = listener
        self._router = router
        self._shared = shared
        self._budget = budget
        self._unsent = unsent
        self._max_bytes = max_bytes
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._socket_fd = -1  # where file ranges may be sent past the transport
        self.session = router.open_session(listener)
        self._partial: PartialFrame | None = None
        self._paid_bytes = 0  # of the partial frame's buffer
        self._serving_bytes = 0  # of the frame at work, if it had a buffer of its own
        self._moved_bytes = 0  # of frames that came in part, and of those that waited and went to their handler
        self.session.let_go = self.let_go
        self._queue: deque[bytes | memoryview] = deque()
        self._queued_bytes = 0
        self._busy = False
        self._ready: list[bytes] = []  # small answers of this turn, handed to the transport in one piece
        self._out: deque[Part] = deque()  # parts of answers that the transport has no room for yet
        self._sent_of_range = 0
        self._draining = False
        self._writable = True
        self._reading = True
        self._closing = False
        self.active_at = 0.0
        """When bytes last arrived, on the loop's clock."""

    # --- what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(
            high=1
        )  # at most one chunk waits for a slow client; 0 stops TLS for ever
        if transport.get_extra_info("sslcontext") is None:
            self._socket_fd = transport.get_extra_info("socket").fileno()
        self.active_at = self._router.loop_time()
        self.session.opened(transport.get_extra_info("peername"))
        refusal = self._router.opened(self.session)
        self.listener.opened(self)
        if refusal is not None:
            self.close(refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._drop_frames()
        self._all_sent()
        _release(self._out)
        self.listener.closed(self)
        self._router.closed(self.session)

    def get_buffer(self, sizehint: int) -> memoryview:
        partial = self._partial
        return self._shared if partial is None else partial.room()

    def buffer_updated(self, nbytes: int) -> None:
        self.active_at = self._router.loop_time()
        try:
            if self._partial is None:
                self._split(nbytes)
            elif self._partial.received(nbytes, self._max_bytes):
                self._partial_done()
            else:
                self._grow_partial()
        except FrameTooLarge as error:
            self.close(str(error))
        if self._ready:
            self._flush()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._all_sent()
        self._drain()
        if not self._busy and not self._out:
            self._next()
        if self._ready:
            self._flush()

    # --- in

    def _split(self, count: int) -> None:
        view = self._shared
        position = 0
        while count - position >= 4:
            (length,) = _length(view, position)
            check_length(length, self._max_bytes)
            stop = position + 4 + length
            if stop > count:
                break
            if self._busy or self._queue or self._out or not self._writable:
                self._enqueue(bytes(view[position + 4 : stop]))
            else:
                self._serve(view[position + 4 : stop])
            if self._closing:
                return
            position = stop
        if position < count:
            self._partial = PartialFrame(view[position:count], self._max_bytes)
            begun = self._partial.capacity_bytes
            if not self._budget.take(self, begun):
                self._budget.used_bytes += begun  # it is there already: count it, and read no more
                self._hold()
            self._paid_bytes = begun
            self._grow_partial()

    def _partial_done(self) -> None:
        assert self._partial is not None
        frame = self._partial.body()
        self._partial = None
        paid, self._paid_bytes = self._paid_bytes, 0
        self._moved_bytes += paid
        self._budget.forget(self)
        if self._busy or self._queue or self._out or not self._writable:
            self._budget.give(paid)
            self._enqueue(frame)
            return
        self._serving_bytes = paid
        self._budget.serve(paid)
        self._serve(frame)
        if not self._busy:
            self.let_go()

    def let_go(self) -> None:
        """The frame at work is not in memory any more: it is handled, or what its handler waits with is small."""
        paid, self._serving_bytes = self._serving_bytes, 0
        if paid:
            self._budget.served(paid)

    @property
    def held_bytes(self) -> int:
        """Of a frame that is there in part, and of those that wait behind a request at work."""
        return self._paid_bytes + self._queued_bytes

    @property
    def missing_bytes(self) -> int:
        """Of memory, until the whole frame has room that it has begun."""
        return 0 if self._partial is None else max(self._partial.whole_bytes - self._paid_bytes, 0)

    @property
    def moved_bytes(self) -> int:
        """Received for frames that are there in part, and handled of those that waited. Only rises."""
        return self._moved_bytes + (0 if self._partial is None else self._partial.filled)

    def _drop_frames(self) -> None:
        """Nobody will handle them."""
        self._budget.forget(self)
        held, self._paid_bytes, self._queued_bytes = self.held_bytes, 0, 0
        self._partial = None
        self._queue.clear()
        self._budget.give(held)

    def _grow_partial(self) -> None:
        partial = self._partial
        assert partial is not None
        more = partial.wanted_growth()
        if not more:
            return
        if self._budget.take(self, more):
            self._paid_bytes += more
            partial.grow(more)
        else:
            self._hold()

    def resume_intake(self) -> None:
        """The budget has room again."""
        if self._partial is not None:
            more = self._partial.wanted_growth()
            if more and not self._budget.take(self, more):
                return
            self._paid_bytes += more
            self._partial.grow(more)
        self._read_on()

    def _enqueue(self, frame: bytes | memoryview) -> None:
        self._queue.append(frame)
        self._queued_bytes += len(frame)
        self._budget.used_bytes += len(frame)
        if self._queued_bytes > _MAX_QUEUED_BYTES or len(self._queue) > _MAX_QUEUED_FRAMES or self._budget.full:
            self._hold()

    def _hold(self) -> None:
        if self._reading and not self._closing:
            self._reading = False
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if not self._reading and not self._closing:
            self._reading = True
            self._transport.resume_reading()

    # --- one request at a time

    def _serve(self, frame: memoryview) -> None:
        coroutine = self._router.serve(self.session, frame)
        try:
            future = coroutine.send(None)
        except StopIteration as stop:
            self._answer(stop.value)
        except CloseConnection as error:
            self.close(str(error))
        else:
            self._busy = True
            self._budget.handling += 1
            eager.Waiting(coroutine, future, self._served)

    def _served(self, parts: list[Part] | None, error: BaseException | None) -> None:
        self._busy = False
        self._budget.handling -= 1
        self.let_go()
        if error is not None:
            self.close(str(error))
            return
        self._answer(parts)
        self._next()
        if self._ready:
            self._flush()

    def _next(self) -> None:
        queue = self._queue
        while queue and self._writable and not self._busy and not self._out and not self._closing:
            frame = queue.popleft()
            self._queued_bytes -= len(frame)
            self._moved_bytes += len(frame)
            self._serving_bytes = len(frame)
            self._budget.serve(len(frame))
            self._serve(memoryview(frame))
            if not self._busy:
                self.let_go()
        done = not self._busy and not self._out
        if not self._reading and self._queued_bytes <= _MAX_QUEUED_BYTES // 2 and self._writable and done:
            partial = self._partial
            if partial is None or not partial.wanted_growth():
                self._read_on()
            else:
                self.resume_intake()
        if self.session.draining and not queue and done:
            self.close("shutting down")

    # --- out

    def _answer(self, parts: list[Part] | None) -> None:
        if parts is None:
            return
        if self._closing:
            _release(parts)
            return
        if len(parts) == 1:
            self._ready.append(parts[0])  # a write for each answer would be a third of a small request's cost
            if len(parts[0]) > _JOINED_BYTES or len(self._ready) >= _MOST_JOINED:
                self._flush()
            return
        self._out.extend(self._ready)
        self._ready.clear()
        self._out.extend(parts)
        self._drain()

    def _flush(self) -> None:
        # Taken first: under TLS `write` may call `resume_writing` before it returns.
        ready, self._ready = self._ready, []
        if not self._closing:
            data = ready[0] if len(ready) == 1 else b"".join(ready)
            self._transport.write(data)
            if not self._writable:
                self._not_sent(len(data))
                self._hold()

    def _drain(self) -> None:
        if self._draining:
            return  # `write` has called `resume_writing`: the loop that wrote goes on by itself
        self._draining = True
        try:
            self._write_out()
        finally:
            self._draining = False

    def _write_out(self) -> None:
        out = self._out
        small: list[bytes] = []
        while out and self._writable and not self._closing:
            part = out[0]
            if isinstance(part, (bytes, bytearray, memoryview)):
                small.append(bytes(part))
                out.popleft()
                continue
            most = self._unsent.chunk_bytes()
            if self._socket_fd >= 0 and len(part) > _SENDFILE_BYTES:
                if not small and self._send_file(part):
                    continue
                most = min(most, _BESIDE_SENDFILE_BYTES)
            size = min(len(part) - self._sent_of_range, most)
            try:
                small.append(part.read(self._sent_of_range, size))
            except OSError as error:  # the answer has begun, so the client learns of it only by the connection's end
                self._router.on_unreadable(error)
                self.abort()
                return
            self._sent_of_range += size
            self._end_range()
            self._write(small)
            small = []
        if small:
            self._write(small)
        if out:
            self._hold()

    def _send_file(self, part: Part) -> bool:
        """Sends what the socket has room for; whether that was all."""
        if self._transport.get_write_buffer_size():
            return False  # it would overtake that
        self._sent_of_range += part.send_to(self._socket_fd, self._sent_of_range, len(part) - self._sent_of_range)
        return self._end_range()

    def _end_range(self) -> bool:
        """Lets go of the first range, if all of it is sent."""
        if self._sent_of_range < len(self._out[0]):
            return False
        self._out.popleft().release()
        self._sent_of_range = 0
        return True

    def _write(self, parts: list[bytes]) -> None:
        data = b"".join(parts) if len(parts) > 1 else parts[0]
        self._transport.write(data)
        if not self._writable:
            self._not_sent(len(data))

    def _not_sent(self, size_bytes: int) -> None:
        """The transport keeps all of it while a part waits."""
        self._unsent.add(self, size_bytes)

    def _all_sent(self) -> None:
        self._unsent.remove(self)

    def abandon(self, reason: str) -> None:
        """Closes at once, and drops what its client has not taken."""
        if not self._closing:
            self._router.on_close(self.session, reason)
        self.abort()  # also of one that was to be closed when its client has read: it never may
        _release(self._out)

    # --- the end

    @property
    def idle(self) -> bool:
        return not self._busy and not self._queue and not self._out

    def drain(self) -> None:
        """Finish the request at work, take no other, then close."""
        self.session.drain()
        if not self._busy and not self._out:
            self.close("shutting down")

    def close(self, reason: str) -> None:
        """After what was answered before; answers that still wait are dropped."""
        if not self._closing:
            if self._ready:
                self._flush()
            self._closing = True
            self._router.on_close(self.session, reason)
            self._transport.close()
            _release(self._out)

    def abort(self) -> None:
        """Closes without sending what waits."""
        self._closing = True
        self._transport.abort()


def _release(parts: Any) -> None:
    for part in parts:
        if not isinstance(part, (bytes, bytearray, memoryview)):
            part.release()
    parts.clear()
