"""Planted misuse of memory: the simulated transport must find each one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ottla.testing.errors import MemoryRuleBroken
from ottla.testing.memory import POISON
from ottla.testing.simulation import Simulation, run_simulation


class Receiver(asyncio.BufferedProtocol):
    """Receives into one buffer for ever, and keeps a view of each piece and, if told to, a copy."""

    def __init__(self) -> None:
        self.buffer = bytearray(4096)
        self.transport: Any = None
        self.views: list[memoryview] = []
        self.copies: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self.buffer)

    def buffer_updated(self, nbytes: int) -> None:
        self.views.append(memoryview(self.buffer)[:nbytes])
        self.copies.append(bytes(self.buffer[:nbytes]))

    def eof_received(self) -> None:
        """The transport closes."""


class Assembler(Receiver):
    """Receives a large frame into memory of its own, each piece behind the last."""

    filled = 0

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self.buffer)[self.filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self.filled += nbytes


async def connected(simulation: Simulation, factory: type[Receiver]) -> tuple[Any, Any]:
    accepted: list[Receiver] = []

    def accept() -> Receiver:
        accepted.append(factory())
        return accepted[0]

    await simulation.loop.create_server(accept, "127.0.0.1", 1)
    transport, _ = await simulation.loop.create_connection(asyncio.Protocol, "127.0.0.1", 1)
    return transport, accepted[0]


def test_a_view_kept_of_the_receive_buffer_reads_rubbish() -> None:
    async def main(simulation: Simulation) -> None:
        transport, receiver = await connected(simulation, Receiver)
        transport.write(b"request")
        await asyncio.sleep(1)
        assert b"".join(receiver.copies) == b"request"
        assert all(bytes(view) == bytes([POISON]) * len(view) for view in receiver.views)

    run_simulation(1, main)


def test_a_frame_assembled_in_memory_of_its_own_is_left_alone() -> None:
    async def main(simulation: Simulation) -> None:
        transport, receiver = await connected(simulation, Assembler)
        for _ in range(10):
            transport.write(b"0123456789")
        await asyncio.sleep(1)
        assert receiver.buffer[: receiver.filled] == b"0123456789" * 10

    for seed in range(5):
        run_simulation(seed, main)


@pytest.mark.parametrize("change", [lambda buffer: buffer.__setitem__(0, 1), lambda buffer: buffer.reverse()])
def test_a_buffer_changed_after_write_is_found_at_delivery(change: Any) -> None:
    async def main(simulation: Simulation) -> None:
        transport, _ = await connected(simulation, Receiver)
        buffer = bytearray(b"answer")
        transport.write(buffer)
        change(buffer)
        await asyncio.sleep(1)

    with pytest.raises(MemoryRuleBroken, match="6 bytes given to write"):
        run_simulation(1, main)


def test_a_view_of_a_changed_buffer_is_found_in_writelines_too() -> None:
    async def main(simulation: Simulation) -> None:
        transport, _ = await connected(simulation, Receiver)
        buffer = bytearray(b"header")
        transport.writelines([b"length", memoryview(buffer)[2:4]])
        buffer[3] = 0
        await asyncio.sleep(1)

    with pytest.raises(MemoryRuleBroken):
        run_simulation(1, main)


def test_a_buffer_that_nobody_changes_is_delivered() -> None:
    async def main(simulation: Simulation) -> None:
        transport, receiver = await connected(simulation, Receiver)
        transport.writelines([bytearray(b"ans"), memoryview(b"wer")])
        await asyncio.sleep(1)
        assert b"".join(receiver.copies) == b"answer"

    run_simulation(1, main)
