"""A librdkafka consumer that holds many partitions: what it costs the broker at rest, and with a little to do."""

from __future__ import annotations

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from benchmarks.clients.harness import Params, Result, measured, run

_TICK_S = 0.01


def main(params: Params) -> Result:
    """Params: address, broker_pid, topic, partitions, seconds, rate. Result: idle_cpu, busy_cpu (cores)."""
    partitions, topic, seconds = params["partitions"], params["topic"], params["seconds"]
    consumer = Consumer(
        {
            "bootstrap.servers": params["address"],
            "group.id": "b",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, one, OFFSET_BEGINNING) for one in range(partitions)])
    ends = 0
    while ends < partitions:
        message = consumer.poll(30)
        assert message is not None, f"{ends} of {partitions} partitions were read to their end"
        error = message.error()
        ends += error is not None and error.code() == KafkaError._PARTITION_EOF
    idle: Result = {}
    with measured(params, idle):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            consumer.poll(0.1)
    producer = Producer({"bootstrap.servers": params["address"]})
    producer.list_topics(topic)
    busy: Result = {}
    with measured(params, busy):
        feed(consumer, producer, topic, partitions, int(seconds * params["rate"]), params["rate"])
    consumer.close()
    return {"idle_cpu": idle["broker_cpu_s"] / idle["elapsed_s"], "busy_cpu": busy["broker_cpu_s"] / busy["elapsed_s"]}


def feed(consumer: Consumer, producer: Producer, topic: str, partitions: int, count: int, rate: int) -> None:
    """Produces at `rate` a second, over all partitions in turn, and reads it all."""
    sent = received = 0
    start = time.monotonic()
    while received < count:
        due = min(count, int((time.monotonic() - start + _TICK_S) * rate))
        for number in range(sent, due):
            producer.produce(topic, b"x" * 100, partition=number % partitions)
        sent = due
        producer.poll(0)
        received += sum(message.error() is None for message in consumer.consume(1000, timeout=_TICK_S))
        assert time.monotonic() - start < 60 + count / rate, f"{received} of {count} records came back"


if __name__ == "__main__":
    run(main)
