"""What coordinators do: transactions, and heartbeats of many groups; and writes that each wait for the disk."""

from __future__ import annotations

from functools import partial

from benchmarks.bed import Bed
from benchmarks.brokers import Broker
from benchmarks.row import PER_MILLION, Measure, Row, Values
from benchmarks.wire import create_topic, delete_topic

_TRANSACTIONS = Measure("transactions", "1/s", more=True, must=1.0, after=1.3)
_PER_THOUSAND = Measure("broker CPU", "s/thousand", must=1.0, after=0.6)
_HEARTBEATS = Measure("heartbeats", "1/s", more=True, must=1.0, after=1.3)
_WRITES = Measure("durable writes", "1/s", more=True, must=1.0, after=1.3)
GROUPS = 1000


def transactions(version: int, producers: int, bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    topic = bed.name("txn")
    create_topic(broker.address, topic, 1)
    count = bed.amount(3000, 300)
    result = bed.client("transactions", broker, topic=topic, producers=producers, count=count, version=version)
    return {
        _TRANSACTIONS.name: count / result["elapsed_s"],
        _PER_THOUSAND.name: result["broker_cpu_s"] * 1e3 / count,
        "client_cores": result["client_cores"],
    }


def heartbeats(bed: Bed, side: type[Broker]) -> Values:
    broker = bed.warm(side)
    count = bed.amount(300_000, 60_000)
    result = bed.client(
        "heartbeats", broker, group=bed.name("beating"), groups=bed.amount(GROUPS, 200), connections=20, count=count
    )
    return {
        _HEARTBEATS.name: count / result["elapsed_s"],
        PER_MILLION.name: result["broker_cpu_s"] * 1e6 / count,
        "client_cores": result["client_cores"],
    }


def group_commit(bed: Bed, side: type[Broker]) -> Values:
    """flush.messages=1: no write is acknowledged before it is on the disk."""
    broker = bed.warm(side)
    topic = bed.name("durable")
    create_topic(broker.address, topic, 1, flush_messages="1", file_delete_delay_ms="100")
    count = bed.amount(20_000, 1_000)
    result = bed.client(
        "small", broker, topic=topic, partitions=1, version=10, count=count, size_bytes=100, connections=64, in_flight=4
    )
    delete_topic(broker.address, topic)
    return {_WRITES.name: count / result["elapsed_s"], PER_MILLION.name: result["broker_cpu_s"] * 1e6 / count}


ROWS = (
    *(
        Row(
            f"transactions-tv{version}-{producers}",
            f"transactions of one record, transaction version {version}, {producers} at a time",
            (_TRANSACTIONS, _PER_THOUSAND),
            partial(transactions, version, producers),
            throughput=True,
        )
        for version in (1, 2)
        for producers in (1, 10)
    ),
    Row(
        "heartbeats",
        f"{GROUPS} classic groups of one member on 20 connections, heartbeats as fast as they are answered",
        (_HEARTBEATS, PER_MILLION),
        heartbeats,
        throughput=True,
    ),
    Row(
        "group-commit",
        "100 B records, each acknowledged when it is on the disk (flush.messages=1), 64 connections, 4 in flight",
        (_WRITES, PER_MILLION),
        group_commit,
        throughput=True,
    ),
)
