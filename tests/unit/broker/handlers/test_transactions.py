"""What handlers of transactions answer where the coordinator cannot, or need not, be asked."""

from __future__ import annotations

import pytest

from ottla.protocol.messages.api_versions import ApiVersionsRequest
from ottla.protocol.messages.describe_producers import DescribeProducersRequest
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.protocol.messages.transactions import ListTransactionsRequest, WriteTxnMarkersRequest
from ottla.records.record import BatchBuilder
from tests.unit.broker.handlers.support import Asking, on_broker

TOPIC, ID, STATE = "orders", "payments", "__transaction_state"


def transactional(*producer_ids: int) -> ProduceRequest:
    """A batch of each producer, to a partition each."""
    parts = []
    for index, producer_id in enumerate(producer_ids):
        builder = BatchBuilder(producer_id=producer_id, producer_epoch=0, base_sequence=0, transactional=True)
        builder.append(1_700_000_000_000, b"key", b"value")
        parts.append(ProduceRequest.PartitionProduceData(index=index, records=builder.build()))
    topic = ProduceRequest.TopicProduceData(name=TOPIC, partition_data=parts)
    return ProduceRequest(transactional_id=ID, acks=-1, timeout_ms=1000, topic_data=[topic])


@pytest.mark.parametrize("version", [11, 12])
def test_without_a_coordinator_nobody_can_say_whether_a_batch_belongs_to_a_transaction(version: int) -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic(TOPIC)
        answer = (await broker.ask(transactional(7), version)).responses[0].partition_responses[0]
        assert answer.error_code == 19
        assert answer.error_message.startswith("Unable to verify the partition has been added to the transaction.")

    on_broker(scenario)


@pytest.mark.parametrize("version", [11, 12])
def test_a_batch_whose_predecessor_could_not_be_verified_does_not_overtake_it(version: int) -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic(TOPIC)
        assert (await broker.ask(transactional(7), version)).responses[0].partition_responses[0].error_code == 19
        builder = BatchBuilder(producer_id=7, producer_epoch=0, base_sequence=1)
        builder.append(1_700_000_000_000, b"key", b"value")
        part = ProduceRequest.PartitionProduceData(index=0, records=builder.build())
        topic = ProduceRequest.TopicProduceData(name=TOPIC, partition_data=[part])
        answer = await broker.ask(ProduceRequest(acks=-1, timeout_ms=1000, topic_data=[topic]), version)
        assert answer.responses[0].partition_responses[0].error_code == 45

    on_broker(scenario)


def test_one_request_has_the_batches_of_one_producer() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic(TOPIC, 2)
        answers = (await broker.ask(transactional(7, 8), 12)).responses[0].partition_responses
        assert [one.error_code for one in answers] == [49, 49]
        assert {one.error_message for one in answers} == {"Transactional records contained more than one producer ID"}

    on_broker(scenario)


def test_the_first_look_for_a_coordinator_makes_the_topic_as_kafka_does() -> None:
    async def scenario(broker: Asking) -> None:
        request = InitProducerIdRequest(transactional_id=ID, transaction_timeout_ms=1000)
        assert (await broker.ask(request, 5)).error_code == 16
        found = await broker.ask(FindCoordinatorRequest(key_type=1, coordinator_keys=[ID, "other"]), 4)
        assert [(one.error_code, one.node_id) for one in found.coordinators] == [(0, 1), (0, 1)]
        topic = (
            await broker.ask(MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=STATE)]), 12)
        ).topics
        assert (len(topic[0].partitions), topic[0].is_internal) == (50, True)
        settings = broker.node.topic_settings(STATE)
        assert settings.compacts and not settings.deletes
        assert settings.min_insync_replicas == 1
        assert settings.segment_bytes == 104_857_600
        assert (await broker.ask(request, 5)).error_code == 0

    on_broker(scenario)


def test_the_feature_is_announced_with_its_levels() -> None:
    """Clients below version 4 of ApiVersions refuse a feature that may be 0 (KAFKA-17011)."""

    async def scenario(broker: Asking) -> None:
        request = ApiVersionsRequest(client_software_name="test", client_software_version="1")
        for version in (3, 4):
            answer = await broker.ask(request, version)
            supported = {one.name: (one.min_version, one.max_version) for one in answer.supported_features}
            assert supported.get("transaction.version") == ((0, 2) if version == 4 else None)
            finalized = {one.name: one.max_version_level for one in answer.finalized_features}
            assert finalized["transaction.version"] == 2

    on_broker(scenario)


def test_nothing_is_listed_before_anything_was_begun() -> None:
    async def scenario(broker: Asking) -> None:
        for version in range(3):
            answer = await broker.ask(ListTransactionsRequest(state_filters=["Ongoing", "Odd"]), version)
            assert (answer.error_code, answer.transaction_states) == (0, [])
            assert answer.unknown_state_filters == ["Odd"]

    on_broker(scenario)


def test_a_pattern_is_re2s_and_costs_no_more_than_the_id_is_long() -> None:
    """KIP-1152. Python's own expressions would take the fourth one for 2 ** 60 steps, and the broker with it."""

    async def scenario(broker: Asking) -> None:
        names = ["payments", "a" * 60 + "b"]
        await broker.ask(FindCoordinatorRequest(key_type=1, coordinator_keys=names), 4)
        for name in names:
            begun = await broker.ask(InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=1000), 5)
            assert begun.error_code == 0
        for pattern, code, count in (
            ("pay.*", 0, 1),
            ("ay", 0, 0),
            ("", 0, 2),
            ("(a+)+", 0, 0),
            ("(?=pay).*", 128, 0),
            ("(", 128, 0),
        ):
            answer = await broker.ask(ListTransactionsRequest(transactional_id_pattern=pattern), 2)
            assert (answer.error_code, len(answer.transaction_states)) == (code, count), pattern

    on_broker(scenario)


def test_a_marker_shows_in_what_is_told_of_producers() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic(TOPIC)
        await broker.ask(FindCoordinatorRequest(key_type=1, coordinator_keys=[ID]), 4)
        begun = await broker.ask(InitProducerIdRequest(transactional_id=ID, transaction_timeout_ms=1000), 5)
        assert (await broker.ask(transactional(begun.producer_id), 12)).responses[0].partition_responses[
            0
        ].error_code == 0
        asked = DescribeProducersRequest(
            topics=[DescribeProducersRequest.TopicRequest(name=TOPIC, partition_indexes=[0])]
        )

        async def shown() -> tuple[int, int, int]:
            (one,) = (await broker.ask(asked, 0)).topics[0].partitions[0].active_producers
            return one.producer_epoch, one.coordinator_epoch, one.current_txn_start_offset

        assert await shown() == (0, -1, 0)
        marker = WriteTxnMarkersRequest.WritableTxnMarker(
            producer_id=begun.producer_id,
            producer_epoch=1,
            coordinator_epoch=5,
            transaction_version=2,
            topics=[WriteTxnMarkersRequest.WritableTxnMarkerTopic(name=TOPIC, partition_indexes=[0])],
        )
        answer = await broker.ask(WriteTxnMarkersRequest(markers=[marker]), 2)
        assert answer.markers[0].topics[0].partitions[0].error_code == 0
        assert await shown() == (1, 5, -1)

    on_broker(scenario)
