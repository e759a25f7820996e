"""The HTTP endpoint: a number, a time and a size for its connections."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ottla.broker.http import MAX_CONNECTIONS, MAX_REQUEST_BYTES, TIMEOUT_S
from ottla.testing.cluster import PORT as BROKER_PORT
from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.folders import TWO_DISKS, all_of_it, filled, served

PORT = 9100


class Client(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = b""
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True


def on_endpoint(scenario: Any) -> None:
    async def main(simulation: Simulation) -> None:
        node = await SimCluster(simulation, {"ottla.http.listener": f"0.0.0.0:{PORT}"}).start()

        async def connect() -> Client:
            _, client = await simulation.loop.create_connection(Client, "broker-1", PORT)
            await asyncio.sleep(0.1)
            return client

        await scenario(node, connect)

    run_simulation(1, main)


def test_half_a_request_is_closed_after_its_time() -> None:
    async def scenario(node: Any, connect: Any) -> None:
        silent, half, slow = await connect(), await connect(), await connect()
        half.transport.write(b"GET /metrics HTTP/1.1\r\n")
        for _ in range(int(TIMEOUT_S) + 2):
            if not slow.closed:
                slow.transport.write(b"x")
            await asyncio.sleep(1)
        assert silent.closed and half.closed and slow.closed
        assert (node.http_limits.timed_out, node.http_limits.open) == (3, 0)
        asking = await connect()
        asking.transport.write(b"GET /health HTTP/1.1\r\n\r\n")
        await asyncio.sleep(1)
        assert asking.received.startswith(b"HTTP/1.1 200 OK") and asking.closed

    on_endpoint(scenario)


def test_more_than_its_number_of_connections_are_refused_and_none_is_left() -> None:
    async def scenario(node: Any, connect: Any) -> None:
        clients = [await connect() for _ in range(MAX_CONNECTIONS + 5)]
        assert [client.closed for client in clients] == [False] * MAX_CONNECTIONS + [True] * 5
        assert node.http_limits.refused == 5
        await asyncio.sleep(TIMEOUT_S + 1)
        assert node.http_limits.open == 0

    on_endpoint(scenario)


def test_a_request_that_is_too_long_is_refused_however_it_ends() -> None:
    async def scenario(node: Any, connect: Any) -> None:
        client = await connect()
        client.transport.write(b"GET /" + b"x" * MAX_REQUEST_BYTES + b" HTTP/1.1\r\n\r\n")
        await asyncio.sleep(1)
        assert client.received.startswith(b"HTTP/1.1 431")

    on_endpoint(scenario)


def test_who_stops_sending_before_the_page_is_made_gets_it() -> None:
    async def scenario(node: Any, connect: Any) -> None:
        client = await connect()
        client.transport.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        client.transport.write_eof()
        await asyncio.sleep(1)
        assert client.received.startswith(b"HTTP/1.1 200 OK") and client.closed
        head, _, body = client.received.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head

    on_endpoint(scenario)


class Broken:
    def steps(self) -> Any:
        yield
        raise RuntimeError("a survey failed")


def test_a_page_that_cannot_be_made_is_an_answer_and_a_line_of_the_log() -> None:
    async def scenario(node: Any, connect: Any) -> None:
        failures: list[str] = []
        node.log_failure = lambda event, error: failures.append(f"{event} {error}")
        node._metrics_page._sources = [Broken()]
        clients = [await connect(), await connect()]
        for client in clients:
            client.transport.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        await asyncio.sleep(1)
        assert all(client.received.startswith(b"HTTP/1.1 500") and client.closed for client in clients)
        assert set(failures) == {"listener.page_failed a survey failed"}
        healthy = await connect()
        healthy.transport.write(b"GET /health HTTP/1.1\r\n\r\n")
        await asyncio.sleep(1)
        assert healthy.received.endswith(b"ok\n")

    on_endpoint(scenario)


def test_who_goes_while_a_page_is_made_hurts_nobody() -> None:
    async def scenario(node: Any, connect: Any) -> None:
        gone, stays = await connect(), await connect()
        for client in (gone, stays):
            client.transport.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        gone.transport.abort()
        await asyncio.sleep(1)
        assert stays.received.startswith(b"HTTP/1.1 200 OK")
        assert node.http_limits.open == 0

    on_endpoint(scenario)


def test_a_start_that_finds_the_port_taken_does_not_confuse_the_next_one() -> None:
    """By then the directories are open and the broker is registered."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await filled(cluster)
        cluster.settings["ottla.http.listener"] = f"0.0.0.0:{BROKER_PORT}"
        with pytest.raises(OSError, match="in use"):
            await cluster.start()
        cluster.kill()
        del cluster.settings["ottla.http.listener"]
        await cluster.start()
        async with cluster.client() as client:
            assert await served(client) == all_of_it()
        await cluster.stop()

    run_simulation(1, main)
