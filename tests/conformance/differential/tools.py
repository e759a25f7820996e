"""Kafka's own command-line tools against both brokers: what they print, after the rules for texts.

Each command is one JVM of a second or two, so the two brokers are asked at the same time.
"""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.differential.brokers import Target
from tests.conformance.kafka_tools import java_command

_TOOLS = "org.apache.kafka.tools."
TOPICS, CONFIGS = f"{_TOOLS}TopicCommand", "kafka.admin.ConfigCommand"
FEATURES, QUORUM = f"{_TOOLS}FeatureCommand", f"{_TOOLS}MetadataQuorumCommand"
TRANSACTIONS, REASSIGN = f"{_TOOLS}TransactionsCommand", f"{_TOOLS}reassign.ReassignPartitionsCommand"
ELECT, VERSIONS = f"{_TOOLS}LeaderElectionCommand", f"{_TOOLS}BrokerApiVersionsCommand"
GROUPS, OFFSETS = f"{_TOOLS}consumer.group.ConsumerGroupCommand", f"{_TOOLS}GetOffsetShell"
TIMEOUT_S = 90


@dataclass(frozen=True)
class Command:
    """One call. `files`: name to content; the name in the arguments stands for its path."""

    tool: str
    arguments: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join((self.tool.rpartition(".")[2], *self.arguments))


def _c(tool: str, *arguments: str, **files: str) -> Command:
    return Command(tool, arguments, tuple(files.items()))


_PLAN = '{"version":1,"partitions":[{"topic":"tool-a","partition":0,"replicas":[1],"log_dirs":["any"]}]}'
_ENTITIES = (
    ("users", "tool-u", "producer_byte_rate=1000000"),
    ("clients", "tool-c", "consumer_byte_rate=1000000"),
    ("ips", "10.1.2.3", "connection_creation_rate=1000"),
    ("client-metrics", "tool-m", "interval.ms=60000"),
    ("groups", "tool-g", "consumer.session.timeout.ms=50000"),
    ("brokers", "1", "log.retention.ms=86400000"),
)

COMMANDS = (
    _c(TOPICS, "--create", "--topic", "tool-a", "--partitions", "2", "--config", "retention.ms=1000000"),
    _c(TOPICS, "--create", "--topic", "tool-a"),
    _c(TOPICS, "--describe", "--topic", "tool-a"),
    _c(TOPICS, "--describe", "--topic", "tool-nosuch"),
    _c(TOPICS, "--alter", "--topic", "tool-a", "--partitions", "1"),
    _c(TOPICS, "--list", "--topic", "tool-.*"),
    _c(CONFIGS, "--describe", "--entity-type", "topics", "--entity-name", "tool-a"),
    _c(CONFIGS, "--describe", "--entity-type", "topics", "--entity-name", "tool-a", "--all"),
    _c(CONFIGS, "--alter", "--entity-type", "topics", "--entity-name", "tool-a", "--add-config", "retention.ms=-1"),
    _c(CONFIGS, "--alter", "--entity-type", "topics", "--entity-name", "tool-a", "--add-config", "no.such=1"),
    _c(OFFSETS, "--topic", "tool-a"),
    _c(OFFSETS, "--topic", "tool-nosuch"),
    _c(GROUPS, "--reset-offsets", "--group", "tool-g", "--topic", "tool-a", "--to-earliest", "--execute"),
    _c(GROUPS, "--describe", "--group", "tool-g"),
    _c(GROUPS, "--list", "--state"),
    _c(GROUPS, "--delete", "--group", "tool-nosuch"),
    _c(f"{_TOOLS}LogDirsCommand", "--describe", "--topic-list", "tool-a"),
    _c(f"{_TOOLS}DeleteRecordsCommand", "--offset-json-file", "offsets",
       offsets='{"partitions":[{"topic":"tool-a","partition":0,"offset":0}],"version":1}'),
    _c(f"{_TOOLS}GroupsCommand", "--list"),
    _c(FEATURES, "describe"),
    _c(FEATURES, "upgrade", "--feature", "group.version=1", "--dry-run"),
    _c(FEATURES, "upgrade", "--feature", "no.such=1", "--dry-run"),
    _c(FEATURES, "downgrade", "--feature", "transaction.version=1", "--dry-run"),
    _c(TRANSACTIONS, "list"),
    _c(TRANSACTIONS, "describe", "--transactional-id", "tool-nosuch"),
    _c(TRANSACTIONS, "describe-producers", "--topic", "tool-a", "--partition", "0"),
    _c(TRANSACTIONS, "find-hanging", "--broker-id", "1"),
    _c(VERSIONS),
    _c(QUORUM, "describe", "--status"),
    _c(QUORUM, "describe", "--replication"),
    _c(ELECT, "--election-type", "PREFERRED", "--topic", "tool-a", "--partition", "0"),
    _c(ELECT, "--election-type", "UNCLEAN", "--all-topic-partitions"),
    _c(REASSIGN, "--generate", "--broker-list", "1", "--topics-to-move-json-file", "topics",
       topics='{"topics":[{"topic":"tool-a"}],"version":1}'),
    _c(REASSIGN, "--execute", "--reassignment-json-file", "plan", plan=_PLAN),
    _c(REASSIGN, "--verify", "--reassignment-json-file", "plan", plan=_PLAN),
    _c(REASSIGN, "--execute", "--reassignment-json-file", "bad", bad=_PLAN.replace("[1]", "[9]")),
    _c(REASSIGN, "--list"),
    *(_c(CONFIGS, *arguments) for kind, name, config in _ENTITIES for arguments in (
        ("--alter", "--entity-type", kind, "--entity-name", name, "--add-config", config),
        ("--describe", "--entity-type", kind, "--entity-name", name),
        ("--alter", "--entity-type", kind, "--entity-name", name, "--delete-config", config.partition("=")[0]),
        ("--alter", "--entity-type", kind, "--entity-name", name, "--add-config", "no.such=1"),
    )),
    _c(CONFIGS, "--alter", "--entity-type", "users", "--entity-name", "tool-u", "--add-config",
       "SCRAM-SHA-256=[iterations=4096,password=secret]"),
    _c(CONFIGS, "--describe", "--entity-type", "users"),
    _c(CONFIGS, "--alter", "--entity-type", "users", "--entity-name", "tool-u", "--delete-config", "SCRAM-SHA-256"),
    _c(CONFIGS, "--describe", "--entity-type", "brokers", "--entity-name", "1"),
    _c(CONFIGS, "--describe", "--entity-type", "brokers", "--entity-default"),
    _c(TOPICS, "--delete", "--topic", "tool-a"),
)  # fmt: skip


def outputs(target: Target, folder: Path, commands: Sequence[Command] = COMMANDS) -> dict[str, str]:
    """What each command printed, normalised, by the command. In their order: later ones build on earlier ones."""
    folder.mkdir(parents=True, exist_ok=True)
    return {str(command): _printed(command, target, folder) for command in commands}


def quick() -> list[Command]:
    """One that says something of each tool: they take a second each."""
    chosen: dict[str, Command] = {}
    for command in COMMANDS:
        if command.tool not in chosen or "--describe" in command.arguments[:1]:
            chosen.setdefault(f"{command.tool} {command.arguments[:1]}", command)
            chosen.setdefault(command.tool, command)
    return sorted(set(chosen.values()), key=COMMANDS.index)


def both(left: Target, right: Target, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(outputs, left, folder / "left")
        other = pool.submit(outputs, right, folder / "right")
        return one.result(), other.result()


@dataclass(frozen=True)
class Unlike:
    """The lines that only one of the two printed, one after the other, ends of lines as `⏎`."""

    command: str
    kafka: str
    ottla: str

    def __str__(self) -> str:
        return f"{self.command}\n  Kafka: {self.kafka}\n  Ottla: {self.ottla}"


def compared(kafka: dict[str, str], ottla: dict[str, str]) -> Iterator[Unlike]:
    """Of the commands that ran against ours."""
    for command, printed in ottla.items():
        left, right = kafka[command].splitlines(), printed.splitlines()
        if left != right:
            changes = list(difflib.ndiff(left, right))
            yield Unlike(command, _only(changes, "- "), _only(changes, "+ "))


def _only(changes: list[str], sign: str) -> str:
    return "⏎".join(re.sub(r"\s+", " ", line[2:]).strip() for line in changes if line.startswith(sign))


def _printed(command: Command, target: Target, folder: Path) -> str:
    arguments = list(command.arguments)
    for name, content in command.files:
        path = folder / name
        path.write_text(content)
        arguments[arguments.index(name)] = str(path)
    done = subprocess.run(
        java_command(
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            command.tool,
            "--bootstrap-server",
            f"{target.host}:{target.port}",
            *arguments,
        ),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return f"exit {done.returncode}\n{_normal(done.stdout, target)}{_normal(done.stderr, target)}"


_NOT_COUNTED = re.compile(r"\t\w*(Share|Streams)\w+\(\d+\): |Feature: (share|streams)\.version ")
"""APIs that we do not advertise, and the features that switch them on."""


def _normal(text: str, target: Target) -> str:
    """Addresses, folders, topic ids, and the frames of stack traces: where in the tool an error came up is its own."""
    text = text.replace(target.folder, "<folder>")
    text = re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:<port>", text)
    text = re.sub(r"TopicId: [A-Za-z0-9_-]{22}", "TopicId: <topic id>", text)
    text = re.sub(r"(ClusterId: +)\S+", r"\1<cluster id>", text)
    text = re.sub(r"((?:LeaderEpoch|HighWatermark): +|Epoch: )\d+", r"\1<size>", text)  # as in normalise.py
    text = re.sub(r"(A{22}\t)\d+ +(\t\d +\t)\d+ +\t\d+ +\t", r"\1<size>\2<now>\t<now>\t", text)
    text = re.sub(r'("endpoints": \[")\w+', r"\1<listener>", text)
    text = re.sub(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\]", "[<now>]", text)
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("\tat ") and not _NOT_COUNTED.match(line))
