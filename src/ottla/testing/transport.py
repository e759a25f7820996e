"""`SimTransport`: one end of a simulated connection, and the keeper of the rules about memory.

Sending: what a protocol writes goes into its own backlog, from there into the network while the window has room, and
arrives after the link's latency. Until then the transport keeps a reference to it, and at its delivery checks that it
has not changed (uvloop sends from the same memory, later).

Receiving: a `BufferedProtocol` gets its bytes in its own buffer. When `buffer_updated` has returned, a buffer that is
used again for what comes next is overwritten with 0xDD, so that whoever kept a view of it reads rubbish in every run.
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ottla.testing.memory import Held
from ottla.testing.network import LOCAL_NAMES, SimNetwork
from ottla.testing.process import SimProcess
from ottla.testing.server import SimSocket

HIGH_WATER_BYTES = 64 * 1024

Buffer = bytes | bytearray | memoryview


class Piece:
    """Bytes on their way, or the end of the stream (no data)."""

    __slots__ = ("data", "held")

    def __init__(self, data: memoryview | None, held: Held | None) -> None:
        self.data = data
        self.held = held


class SimTransport(asyncio.Transport):
    """See the module's text. `local` and `remote` are (host, port)."""

    peer: SimTransport

    def __init__(
        self, network: SimNetwork, process: SimProcess, local: tuple[str, int], remote: tuple[str, int]
    ) -> None:
        super().__init__()
        self._network = network
        self._loop = network.loop
        self.process = process
        self.host, self.peer_host = local[0], remote[0]
        self._addresses = (_shown(local), _shown(remote))
        self.label = f"{local[0]}:{local[1]}>{remote[0]}:{remote[1]}"
        self.number = network.number(self)
        self._link = network.link(self.host, self.peer_host)
        self._context: contextvars.Context = process.context
        self._protocol: Any = None
        self._backlog: deque[Piece] = deque()
        self._backlog_bytes = 0
        self._in_flight_bytes = 0
        self._stalled: deque[Piece] = deque()
        self._last_arrival = 0.0
        self._high, self._low = HIGH_WATER_BYTES, HIGH_WATER_BYTES // 4
        self._writing_paused = False
        self._eof_written = False
        self._arrived: deque[Piece] = deque()
        self._arrived_bytes = 0
        self._reading_paused = False
        self._feeding = False
        self._closing = False
        self._lost = False

    def open(self, factory: Callable[[], asyncio.BaseProtocol], waiter: asyncio.Future[Any] | None) -> None:
        """Makes the protocol, in the process that owns this end."""
        self._context = contextvars.copy_context()
        self._protocol = factory()
        self._protocol.connection_made(self)
        if waiter is not None:
            waiter.set_result((self, self._protocol))
        self._feed_soon()

    # -- what protocols call: writing --------------------------------------------------------------------------------

    def write(self, data: Any) -> None:
        """Data written after `close` or after the connection is lost is dropped."""
        self._take(data)
        self._push()
        self._control_flow()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        for data in list_of_data:
            self._take(data)
        self._push()
        self._control_flow()

    def _take(self, data: Any) -> None:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data must be bytes-like, not {type(data).__name__}")
        if self._eof_written:
            raise RuntimeError("cannot write after write_eof()")
        if self._closing or not len(data):
            return
        if isinstance(data, bytes):
            held, view = None, memoryview(data)
        else:
            held = Held(data)
            view = memoryview(held.then)
        if self._network.trace is not None:
            self._network.trace.add(f"write {self.number} {self.label}", view)
        self._backlog.append(Piece(view, held))
        self._backlog_bytes += len(view)

    def write_eof(self) -> None:
        if not self._eof_written and not self._closing:
            self._eof_written = True
            self._backlog.append(Piece(None, None))
            self._push()

    def can_write_eof(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return self._backlog_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high if high is not None else HIGH_WATER_BYTES if low is None else 4 * low
        self._low = low if low is not None else self._high // 4
        assert 0 <= self._low <= self._high
        self._control_flow()

    def _control_flow(self) -> None:
        """Calls the protocol only on a change; `resume_writing` comes in a step of its own."""
        if not self._writing_paused and self._backlog_bytes > self._high and not self._lost:
            self._writing_paused = True
            self._protocol.pause_writing()

    # -- what protocols call: reading and closing ----------------------------------------------------------------------

    def pause_reading(self) -> None:
        self._reading_paused = True

    def resume_reading(self) -> None:
        self._reading_paused = False
        self._feed_soon()

    def is_reading(self) -> bool:
        return not self._reading_paused and not self._closing

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """What was written still goes out; what arrives is no longer read."""
        if self._closing:
            return
        if not self._eof_written:
            self._backlog.append(Piece(None, None))
        self._closing = True
        self._push()

    def abort(self) -> None:
        self._break(None)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        local, remote = self._addresses
        if name == "socket":
            return SimSocket(local, remote)
        return {"sockname": local, "peername": remote}.get(name, default)

    # -- the way out ---------------------------------------------------------------------------------------------------

    def _push(self) -> None:
        """Moves what the window has room for from the backlog into the network."""
        network = self._network
        if not self._lost and self._backlog and not network.blocked(self.host, self.peer_host):
            while self._backlog and self._in_flight_bytes < network.window_bytes:
                self._send(self._next_piece(network.window_bytes - self._in_flight_bytes))
        if self._closing and not self._backlog and not self._lost:
            self._lose_soon(None)

    def _next_piece(self, room: int) -> Piece:
        piece = self._backlog[0]
        if piece.data is None or len(piece.data) <= room:
            self._backlog.popleft()
        else:
            self._backlog[0] = Piece(piece.data[room:], piece.held)
            piece = Piece(piece.data[:room], piece.held)
        size = len(piece.data) if piece.data is not None else 0
        self._backlog_bytes -= size
        self._in_flight_bytes += size
        return piece

    def _send(self, piece: Piece) -> None:
        link, random = self._link, self._network.random
        if link.reset_probability and random.chance(link.reset_probability):
            self._loop.call_soon(self.break_connection, context=self._context)
            return
        departure = self._loop.time()
        if link.bytes_per_second is not None and piece.data is not None:
            departure = max(departure, self._last_arrival - link.latency_s[0]) + len(piece.data) / link.bytes_per_second
        low, high = link.latency_s
        arrival = departure + random.between(low, high)
        if link.stall_probability and random.chance(link.stall_probability):
            arrival += random.between(*link.stall_s)
        self._last_arrival = max(arrival, self._last_arrival)
        self._loop.call_at(self._last_arrival, self._land, piece, context=self._network.context)

    def _land(self, piece: Piece) -> None:
        """The piece reaches the other host, unless a partition began on the way."""
        if self._stalled or self._network.blocked(self.host, self.peer_host):
            self._stalled.append(piece)
        else:
            if piece.held is not None:
                piece.held.check(self.label)
            self.peer.arrive(piece)

    def go_on(self) -> None:
        """A partition has ended, perhaps this connection's."""
        if self._network.blocked(self.host, self.peer_host):
            return
        if self._stalled:
            delay = self._network.random.between(*self._link.latency_s)
            self._loop.call_later(delay, self._land_stalled, context=self._network.context)
        self._push()

    def _land_stalled(self) -> None:
        if not self._network.blocked(self.host, self.peer_host):
            stalled, self._stalled = self._stalled, deque()
            for piece in stalled:
                self._land(piece)

    def acknowledge(self, size_bytes: int) -> None:
        """The other side has read so much: the window moves on."""
        self._in_flight_bytes -= size_bytes
        if self._backlog and not self._lost:
            self._loop.call_soon(self._pushed_on, context=self._context)

    def _pushed_on(self) -> None:
        self._push()
        if self._writing_paused and self._backlog_bytes <= self._low and not self._lost:
            self._writing_paused = False
            self._protocol.resume_writing()

    # -- the way in ----------------------------------------------------------------------------------------------------

    def arrive(self, piece: Piece) -> None:
        if self._lost:
            if piece.data is not None and not self.peer._lost:
                self._reset_peer()
            return
        self._arrived.append(piece)
        if piece.data is not None:
            self._arrived_bytes += len(piece.data)
        self._feed_soon()

    def _feed_soon(self) -> None:
        if self._arrived and not self._feeding and self._protocol is not None:
            self._feeding = True
            self._loop.call_soon(self._feed, context=self._context)

    def _feed(self) -> None:
        """One read: gives the protocol what has arrived, or by chance only a part of it."""
        self._feeding = False
        if self._reading_paused or self._closing or not self._arrived:
            return
        try:
            if self._arrived_bytes:
                size = self._arrived_bytes
                link = self._link
                if link.chunk_probability and self._network.random.chance(link.chunk_probability):
                    size = 1 + self._network.random.below(min(size, 1 << 16))
                if isinstance(self._protocol, asyncio.BufferedProtocol):
                    self._fill(self._protocol, size)
                else:
                    self._protocol.data_received(b"".join(self._take_arrived(size)))
            elif self._arrived.popleft().data is None and not self._protocol.eof_received():
                self.close()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            self._break(None)
            raise
        self._feed_soon()

    def _take_arrived(self, size: int) -> list[memoryview]:
        """Up to `size` bytes, and tells the sender that they are read."""
        taken: list[memoryview] = []
        left = size
        while left and self._arrived:
            data = self._arrived[0].data
            if data is None:
                break
            if len(data) <= left:
                self._arrived.popleft()
            else:
                self._arrived[0] = Piece(data[left:], None)
                data = data[:left]
            taken.append(data)
            left -= len(data)
        self._arrived_bytes -= size - left
        if self._network.trace is not None:
            self._network.trace.add(f"read {self.number} {size - left}")
        self.peer.acknowledge(size - left)
        return taken

    def _fill(self, protocol: asyncio.BufferedProtocol, size: int) -> None:
        buffer = memoryview(protocol.get_buffer(-1)).cast("B")
        if not len(buffer):
            raise RuntimeError("get_buffer() returned an empty buffer")
        position = 0
        for data in self._take_arrived(min(size, len(buffer))):
            buffer[position : position + len(data)] = data
            position += len(data)
        protocol.buffer_updated(position)
        goes_on = not self._closing and protocol is self._protocol
        self._network.receive_buffers.spoil(protocol if goes_on else None, buffer, position)

    # -- the end -------------------------------------------------------------------------------------------------------

    def break_connection(self) -> None:
        """Both ends lose the connection as by a reset; what was not delivered is dropped."""
        self._break(ConnectionResetError(errno.ECONNRESET, "connection reset"))

    def _break(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._closing = True
        self._drop()
        self._reset_peer()
        self._lose_soon(error)

    def vanish(self, *, reset: bool) -> None:
        """The process that owns this end is gone: its protocol is never called again."""
        self._lost = self._closing = True
        self._drop()
        self._network.connections.pop(self.number, None)
        if reset:
            self._reset_peer()

    def _drop(self) -> None:
        self._backlog.clear()
        self._backlog_bytes = 0
        self._arrived.clear()
        self._arrived_bytes = 0

    def _reset_peer(self) -> None:
        """Tells the other side, in its time, that there is no such connection."""
        low, high = self._link.latency_s
        arrival = max(self._last_arrival, self._loop.time() + self._network.random.between(low, high))
        self._last_arrival = arrival
        self._loop.call_at(arrival, self.peer.on_reset, context=self._network.context)

    def on_reset(self) -> None:
        if self._lost or self._network.blocked(self.peer_host, self.host):
            return
        self._closing = True
        self._drop()
        self._lose_soon(ConnectionResetError(errno.ECONNRESET, "connection reset by peer"))

    def _lose_soon(self, error: Exception | None) -> None:
        """The transport is of no use from now on; the protocol hears of it in a step of its own."""
        unread = self._arrived_bytes
        self._lost = True
        self._network.connections.pop(self.number, None)
        self._drop()
        if unread and error is None:
            self._reset_peer()
        if self._protocol is not None:
            self._loop.call_soon(self._protocol.connection_lost, error, context=self._context)

    def __repr__(self) -> str:
        state = "lost" if self._lost else "closing" if self._closing else "open"
        return f"<SimTransport {self.number} {self.label} {state}>"


def _shown(address: tuple[str, int]) -> tuple[str, int]:
    return ("127.0.0.1", address[1]) if address[0] in LOCAL_NAMES else address
