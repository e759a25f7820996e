"""Kafka's own command-line tools against both brokers: what they print, after the rules for texts.

Each command is one JVM of a second or two, so the two brokers are asked at the same time.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.differential.brokers import Target
from tests.conformance.kafka_tools import java_command

_TOOLS = "org.apache.kafka.tools."
TOPICS, CONFIGS = f"{_TOOLS}TopicCommand", "kafka.admin.ConfigCommand"
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
    _c(TOPICS, "--delete", "--topic", "tool-a"),
)  # fmt: skip


def outputs(target: Target, folder: Path) -> dict[str, str]:
    """What each command printed, normalised, by the command. In their order: later ones build on earlier ones."""
    folder.mkdir(parents=True, exist_ok=True)
    return {str(command): _printed(command, target, folder) for command in COMMANDS}


def both(left: Target, right: Target, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(outputs, left, folder / "left")
        other = pool.submit(outputs, right, folder / "right")
        return one.result(), other.result()


def compared(kafka: dict[str, str], ottla: dict[str, str]) -> Iterator[str]:
    for command, printed in kafka.items():
        if ottla[command] != printed:
            yield f"{command}\n  Kafka: {printed!r}\n  Ottla: {ottla[command]!r}"


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


def _normal(text: str, target: Target) -> str:
    """Addresses, folders, topic ids, and the frames of stack traces: where in the tool an error came up is its own."""
    text = text.replace(target.folder, "<folder>")
    text = re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:<port>", text)
    text = re.sub(r"TopicId: [A-Za-z0-9_-]{22}", "TopicId: <topic id>", text)
    text = re.sub(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\]", "[<now>]", text)
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("\tat "))
