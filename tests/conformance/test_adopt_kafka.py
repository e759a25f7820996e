"""`ottla log adopt` on the folders of a real Apache Kafka: clients and Kafka's own tools see the same afterwards."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.cluster.cli_calls import Cli
from tests.conformance import kafka_broker
from tests.conformance.kafka_tools import run_tool
from tests.conformance.ottla_broker import OttlaBroker

pytestmark = [pytest.mark.java, pytest.mark.process]

FAR = Cli("127.0.0.1:1")
PLAIN, COMPACTED, MONEY = "plain", "compacted", "money"
GROUP = "readers"
READ = 120
COUNT = 300
TOOLS = {
    "topics": ("org.apache.kafka.tools.TopicCommand", "--describe"),
    "configs": ("kafka.admin.ConfigCommand", "--describe", "--entity-type", "topics"),
    "cluster configs": ("kafka.admin.ConfigCommand", "--describe", "--entity-type", "brokers", "--entity-default"),
    "offsets": ("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--describe", "--group", GROUP),
    "transactions": ("org.apache.kafka.tools.TransactionsCommand", "list"),
    "open": ("org.apache.kafka.tools.TransactionsCommand", "describe", "--transactional-id", "open"),
    "producers": (
        "org.apache.kafka.tools.TransactionsCommand", "describe-producers", "--topic", MONEY, "--partition", "0",
    ),
}  # fmt: skip


class Adopted(NamedTuple):
    """A Kafka's folders after their take-over, and what its tools and clients had said before it ended."""

    paths: list[Path]
    before: dict[str, list[list[str]]]
    read: dict[str, list[tuple[int, int, bytes | None, bytes | None]]]


@pytest.fixture(params=["stopped", "killed"])
def adopted(request: pytest.FixtureRequest, tmp_path: Path) -> Adopted:
    paths = [tmp_path / "a", tmp_path / "b"]
    dirs = ",".join(map(str, paths))
    broker = kafka_broker.start(tmp_path / "kafka", {"log.dirs": dirs, "log.cleaner.backoff.ms": "100"})
    try:
        fill(broker.address)
        read = {topic: everything(broker.address, topic) for topic in (PLAIN, MONEY)}
        before = {name: tool(broker.address, *words) for name, words in TOOLS.items()}
    finally:
        if request.param == "killed":
            os.kill(broker.pid, signal.SIGKILL)
        else:
            kafka_broker.stop(broker)
    take_over(paths, clean=request.param == "stopped")
    return Adopted(paths, before, read)


def take_over(paths: list[Path], *, clean: bool) -> None:
    """A dry run, a start that is refused, and the take-over, with what each says."""
    folders = [str(path) for path in paths]
    kept = contents(paths)
    tried = FAR.json("log", "adopt", *folders, "--dry-run")
    assert contents(paths) == kept, "a dry run has changed something"
    assert FAR.error("up", "--port", "0", "--data", folders[0], "--set", f"log.dirs={','.join(folders)}").startswith(
        f"{folders[0]} is the data folder of an Apache Kafka"
    )
    done = FAR.json("log", "adopt", *folders)
    assert done == tried
    assert ("the last stop was not clean" in " ".join(done["notes"])) is not clean
    topics = {topic["name"]: topic for topic in done["topics"]}
    assert {PLAIN, COMPACTED, MONEY, "__consumer_offsets", "__transaction_state"} <= set(topics)
    assert topics[PLAIN]["configs"] == {"retention.ms": "-1", "max.message.bytes": "2000000"}
    assert topics[PLAIN]["partitions"] == 3 and topics[PLAIN]["size_bytes"] > 0


def test_a_folder_that_was_taken_over_is_to_tools_and_clients_what_it_was(adopted: Adopted, tmp_path: Path) -> None:
    """One after the other: each step changes what the one before has seen."""
    dirs = ",".join(map(str, adopted.paths))
    with OttlaBroker(tmp_path / "ours", f"log.dirs={dirs}") as broker:
        kafkas_tools_print_the_same(adopted, broker.address)
        clients_read_the_same_and_go_on(adopted, broker.address)
        the_open_transaction_can_be_ended_and_its_producer_goes_on(broker.address)
    assert " error " not in broker.errors() and "set_aside" not in broker.errors(), broker.errors()


def fill(address: str) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    topics = [
        NewTopic(PLAIN, 3, 1, config={"retention.ms": "-1", "max.message.bytes": "2000000"}),
        NewTopic(COMPACTED, 1, 1, config={"cleanup.policy": "compact", "segment.ms": "100"}),
        NewTopic(MONEY, 1, 1, config={"retention.ms": "-1"}),
    ]
    for future in admin.create_topics(topics).values():
        future.result(120)
    run_tool(
        "kafka.admin.ConfigCommand", "--bootstrap-server", address, "--alter",
        "--entity-type", "brokers", "--entity-default", "--add-config", "log.retention.ms=86400000",
    )  # fmt: skip
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "compression.type": "gzip"})
    for number in range(COUNT):
        producer.produce(
            PLAIN, b"value-%d" % number, b"key-%d" % number, partition=number % 3, timestamp=1_700_000_000_000
        )
        producer.produce(COMPACTED, b"value-%d" % number, b"key-%d" % (number % 5))
    assert producer.flush(60) == 0
    for name, end in (("committed", True), ("aborted", False), ("open", None)):
        transaction(address, name, end)
    read_and_commit(address, READ)


def transaction(address: str, name: str, commit: bool | None) -> None:
    """A transaction of three records; None leaves it open."""
    producer = Producer({"bootstrap.servers": address, "transactional.id": name, "transaction.timeout.ms": 900_000})
    producer.init_transactions(60)
    producer.begin_transaction()
    for number in range(3):
        producer.produce(MONEY, b"%s-%d" % (name.encode(), number), timestamp=1_700_000_000_000)
    assert producer.flush(60) == 0
    if commit is not None:
        producer.commit_transaction(60) if commit else producer.abort_transaction(60)


def read_and_commit(address: str, count: int) -> list[bytes | None]:
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    )
    consumer.subscribe([PLAIN])
    values: list[bytes | None] = []
    while len(values) < count:
        message = consumer.poll(60)
        assert message is not None and message.error() is None, message
        values.append(message.value())
    consumer.commit(offsets=consumer.position(consumer.assignment()), asynchronous=False)
    consumer.close()
    return values


def everything(
    address: str, topic: str, isolation: str = "read_uncommitted"
) -> list[tuple[int, int, bytes | None, bytes | None]]:
    """(partition, offset, key, value) of every record that such a reader gets."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "none",
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "check.crcs": True,
            "enable.auto.commit": False,
        }
    )
    partitions = list(consumer.list_topics(topic, 60).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, index, 0) for index in partitions])
    found: list[tuple[int, int, bytes | None, bytes | None]] = []
    ended: set[int] = set()
    while len(ended) < len(partitions):
        message = consumer.poll(60)
        assert message is not None
        if message.error() is not None:
            ended.add(message.partition())
        else:
            found.append((message.partition(), message.offset(), message.key(), message.value()))
    consumer.close()
    return sorted(found)


def tool(address: str, name: str, *words: str) -> list[list[str]]:
    """The words of each line that a tool of Kafka's prints."""
    server = "--bootstrap-server"
    arguments = (server, address, *words) if "Transactions" in name else (*words, server, address)
    lines = [line.split() for line in run_tool(name, *arguments).splitlines() if line.strip()]
    return sorted([_in_order(word) for word in line] for line in lines)


def _in_order(word: str) -> str:
    """Settings, like topics, come in the order of a hash table."""
    return ",".join(sorted(word.split(","))) if "=" in word else word


def contents(paths: list[Path]) -> dict[str, int]:
    files = [file for path in paths for file in path.rglob("*") if file.is_file()]
    return {str(file): file.stat().st_size for file in files if file.name != ".lock"}


def kafkas_tools_print_the_same(adopted: Adopted, address: str) -> None:
    for name, words in TOOLS.items():
        assert timeless(tool(address, *words)) == timeless(adopted.before[name]), name


def timeless(lines: list[list[str]]) -> list[list[str]]:
    """Without the time that a transaction has taken so far."""
    return [line[:7] + line[8:] if "Ongoing" in line and "money-0" in line else line for line in lines]


def clients_read_the_same_and_go_on(adopted: Adopted, address: str) -> None:
    for topic, records in adopted.read.items():
        assert everything(address, topic) == records
    committed = [value for _, _, _, value in everything(address, MONEY, "read_committed")]
    assert committed == [b"committed-0", b"committed-1", b"committed-2"]
    rest = read_and_commit(address, COUNT - READ)
    assert len(set(rest)) == COUNT - READ, "the group did not go on where it had been"
    assert all(value is not None and value.startswith(b"value-") for value in rest)
    newest = {key: value for _, _, key, value in everything(address, COMPACTED)}
    assert newest == {b"key-%d" % key: b"value-%d" % (COUNT - 5 + key) for key in range(5)}


def the_open_transaction_can_be_ended_and_its_producer_goes_on(address: str) -> None:
    transaction(address, "open", True)  # its init aborts what was open
    committed = [value for _, _, _, value in everything(address, MONEY, "read_committed")]
    assert committed == [b"committed-0", b"committed-1", b"committed-2", b"open-0", b"open-1", b"open-2"]
