"""Frames that were begun and never ended, on a whole broker: larger requests of others are served in seconds."""

from __future__ import annotations

import asyncio

from ottla.broker.stalled import LOOK_S, PATIENCE_S
from ottla.client.connection import open_connection
from ottla.protocol.messages.fetch import FetchRequest
from ottla.testing.cluster import PORT
from tests.unit.broker.handlers.support import Asking, on_broker

LIMIT = 16 << 20
SOON_S = 3 * (PATIENCE_S + LOOK_S)


async def begin(frame_bytes: int, sent_bytes: int) -> asyncio.Transport:
    """A connection that announces a frame and sends so much of it."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, "broker-1", PORT)
    transport.write(frame_bytes.to_bytes(4, "big") + bytes(sent_bytes))
    await asyncio.sleep(0.1)
    return transport


async def poll() -> asyncio.Task[object]:
    """A long poll, which waits and holds nothing."""
    wanted = [FetchRequest.FetchPartition(partition=0, partition_max_bytes=1 << 20)]
    request = FetchRequest(
        max_wait_ms=300_000, min_bytes=1 << 20, topics=[FetchRequest.FetchTopic(topic="quiet", partitions=wanted)]
    )
    connection = await open_connection("broker-1", PORT)
    return asyncio.ensure_future(connection.send(request, version=12, timeout_ms=10**7))


async def large_request(broker: Asking) -> float:
    started = broker.node.loop.time()
    await broker.produce("t", value=bytes(900_000))
    return broker.node.loop.time() - started


def test_a_few_large_ones_and_many_small_ones_hold_nobody_up_for_long() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("t")
        await broker.topic("quiet")
        polling = await poll()
        for count, frame_bytes, sent_bytes in ((4, 20 << 20, 6 << 20), (30, 900_000, 880_000)):
            half = [await begin(frame_bytes, sent_bytes) for _ in range(count)]
            assert await large_request(broker) < SOON_S
            for transport in half:
                transport.close()
            await asyncio.sleep(1)
        assert broker.node.stalled.closed
        assert not polling.done() and broker.node.budget.used_bytes == 0
        polling.cancel()

    on_broker(scenario, {"ottla.max.received.bytes": str(LIMIT)})


def test_frames_that_wait_behind_a_request_that_waits_are_no_hold_either() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("t")
        await broker.topic("quiet")
        polls = []
        for _ in range(24):
            connection = await open_connection("broker-1", PORT)
            wanted = [FetchRequest.FetchPartition(partition=0, partition_max_bytes=1 << 20)]
            quiet = FetchRequest.FetchTopic(topic="quiet", partitions=wanted)
            waits = FetchRequest(max_wait_ms=300_000, min_bytes=1 << 20, topics=[quiet])
            large = FetchRequest(max_wait_ms=0, topics=[quiet], rack_id="x" * 30_000)
            for request in (waits, *[large] * 30):
                polls.append(asyncio.ensure_future(connection.send(request, version=12, timeout_ms=10**7)))
        await asyncio.sleep(0.5)
        assert await large_request(broker) < SOON_S
        for one in polls:
            one.cancel()

    on_broker(scenario, {"ottla.max.received.bytes": str(LIMIT)})


def test_a_slow_sender_is_let_be_while_there_is_room() -> None:
    async def scenario(broker: Asking) -> None:
        transport = await begin(8 << 20, 100)
        for _ in range(30):
            await asyncio.sleep(10)
            transport.write(bytes(64 << 10))
        assert not transport.is_closing() and not broker.node.stalled.closed
        transport.close()

    on_broker(scenario, {"ottla.max.received.bytes": str(LIMIT)})
