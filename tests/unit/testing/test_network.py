"""Connections in memory: order, flow control, closing, and the faults that a test can cause."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ottla.testing.network import Link
from ottla.testing.simulation import Simulation, run_simulation

PORT = 9092


class Recorder(asyncio.Protocol):
    """Keeps what happened to it."""

    def __init__(self, on_data: Callable[[Recorder, bytes], None] | None = None, *, half_close: bool = False) -> None:
        self.transport: Any = None
        self.received = b""
        self.events: list[str] = []
        self.error: Exception | None = None
        self._on_data = on_data
        self._half_close = half_close

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self._on_data is not None:
            self._on_data(self, data)

    def eof_received(self) -> bool:
        self.events.append("eof")
        return self._half_close

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("lost")
        self.error = exc

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


def echo(protocol: Recorder, data: bytes) -> None:
    protocol.transport.write(data)


def pair(
    body: Callable[[Simulation, Recorder, Recorder], Awaitable[None]],
    *,
    seed: int = 1,
    link: Link | None = None,
    half_close: bool = False,
    on_data: Callable[[Recorder, bytes], None] | None = None,
) -> None:
    """Runs `body` with the two ends of a connection from host `client` to host `server`."""

    async def main(simulation: Simulation) -> None:
        loop, accepted = simulation.loop, []

        def accept() -> Recorder:
            accepted.append(Recorder(on_data, half_close=half_close))
            return accepted[-1]

        server_process, client_process = loop.start_process("server"), loop.start_process("client")
        await server_process.run(loop.create_task, loop.create_server(accept, "0.0.0.0", PORT))
        connecting = loop.create_connection(Recorder, "server", PORT)
        _, client = await client_process.run(loop.create_task, connecting)
        await body(simulation, client, accepted[0])

    run_simulation(seed, main, link=link)


@pytest.mark.parametrize("seed", range(5))
def test_bytes_arrive_complete_and_in_order_in_chunks_of_any_size(seed: int) -> None:
    async def body(_simulation: Simulation, client: Recorder, server: Recorder) -> None:
        for number in range(300):
            client.transport.write(bytes([number & 255]) * (number % 7 + 1))
        client.transport.writelines([b"the", memoryview(b" end")])
        await asyncio.sleep(10)
        assert server.received == b"".join(bytes([n & 255]) * (n % 7 + 1) for n in range(300)) + b"the end"

    pair(body, seed=seed, link=Link(chunk_probability=0.5))


def test_a_writer_is_paused_while_the_reader_does_not_read() -> None:
    async def body(simulation: Simulation, client: Recorder, server: Recorder) -> None:
        server.transport.pause_reading()
        size = simulation.network.window_bytes + 200_000
        client.transport.write(bytes(size))
        assert client.events == ["made", "pause"]
        assert client.transport.get_write_buffer_size() == 200_000
        await asyncio.sleep(60)
        assert (server.received, client.events) == (b"", ["made", "pause"])
        server.transport.resume_reading()
        await asyncio.sleep(1)
        assert len(server.received) == size
        assert client.events == ["made", "pause", "resume"]

    pair(body)


def test_close_sends_what_was_written_and_both_sides_hear_of_it_once() -> None:
    async def body(_simulation: Simulation, client: Recorder, server: Recorder) -> None:
        client.transport.write(b"last words")
        client.transport.close()
        client.transport.write(b"too late")
        await asyncio.sleep(1)
        assert server.received == b"last words"
        assert server.events == ["made", "eof", "lost"]
        assert client.events == ["made", "lost"]
        assert (client.error, server.error) == (None, None)

    pair(body)


def test_abort_resets_the_other_side() -> None:
    async def body(_simulation: Simulation, client: Recorder, server: Recorder) -> None:
        client.transport.abort()
        await asyncio.sleep(1)
        assert client.events == server.events == ["made", "lost"]
        assert client.error is None
        assert isinstance(server.error, ConnectionResetError)

    pair(body)


def test_after_a_half_close_the_other_direction_still_works() -> None:
    async def body(_simulation: Simulation, client: Recorder, server: Recorder) -> None:
        client.transport.write_eof()
        with pytest.raises(RuntimeError):
            client.transport.write(b"no more")
        await asyncio.sleep(1)
        assert server.events == ["made", "eof"]
        server.transport.write(b"an answer")
        server.transport.close()
        await asyncio.sleep(1)
        assert client.received == b"an answer"
        assert client.events == ["made", "eof", "lost"]

    pair(body, half_close=True)


def test_writing_to_a_side_that_has_closed_gets_a_reset() -> None:
    async def body(_simulation: Simulation, client: Recorder, server: Recorder) -> None:
        server.transport.pause_reading()
        client.transport.close()
        await asyncio.sleep(1)
        server.transport.write(b"anyone?")
        await asyncio.sleep(1)
        assert isinstance(server.error, ConnectionResetError)

    pair(body)


@pytest.mark.parametrize("seed", range(8))
def test_a_partition_holds_bytes_back_until_it_heals_and_keeps_their_order(seed: int) -> None:
    async def body(simulation: Simulation, client: Recorder, server: Recorder) -> None:
        for number in range(5):
            client.transport.write(b"%d" % number)
        await asyncio.sleep(0.05)
        simulation.network.partition("client", "server")
        client.transport.write(b"56")
        await asyncio.sleep(30)
        assert b"56" not in server.received
        simulation.network.heal("client", "server")
        client.transport.write(b"78")
        await asyncio.sleep(30)
        assert server.received == b"012345678"
        assert server.events == ["made"]

    pair(body, seed=seed, link=Link(latency_s=(0.01, 0.1), stall_probability=0.2))


def test_connecting_through_a_partition_waits_and_then_gives_up() -> None:
    async def main(simulation: Simulation) -> None:
        loop, network = simulation.loop, simulation.network
        process = loop.start_process("server")
        await process.run(loop.create_task, loop.create_server(Recorder, None, PORT))
        network.partition("localhost", "server")
        loop.call_later(100, network.heal)
        await loop.create_connection(Recorder, "server", PORT)
        assert 100 < loop.time() < 101
        network.partition("localhost", "server")
        with pytest.raises(TimeoutError):
            await loop.create_connection(Recorder, "server", PORT)
        assert loop.time() > 227

    run_simulation(1, main)


def test_nobody_listening_refuses() -> None:
    async def main(simulation: Simulation) -> None:
        with pytest.raises(ConnectionRefusedError, match="nobody listens on localhost:9092"):
            await simulation.loop.create_connection(Recorder, "127.0.0.1", PORT)
        server = await simulation.loop.create_server(Recorder, "127.0.0.1", PORT)
        with pytest.raises(OSError, match="in use"):
            await simulation.loop.create_server(Recorder, "localhost", PORT)
        await simulation.loop.create_connection(Recorder, "127.0.0.1", PORT)
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await simulation.loop.create_connection(Recorder, "127.0.0.1", PORT)

    run_simulation(1, main)


def test_port_zero_takes_a_free_port_and_tells_it() -> None:
    async def main(simulation: Simulation) -> None:
        server = await simulation.loop.create_server(Recorder, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        transport, _ = await simulation.loop.create_connection(Recorder, host, port)
        assert transport.get_extra_info("peername") == ("127.0.0.1", port)
        assert transport.get_extra_info("socket").getpeername() == ("127.0.0.1", port)

    run_simulation(1, main)


def test_a_killed_process_resets_its_connections_and_frees_its_port() -> None:
    async def body(simulation: Simulation, client: Recorder, server: Recorder) -> None:
        simulation.network.kill(server.transport.process)
        client.transport.write(b"hello?")
        await asyncio.sleep(1)
        assert isinstance(client.error, ConnectionResetError)
        assert server.events == ["made"]
        with pytest.raises(ConnectionRefusedError):
            await simulation.loop.create_connection(Recorder, "server", PORT)

    pair(body)


def test_a_host_without_power_is_silent_until_it_is_back() -> None:
    async def body(simulation: Simulation, client: Recorder, server: Recorder) -> None:
        simulation.network.power_off("server")
        client.transport.write(b"hello?")
        await asyncio.sleep(600)
        assert client.events == ["made"]
        simulation.network.power_on("server")
        await asyncio.sleep(1)
        assert isinstance(client.error, ConnectionResetError)

    pair(body)


def test_a_slow_link_takes_its_time() -> None:
    async def body(simulation: Simulation, client: Recorder, server: Recorder) -> None:
        begin = simulation.loop.time()
        client.transport.write(bytes(100_000))
        while len(server.received) < 100_000:
            await asyncio.sleep(0.1)
        assert 9 < simulation.loop.time() - begin < 12

    pair(body, link=Link(bytes_per_second=10_000))


def test_links_break_at_random_if_asked_to() -> None:
    async def body(_simulation: Simulation, client: Recorder, server: Recorder) -> None:
        for _ in range(200):
            client.transport.write(b"x")
            await asyncio.sleep(0.01)
        assert isinstance(client.error, ConnectionResetError)
        assert isinstance(server.error, ConnectionResetError)

    pair(body, link=Link(reset_probability=0.1))


def test_asyncio_streams_run_on_it() -> None:
    async def main(simulation: Simulation) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
            writer.close()

        await asyncio.start_server(serve, "127.0.0.1", PORT)
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        writer.write(b"one\ntwo\n")
        assert [await reader.readline(), await reader.readline()] == [b"ONE\n", b"TWO\n"]
        writer.close()
        await writer.wait_closed()

    run_simulation(1, main)
