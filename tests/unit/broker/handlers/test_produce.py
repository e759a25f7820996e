"""The order in which a produce request is looked at, and what of it is appended (compared with Kafka 4.3.1)."""

from __future__ import annotations

import asyncio

import pytest

from ottla.common.names import Uuid
from ottla.protocol.messages.produce import ProduceRequest
from ottla.records.record import BatchBuilder
from tests.unit.broker.handlers.support import Asking, on_broker, on_coordinator

OK, CORRUPT, UNKNOWN, INTERNAL, ACKS, UNAUTHORISED_ID, UNKNOWN_ID, INVALID = 0, 2, 3, 17, 21, 53, 100, 87
BY_NAME, BY_ID = 9, 13
PRODUCED_MS = 1_700_000_000_000


def batch(*, length: int | None = None, magic: int | None = None, transactional: bool = False) -> bytes:
    producer = {"producer_id": 5, "producer_epoch": 0, "base_sequence": 0} if transactional else {}
    builder = BatchBuilder(transactional=transactional, **producer)
    builder.append(PRODUCED_MS, b"key", b"value")
    data = bytearray(builder.build())
    if length is not None:
        data[8:12] = length.to_bytes(4, "big", signed=True)
    if magic is not None:
        data[16:17] = magic.to_bytes(1, "big", signed=True)
    return bytes(data)


def parts(*records: bytes | None, index: int = 0) -> list[ProduceRequest.PartitionProduceData]:
    return [ProduceRequest.PartitionProduceData(index=index + place, records=one) for place, one in enumerate(records)]


def to(*topics: tuple[str, Uuid, list[ProduceRequest.PartitionProduceData]], acks: int = 1) -> ProduceRequest:
    rows = [
        ProduceRequest.TopicProduceData(name=name, topic_id=uuid, partition_data=data) for name, uuid, data in topics
    ]
    return ProduceRequest(acks=acks, timeout_ms=1000, topic_data=rows)


async def told(broker: Asking, request: ProduceRequest, version: int = BY_NAME) -> list[int]:
    answer = await broker.ask(request, version)
    return [one.error_code for topic in answer.responses for one in topic.partition_responses]


STUMBLES = {"length -1": {"length": -1}, "length 5": {"length": 5}, "magic 3": {"magic": 3}, "magic -1": {"magic": -1}}


@pytest.mark.parametrize("transactional", [False, True])
@pytest.mark.parametrize("fault", STUMBLES)
def test_a_length_or_magic_that_no_batch_has_refuses_all_and_appends_nothing(fault: str, transactional: bool) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a", partitions=2)
        bad = batch(**STUMBLES[fault], transactional=transactional)  # type: ignore[arg-type]
        for records in ((bad, batch()), (batch(), bad), (bad, batch(transactional=True))):
            answer = await broker.ask(to(("a", topic_id, parts(*records))), BY_NAME)
            rows = answer.responses[0].partition_responses
            assert [one.error_code for one in rows] == [CORRUPT, CORRUPT]
            sentence = "Record size" if "length" in fault else "Invalid magic"
            assert all(one.error_message.startswith(sentence) for one in rows)
        assert [broker.node.replicas.find("a", index).leader_log().log_end_offset for index in (0, 1)] == [0, 0]

    on_broker(scenario)


@pytest.mark.parametrize("beside", [(), (batch(),)], ids=["alone", "beside a good one"])
def test_a_transactional_batch_without_a_transactional_id_refuses_all_and_appends_nothing(
    beside: tuple[bytes, ...],
) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a", partitions=2)
        records = (batch(transactional=True), *beside)
        assert await told(broker, to(("a", topic_id, parts(*records)))) == [UNAUTHORISED_ID] * len(records)
        assert [broker.node.replicas.find("a", index).leader_log().log_end_offset for index in (0, 1)] == [0, 0]

    on_broker(scenario)


def test_whichever_comes_first_is_answered_a_transactional_batch_or_one_of_no_length() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a", partitions=2)
        both = parts(batch(transactional=True), batch(length=5))
        assert await told(broker, to(("a", topic_id, both))) == [UNAUTHORISED_ID, UNAUTHORISED_ID]

    on_broker(scenario)


def test_the_transactional_bit_counts_in_a_whole_batch_of_magic_2_alone() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        for bad in (batch(transactional=True, magic=1), batch(transactional=True, length=10_000)):
            assert await told(broker, to(("a", topic_id, parts(bad)))) == [INVALID]

    on_broker(scenario)


@pytest.mark.parametrize("version", [BY_NAME, BY_ID])
def test_a_batch_of_no_length_is_found_before_its_partition_and_the_acks(version: int) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        nowhere = Uuid(b"0123456789abcdef")
        unknown = UNKNOWN_ID if version == BY_ID else UNKNOWN
        for request, good in (
            (lambda data: to(("nosuch", nowhere, parts(data))), unknown),
            (lambda data: to(("a", topic_id, parts(data, index=9))), UNKNOWN),
            (lambda data: to(("a", topic_id, parts(data)), acks=2), ACKS),
            (lambda data: to(("nosuch", nowhere, parts(data)), acks=2), unknown),
        ):
            assert await told(broker, request(batch()), version) == [good]
            answer = await broker.ask(request(batch(length=5)), version)
            assert answer.responses[0].partition_responses[0].error_code == CORRUPT
            assert answer.responses[0].partition_responses[0].error_message

    on_broker(scenario)


def test_an_internal_topic_is_refused_behind_the_outline_and_the_acks() -> None:
    async def scenario(broker: Asking) -> None:
        for data, acks, code in (
            (batch(), 1, INTERNAL), (batch(), 2, ACKS), (batch(magic=1), 1, INVALID), (batch(length=5), 1, CORRUPT),
        ):  # fmt: skip
            request = to(("__consumer_offsets", Uuid(bytes(16)), parts(data)), acks=acks)
            assert await told(broker, request) == [code]

    on_coordinator(scenario)


@pytest.mark.parametrize("kind", ["LogAppendTime", "CreateTime"])
def test_the_time_of_an_append_is_told_where_the_topic_stamps_and_a_retry_is_told_that_of_the_batch(kind: str) -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a", message_timestamp_type=kind)
        builder = BatchBuilder(producer_id=5, producer_epoch=0, base_sequence=0)
        builder.append(PRODUCED_MS, b"key", b"value")
        request = to(("a", topic_id, parts(builder.build())))
        before_ms = broker.node.clock.now_ms()
        times = []
        for _ in ("first", "retry"):
            row = (await broker.ask(request, BY_NAME)).responses[0].partition_responses[0]
            assert (row.error_code, row.base_offset) == (OK, 0)
            times.append(row.log_append_time_ms)
            await asyncio.sleep(1)
        if kind == "CreateTime":
            assert times == [-1, PRODUCED_MS]
        else:
            assert times[0] == times[1] and before_ms <= times[0] <= before_ms + 1000

    on_broker(scenario)
