"""A request that waits for long gives its frame's bytes back, and keeps nothing of it that has no other bound."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

from ottla.broker.handlers.group_members import sync_of
from ottla.client.connection import open_connection
from ottla.common.names import BrokerId
from ottla.coordinator.group.limits import Caller
from ottla.coordinator.outcome import Outcome
from ottla.protocol.message import Message
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.protocol.messages.sync_group import SyncGroupRequest
from ottla.records.record import BatchBuilder
from ottla.testing.cluster import PORT
from tests.unit.broker.handlers.support import Asking, on_broker, on_coordinator

LARGE = 600_000
FOREVER_MS = 2**31 - 1
Kept = Callable[[object], bool]


async def while_parked(broker: Asking, request: Message, version: int, kept: Kept) -> tuple[int, int]:
    """Sends it on a connection of its own. Once its handler waits: the bytes that the broker counts, and what more
    objects of a kind there are than before."""
    before = sum(map(kept, gc.get_objects()))
    connection = await open_connection("broker-1", PORT)
    answer: asyncio.Future[Any] = asyncio.ensure_future(connection.send(request, version=version, timeout_ms=10**7))
    budget = broker.node.budget
    await asyncio.sleep(1)
    assert budget.handling == 1 and not answer.done()
    received = budget.used_bytes
    more = sum(map(kept, gc.get_objects())) - before
    answer.cancel()
    connection.close()
    await asyncio.sleep(1)
    assert budget.used_bytes == budget.serving_bytes == 0
    return received, more


def is_forgotten_topic(one: object) -> bool:
    return isinstance(one, FetchRequest.ForgottenTopic)


def is_large_view(one: object) -> bool:
    return type(one) is memoryview and one.nbytes >= LARGE


def wish(topic: str) -> FetchRequest.FetchTopic:
    return FetchRequest.FetchTopic(
        topic=topic, partitions=[FetchRequest.FetchPartition(partition=0, partition_max_bytes=1 << 20)]
    )


def test_a_fetch_keeps_its_wishes_and_not_the_frame() -> None:
    async def scenario(broker: Asking) -> tuple[int, int]:
        await broker.topic("t")
        forgotten = [FetchRequest.ForgottenTopic(topic=str(one).ljust(30_000, "x"), partitions=[]) for one in range(20)]
        request = FetchRequest(max_wait_ms=FOREVER_MS, min_bytes=1, topics=[wish("t")], forgotten_topics_data=forgotten)
        return await while_parked(broker, request, 12, is_forgotten_topic)

    assert on_broker(scenario) == (0, 0)


def test_a_large_fetch_of_names_that_no_topic_has_does_not_wait() -> None:
    async def scenario(broker: Asking) -> tuple[float, list[int]]:
        await broker.topic("t")
        topics = [wish("t"), *(wish(str(one).ljust(30_000, "x")) for one in range(20))]
        started = broker.node.loop.time()
        answer = await broker.ask(FetchRequest(max_wait_ms=5000, min_bytes=1, topics=topics), 12)
        return broker.node.loop.time() - started, [one.partitions[0].error_code for one in answer.responses]

    took_s, codes = on_broker(scenario)
    assert took_s < 5 and codes == [0, *[3] * 20]


def test_a_produce_that_waits_for_replicas_does_not_keep_its_records() -> None:
    async def scenario(broker: Asking) -> tuple[int, int]:
        await broker.topic("t")
        await broker.produce("t")
        leader = broker.node.replicas.find("t", 0).leader
        assert leader is not None
        leader.on_isr([*leader.maximal_isr, BrokerId(2)])  # that never fetches
        builder = BatchBuilder()
        builder.append(1, None, bytes(LARGE))
        data = ProduceRequest.PartitionProduceData(index=0, records=builder.build())
        topic = ProduceRequest.TopicProduceData(name="t", partition_data=[data])
        return await while_parked(
            broker, ProduceRequest(acks=-1, timeout_ms=FOREVER_MS, topic_data=[topic]), 9, is_large_view
        )

    assert on_broker(scenario) == (0, 0)


def join(size_bytes: int) -> JoinGroupRequest:
    protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=bytes(size_bytes))
    return JoinGroupRequest(
        group_id="g", session_timeout_ms=300_000, rebalance_timeout_ms=300_000, protocol_type="connect",
        protocols=[protocol],
    )  # fmt: skip


def test_a_join_that_waits_for_a_rebalance_is_counted_by_its_group() -> None:
    async def scenario(broker: Asking) -> tuple[int, int]:
        return await while_parked(broker, join(LARGE), 3, is_large_view)

    assert on_coordinator(scenario, {"group.initial.rebalance.delay.ms": "300000"}) == (0, 0)


def test_a_sync_that_waits_for_the_leader_keeps_no_assignments() -> None:
    """A follower may send any; the group has what it needs of the leader's once the command has run."""
    request = SyncGroupRequest(
        group_id="g",
        assignments=[SyncGroupRequest.SyncGroupRequestAssignment(member_id="m", assignment=bytes(LARGE))],
    )
    seen: list[int] = []

    class Machine:
        def sync(self, _token: object, request: SyncGroupRequest, _caller: object, _now_ms: int) -> Outcome:
            seen.append(len(request.assignments))
            return Outcome()

    machine: Any = Machine()
    sync_of(machine, None, request, Caller(3, "", "/127.0.0.1"), 0)
    assert seen == [1] and not request.assignments
