"""A simulated computer: programs end without a last word, and the disk remembers what it must."""

from __future__ import annotations

import asyncio
import gc

import pytest

from ottla.testing.files import CrashMode
from ottla.testing.machine import SimMachine
from ottla.testing.simulation import Simulation, run_simulation


async def write_for_ever(machine: SimMachine) -> None:
    """Appends a byte a second; every third is fsynced."""
    log = machine.files.open("log", create=True)
    machine.files.fsync_folder("")
    try:
        for number in range(1_000_000):
            await asyncio.sleep(1)
            log.append(b"%d" % (number % 10))
            if number % 3 == 2:
                log.fsync()
    finally:
        log.append(b" clean-up")
        await asyncio.sleep(1)


def test_a_killed_program_leaves_what_it_had_written_and_runs_no_clean_up() -> None:
    async def main(simulation: Simulation) -> bytes:
        machine = SimMachine(simulation, "one")
        machine.start(write_for_ever)
        await asyncio.sleep(5.5)
        machine.kill()
        gc.collect()
        await asyncio.sleep(100)
        assert not machine.running
        return machine.files.read("log")

    assert run_simulation(1, main).value == b"01234"


def test_after_a_power_cut_only_what_was_fsynced_is_certain() -> None:
    async def main(simulation: Simulation) -> bytes:
        machine = SimMachine(simulation, "one")
        machine.start(write_for_ever)
        await asyncio.sleep(5.5)
        machine.cut_power(CrashMode.LOSE)
        machine.restore_power()
        return machine.files.read("log")

    assert run_simulation(1, main).value == b"012"


def test_a_planned_crash_kills_the_program_and_the_machine_can_start_again() -> None:
    async def main(simulation: Simulation) -> bytes:
        machine = SimMachine(simulation, "one")
        machine.files.crash_at(4)
        machine.start(write_for_ever)
        await asyncio.sleep(20)
        assert not machine.running
        assert machine.files.read("log") == b"01"
        machine.start(write_for_ever)
        await asyncio.sleep(2.5)
        return machine.files.read("log")

    assert run_simulation(1, main).value == b"0101"


@pytest.mark.parametrize("seed", range(3))
def test_clients_lose_their_connection_with_the_program(seed: int) -> None:
    async def serve(machine: SimMachine) -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100):
                writer.write(data)

        await asyncio.start_server(handle, "0.0.0.0", 1)

    async def main(simulation: Simulation) -> None:
        machine = SimMachine(simulation, "server")
        await machine.start(serve)
        reader, writer = await asyncio.open_connection("server", 1)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        machine.kill()
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("server", 1)
        await machine.start(serve)
        reader, writer = await asyncio.open_connection("server", 1)
        writer.write(b"again")
        assert await reader.readexactly(5) == b"again"

    run_simulation(seed, main)


def test_clocks_of_machines_may_differ() -> None:
    async def main(simulation: Simulation) -> None:
        one, two = SimMachine(simulation, "one"), SimMachine(simulation, "two")
        two.clock.skew_ms = -5_000
        await asyncio.sleep(1.5)
        assert one.clock.now_ms() - two.clock.now_ms() == 5_000
        assert one.clock.monotonic() == two.clock.monotonic() == 1.5
        assert one.random.bytes(8) != two.random.bytes(8)

    run_simulation(1, main)
