"""Requests that name a topic in two rows, or a partition twice (compared with Kafka 4.3.1)."""

from __future__ import annotations

from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest
from ottla.protocol.messages.list_offsets import ListOffsetsRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.protocol.messages.transactions import AddPartitionsToTxnRequest
from ottla.records.record import BatchBuilder
from tests.unit.broker.handlers.support import Asking, on_broker, on_coordinator


def test_two_rows_of_a_topic_are_listed_as_one() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 2)
        rows = [
            ListOffsetsRequest.ListOffsetsTopic(
                name="a", partitions=[ListOffsetsRequest.ListOffsetsPartition(partition_index=index, timestamp=-1)]
            )
            for index in (0, 0, 1)
        ]
        answer = await broker.ask(ListOffsetsRequest(replica_id=-1, topics=rows), 7)
        told = [[(one.partition_index, one.error_code, one.offset) for one in row.partitions] for row in answer.topics]
        assert told == [[(0, 42, -1), (1, 0, 0)]]

    on_broker(scenario)


def test_of_two_batches_for_a_partition_in_two_rows_the_last_is_appended() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 2)
        rows = []
        for index, values in ((0, 1), (1, 1), (0, 3)):
            builder = BatchBuilder()
            for _ in range(values):
                builder.append(1_700_000_000_000, b"key", b"value")
            part = ProduceRequest.PartitionProduceData(index=index, records=builder.build())
            rows.append(ProduceRequest.TopicProduceData(name="a", partition_data=[part]))
        answer = await broker.ask(ProduceRequest(acks=1, timeout_ms=1000, topic_data=rows), 9)
        told = [[(one.index, one.base_offset) for one in row.partition_responses] for row in answer.responses]
        assert told == [[(0, 0), (1, 0)]]
        assert broker.node.replicas.find("a", 0).high_watermark == 3

    on_broker(scenario)


def test_partitions_that_are_added_are_answered_row_by_row() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 2)
        await broker.ask(FindCoordinatorRequest(key_type=1, coordinator_keys=["x"]), 4)
        producer = await broker.ask(InitProducerIdRequest(transactional_id="x", transaction_timeout_ms=60_000), 5)
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id="x",
            v3_and_below_producer_id=producer.producer_id,
            v3_and_below_producer_epoch=producer.producer_epoch,
            v3_and_below_topics=[
                AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name="a", partitions=indexes)
                for indexes in ([0, 0], [0, 1])
            ],
        )
        answer = await broker.ask(request, 3)
        told = [
            [(one.partition_index, one.partition_error_code) for one in row.results_by_partition]
            for row in answer.results_by_topic_v3_and_below
        ]
        assert told == [[(0, 0), (0, 0)], [(0, 0), (1, 0)]]

    on_coordinator(scenario)
