"""`tests/conformance/differences.md`: the differences that are known, each with its reason."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.differential.compare import Difference

DIFFERENCES = Path(__file__).parents[1] / "differences.md"


@dataclass(frozen=True)
class Row:
    """A line of the table. `case` is the name of a case, or a pattern."""

    api: str
    oldest: int
    newest: int
    path: str
    case: str
    reason: str

    def explains(self, one: Difference) -> bool:
        return (
            self.api == one.api
            and self.oldest <= one.version <= self.newest
            and self.path == one.path
            and fnmatch.fnmatch(one.run.partition("/")[0], self.case)
        )

    def __str__(self) -> str:
        return f"{self.api} {self.oldest}-{self.newest} {self.path} ({self.case})"


def rows(path: Path = DIFFERENCES) -> list[Row]:
    found = []
    for line in path.read_text().splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 5:
            oldest, _, newest = cells[1].partition(" to ")
            found.append(Row(cells[0], int(oldest), int(newest or oldest), cells[2], cells[3], cells[4]))
    return found


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
