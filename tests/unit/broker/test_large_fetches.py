"""Fetches of very many partitions: looked at in turns, without a change that is lost, and with a bound on sessions."""

from __future__ import annotations

from typing import Any

import pytest

from ottla.broker.fetch_look import Look
from ottla.client.connection import open_connection
from ottla.common.errors import FetchSessionIdNotFound
from ottla.protocol.messages.fetch import FetchRequest
from ottla.records.record import BatchBuilder
from ottla.storage.log import Origin
from ottla.testing.cluster import PORT
from tests.unit.broker.handlers.support import Asking, on_broker

IN_A_TURN = 50
MANY = 3 * IN_A_TURN


def fetch(topic: str, count: int, *, session_id: int = 0, epoch: int = -1, wait_ms: int = 0) -> FetchRequest:
    wanted = [FetchRequest.FetchPartition(partition=index, partition_max_bytes=1 << 20) for index in range(count)]
    topics = [FetchRequest.FetchTopic(topic=topic, partitions=wanted)] if count else []
    return FetchRequest(max_wait_ms=wait_ms, min_bytes=1, session_id=session_id, session_epoch=epoch, topics=topics)


def brought(response: Any) -> list[int]:
    return [part.partition_index for topic in response.responses for part in topic.partitions if part.records]


@pytest.mark.parametrize("epoch", [-1, 0])
@pytest.mark.parametrize("turn", [1, 2])
def test_a_record_that_comes_between_two_slices_of_the_looks_is_told(
    epoch: int, turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("t", partitions=MANY)
        looks, look = 0, Look.at

        def counted(self: Look, interest: Any) -> Any:
            nonlocal looks
            looks += 1
            if looks == turn * IN_A_TURN:  # in the pause after this look
                broker.node.loop.call_soon(append)
            return look(self, interest)

        def append() -> None:
            partition = broker.node.replicas.find("t", 0)
            batch = BatchBuilder()
            batch.append(broker.node.clock.now_ms(), b"k", b"v")
            now_ms = broker.node.clock.now_ms()
            partition.append(partition.leader_log(), batch.build(), now_ms, Origin.CLIENT, 9)

        monkeypatch.setattr(Look, "at", counted)
        stranger = await open_connection("broker-1", PORT)
        response = await stranger.send(fetch("t", MANY, epoch=epoch, wait_ms=5000), version=12)
        assert brought(response) == [0]
        assert broker.node.turns.paused
        if epoch == 0:
            again = fetch("t", 0, session_id=response.session_id, epoch=1)
            assert brought(await stranger.send(again, version=12)) == [0], "it is still to be read"
        stranger.close()

    on_broker(scenario)


def test_sessions_hold_a_bounded_number_of_partitions_together() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("t", partitions=1000)
        first = await broker.ask(fetch("t", 900, epoch=0), 12)
        assert first.session_id
        second = await broker.ask(fetch("t", 200, epoch=0), 12)
        assert not second.session_id, "it goes on without a session"
        assert len(second.responses[0].partitions) == 200
        more = fetch("t", 200, session_id=first.session_id, epoch=1)
        assert (await broker.ask(more, 12)).error_code == FetchSessionIdNotFound.code
        assert broker.node.fetch_sessions.partitions == 0

    on_broker(scenario, {"ottla.max.fetch.session.partitions": "1000"})
