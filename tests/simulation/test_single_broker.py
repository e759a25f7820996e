"""A real broker on a simulated machine: what clients wrote survives stops and kills, and a seed has one trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.broker_workload import create_by_asking, produce_values, read_values, run

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", range(3))
def test_every_value_produced_at_once_by_many_is_read_exactly_once(seed: int) -> None:
    assert run(seed).value == 100


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_acknowledged_records_survive_the_end_of_the_broker(end: str) -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        await cluster.start()
        client = cluster.client()
        await create_by_asking(client)
        expected: list[bytes | None] = []
        for round_number in range(3):
            values = [b"%d-%d" % (round_number, number) for number in range(10)]
            assert await produce_values(cluster, client, values) == len(expected)
            expected += values
            if end == "stop":
                await cluster.stop()
            else:
                cluster.kill()
            await cluster.start()
            assert await read_values(client) == expected
        await client.close()

    run_simulation(1, main)


def test_a_seed_has_one_trace_in_every_process() -> None:
    code = "from tests.simulation.broker_workload import run\nprint(run(7).digest)"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", f"import gc; gc.disable()\n{code}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == run(7).digest
