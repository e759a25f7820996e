"""Clients that ask and do not read: what a broker keeps for all of them is bounded, and nobody else waits for them."""

from __future__ import annotations

import asyncio
from typing import Any

from ottla.broker.node import Node
from ottla.broker.unsent import LEAN_BYTES, READ_AHEAD_BYTES
from ottla.client.connection import open_connection
from ottla.client.frames import FrameReader
from ottla.protocol.headers import request_frame
from ottla.protocol.message import Message
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.testing.cluster import PORT, SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.unit.broker.handlers.support import Asking

SILENT = 60
LIMIT = 1 << 20
RECORD_BYTES, RECORDS = 100_000, 15
PIPELINED = 2_000


class Client(asyncio.Protocol):
    """Reads only when it is told to."""

    def __init__(self) -> None:
        self._frames = FrameReader(1 << 30)
        self.transport: Any = None
        self.received: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += [bytes(frame) for frame in self._frames.feed(data)]


async def silent_client(simulation: Simulation, *frames: bytes) -> Client:
    _, client = await simulation.loop.create_connection(Client, "broker-1", PORT)
    assert isinstance(client, Client)
    client.transport.pause_reading()
    client.transport.write(b"".join(frames))
    return client


def frame(message: Message, version: int, correlation_id: int = 1) -> bytes:
    return b"".join(bytes(part) for part in request_frame(message, version, correlation_id, "silent"))


def fetch() -> FetchRequest:
    part = FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 30)
    topic = FetchRequest.FetchTopic(topic="large", partitions=[part])
    return FetchRequest(max_wait_ms=0, min_bytes=1, max_bytes=1 << 30, topics=[topic])


def held_bytes(node: Node) -> int:
    """What the transports of all connections really hold."""
    return sum(one._transport.get_write_buffer_size() for one in node.listeners[0].connections)  # type: ignore[attr-defined]


def test_silent_consumers_share_a_budget_and_starve_nobody() -> None:
    async def main(simulation: Simulation) -> None:
        node = await SimCluster(simulation, {"ottla.max.unsent.bytes": str(LIMIT)}).start()
        connection = await open_connection("broker-1", PORT)
        asking = Asking(node, connection)
        await asking.topic("large")
        for _ in range(RECORDS):
            await asking.produce("large", value=bytes(RECORD_BYTES))
        silent = [await silent_client(simulation, frame(fetch(), 11)) for _ in range(SILENT)]
        await asyncio.sleep(5)
        most = LIMIT + SILENT * LEAN_BYTES
        assert READ_AHEAD_BYTES < held_bytes(node) <= node.unsent.used_bytes <= most
        assert node.unsent.used_bytes > LIMIT - READ_AHEAD_BYTES

        started = simulation.loop.time()
        answer = await connection.send(fetch(), version=11)
        assert len(answer.responses[0].partitions[0].records) > RECORDS * RECORD_BYTES
        assert simulation.loop.time() - started < 1
        assert node.unsent.used_bytes <= most

        for client in silent[: SILENT // 2]:
            client.transport.resume_reading()
        for client in silent[SILENT // 2 :]:
            client.transport.abort()
        await asyncio.sleep(5)
        for client in silent[: SILENT // 2]:
            (whole,) = client.received
            assert len(whole) > RECORDS * RECORD_BYTES
        assert node.unsent.used_bytes == held_bytes(node) == 0
        connection.close()

    run_simulation(1, main)


def test_answers_to_a_pipeline_wait_until_the_client_reads() -> None:
    """Thousands of small requests fit into one read, and their answers can be a thousand times larger."""

    async def main(simulation: Simulation) -> None:
        node = await SimCluster(simulation).start()
        connection = await open_connection("broker-1", PORT)
        await Asking(node, connection).topic("wide", 500)
        frames = [frame(MetadataRequest(topics=None), 9, number) for number in range(PIPELINED)]
        client = await silent_client(simulation, *frames)
        await asyncio.sleep(5)
        assert 0 < held_bytes(node) < READ_AHEAD_BYTES
        client.transport.resume_reading()
        await asyncio.sleep(60)
        assert [int.from_bytes(answer[:4], "big") for answer in client.received] == list(range(PIPELINED))
        connection.close()

    run_simulation(1, main)
