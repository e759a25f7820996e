"""Compaction: how fast a log becomes clean, in how much memory, and what requests notice of it meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.bed import Bed
from benchmarks.brokers import Broker
from benchmarks.row import Measure, Row, Values
from benchmarks.wire import Wire, create_topic, refuse
from ottla.protocol.messages.configs import IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse

_SPEED = Measure("compaction", "MB/s", more=True)
_MEMORY = Measure("memory added", "MB")
_REQUESTS = Measure("requests, idle / busy", "x", limit=1 / 0.7)
_P50 = Measure("p50, busy / idle", "x", limit=1 / 0.7)
_MB = 1_000_000
_TOPIC = "compacted"
_SETTINGS = {"log_cleaner_backoff_ms": "100"}
_SIZE_BYTES, _KEYS = 100, 100_000
_TOPIC_TYPE, _SET = 2, 0


def speed(bed: Bed, side: type[Broker]) -> Values:
    with bed.fresh(side, **_SETTINGS) as broker:
        broker.start()
        total_bytes = dirty_topic(bed, broker, bed.amount(400, 60) * _MB)
        before = most = broker.memory_bytes()
        began = time.monotonic()
        compact(broker)
        while not is_clean(broker):
            most = max(most, broker.memory_bytes())
            time.sleep(0.02)
        return {
            _SPEED.name: total_bytes / _MB / (time.monotonic() - began),
            _MEMORY.name: (most - before) / _MB,
        }


def beside(bed: Bed, side: type[Broker]) -> Values:
    """The same loads at rest and while a pass runs, which must not end before they do."""
    with bed.fresh(side, **_SETTINGS) as broker:
        broker.start()
        dirty_topic(bed, broker, bed.amount(600, 200) * _MB)
        loads(bed, broker)  # warm
        requests, p50_ms = loads(bed, broker)
        compact(broker)
        busy_requests, busy_p50_ms = loads(bed, broker)
        if is_clean(broker):
            raise RuntimeError("the pass was over before the loads were")
        return {_REQUESTS.name: requests / busy_requests, _P50.name: busy_p50_ms / p50_ms}


def loads(bed: Bed, broker: Broker) -> tuple[float, float]:
    """(small requests a second, p50 in ms of one request at a time)."""
    topic = bed.name("small")
    create_topic(broker.address, topic, 8)
    count = bed.amount(100_000, 30_000)
    small = bed.client(
        "small", broker, topic=topic, partitions=8, version=10, count=count, size_bytes=100, connections=8, in_flight=4
    )
    single = bed.client("latency", broker, topic=topic, count=bed.amount(10_000, 3_000), size_bytes=100)
    return count / small["elapsed_s"], single["p50_ms"]


def dirty_topic(bed: Bed, broker: Broker, wanted_bytes: int) -> int:
    """Fills a topic that the cleaner leaves alone for now; the bytes of its closed segments."""
    create_topic(
        broker.address, _TOPIC, 1, cleanup_policy="compact", min_cleanable_dirty_ratio="1", segment_bytes=str(32 << 20),
    )  # fmt: skip
    bed.client("keyed", broker, topic=_TOPIC, count=wanted_bytes // _SIZE_BYTES, size_bytes=_SIZE_BYTES, keys=_KEYS)
    files = sorted(folder_of(broker).glob("*.log"))
    return sum(file.stat().st_size for file in files[:-1])


def compact(broker: Broker) -> None:
    """The topic is worth cleaning from now on."""
    change = IncrementalAlterConfigsRequest.AlterableConfig(
        name="min.cleanable.dirty.ratio", config_operation=_SET, value="0.1"
    )
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
        resource_type=_TOPIC_TYPE, resource_name=_TOPIC, configs=[change]
    )
    with Wire(broker.address) as wire:
        answer = wire.ask(IncrementalAlterConfigsRequest(resources=[resource]), 1, IncrementalAlterConfigsResponse)
        refuse(answer.responses[0].error_code)


def is_clean(broker: Broker) -> bool:
    """The cleaner has come to the active segment, by the checkpoint that both sides write."""
    checkpoint = folder_of(broker).parent / "cleaner-offset-checkpoint"
    active = max(int(file.stem) for file in folder_of(broker).glob("*.log"))
    return checkpoint.exists() and f"{_TOPIC} 0 {active}\n" in checkpoint.read_text()


def folder_of(broker: Broker) -> Path:
    return broker.folder / "data" / f"{_TOPIC}-0"


ROWS = (
    Row(
        "compaction", "a log of 100 B values under 100,000 keys, 400 MB (quick: 60), from dirty to clean",
        (_SPEED, _MEMORY), speed, rounds_max=3,
    ),
    Row(
        "compaction-beside", "small requests and p50 while a pass runs, beside the same at rest",
        (_REQUESTS, _P50), beside, rounds_max=3,
    ),
)  # fmt: skip
