"""Programs of transactional clients, which a test starts as processes, kills and starts again.

python -m tests.cluster.transactional_clients CLIENT copy ADDRESS PARTITION END
python -m tests.cluster.transactional_clients CLIENT transfer ADDRESS NAME COUNT

CLIENT is `confluent` or `aiokafka`. A line on the standard output tells how a transaction ended: `committed WHAT` or
`aborted WHAT`. The exit code is 0 when the work is done, `FENCED` when another one has taken over, and 1 when the
client gave up: then it is started again and goes on from what is committed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
from collections.abc import Callable, Iterator

INPUT, OUTPUT, ACCOUNTS, GROUP = "input", "output", "accounts", "copiers"
BANKS = 3
FENCED = 3
_QUICK = {
    "reconnect.backoff.ms": 10,
    "reconnect.backoff.max.ms": 100,
    "retry.backoff.ms": 20,
    "metadata.recovery.strategy": "none",  # 2.16 may wait for ever in a transaction that meets a "rebootstrap"
    "log_level": 0,
}
_CALL_S = 5


def tell(outcome: str, what: object) -> None:
    print(outcome, what, flush=True)


class Transfers:
    """What a clerk does: (name, source, target, amount, whether to commit), the names new in each life."""

    def __init__(self, name: str, count: int) -> None:
        self._names = [f"{name}-{os.getpid()}:{number}" for number in range(count)]

    def __iter__(self) -> Iterator[tuple[str, int, int, int, bool]]:
        for name in self._names:
            source, target = random.randrange(BANKS), random.randrange(BANKS)
            yield name, source, target, random.randint(1, 100), random.random() < 0.75


# --- librdkafka, by confluent-kafka: every failure is told apart as its manual says


def run_confluent(work: str, address: str, name: str, count: int) -> None:
    from confluent_kafka import KafkaException

    from ottla.common.errors import ProducerFenced

    try:
        copy_confluent(address, int(name), count) if work == "copy" else transfer_confluent(address, name, count)
    except KafkaException as failed:
        fenced = failed.args[0].code() in (-144, ProducerFenced.code)  # _FENCED is librdkafka's own
        print(failed.args[0], file=sys.stderr, flush=True)
        os._exit(FENCED if fenced else 1)  # closing may wait for a broker that was killed


def _settled(call: Callable[[], object]) -> None:
    """Repeats a call as long as librdkafka says that it may be repeated."""
    from confluent_kafka import KafkaException

    while True:
        try:
            call()
            return
        except KafkaException as failed:
            if not failed.args[0].retriable():
                raise


def _ended(producer: object, commit: bool, prepare: Callable[[], object] = lambda: None) -> bool:
    """True if the transaction was committed; False: aborted."""
    from confluent_kafka import KafkaException, Producer

    assert isinstance(producer, Producer)
    try:
        prepare()
        if commit:
            _settled(lambda: producer.commit_transaction(_CALL_S))
            return True
    except KafkaException as failed:
        if not failed.args[0].txn_requires_abort():
            raise
    _settled(lambda: producer.abort_transaction(_CALL_S))
    return False


def copy_confluent(address: str, partition: int, end: int) -> None:
    from confluent_kafka import Consumer, Message, Producer, TopicPartition

    producer = Producer({"bootstrap.servers": address, "transactional.id": f"copier-{partition}", **_QUICK})
    _settled(lambda: producer.init_transactions(_CALL_S))
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": GROUP,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            **_QUICK,
        }
    )
    (known,) = consumer.committed([TopicPartition(INPUT, partition)], 30)
    offset = max(known.offset, 0)
    consumer.assign([TopicPartition(INPUT, partition, offset)])
    messages: list[Message] = []
    while offset < end:
        messages = messages or [one for one in consumer.consume(random.randint(1, 4), 0.2) if one.error() is None]
        if not messages:
            continue
        after = (messages[-1].offset() or 0) + 1
        producer.begin_transaction()
        for message in messages:
            producer.produce(OUTPUT, message.value(), partition=partition)
        places = [TopicPartition(INPUT, partition, after)]
        metadata = consumer.consumer_group_metadata()
        if _ended(
            producer,
            random.random() < 0.75,
            lambda places=places, metadata=metadata: _settled(  # type: ignore[misc]
                lambda: producer.send_offsets_to_transaction(places, metadata, _CALL_S)
            ),
        ):
            offset, messages = after, []
            tell("committed", offset)
        else:
            tell("aborted", after)
    os._exit(0)


def transfer_confluent(address: str, name: str, count: int) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": address, "transactional.id": name, **_QUICK})
    _settled(lambda: producer.init_transactions(_CALL_S))
    for transfer, source, target, amount, commit in Transfers(name, count):
        producer.begin_transaction()
        producer.produce(ACCOUNTS, f"{transfer} {-amount}", partition=source)
        if random.random() < 0.3:
            producer.flush(_CALL_S)  # the legs in two requests
        producer.produce(ACCOUNTS, f"{transfer} {amount}", partition=target)
        tell("committed" if _ended(producer, commit) else "aborted", transfer)


# --- aiokafka: every failure ends this life


def run_aiokafka(work: str, address: str, name: str, count: int) -> None:
    from aiokafka.errors import KafkaError, ProducerFenced

    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(
            copy_aiokafka(address, int(name), count) if work == "copy" else transfer_aiokafka(address, name, count)
        )
    except ProducerFenced:
        os._exit(FENCED)
    except (KafkaError, ValueError, AssertionError):  # the client's own ones, about its state
        os._exit(1)


async def copy_aiokafka(address: str, partition: int, end: int) -> None:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id=f"copier-{partition}", retry_backoff_ms=20)
    await producer.start()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        group_id=GROUP,
        isolation_level="read_committed",
        enable_auto_commit=False,
        retry_backoff_ms=20,
    )
    await consumer.start()
    source = TopicPartition(INPUT, partition)
    consumer.assign([source])
    offset = await consumer.committed(source) or 0
    consumer.seek(source, offset)
    while offset < end:
        found = await consumer.getmany(timeout_ms=1000, max_records=random.randint(1, 4))
        records = found.get(source, [])
        if not records:
            continue
        after = records[-1].offset + 1
        await producer.begin_transaction()
        for record in records:
            await producer.send(OUTPUT, record.value, partition=partition)
        await producer.send_offsets_to_transaction({source: after}, GROUP)
        if random.random() < 0.75:
            await producer.commit_transaction()
            offset = after
            tell("committed", offset)
        else:
            await producer.abort_transaction()
            consumer.seek(source, offset)
            tell("aborted", after)
    os._exit(0)  # its stop may wait for a broker that was killed


async def transfer_aiokafka(address: str, name: str, count: int) -> None:
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id=name, retry_backoff_ms=20)
    await producer.start()
    for transfer, source, target, amount, commit in Transfers(name, count):
        await producer.begin_transaction()
        for bank, change in ((source, -amount), (target, amount)):
            sent = await producer.send(ACCOUNTS, f"{transfer} {change}".encode(), partition=bank)
            if random.random() < 0.3:
                await sent
        if commit:
            await producer.commit_transaction()
        else:
            await producer.abort_transaction()
        tell("committed" if commit else "aborted", transfer)
    os._exit(0)


def main(words: list[str]) -> None:
    client, work, address, name, count = words
    {"confluent": run_confluent, "aiokafka": run_aiokafka}[client](work, address, name, int(count))


if __name__ == "__main__":
    main(sys.argv[1:])
