"""From the start of the process to the first ack: on an empty folder, with many partitions, and after kill -9."""

from __future__ import annotations

import time

from benchmarks.bed import Bed
from benchmarks.brokers import Broker
from benchmarks.row import Measure, Row, Values
from benchmarks.wire import Wire, create_topic, one_record_batch, produce_frame, until

_FIRST_ACK = Measure("first ack", "s", must=0.1, after=0.05, limit=0.35)
_RESTART = Measure("restart to ack", "s")
_BYTES = Measure("bytes each", "B")
_IDLE_CPU = Measure("idle CPU", "cores")
_CLEAN = Measure("clean start", "s")
_UNCLEAN = Measure("unclean start", "s")
_RECOVERY_PARTITIONS = 8
_TOPICS = 100


def acked_everywhere(broker: Broker, topics: list[str], partitions: list[int], *, create: bool = False) -> float:
    """Seconds from the start of the process until one record is acked in each of these partitions."""
    batch = one_record_batch(100)
    frames = [produce_frame(10, topic, b"", partition, batch) for topic in topics for partition in partitions]

    def attempt() -> bool:
        with Wire(broker.address) as wire:
            for topic in topics[:1] if create else []:
                wire.wait_for_topic(topic, 1, create=True)
            while frames:
                wire.produce(frames[-1], 10)
                frames.pop()
            return True

    until(attempt)
    return time.monotonic() - broker.started


def first_ack(bed: Bed, side: type[Broker]) -> Values:
    with bed.fresh(side) as broker:
        broker.launch()
        return {_FIRST_ACK.name: acked_everywhere(broker, ["first"], [0], create=True)}


def many_partitions(bed: Bed, side: type[Broker]) -> Values:
    each = bed.amount(100, 10)
    topics = [f"many-{number}" for number in range(_TOPICS)]
    with bed.fresh(side) as broker:
        broker.start()
        settle(bed)
        before = broker.memory_bytes()
        for topic in topics:
            create_topic(broker.address, topic, each)
        settle(bed)
        values = {_BYTES.name: max(broker.memory_bytes() - before, 0) / (each * _TOPICS)}
        values[_IDLE_CPU.name] = idle_cpu(bed, broker)
        broker.stop()
        broker.launch()
        values[_CLEAN.name] = acked_everywhere(broker, topics, [each - 1])
        broker.kill()
        broker.launch()
        values[_UNCLEAN.name] = acked_everywhere(broker, topics, [each - 1])
        return values


def recovery(bed: Bed, side: type[Broker]) -> Values:
    count = bed.amount(1 << 19, 1 << 15)
    with bed.fresh(side) as broker:
        broker.start()
        create_topic(broker.address, "small", _RECOVERY_PARTITIONS)
        bed.client(
            "small", broker, topic="small", partitions=_RECOVERY_PARTITIONS, version=10, count=count, size_bytes=2048,
            connections=8, in_flight=4,
        )  # fmt: skip
        broker.kill()
        broker.launch()
        return {_RESTART.name: acked_everywhere(broker, ["small"], list(range(_RECOVERY_PARTITIONS)))}


def settle(bed: Bed) -> None:
    """Lets a broker finish what it does after a change, before it is measured at rest."""
    time.sleep(bed.amount(10, 2))


def idle_cpu(bed: Bed, broker: Broker) -> float:
    cpu, start = broker.cpu_s(), time.monotonic()
    time.sleep(bed.amount(30, 3))
    return (broker.cpu_s() - cpu) / (time.monotonic() - start)


ROWS = (
    Row("start", "process start to the first ack, empty folder, topic made on the way", (_FIRST_ACK,), first_ack),
    Row(
        "partitions", "100 topics of 100 partitions (quick: of 10); starts until each topic has acked a record",
        (_BYTES, _IDLE_CPU, _CLEAN, _UNCLEAN), many_partitions, rounds_max=3,
    ),
    Row(
        "recovery", "restart after kill -9 with 1 GiB (quick: 64 MiB) of 2 KB batches, until all 8 partitions ack",
        (_RESTART,), recovery, rounds_max=3,
    ),
)  # fmt: skip
