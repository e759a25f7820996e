"""The broker's connection on the simulated network: frames of any size, in any chunks, with requests that wait."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ottla.broker.connection import Connection
from ottla.broker.intake import Budget
from ottla.broker.listeners import receive_buffer
from ottla.broker.unsent import Unsent
from ottla.client.frames import FrameReader
from ottla.testing.network import Link
from ottla.testing.simulation import Simulation, run_simulation

CLIENTS, FRAMES = 4, 30
MAX_BYTES = 1 << 20


class EchoRouter:
    """Answers a request with its own bytes, some of them only after a wait."""

    def __init__(self, simulation: Simulation, serve: Callable[[Simulation, memoryview], Awaitable[bytes]]) -> None:
        self._simulation = simulation
        self._serve = serve
        self.loop_time = simulation.loop.time

    def open_session(self, _listener: Any) -> Any:
        return SimpleNamespace(opened=lambda _peer: None, draining=False, drain=lambda: None)

    def opened(self, _session: Any) -> None:
        """Nobody is refused."""

    def closed(self, _session: Any) -> None: ...

    def on_close(self, _session: Any, _reason: str) -> None: ...

    async def serve(self, _session: Any, frame: memoryview) -> list[bytes]:
        body = await self._serve(self._simulation, frame)
        return [len(body).to_bytes(4, "big") + body]


async def wait(simulation: Simulation) -> None:
    if simulation.random.chance(0.3):
        future: asyncio.Future[None] = simulation.loop.create_future()
        simulation.loop.call_later(0.001, future.set_result, None)
        await future


async def copy_and_wait(simulation: Simulation, frame: memoryview) -> bytes:
    body = bytes(frame)
    await wait(simulation)
    return body


async def wait_and_copy(simulation: Simulation, frame: memoryview) -> bytes:
    """The mistake: the view is of the receive buffer, and is used after a wait."""
    await wait(simulation)
    return bytes(frame)


class Client(asyncio.Protocol):
    """Keeps the frames that it gets."""

    def __init__(self) -> None:
        self._frames = FrameReader(MAX_BYTES)
        self.transport: Any = None
        self.sent: list[bytes] = []
        self.received: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += [bytes(frame) for frame in self._frames.feed(data)]

    def send(self, body: bytes) -> None:
        self.sent.append(body)
        self.transport.write(len(body).to_bytes(4, "big") + body)


def exchange(seed: int, serve: Callable[[Simulation, memoryview], Awaitable[bytes]]) -> list[Client]:
    """Sends frames through real broker connections and waits for all answers."""

    async def main(simulation: Simulation) -> list[Client]:
        loop, random = simulation.loop, simulation.random
        router: Any = EchoRouter(simulation, serve)
        listener: Any = SimpleNamespace(opened=lambda _connection: None, closed=lambda _connection: None)
        shared, budget, unsent = receive_buffer(), Budget(8 << 20), Unsent(1 << 20)
        await loop.create_server(
            lambda: Connection(listener, router, shared, budget, unsent, MAX_BYTES), "127.0.0.1", 1
        )
        clients = []
        for _ in range(CLIENTS):
            _, client = await loop.create_connection(Client, "127.0.0.1", 1)
            assert isinstance(client, Client)
            clients.append(client)
        for number in range(FRAMES):
            for client in clients:
                client.send(random.bytes(random.choice((1, 10, 100, 5_000, 70_000, 400_000))))
            if number % 5 == 0:
                await asyncio.sleep(0.01)
        await asyncio.sleep(60)
        assert budget.used_bytes == unsent.used_bytes == 0
        return clients

    return run_simulation(seed, main, link=Link(chunk_probability=0.3)).value


def digests(frames: list[bytes]) -> list[str]:
    """Short stand-ins: of whole frames that differ pytest makes a diff, minutes long under CI=true, which shows all."""
    return [f"{len(frame)} bytes, {hashlib.sha256(frame).hexdigest()[:16]}" for frame in frames]


@pytest.mark.parametrize("seed", range(3))
def test_every_frame_gets_its_answer_in_order(seed: int) -> None:
    for client in exchange(seed, copy_and_wait):
        assert digests(client.received) == digests(client.sent)


def test_a_view_of_the_receive_buffer_used_after_a_wait_is_found() -> None:
    clients = exchange(1, wait_and_copy)
    assert any(client.received != client.sent for client in clients)
