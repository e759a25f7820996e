"""What goes in and out is counted by topic; the number of series has a limit, and no sum ever falls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ottla.broker.measures.traffic import OTHER, UNSERVED, Traffics
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.produce import ProduceRequest
from tests.unit.broker.handlers.support import Asking, on_broker
from tests.unit.broker.measures.support import fetch, page_of

KAFKA = "kafka_server_brokertopicmetrics"


def test_records_bytes_and_requests_are_counted_by_topic() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.topic("b")
        for _ in range(3):
            await broker.produce("a")
        await broker.produce("b", value=bytes(1000))
        records = (await fetch(broker, "a")).responses[0].partitions[0].records
        page = await page_of(broker)
        size = page.value("ottla_partition_size_bytes", topic="a", partition="0")
        assert page.value("ottla_topic_records_in_total", topic="a") == 3
        assert page.value("ottla_topic_bytes_in_total", topic="a") == size
        assert page.value("ottla_topic_bytes_out_total", topic="a") == len(records) == size
        assert page.value("ottla_topic_produce_requests_total", topic="a") == 3
        assert page.value("ottla_topic_fetch_requests_total", topic="a") == 1
        assert page.value("ottla_topic_records_in_total", topic="b") == 1
        assert page.value("ottla_topic_bytes_out_total", topic="b") == 0
        assert page.value(f"{KAFKA}_messagesin_total", topic="a") == 3
        assert page.value(f"{KAFKA}_messagesin_total") == 4

    on_broker(scenario)


def test_a_batch_counts_as_the_records_that_its_header_says_and_a_duplicate_brings_none() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        for _ in range(2):
            await broker.produce("a", sequence=0, producer_id=7)
        page = await page_of(broker)
        assert page.value("ottla_topic_records_in_total", topic="a") == 1
        assert page.value("ottla_topic_produce_requests_total", topic="a") == 2

    on_broker(scenario)


def test_failures_are_counted_and_a_name_that_a_client_makes_up_is_no_label() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.produce("a")
        await fetch(broker, "a", offset=99)
        for number in range(5):
            await fetch(broker, f"made-up-{number}")
            data = ProduceRequest.PartitionProduceData(index=0, records=b"")
            named = ProduceRequest.TopicProduceData(name=f"made-up-{number}", partition_data=[data])
            await broker.ask(ProduceRequest(acks=-1, timeout_ms=1000, topic_data=[named]), 9)
        page = await page_of(broker)
        assert page.value("ottla_topic_fetch_failures_total", topic="a") == 1
        assert page.value("ottla_topic_fetch_failures_total", topic=UNSERVED) == 5
        assert page.value("ottla_topic_produce_failures_total", topic=UNSERVED) == 5
        assert page.value(f"{KAFKA}_failedfetchrequests_total") == 6
        assert not [labels for labels in page.values("ottla_topic_bytes_in_total") if "made-up" in str(labels)]

    on_broker(scenario)


def test_topics_beyond_the_limit_share_a_series_and_are_told_by_number() -> None:
    async def scenario(broker: Asking) -> None:
        for topic in ("a", "b", "c", "d"):
            await broker.topic(topic)
            await broker.produce(topic)
        page = await page_of(broker)
        topics = [dict(labels)["topic"] for labels in page.values("ottla_topic_records_in_total")]
        assert topics == ["a", "b", OTHER]
        assert page.value("ottla_topic_records_in_total", topic=OTHER) == 2
        assert page.value("ottla_metrics_left_out", of="topics") == 2
        assert page.value(f"{KAFKA}_messagesin_total") == 4

    on_broker(scenario, {"ottla.metrics.max.rows": "2"})


def test_the_series_of_a_deleted_topic_ends_and_the_sum_keeps_what_it_had() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.produce("a")
        await broker.ask(DeleteTopicsRequest(topic_names=["a"], timeout_ms=1000), 5)
        page = await page_of(broker)
        assert page.values("ottla_topic_records_in_total") == {}
        assert page.value(f"{KAFKA}_messagesin_total") == 1
        await broker.topic("a")
        await broker.produce("a")
        page = await page_of(broker)
        assert page.value("ottla_topic_records_in_total", topic="a") == 1
        assert page.value(f"{KAFKA}_messagesin_total") == 2

    on_broker(scenario)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["count", "delete"]))))
def test_the_sum_is_what_was_ever_counted_whatever_was_deleted(steps: list[tuple[str, str]]) -> None:
    traffics, counted = Traffics(limit=2), 0
    for topic, step in steps:
        if step == "count":
            traffics.of(topic).records_in += 1
            counted += 1
        else:
            traffics.forget(topic)
        assert traffics.sum().records_in == counted
        assert len(list(traffics.rows())) <= 3
