"""Produce and consume through librdkafka: bytes per second, and what they cost the broker."""

from __future__ import annotations

from functools import partial

from benchmarks.bed import Bed
from benchmarks.brokers import Broker
from benchmarks.row import PER_GB, Measure, Row, Values
from benchmarks.wire import create_topic, delete_topic

PARTITIONS = 4
_MB = 1_000_000
_RATE = Measure("throughput", "MB/s", more=True, must=1.0, after=1.3)


def produce(size_bytes: int, config: dict[str, str], text: bool, bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    topic = bed.name("produce")
    create_topic(broker.address, topic, PARTITIONS, file_delete_delay_ms="100")
    total_bytes = volume(bed, size_bytes)
    result = bed.client(
        "produce", broker, topic=topic, partitions=PARTITIONS, count=total_bytes // size_bytes, size_bytes=size_bytes,
        text=text, config=config,
    )  # fmt: skip
    delete_topic(broker.address, topic)
    return per_byte(result, total_bytes)


def consume(size_bytes: int, bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    total_bytes = volume(bed, size_bytes)
    topic = filled(bed, side, size_bytes, total_bytes)
    result = bed.client("consume", broker, topic=topic, partitions=PARTITIONS, count=total_bytes // size_bytes)
    return per_byte(result, total_bytes)


def volume(bed: Bed, size_bytes: int) -> int:
    """Bytes of one run; small messages cost the client more for each byte."""
    return bed.amount(400, 100) * _MB // (2 if size_bytes < 1000 else 1)


def filled(bed: Bed, side: type[Broker], size_bytes: int, total_bytes: int) -> str:
    """A topic of PARTITIONS that holds so much; filled once for a table."""
    key = (side.name, f"{size_bytes}-{total_bytes}")
    if key not in bed.filled:
        broker = bed.warm(side)
        topic = bed.filled[key] = f"filled-{key[1]}"
        create_topic(broker.address, topic, PARTITIONS)
        bed.client(
            "produce", broker, topic=topic, partitions=PARTITIONS, count=total_bytes // size_bytes,
            size_bytes=size_bytes, text=False, config={},
        )  # fmt: skip
    return bed.filled[key]


def per_byte(result: Values, total_bytes: int) -> Values:
    return {
        _RATE.name: total_bytes / _MB / result["elapsed_s"],
        PER_GB.name: result["broker_cpu_s"] * 1000 * _MB / total_bytes,
        "client_cores": result["client_cores"],
    }


def _produce_row(name: str, what: str, size_bytes: int, text: bool = False, **config: str) -> Row:
    settings = {key.replace("_", "."): value for key, value in config.items()}
    return Row(name, what, (_RATE, PER_GB), partial(produce, size_bytes, settings, text), throughput=True)


ROWS = (
    _produce_row("produce-100b-acks1", "librdkafka produces 100 B, acks=1", 100, acks="1"),
    _produce_row("produce-100b-all", "librdkafka produces 100 B, acks=all", 100, acks="all"),
    _produce_row("produce-1k-acks1", "librdkafka produces 1 KB, acks=1", 1000, acks="1"),
    _produce_row("produce-1k-all", "librdkafka produces 1 KB, acks=all", 1000, acks="all"),
    _produce_row("produce-1k-idem", "librdkafka produces 1 KB, idempotent", 1000, enable_idempotence="true"),
    *(
        _produce_row(
            f"produce-{codec}", f"librdkafka produces 1 KB of JSON with {codec}", 1000, True, compression_type=codec
        )
        for codec in ("gzip", "snappy", "lz4", "zstd")
    ),
    Row("consume-100b", "librdkafka consumes 100 B", (_RATE, PER_GB), partial(consume, 100), throughput=True),
    Row("consume-1k", "librdkafka consumes 1 KB", (_RATE, PER_GB), partial(consume, 1000), throughput=True),
)
