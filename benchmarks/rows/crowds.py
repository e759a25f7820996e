"""Memory at rest, and crowds: of partitions, of consumers on one partition, of silent readers, of idle connections."""

from __future__ import annotations

from benchmarks.bed import Bed
from benchmarks.brokers import Broker
from benchmarks.row import Measure, Row, Values
from benchmarks.rows.starting import idle_cpu, settle
from benchmarks.rows.throughput import PARTITIONS, filled
from benchmarks.wire import create_topic, delete_topic

_MB = 1_000_000
_IDLE = Measure("idle memory", "MB", must=0.15, after=0.1, limit=50)
_AFTER = Measure("after 1 GB", "MB")
_IDLE_CPU = Measure("idle CPU", "cores")
_BUSY_CPU = Measure("busy CPU", "cores")
_ALL = Measure("all have it", "s")
_CPU = Measure("broker CPU", "s")
_GROWN = Measure("memory", "MB")
_P99 = Measure("neighbours' p99", "ms")
_BYTES = Measure("bytes each", "B")


def memory(bed: Bed, side: type[Broker]) -> Values:
    total_bytes = bed.amount(1000, 100) * _MB
    with bed.fresh(side) as broker:
        broker.start()
        settle(bed)
        values = {_IDLE.name: broker.memory_bytes() / _MB, _IDLE_CPU.name: idle_cpu(bed, broker)}
        create_topic(broker.address, "gigabyte", PARTITIONS)
        shape = {"topic": "gigabyte", "partitions": PARTITIONS, "count": total_bytes // 1000}
        bed.client("produce", broker, **shape, size_bytes=1000, text=False, config={})
        bed.client("consume", broker, **shape)
        return {**values, _AFTER.name: broker.memory_bytes() / _MB}


def assigned(bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    topic, partitions = bed.name("assigned"), 1000
    create_topic(broker.address, topic, partitions)
    seconds = bed.amount(10, 3)
    result = bed.client("assigned", broker, topic=topic, partitions=partitions, seconds=seconds, rate=1000)
    delete_topic(broker.address, topic)
    return {_IDLE_CPU.name: result["idle_cpu"], _BUSY_CPU.name: result["busy_cpu"]}


def watchers(bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    topic = bed.name("watched")
    create_topic(broker.address, topic, 1)
    consumers = bed.amount(5000, 1000)
    result = bed.client("watchers", broker, topic=topic, consumers=consumers, records=bed.amount(10, 3))
    return {_ALL.name: result["all_s"], _CPU.name: result["broker_cpu_s"]}


def silent(bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    topic = filled(bed, side, 1000, bed.amount(400, 100) * _MB)
    neighbour = bed.name("neighbour")
    create_topic(broker.address, neighbour, 1)
    result = bed.client(
        "silent", broker, topic=topic, partitions=PARTITIONS, neighbour=neighbour, consumers=200, ask_bytes=50 * _MB,
        count=bed.amount(5000, 1000), settle_s=bed.amount(5, 1),
    )  # fmt: skip
    return {_GROWN.name: result["memory_bytes"] / _MB, _P99.name: result["p99_ms"]}


def connections(bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    result = bed.client("idle", broker, connections=bed.amount(10_000, 2_000), settle_s=bed.amount(5, 1))
    return {_BYTES.name: result["bytes_each"], _IDLE_CPU.name: result["idle_cpu"]}


ROWS = (
    Row("memory", "PSS at rest, and after 1 GB (quick: 100 MB) in and out", (_IDLE, _IDLE_CPU, _AFTER), memory, 3),
    Row(
        "consumer-1000", "a librdkafka consumer on 1,000 partitions: nothing happens; 1,000 messages a second",
        (_IDLE_CPU, _BUSY_CPU), assigned, 3,
    ),
    Row("consumers-5000", "5,000 (quick: 1,000) polls of one partition; a record comes", (_ALL, _CPU), watchers, 3),
    Row("silent-200", "200 consumers ask for 50 MB and never read", (_GROWN, _P99), silent, 3),
    Row("connections", "10,000 (quick: 2,000) idle connections", (_BYTES, _IDLE_CPU), connections, 3),
)  # fmt: skip
