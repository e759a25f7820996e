"""A workload for the determinism tests: clients and a server that writes to its disk, with faults on the way."""

from __future__ import annotations

import asyncio
from typing import Any

from ottla.testing.disk import CrashMode
from ottla.testing.network import Link
from ottla.testing.simulation import Run, Simulation, run_simulation

CLIENTS, ROUNDS = 8, 150
LINK = Link(chunk_probability=0.3, stall_probability=0.01, reset_probability=0.002)


class Server(asyncio.BufferedProtocol):
    """Writes every piece to the disk, then sends it back."""

    def __init__(self, simulation: Simulation, shared: bytearray) -> None:
        self._simulation = simulation
        self._shared = memoryview(shared)
        self._log = simulation.files.open("log", create=True)
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._shared

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._shared[:nbytes])
        self._log.append(data)
        self._simulation.loop.create_task(self._answer(data))

    async def _answer(self, data: bytes) -> None:
        await self._simulation.offload.run(self._log.fsync)
        self._transport.write(data)

    def eof_received(self) -> None:
        """The transport closes."""


async def client(simulation: Simulation, number: int) -> int:
    done = 0
    while done < ROUNDS:
        reader, writer = await asyncio.open_connection("127.0.0.1", 9092)
        try:
            while done < ROUNDS:
                message = simulation.random.bytes(simulation.random.below(200) + 1)
                writer.write(message)
                await asyncio.wait_for(reader.readexactly(len(message)), 30)
                done += 1
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            await asyncio.sleep(0.1 * number)
        finally:
            writer.close()
    return done


async def main(simulation: Simulation) -> int:
    shared = bytearray(65536)
    await simulation.loop.create_server(lambda: Server(simulation, shared), "127.0.0.1", 9092)
    tasks = [simulation.loop.create_task(client(simulation, number)) for number in range(CLIENTS)]
    total = sum([await task for task in tasks])
    simulation.files.crash(simulation.random, CrashMode.SCATTERED)
    return total


def run(seed: int, *, keep_trace: bool = False) -> Run[int]:
    result = run_simulation(seed, main, link=LINK, keep_trace=keep_trace)
    assert result.value == CLIENTS * ROUNDS
    return result
