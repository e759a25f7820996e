"""Transactions of unmodified clients, and Kafka's own tools for transactions, against a real broker process."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ottla.client.connection import open_connection
from tests.conformance.kafka_tools import complaints, dump_log, run_tool
from tests.conformance.ottla_broker import OttlaBroker
from tests.conformance.transaction_asker import Asker, Producer
from tests.conformance.transaction_conversation import DATA, ORDERS

pytestmark = pytest.mark.process

TOOLS = "org.apache.kafka.tools."
TRANSACTIONS = TOOLS + "TransactionsCommand"
COUNT = 30


def create(ottla: OttlaBroker, *topics: str, partitions: int = 2) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": ottla.address})
    for created in admin.create_topics([NewTopic(topic, partitions) for topic in topics]).values():
        created.result(10)


def committed(ottla: OttlaBroker, topic: str, partitions: int = 2) -> list[str]:
    """Everything that a read_committed reader sees, by librdkafka."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": ottla.address,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic, index, 0) for index in range(partitions)])
    seen, ends = [], 0
    while ends < partitions:
        message = consumer.poll(30)
        assert message is not None
        if message.error() is None:
            seen.append(message.value().decode())
        else:
            ends += 1
    consumer.close()
    return sorted(seen)


def kept(number: int) -> bool:
    return number % 3 != 0


EXPECTED = sorted(f"v{number}" for number in range(COUNT) if kept(number))


def test_confluent_kafka_commits_aborts_and_processes(ottla: OttlaBroker) -> None:
    from confluent_kafka import Consumer, KafkaException, TopicPartition
    from confluent_kafka import Producer as Client

    create(ottla, "things", "copies")
    producer = Client({"bootstrap.servers": ottla.address, "transactional.id": "t"})
    producer.init_transactions(30)
    for number in range(COUNT):
        producer.begin_transaction()
        producer.produce("things", f"v{number}", partition=number % 2)
        if kept(number):
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    assert committed(ottla, "things") == EXPECTED

    consumer = Consumer(
        {
            "bootstrap.servers": ottla.address,
            "group.id": "copiers",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(["things"])
    copied = 0
    while copied < len(EXPECTED):
        message = consumer.poll(30)
        assert message is not None and message.error() is None
        producer.begin_transaction()
        producer.produce("copies", message.value())
        place = TopicPartition(message.topic(), message.partition(), message.offset() + 1)
        producer.send_offsets_to_transaction([place], consumer.consumer_group_metadata(), 30)
        producer.commit_transaction(30)
        copied += 1
        assert consumer.committed([place], 30)[0].offset == place.offset
    assert committed(ottla, "copies") == EXPECTED
    consumer.close()

    usurper = Client({"bootstrap.servers": ottla.address, "transactional.id": "t"})
    usurper.init_transactions(30)
    producer.begin_transaction()
    producer.produce("copies", "a zombie's")
    with pytest.raises(KafkaException) as caught:
        producer.commit_transaction(30)
    assert caught.value.args[0].fatal()
    assert committed(ottla, "copies") == EXPECTED


def test_aiokafka_commits_and_aborts(ottla: OttlaBroker) -> None:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    create(ottla, "things")

    async def main() -> int:
        producer = AIOKafkaProducer(bootstrap_servers=ottla.address, transactional_id="t")
        await producer.start()
        for number in range(COUNT):
            await producer.begin_transaction()
            await producer.send_and_wait("things", f"v{number}".encode(), partition=number % 2)
            await producer.send_offsets_to_transaction({TopicPartition("things", 0): number}, "copiers")
            if kept(number):
                await producer.commit_transaction()
            else:
                await producer.abort_transaction()
        await producer.stop()
        consumer = AIOKafkaConsumer(bootstrap_servers=ottla.address, group_id="copiers")
        await consumer.start()
        offset: int = await consumer.committed(TopicPartition("things", 0))
        await consumer.stop()
        return offset

    assert asyncio.run(main()) == COUNT - 1
    assert committed(ottla, "things") == EXPECTED


def test_kafka_python_commits_and_aborts(ottla: OttlaBroker) -> None:
    from kafka import KafkaConsumer, KafkaProducer

    create(ottla, "things")
    producer = KafkaProducer(bootstrap_servers=ottla.address, transactional_id="t")
    producer.init_transactions()
    for number in range(COUNT):
        producer.begin_transaction()
        producer.send("things", f"v{number}".encode(), partition=number % 2)
        if kept(number):
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.close()
    assert committed(ottla, "things") == EXPECTED
    consumer = KafkaConsumer(
        "things",
        bootstrap_servers=ottla.address,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        consumer_timeout_ms=3000,
    )
    assert sorted(message.value.decode() for message in consumer) == EXPECTED
    consumer.close()


def fill_plainly(ottla: OttlaBroker, topic: str, count: int) -> None:
    """Without transactions: the copier counts offsets, and would wait for those of markers for ever."""
    from confluent_kafka import Producer as Client

    producer = Client({"bootstrap.servers": ottla.address})
    for number in range(count):
        producer.produce(topic, f"v{number}")
    assert producer.flush(30) == 0


@pytest.mark.java
def test_the_java_client_copies_exactly_once_with_random_aborts(ottla: OttlaBroker) -> None:
    """TV2: the client learns from the finalised features that partitions are added on the way."""
    create(ottla, "things", "copies", partitions=1)
    fill_plainly(ottla, "things", 200)
    told = run_tool(
        TOOLS + "TransactionalMessageCopier",
        *("--broker-list", ottla.address, "--input-topic", "things", "--input-partition", "0"),
        *("--output-topic", "copies", "--consumer-group", "copiers", "--transactional-id", "copier"),
        *("--transaction-size", "17", "--enable-random-aborts", "--use-group-metadata", "--group-mode"),
    )
    last = [json.loads(line) for line in told.splitlines() if line.startswith("{")][-1]
    assert last["remaining"] == 0, last
    assert committed(ottla, "copies", 1) == committed(ottla, "things", 1)
    used = ottla.versions_used()
    assert (used["EndTxn"], used["TxnOffsetCommit"], used["InitProducerId"]) == ([5], [5], [5])
    assert 13 in used["Produce"]
    assert used["AddPartitionsToTxn"] == [5], "asked by the broker alone"
    assert "AddOffsetsToTxn" not in used


@pytest.mark.java
def test_kafkas_tool_lists_describes_finds_and_aborts_transactions(tmp_path: Path) -> None:
    """A hanging transaction needs a broker that does not verify: then data can be late."""
    settings = ("transaction.partition.verification.enable=false", "transaction.state.log.num.partitions=3")
    with OttlaBroker(tmp_path / "broker", *settings) as ottla:
        at = ("--bootstrap-server", ottla.address)
        asyncio.run(leave_a_transaction_hanging(ottla))
        listed = run_tool(TRANSACTIONS, *at, "list")
        assert re.search(r"^x-open +\t?1 +\t?\d+ +\t?Ongoing", listed, re.MULTILINE), listed
        assert re.search(r"^x-done +\t?1 +\t?\d+ +\t?CompleteCommit", listed, re.MULTILINE), listed
        described = run_tool(TRANSACTIONS, *at, "describe", "--transactional-id", "x-open")
        assert re.search(r"x-open.*Ongoing.*x-orders-1", described), described
        producers = run_tool(TRANSACTIONS, *at, "describe-producers", "--topic", "x-orders", "--partition", "0")
        row = next(line.split() for line in producers.splitlines()[1:] if line.split()[-1] != "None")
        hanging = run_tool(TRANSACTIONS, *at, "find-hanging", "--broker-id", "1", "--max-transaction-timeout", "0")
        rows = [line.split() for line in hanging.splitlines()[1:] if line.strip()]
        assert [one[:3] for one in rows] == [["x-orders", "0", row[0]]], hanging
        run_tool(TRANSACTIONS, *at, "abort", "--topic", "x-orders", "--partition", "0", "--start-offset", row[-1])
        after = run_tool(TRANSACTIONS, *at, "find-hanging", "--broker-id", "1", "--max-transaction-timeout", "0")
        assert len(after.strip().splitlines()) == 1, after
        assert asyncio.run(stable_end(ottla)) == ["ends 2 2"]
        assert "request.failed" not in ottla.errors(), ottla.errors()


async def leave_a_transaction_hanging(ottla: OttlaBroker) -> None:
    """`x-done` has committed one, `x-open` is at work; and data of nobody lies in partition 0."""
    connection = await open_connection("127.0.0.1", ottla.port)
    ask = Asker(connection, "x")
    await ask.create_topic()
    done = await ask.init("-done")
    await ask.produce(done, DATA, b"a")
    await ask.end(done, commit=True)
    await ask.settled("-done")
    await ask.produce(await ask.init("-open"), DATA, b"b")
    await ask.produce(Producer("-nobody", 4_000, 0), DATA._replace(partition=0), b"late", version=11)
    assert ask.told[-1] == "produce 0 0 0"
    connection.close()


async def stable_end(ottla: OttlaBroker) -> list[str]:
    connection = await open_connection("127.0.0.1", ottla.port)
    ask = Asker(connection, "x")
    await ask.ends(DATA._replace(topic=ORDERS, partition=0))
    connection.close()
    return ask.told


@pytest.mark.java
def test_dump_log_reads_the_transaction_log_and_the_markers(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path / "broker", "transaction.state.log.num.partitions=1") as ottla:

        async def work() -> None:
            connection = await open_connection("127.0.0.1", ottla.port)
            ask = Asker(connection, "x")
            await ask.create_topic()
            await ask.group_ready("g")
            one: Any = await ask.init("t")
            await ask.produce(one, DATA, b"a")
            await ask.commit_offsets(one, "g", 5)
            await ask.end(one, commit=False)
            await ask.settled("t")
            connection.close()

        asyncio.run(work())
        ottla.stop()
        data = tmp_path / "broker" / "data"
        state = dump_log([data / "__transaction_state-0" / f"{0:020}.log"], "--transaction-log-decoder")
        assert not complaints(state), state
        statuses = re.findall(r'"version":"1","data":\{.*"transactionStatus":(\d)', state)
        assert statuses == ["0", "1", "1", "3", "5"], state
        assert '"clientTransactionVersion":2' in state
        assert "baseSequence: -1 lastSequence: -1 producerId: -1 producerEpoch: -1" in state
        logs = sorted(data.glob("__consumer_offsets-*/*.log")) + sorted(data.glob("x-orders-1/*.log"))
        shown = dump_log(logs, "--print-data-log", "--deep-iteration")
        assert not complaints(shown), shown
        assert shown.count("endTxnMarker: ABORT coordinatorEpoch: 0") == 2, shown
        index = dump_log([data / "x-orders-1" / f"{0:020}.txnindex"])
        assert re.search(r"version: 0 producerId: 0 firstOffset: 0 lastOffset: 1 lastStableOffset: 2", index), index
