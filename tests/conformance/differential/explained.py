"""`tests/conformance/differences.md`: the differences that are known, each with its reason."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.differential.compare import Difference
from tests.conformance.differential.tools import Unlike

DIFFERENCES = Path(__file__).parents[1] / "differences.md"
NO_ANSWER = "## Kafka gives no answer"
"""The heading of what Kafka leaves unanswered, or answers with UNKNOWN_SERVER_ERROR, by a mistake of its own."""

CLIENT_APIS = (
    "Produce", "Fetch", "ListOffsets", "JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup", "OffsetCommit",
    "OffsetFetch", "OffsetDelete", "FindCoordinator", "DescribeGroups", "ListGroups", "DeleteGroups",
    "ConsumerGroupHeartbeat", "ConsumerGroupDescribe", "InitProducerId", "AddPartitionsToTxn", "AddOffsetsToTxn",
    "EndTxn", "TxnOffsetCommit", "WriteTxnMarkers", "DescribeTransactions", "ListTransactions", "DescribeProducers",
)  # fmt: skip
"""Those of records, groups and transactions: whatever differs there is worse than elsewhere."""


@dataclass(frozen=True)
class Row:
    """A line of the table. `case` is the name of a case, or a pattern; `…` in a value stands for anything."""

    api: str
    oldest: int
    newest: int
    path: str
    kafka: str
    ottla: str
    case: str
    reason: str
    unanswered: bool

    def explains(self, one: Difference) -> bool:
        case = one.run.partition("/")[0]
        return (
            self.api == one.api
            and self.oldest <= one.version <= self.newest
            and self.path == one.path
            and fnmatch.fnmatch(case, self.case)
            and _fits(self.kafka, one.kafka)
            and _fits(self.ottla, one.ottla)
        )

    def __str__(self) -> str:
        return f"{self.api} {self.oldest}-{self.newest} {self.path} {self.kafka} {self.ottla} ({self.case})"


@dataclass(frozen=True)
class ToolRow:
    """A line of the table of tools: the lines that only one of the two printed."""

    command: str
    kafka: str
    ottla: str
    reason: str

    def explains(self, one: Unlike) -> bool:
        return self.command == one.command and _fits(self.kafka, one.kafka) and _fits(self.ottla, one.ottla)


def _fits(pattern: str, value: str) -> bool:
    return re.fullmatch(".+".join(map(re.escape, pattern.split("…"))), value, re.DOTALL) is not None


def rows(path: Path = DIFFERENCES) -> list[Row]:
    found = []
    for heading, cells in _cells(path):
        if len(cells) == 7:
            oldest, _, newest = cells[1].partition(" to ")
            versions = int(oldest), int(newest or oldest)
            found.append(Row(cells[0], *versions, *cells[2:], unanswered=heading == NO_ANSWER))
    return found


def tool_rows(path: Path = DIFFERENCES) -> list[ToolRow]:
    return [ToolRow(*cells) for _, cells in _cells(path) if len(cells) == 4]


def unexplained_tools(found: Iterable[Unlike]) -> list[Unlike]:
    known = tool_rows()
    return [one for one in found if not any(row.explains(one) for row in known)]


def gone_tools(found: Iterable[Unlike], asked: Iterable[str]) -> list[str]:
    found, asked = list(found), set(asked)
    return [row.command for row in tool_rows() if row.command in asked and not any(row.explains(one) for one in found)]


def _cells(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The lines of tables that begin with code, with the heading that they stand under."""
    heading = ""
    for line in path.read_text().splitlines():
        if line.startswith("## "):
            heading = line
        if line.startswith("| `"):
            yield heading, [cell.strip().strip("`") for cell in line.strip("|").split("|")]


def unexplained(found: Iterable[Difference], known: Iterable[Row]) -> list[Difference]:
    known = list(known)
    return [one for one in found if not any(row.explains(one) for row in known)]


def gone(found: Iterable[Difference], known: Iterable[Row], asked: set[tuple[str, int]]) -> Iterator[str]:
    """What is listed and does not differ any more, version by version of those that were asked."""
    found = list(found)
    for row in known:
        for version in range(row.oldest, row.newest + 1):
            if (row.api, version) in asked and not any(row.explains(one) and one.version == version for one in found):
                yield f"{row} v{version}"


def other_places(found: Iterable[Difference], known: Iterable[Row]) -> set[tuple[str, int, str]]:
    """The places outside the APIs of clients where an answer of Kafka differs from ours."""
    answered = [row for row in known if not row.unanswered]
    return {one.place for one in found if one.api not in CLIENT_APIS and any(row.explains(one) for row in answered)}
