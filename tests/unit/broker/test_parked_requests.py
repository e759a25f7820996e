"""What a connection started ends with it: parked requests, their watchers and timers."""

from __future__ import annotations

import asyncio

import pytest

from ottla.broker.context import MAX_WAIT_S
from ottla.broker.turns import Turns
from ottla.client.connection import Connection, open_connection
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.list_offsets import ListOffsetsRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.records.record import BatchBuilder
from ottla.testing.cluster import PORT
from tests.unit.broker.handlers.support import Asking, on_broker

POLLS = 5000
FOREVER_MS = 2**31 - 1
PARTITIONS, RECORDS, CLIENTS = 10, 20_000, 5
TIME_MS = 1_700_000_000_000


def poll(*partitions: int, session_epoch: int = -1, wait_ms: int = FOREVER_MS) -> FetchRequest:
    wanted = [FetchRequest.FetchPartition(partition=index, partition_max_bytes=1 << 20) for index in partitions]
    return FetchRequest(
        max_wait_ms=wait_ms,
        min_bytes=2**31 - 1,
        session_epoch=session_epoch,
        topics=[FetchRequest.FetchTopic(topic="t", partitions=wanted)],
    )


async def parked(request: FetchRequest) -> tuple[Connection, asyncio.Future[object]]:
    connection = await open_connection("broker-1", PORT)
    return connection, asyncio.ensure_future(connection.send(request, version=12, timeout_ms=10_000_000))


async def until_idle(broker: Asking) -> None:
    for _ in range(100):
        if not broker.node.budget.handling:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("a request is parked a second after its connection has gone")


def test_nothing_is_left_of_five_thousand_closed_long_polls() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("t", partitions=2)
        await broker.produce("t")
        partition = broker.node.replicas.find("t", 0)
        for _ in range(POLLS // 500):
            polls = [await parked(poll(0, 1)) for _ in range(500)]
            while len(partition.watchers) < 500:
                await asyncio.sleep(0.01)
            for connection, answer in polls:
                answer.cancel()
                connection.close()
            await until_idle(broker)
            assert not partition.watchers
        assert broker.node.budget.handling == 0 and broker.node.budget.used_bytes == 0

    on_broker(scenario)


def test_a_session_survives_the_connection_of_its_poll_and_the_poll_does_not() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("t")
        first = await broker.ask(poll(0, session_epoch=0, wait_ms=0), 12)
        going_on = poll(session_epoch=1)
        going_on.session_id, going_on.topics = first.session_id, []
        connection, answer = await parked(going_on)
        while not broker.node.budget.handling:
            await asyncio.sleep(0.01)
        answer.cancel()
        connection.close()
        await until_idle(broker)
        assert len(broker.node.replicas.find("t", 0).watchers) == 1, "the session itself watches on"
        again = poll(session_epoch=2, wait_ms=0)
        again.session_id, again.topics = first.session_id, []
        assert (await broker.ask(again, 12)).error_code == 0

    on_broker(scenario)


def test_a_poll_waits_for_five_minutes_at_most() -> None:
    async def scenario(broker: Asking) -> float:
        await broker.topic("t")
        started = broker.node.loop.time()
        connection, answer = await parked(poll(0))
        await answer
        connection.close()
        return broker.node.loop.time() - started

    assert MAX_WAIT_S <= on_broker(scenario) < MAX_WAIT_S + 5


@pytest.mark.parametrize("polls", [1, 3])
def test_a_broker_that_stops_answers_long_polls_at_once(polls: int) -> None:
    async def scenario(broker: Asking) -> float:
        await broker.topic("t")
        waiting = [await parked(poll(0)) for _ in range(polls)]
        while broker.node.budget.handling < polls:
            await asyncio.sleep(0.01)
        started = broker.node.loop.time()
        await broker.node.stop()
        for _, answer in waiting:
            await answer
        return broker.node.loop.time() - started

    assert on_broker(scenario) < 1


def test_looking_through_large_batches_for_a_time_ends_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0

    async def slow_turn(_turns: Turns) -> None:
        """Work takes no virtual time, so nobody could hang up in the middle of it."""
        nonlocal turns
        turns += 1
        await asyncio.sleep(0.002)

    async def scenario(broker: Asking) -> None:
        await broker.topic("t", partitions=PARTITIONS)
        builder = BatchBuilder()
        for number in range(RECORDS):
            builder.append(TIME_MS - (number + 1 < RECORDS), None, None)
        indexes = range(PARTITIONS)
        written = [ProduceRequest.PartitionProduceData(index=index, records=builder.build()) for index in indexes]
        topic = ProduceRequest.TopicProduceData(name="t", partition_data=written)
        await broker.ask(ProduceRequest(acks=1, topic_data=[topic]), 9)
        rows = [ListOffsetsRequest.ListOffsetsPartition(partition_index=one, timestamp=TIME_MS) for one in indexes]
        request = ListOffsetsRequest(topics=[ListOffsetsRequest.ListOffsetsTopic(name="t", partitions=rows)])
        answer = await broker.ask(request, 5)
        assert {one.offset for one in answer.topics[0].partitions} == {RECORDS - 1}
        whole, waiting = turns, []
        for _ in range(CLIENTS):
            connection = await open_connection("broker-1", PORT)
            waiting.append((connection, asyncio.ensure_future(connection.send(request, version=5))))
        while turns == whole:
            await asyncio.sleep(0.001)
        for connection, asked in waiting:
            asked.cancel()
            connection.close()
        await until_idle(broker)
        assert turns - whole < whole, "not even the work of one request, though five were sent"

    monkeypatch.setattr(Turns, "next", slow_turn)
    on_broker(scenario)
