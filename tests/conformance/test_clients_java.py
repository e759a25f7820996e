"""The Java client, through Kafka's own unmodified tools, against a real broker process."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conformance.client_versions import check_versions
from tests.conformance.kafka_tools import java_command, run_tool
from tests.conformance.ottla_broker import OttlaBroker

pytestmark = [pytest.mark.process, pytest.mark.java]

TOOLS = "org.apache.kafka.tools."
TOPIC_COMMAND = TOOLS + "TopicCommand"
GROUP_COMMAND = TOOLS + "consumer.group.ConsumerGroupCommand"
RUN_TIMEOUT_S = 90


def with_input(text: str, tool: str, *arguments: str) -> None:
    done = subprocess.run(
        java_command(tool, *arguments), input=text, text=True, capture_output=True, timeout=RUN_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr


def json_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_kafkas_tools_produce_consume_and_administer(ottla: OttlaBroker) -> None:
    at = ("--bootstrap-server", ottla.address)
    assert "Created topic things." in run_tool(TOPIC_COMMAND, *at, "--create", "--topic", "things", "--partitions", "3")
    described = run_tool(TOPIC_COMMAND, *at, "--describe", "--topic", "things")
    assert re.search(r"Topic: things\tTopicId: \S{22}\tPartitionCount: 3\tReplicationFactor: 1\t", described)
    assert described.count("Leader: 1\tReplicas: 1\tIsr: 1") == 3

    produced = json_lines(run_tool(TOOLS + "VerifiableProducer", *at, "--topic", "things", "--max-messages", "500"))
    assert sum(line["name"] == "producer_send_success" for line in produced) == 500
    lines = "".join(f"k{number}\tv{number}\n" for number in range(100))
    with_input(lines, TOOLS + "ConsoleProducer", *at, "--topic", "things", "--reader-property", "parse.key=true")

    consumed = run_tool(
        TOOLS + "consumer.ConsoleConsumer",
        *(*at, "--topic", "things", "--from-beginning", "--group", "console", "--max-messages", "600"),
        *("--timeout-ms", "30000", "--formatter-property", "print.key=true"),
    )
    assert "Processed a total of 600 messages" in consumed
    assert {f"k{number}\tv{number}" for number in range(100)} <= set(consumed.splitlines())

    verified = json_lines(
        run_tool(
            TOOLS + "VerifiableConsumer",
            *(*at, "--topic", "things", "--group-id", "verified", "--max-messages", "600"),
            *("--reset-policy", "earliest"),
        )
    )
    assert sum(int(str(line["count"])) for line in verified if line["name"] == "records_consumed") == 600
    assert any(line["name"] == "offsets_committed" and line["success"] for line in verified)

    groups = run_tool(GROUP_COMMAND, *at, "--describe", "--group", "console")
    rows = [line.split() for line in groups.splitlines() if line.startswith("console ")]
    assert [row[1] for row in rows] == ["things"] * 3
    assert sum(int(row[3]) for row in rows) == 600
    reset = run_tool(
        GROUP_COMMAND, *at, "--reset-offsets", "--group", "console", "--topic", "things", "--to-earliest", "--execute"
    )
    assert [line.split()[3] for line in reset.splitlines() if line.startswith("console ")] == ["0"] * 3
    assert "successful" in run_tool(GROUP_COMMAND, *at, "--delete", "--group", "console")
    assert run_tool(TOOLS + "GetOffsetShell", *at, "--topic", "things").count("things:") == 3
    run_tool(TOPIC_COMMAND, *at, "--delete", "--topic", "things")
    assert "things" not in run_tool(TOPIC_COMMAND, *at, "--list")
    check_versions(ottla, "java")


def test_kafkas_tools_show_and_change_configs(ottla: OttlaBroker, tmp_path: Path) -> None:
    at = ("--bootstrap-server", ottla.address)
    run_tool(TOPIC_COMMAND, *at, "--create", "--topic", "things", "--config", "retention.ms=1000")
    config = "kafka.admin.ConfigCommand"
    topic = ("--entity-type", "topics", "--entity-name", "things")
    assert "retention.ms=1000" in run_tool(config, *at, "--describe", *topic)
    run_tool(config, *at, "--alter", *topic, "--add-config", "cleanup.policy=[compact,delete]")
    assert "cleanup.policy=compact,delete" in run_tool(config, *at, "--describe", *topic)
    everything = run_tool(config, *at, "--describe", *topic, "--all")
    assert sum("sensitive=" in line for line in everything.splitlines()) == 33
    run_tool(TOPIC_COMMAND, *at, "--alter", "--topic", "things", "--partitions", "4")
    assert "PartitionCount: 4" in run_tool(TOPIC_COMMAND, *at, "--describe", "--topic", "things")
    versions = run_tool(TOOLS + "BrokerApiVersionsCommand", *at)
    assert "Produce(0): 0 to 13 [usable: 13]" in versions
    assert "Cluster ID:" in run_tool(TOOLS + "ClusterTool", "cluster-id", *at)
    dirs = run_tool(TOOLS + "LogDirsCommand", *at, "--describe", "--topic-list", "things")
    assert '"partition":"things-0"' in dirs
    check_versions(ottla, "java")
