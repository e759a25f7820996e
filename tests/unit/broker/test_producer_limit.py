"""ottla.max.producer.ids: over all partitions, who was idle longest is forgotten first."""

from __future__ import annotations

from ottla.broker.waits import give_way
from ottla.protocol.messages.produce import ProduceRequest
from ottla.records.record import BatchBuilder
from tests.unit.broker.handlers.support import Asking, on_broker

LIMIT = 100
SETTINGS = {"ottla.max.producer.ids": str(LIMIT)}
START_MS = 1_700_000_000_000


async def produce(broker: Asking, topic: str, producer_id: int, written_ms: int, sequence: int = 0) -> int:
    """The error code."""
    builder = BatchBuilder(producer_id=producer_id, producer_epoch=0, base_sequence=sequence)
    builder.append(written_ms, None, b"value")
    data = ProduceRequest.PartitionProduceData(index=0, records=builder.build())
    request = ProduceRequest(
        acks=-1, timeout_ms=1000, topic_data=[ProduceRequest.TopicProduceData(name=topic, partition_data=[data])]
    )
    answer = await broker.ask(request, 9)
    code: int = answer.responses[0].partition_responses[0].error_code
    return code


def remembered(broker: Asking) -> dict[str, list[int]]:
    """The producer ids that each partition knows."""
    return {
        partition.topic_partition.topic: [one.producer_id for one in partition.log.producers()]
        for partition in broker.node.replicas
        if partition.log is not None
    }


def test_the_idle_longest_of_all_partitions_go_when_there_are_too_many() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.topic("b")
        for number in range(LIMIT):
            await produce(broker, "ab"[number % 2], number, START_MS + number)
        assert broker.node.producer_limit.count() == LIMIT
        assert await produce(broker, "a", 1_000, START_MS - 1_000) == 0  # old by its own account
        await give_way()
        known = remembered(broker)
        assert sorted(known["a"] + known["b"]) == list(range(10, LIMIT))
        assert broker.node.producer_limit.tally.forgotten == 11
        assert await produce(broker, "a", 0, START_MS, sequence=1) == 0  # one that is forgotten goes on
        assert await produce(broker, "a", 98, START_MS, sequence=5) == 45  # others keep their sequence

    on_broker(scenario, SETTINGS)


def test_the_limit_holds_again_and_again() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        for number in range(5 * LIMIT):
            await produce(broker, "a", number, START_MS + number)
            assert broker.node.producer_limit.count() <= LIMIT + 1
        assert remembered(broker)["a"][-90:] == list(range(410, 500))

    on_broker(scenario, SETTINGS)


def test_a_time_in_the_future_keeps_nobody() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        now_ms = broker.node.clock.now_ms()
        for number in range(LIMIT + 1):
            await produce(broker, "a", number, now_ms + 3_600_000)
        await give_way()
        assert broker.node.producer_limit.count() == 90

    on_broker(scenario, SETTINGS)


def test_a_loaded_log_counts_as_well() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", max_message_bytes="100000")
        for number in range(60):
            await produce(broker, "a", number, START_MS + number)
        (partition,) = (one for one in broker.node.replicas if one.topic_partition.topic == "a")
        assert partition.log is not None
        partition.log.flush()
        partition.log.truncate_to(59)  # its producers are read from the log again
        await broker.topic("b")
        for number in range(60, 102):
            await produce(broker, "b", number, START_MS + number)
        await give_way()
        known = remembered(broker)
        assert sorted(known["a"] + known["b"]) == [*range(11, 59), *range(60, 102)]

    on_broker(scenario, SETTINGS)
