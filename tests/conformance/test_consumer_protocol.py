"""Consumer groups of KIP-848 against Apache Kafka: equal answers, equal records; and clients that speak it."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.conformance import consumer_script
from tests.conformance.consumer_script import PREFIX, Script
from tests.conformance.kafka_broker import KafkaBroker
from tests.conformance.kafka_tools import dump_log, run_tool
from tests.conformance.ottla_broker import OttlaBroker
from tests.conformance.test_clients_python import wait_until

pytestmark = pytest.mark.process

TOOLS = "org.apache.kafka.tools."
QUICK = ("group.consumer.min.heartbeat.interval.ms=100", "group.consumer.heartbeat.interval.ms=100")
"""The broker tells members how often to come; the tests need not wait 5 s for each step."""
VARYING = re.compile(
    r'"(metadataHash|assignmentTimestamp|commitTimestamp|timestamp|version|currentStateTimestamp)":-?\d+'
)
"""Times, metadata offsets, and hashes over topic ids (pinned in a unit test)."""


@pytest.mark.java
def test_the_same_requests_get_kafkas_answers_and_write_kafkas_records(kafka: KafkaBroker, tmp_path: Path) -> None:
    theirs = asyncio.run(consumer_script.run(kafka.address))
    settings = ("offsets.topic.num.partitions=3", "group.initial.rebalance.delay.ms=0")
    with OttlaBroker(tmp_path / "ottla", *settings) as ottla:
        ours = asyncio.run(consumer_script.run(ottla.address))
    assert [list(map(repr, said)) for said in ours.said] == [list(map(repr, said)) for said in theirs.said]
    assert records(tmp_path / "ottla" / "data", ours) == records(kafka.data, theirs)


def records(folder: Path, script: Script) -> dict[str, list[str]]:
    """What the groups of the script wrote, by group; made comparable, and unordered where Kafka's order is a hash's."""
    files = sorted(folder.glob("__consumer_offsets-*/00000000000000000000.log"))
    found: dict[str, list[str]] = {}
    for line in dump_log(files, "--offsets-decoder").splitlines():
        match = re.search(r" key: (\{.*?\}\}) payload: (.*)", line)
        if match is None:
            continue
        key = json.loads(match[1])
        group = key["data"].get("groupId", key["data"].get("group", ""))
        if not group.startswith(PREFIX):
            continue
        text = f"{match[1]} {match[2]}"
        text = VARYING.sub(r'"\1":N', text)
        for server, name in script.names.items():
            text = text.replace(server, name)
        key_text, _, payload = text.partition("}} ")
        if payload != "<DELETE>":
            payload = json.dumps(ordered(json.loads(payload.replace(":N", ":0"))))
        found.setdefault(group, []).append(f"{key_text}}}}} {payload}")
    return {group: by_batch(lines) for group, lines in found.items()}


def ordered(value: object) -> object:
    """Topics of one record in the order of their names."""
    if isinstance(value, dict):
        return {name: ordered(one) for name, one in value.items()}
    if isinstance(value, list):
        return sorted((ordered(one) for one in value), key=repr) if value and isinstance(value[0], dict) else value
    return value


def by_batch(lines: list[str]) -> list[str]:
    """Runs of the same record type, sorted: Kafka writes members in the order of a hash table."""
    runs: list[list[str]] = []
    kind = ""
    for line in lines:
        now = line.split('"data"', 1)[0] + str("<DELETE>" in line)
        if now != kind:
            runs.append([])
            kind = now
        runs[-1].append(line)
    return [line for run in runs for line in sorted(run)]


def test_librdkafka_speaks_it(tmp_path: Path) -> None:
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient, NewTopic

    with OttlaBroker(tmp_path / "ottla", *QUICK) as ottla:
        servers = {"bootstrap.servers": ottla.address}
        admin = AdminClient(servers)
        admin.create_topics([NewTopic("things", 4)])["things"].result(10)
        producer = Producer(servers)
        for number in range(100):
            producer.produce("things", f"v{number}", partition=number % 4)
        assert producer.flush(30) == 0
        options = {
            **servers, "group.id": "readers", "group.protocol": "consumer", "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }  # fmt: skip
        first, second = Consumer(options), Consumer(options)
        first.subscribe(["things"])
        seen: list[bytes] = []

        def read() -> None:
            message = first.poll(0.1)
            if message is not None:
                assert message.error() is None
                seen.append(message.value())

        wait_until(lambda: len(seen) >= 100, read)
        assert len(first.assignment()) == 4
        first.commit(asynchronous=False)
        second.subscribe(["^thin.*"])

        def both() -> None:
            assert first.poll(0.02) is None
            assert second.poll(0.02) is None, "what the other has committed is not read again"

        wait_until(lambda: len(first.assignment()) == 2 and len(second.assignment()) == 2, both)
        assert {one.partition for one in first.assignment() + second.assignment()} == {0, 1, 2, 3}
        first.close()
        wait_until(lambda: len(second.assignment()) == 4, lambda: second.poll(0.05))
        second.close()
        assert "request.failed" not in ottla.errors(), ottla.errors()


def test_clients_of_both_protocols_share_a_group(tmp_path: Path) -> None:
    """The group changes its protocol under them, there and back, and every partition has one reader all the time."""
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient, NewTopic

    settings = (*QUICK, "group.initial.rebalance.delay.ms=0")
    with OttlaBroker(tmp_path / "ottla", *settings) as ottla:
        servers = {"bootstrap.servers": ottla.address}
        admin = AdminClient(servers)
        admin.create_topics([NewTopic("things", 4)])["things"].result(10)
        common = {**servers, "group.id": "readers", "auto.offset.reset": "earliest"}
        strategy = {"partition.assignment.strategy": "cooperative-sticky"}
        classic = Consumer({**common, "group.protocol": "classic", "heartbeat.interval.ms": 100, **strategy})
        consumer = Consumer({**common, "group.protocol": "consumer"})

        def both() -> None:
            classic.poll(0.02)
            consumer.poll(0.02)
            owned = [(one.topic, one.partition) for one in classic.assignment() + consumer.assignment()]
            assert len(set(owned)) == len(owned), "a partition has two readers"

        def kind() -> str:
            groups = admin.list_consumer_groups().result(10).valid
            return next(str(one.type.name) for one in groups if one.group_id == "readers")

        classic.subscribe(["things"])
        wait_until(lambda: len(classic.assignment()) == 4, both)
        assert kind() == "CLASSIC"
        consumer.subscribe(["things"])
        wait_until(lambda: len(classic.assignment()) == 2 and len(consumer.assignment()) == 2, both)
        assert kind() == "CONSUMER"
        consumer.close()
        wait_until(lambda: len(classic.assignment()) == 4, lambda: classic.poll(0.05))
        assert kind() == "CLASSIC"
        classic.close()
        assert "request.failed" not in ottla.errors(), ottla.errors()


@pytest.mark.java
def test_the_java_client_and_kafkas_group_tool_speak_it(ottla: OttlaBroker) -> None:
    at = ("--bootstrap-server", ottla.address)
    run_tool(TOOLS + "TopicCommand", *at, "--create", "--topic", "things", "--partitions", "3")
    run_tool(TOOLS + "VerifiableProducer", *at, "--topic", "things", "--max-messages", "300")
    consumed = run_tool(
        TOOLS + "consumer.ConsoleConsumer",
        *(*at, "--topic", "things", "--from-beginning", "--group", "console", "--max-messages", "300"),
        *("--timeout-ms", "30000", "--command-property", "group.protocol=consumer"),
    )
    assert "Processed a total of 300 messages" in consumed
    tool = TOOLS + "consumer.group.ConsumerGroupCommand"
    listed = run_tool(tool, *at, "--list", "--type", "consumer", "--state")
    assert re.search(r"console\s+Consumer\s+Empty", listed), listed
    state = run_tool(tool, *at, "--describe", "--group", "console", "--state", "--verbose")
    assert re.search(r"console\s+\S+:\d+\s+\(1\)\s+uniform\s+Empty\s+3\s+2\s+0", state), state
    offsets = run_tool(tool, *at, "--describe", "--group", "console")
    rows = [line.split() for line in offsets.splitlines() if line.startswith("console ")]
    assert sum(int(row[3]) for row in rows) == 300, offsets
    assert "successful" in run_tool(tool, *at, "--delete", "--group", "console")
