"""Requests that open large batches: others are served meanwhile, and the order of a producer's batches is kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import zstandard

from ottla.common.errors import InvalidRecord, MessageTooLarge, OutOfOrderSequenceNumber
from ottla.protocol.messages.list_offsets import ListOffsetsRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.records.batch import BatchHeader, assemble
from ottla.records.compression import ZSTD
from ottla.records.opening import MOST_RECORDS, SLICE_RECORDS
from ottla.records.record import encode_record
from tests.unit.broker.handlers.support import Asking, on_broker

COUNT = 20_000


def dense(count: int, *, key: bytes | None = b"k", producer_id: int = -1, sequence: int = -1, now_ms: int) -> bytes:
    plain = b"".join(encode_record(0, index, key, b"v") for index in range(min(count, 100_000)))
    if count > 100_000:
        plain = encode_record(0, 0, key, b"v") * count
    epoch = 0 if producer_id >= 0 else -1
    header = BatchHeader(0, 0, -1, 2, 0, ZSTD, count - 1, now_ms, now_ms, producer_id, epoch, sequence, count)
    return assemble(header, zstandard.ZstdCompressor().compress(plain))


def produce(topic: str, *batches: bytes) -> ProduceRequest:
    parts = [ProduceRequest.PartitionProduceData(index=index, records=data) for index, data in enumerate(batches)]
    return ProduceRequest(
        acks=-1, timeout_ms=1000, topic_data=[ProduceRequest.TopicProduceData(name=topic, partition_data=parts)]
    )


def answered(response: Any) -> list[tuple[int, int]]:
    return [(one.error_code, one.base_offset) for one in response.responses[0].partition_responses]


def test_a_large_batch_is_opened_in_turns_of_its_own() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("compacted", cleanup_policy="compact")
        data = dense(COUNT, now_ms=broker.node.clock.now_ms())
        before = broker.node.turns.paused
        assert answered(await broker.ask(produce("compacted", data), 9)) == [(0, 0)]
        assert broker.node.turns.paused - before >= COUNT // SLICE_RECORDS - 1

    on_broker(scenario)


def test_the_batches_of_an_idempotent_producer_are_appended_in_its_order_though_the_first_takes_long() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("compacted", cleanup_policy="compact")
        now_ms = broker.node.clock.now_ms()
        batches = [
            dense(COUNT, producer_id=9, sequence=0, now_ms=now_ms),
            dense(1, producer_id=9, sequence=COUNT, now_ms=now_ms),
            dense(COUNT, producer_id=9, sequence=COUNT + 1, now_ms=now_ms),
        ]
        answers = await asyncio.gather(*[broker.ask(produce("compacted", one), 9) for one in batches])
        assert [answered(one) for one in answers] == [[(0, 0)], [(0, COUNT)], [(0, COUNT + 1)]]
        again = await broker.ask(produce("compacted", batches[2]), 9)
        assert answered(again) == [(0, COUNT + 1)]
        wrong = dense(COUNT, producer_id=9, sequence=5, now_ms=now_ms)
        assert answered(await broker.ask(produce("compacted", wrong), 9))[0][0] == OutOfOrderSequenceNumber.code

    on_broker(scenario)


def test_a_request_keeps_its_other_batches_while_one_is_opened_and_the_receive_buffer_is_overwritten() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("compacted", partitions=3, cleanup_policy="compact")
        now_ms = broker.node.clock.now_ms()
        small, large = dense(2, now_ms=now_ms), dense(COUNT, now_ms=now_ms)
        bad = dense(COUNT, key=None, now_ms=now_ms)
        response = await broker.ask(produce("compacted", large, small, bad), 9)
        assert answered(response) == [(0, 0), (0, 0), (InvalidRecord.code, -1)]
        assert len(response.responses[0].partition_responses[2].record_errors) == 1000

    on_broker(scenario)


@pytest.mark.parametrize("configs", [{"cleanup_policy": "compact"}, {"compression_type": "gzip"}])
def test_a_batch_that_may_not_be_opened_is_too_large(configs: dict[str, str]) -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("t", **configs)
        now_ms = broker.node.clock.now_ms()
        data = dense(8 * MOST_RECORDS, now_ms=now_ms)  # 80 MB in 8 kB
        assert answered(await broker.ask(produce("t", data), 9)) == [(MessageTooLarge.code, -1)]

    on_broker(scenario)


def test_settings_that_change_while_a_batch_is_opened_count() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("t", cleanup_policy="compact")
        data = dense(COUNT, now_ms=broker.node.clock.now_ms())
        log = broker.node.replicas.find("t", 0).leader_log()
        openings = broker.node.openings
        opened = openings.run

        async def opened_and_changed(steps: Any) -> Any:
            result = await opened(steps)
            log.settings.max_message_bytes = len(data) - 1
            log.configure(log.settings)
            return result

        openings.run = opened_and_changed  # type: ignore[method-assign]
        assert answered(await broker.ask(produce("t", data), 9)) == [(MessageTooLarge.code, -1)]

    on_broker(scenario)


def test_a_look_for_a_time_in_a_dense_batch_lets_others_run() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("t")
        now_ms = broker.node.clock.now_ms()
        data = dense(200_000, now_ms=now_ms)
        await broker.ask(produce("t", data), 9)
        asked = ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=now_ms)
        topic = ListOffsetsRequest.ListOffsetsTopic(name="t", partitions=[asked])
        answer = await broker.ask(ListOffsetsRequest(replica_id=-1, topics=[topic]), 5)
        assert answer.topics[0].partitions[0].offset == 0

    on_broker(scenario)
