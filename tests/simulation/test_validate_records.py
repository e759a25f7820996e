"""ottla.validate.records: whether the inside of a batch on an ordinary topic is looked into."""

from __future__ import annotations

import pytest

from ottla.client.operations import create_topic, produce
from ottla.common.errors import KafkaError
from ottla.records.batch import CRC_FROM, crc32c
from ottla.records.record import BatchBuilder
from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Simulation, run_simulation

HEADER_BYTES, CRC_AT = 61, 17


def lying_batch(now_ms: int) -> bytes:
    """A batch whose header and CRC are right, and whose records are not records."""
    builder = BatchBuilder()
    builder.append(now_ms, b"key", b"value")
    batch = bytearray(builder.build())
    batch[HEADER_BYTES:] = b"\xff" * (len(batch) - HEADER_BYTES)
    batch[CRC_AT : CRC_AT + 4] = crc32c(bytes(batch[CRC_FROM:])).to_bytes(4, "big")
    return bytes(batch)


@pytest.mark.parametrize("validated", [False, True])
def test_a_batch_whose_inside_lies_is_refused_only_where_records_are_validated(validated: bool) -> None:
    async def main(simulation: Simulation) -> int:
        cluster = SimCluster(simulation, {"ottla.validate.records": str(validated).lower()})
        await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, "events")
            try:
                await produce(client, "events", 0, lying_batch(simulation.clock.now_ms()))
            except KafkaError as error:
                return error.code
            finally:
                await cluster.stop()
        return 0

    code = run_simulation(1, main).value
    assert code in ((87, 2) if validated else (0,))
