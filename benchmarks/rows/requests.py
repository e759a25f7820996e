"""Small requests: how many a second with several in flight, how long one takes, and how soon a new group reads."""

from __future__ import annotations

from functools import partial

from benchmarks.bed import Bed
from benchmarks.brokers import Broker
from benchmarks.row import PER_MILLION, Measure, Row, Values
from benchmarks.wire import Wire, create_topic, delete_topic, one_record_batch, produce_frame

PARTITIONS = 8
_RATE = Measure("requests", "1/s", more=True, must=1.0, after=1.3)
_P50 = Measure("p50", "ms", must=1.0, after=0.8)
_P99 = Measure("p99", "ms", must=1.5, after=1.0)
_FIRST = Measure("first message", "s")


def small(version: int, bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    topic = bed.name("small")
    create_topic(broker.address, topic, PARTITIONS, file_delete_delay_ms="100")
    count = bed.amount(300_000, 60_000)
    result = bed.client(
        "small", broker, topic=topic, partitions=PARTITIONS, version=version, count=count, size_bytes=100,
        connections=8, in_flight=4,
    )  # fmt: skip
    delete_topic(broker.address, topic)
    return {
        _RATE.name: count / result["elapsed_s"],
        PER_MILLION.name: result["broker_cpu_s"] * 1e6 / count,
        "client_cores": result["client_cores"],
    }


def latency(bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    topic = bed.name("latency")
    create_topic(broker.address, topic, 1, file_delete_delay_ms="100")
    result = bed.client("latency", broker, topic=topic, count=bed.amount(20_000, 3_000), size_bytes=100)
    delete_topic(broker.address, topic)
    return {_P50.name: result["p50_ms"], _P99.name: result["p99_ms"]}


def fresh_group(bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    topic = bed.name("group")
    create_topic(broker.address, topic, 1)
    with Wire(broker.address) as wire:
        wire.produce(produce_frame(10, topic, b"", 0, one_record_batch(100)), 10)
    result = bed.client("group", broker, topic=topic, group=topic, count=bed.amount(5, 2))
    return {_FIRST.name: result["first_s"]}


ROWS = (
    *(
        Row(
            f"small-v{version}",
            f"produce requests of one 100 B record, Produce v{version} ({who}), 8 connections, 4 in flight",
            (_RATE, PER_MILLION),
            partial(small, version),
            throughput=True,
        )
        for version, who in ((9, "kafka-python"), (10, "librdkafka, sarama"), (13, "Java, franz-go"))
    ),
    Row("latency", "one produce request at a time, acks=1", (_P50, _P99), latency, throughput=True),
    Row("fresh-group", "a new librdkafka consumer group, until its first message", (_FIRST,), fresh_group),
)
