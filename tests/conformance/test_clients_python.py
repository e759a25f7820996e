"""Python's Kafka clients, unmodified and with their default settings, against a real broker process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.conformance.client_versions import check_versions
from tests.conformance.ottla_broker import OttlaBroker

pytestmark = pytest.mark.process

COUNT = 100
TOPIC, GROUP = "things", "readers"


def wait_until(condition: Callable[[], bool], poll: Callable[[], object], *, tries: int = 600) -> None:
    """`poll` waits by itself, up to a tenth of a second."""
    for _ in range(tries):
        if condition():
            return
        poll()
    raise AssertionError("it did not happen")


def test_confluent_kafka(ottla: OttlaBroker) -> None:
    from confluent_kafka import Consumer, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic

    servers = {"bootstrap.servers": ottla.address}
    admin = AdminClient(servers)
    admin.create_topics([NewTopic(TOPIC, 3)])[TOPIC].result(10)
    producer = Producer(servers)
    failed: list[object] = []
    for number in range(COUNT):
        producer.produce(
            TOPIC,
            f"v{number}",
            f"k{number % 7}",
            headers={"n": str(number)},
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
    assert producer.flush(30) == 0
    assert failed == []

    consumer = Consumer({**servers, "group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([TOPIC])
    seen = []

    def poll() -> None:
        message = consumer.poll(0.1)
        if message is not None:
            assert message.error() is None
            seen.append(message)

    wait_until(lambda: len(seen) >= COUNT, poll)
    assert {message.value().decode() for message in seen} == {f"v{number}" for number in range(COUNT)}
    assert all(dict(message.headers())["n"].decode() == message.value().decode()[1:] for message in seen)
    consumer.commit(asynchronous=False)
    partitions = [TopicPartition(TOPIC, index) for index in range(3)]
    ends = [consumer.get_watermark_offsets(partition)[1] for partition in partitions]
    assert [one.offset for one in consumer.committed(partitions, 10)] == ends
    assert sum(ends) == COUNT
    busy = next(index for index, end in enumerate(ends) if end)
    consumer.seek(TopicPartition(TOPIC, busy, ends[busy] - 1))
    seen.clear()
    wait_until(lambda: bool(seen), poll)
    assert (seen[0].partition(), seen[0].offset()) == (busy, ends[busy] - 1)
    consumer.close()
    admin.delete_consumer_groups([GROUP])[GROUP].result(10)
    admin.delete_topics([TOPIC])[TOPIC].result(10)
    assert TOPIC not in admin.list_topics(timeout=10).topics
    check_versions(ottla, "confluent-kafka")


def test_aiokafka(ottla: OttlaBroker) -> None:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    async def scenario() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=ottla.address)
        await admin.start()
        await admin.create_topics([NewTopic(TOPIC, 3, 1)])
        producer = AIOKafkaProducer(bootstrap_servers=ottla.address)
        await producer.start()
        sent = [
            await producer.send(
                TOPIC, f"v{number}".encode(), f"k{number % 7}".encode(), headers=[("n", b"%d" % number)]
            )
            for number in range(COUNT)
        ]
        await asyncio.gather(*sent)
        await producer.stop()
        consumer = AIOKafkaConsumer(
            TOPIC,
            bootstrap_servers=ottla.address,
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        seen = [await asyncio.wait_for(consumer.getone(), 30) for _ in range(COUNT)]
        assert {message.value.decode() for message in seen} == {f"v{number}" for number in range(COUNT)}
        await consumer.commit()
        partitions = [TopicPartition(TOPIC, index) for index in range(3)]
        ends = await consumer.end_offsets(partitions)
        assert {one: await consumer.committed(one) for one in partitions if ends[one]} == {
            one: end for one, end in ends.items() if end
        }
        busy = next(one for one in partitions if ends[one])
        consumer.seek(busy, ends[busy] - 1)
        again = await asyncio.wait_for(consumer.getone(busy), 30)
        assert again.offset == ends[busy] - 1
        await consumer.stop()
        await admin.delete_topics([TOPIC])
        assert TOPIC not in await admin.list_topics()
        await admin.close()

    asyncio.run(scenario())
    check_versions(ottla, "aiokafka")


def test_kafka_python(ottla: OttlaBroker) -> None:
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.admin import NewTopic

    admin = KafkaAdminClient(bootstrap_servers=ottla.address)
    admin.create_topics([NewTopic(TOPIC, 3, 1)])
    producer = KafkaProducer(bootstrap_servers=ottla.address)
    sent = [
        producer.send(TOPIC, f"v{number}".encode(), f"k{number % 7}".encode(), headers=[("n", b"%d" % number)])
        for number in range(COUNT)
    ]
    for future in sent:
        future.get(30)
    producer.close()
    consumer = KafkaConsumer(
        TOPIC, bootstrap_servers=ottla.address, group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
    )
    # If its group is ready before the client has heard of the topic, it gets no partitions and does not ask again.
    assert consumer.partitions_for_topic(TOPIC) == {0, 1, 2}
    seen = []

    def poll() -> None:
        for records in consumer.poll(timeout_ms=100).values():
            seen.extend(records)

    wait_until(lambda: len(seen) >= COUNT, poll)
    assert {message.value.decode() for message in seen} == {f"v{number}" for number in range(COUNT)}
    consumer.commit()
    partitions = [TopicPartition(TOPIC, index) for index in range(3)]
    ends = consumer.end_offsets(partitions)
    assert {one: consumer.committed(one) for one in partitions if ends[one]} == {
        one: end for one, end in ends.items() if end
    }
    busy = next(one for one in partitions if ends[one])
    consumer.seek(busy, ends[busy] - 1)
    seen.clear()
    wait_until(lambda: bool(seen), poll)
    assert seen[0].offset == ends[busy] - 1
    consumer.close()
    admin.delete_groups([GROUP])
    admin.delete_topics([TOPIC])
    assert TOPIC not in admin.list_topics()
    admin.close()
    check_versions(ottla, "kafka-python")
