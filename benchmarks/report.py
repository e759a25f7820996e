"""From rounds to a table: ratios within each round, their median and spread, and whether they meet the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.row import Measure, Row

CLIENT_LIMIT_CORES = 0.9


@dataclass
class Line:
    """One measure of one row over all rounds."""

    row: str
    measure: Measure
    ottla: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    client_limited: bool = False

    @property
    def ratios(self) -> list[float]:
        """Ottla / its peer, round by round; a round without a value on the peer's side is left out."""
        return [ours / theirs for ours, theirs in zip(self.ottla, self.peer, strict=True) if theirs > 0]

    @property
    def ratio(self) -> float:
        return median(self.ratios) if self.ratios else math.nan

    def verdict(self) -> str:
        """Of the median against the target: "good" reaches what we are after, "met" what we must reach."""
        measure = self.measure
        if measure.must is None and measure.limit is None:
            return ""
        if measure.limit is not None and median(self.ottla) >= measure.limit:
            return "MISSED"
        if measure.must is None:
            return "met"
        if not self.ratios or not measure.reaches(self.ratio, measure.must):
            return "MISSED"
        after = measure.after is not None and measure.reaches(self.ratio, measure.after)
        return "good" if after else "met"

    def target(self) -> str:
        measure = self.measure
        sign = ">=" if measure.more else "<="
        words = []
        if measure.limit is not None:
            words.append(f"< {measure.limit:g} {measure.unit}")
        if measure.must is not None:
            words.append(f"{sign} {measure.must:g}")
        return ", ".join(words)


def lines_of(row: Row, rounds: Sequence[dict[str, dict[str, float]]], peer: str = "kafka") -> list[Line]:
    """`rounds`: for each round, the values of each side. `peer`: the side beside Ottla."""
    lines = []
    for measure in row.measures:
        line = Line(row.name, measure)
        line.ottla = [one["ottla"][measure.name] for one in rounds]
        line.peer = [one[peer][measure.name] for one in rounds]
        line.client_limited = row.throughput and all(
            median(one[side].get("client_cores", 0.0) for one in rounds) > CLIENT_LIMIT_CORES
            for side in ("ottla", peer)
        )
        lines.append(line)
    return lines


def table(lines: Sequence[Line], peer: str = "Kafka") -> str:
    """Aligned columns for a terminal."""
    head = ["row", "measure", "Ottla", peer, f"Ottla / {peer}", "(spread)", "target", "verdict"]
    cells = [head, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    rendered = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([rendered[0], "-" * max(map(len, rendered)), *rendered[1:]])


def _cells(line: Line) -> list[str]:
    ratios = line.ratios
    spread = f"({number(min(ratios))} .. {number(max(ratios))})" if ratios else ""
    verdict = " ".join(filter(None, [line.verdict(), "client-limited" if line.client_limited else ""]))
    name = f"{line.measure.name} [{line.measure.unit}]"
    ours, theirs = number(median(line.ottla)), number(median(line.peer))
    return [line.row, name, ours, theirs, number(line.ratio), spread, line.target(), verdict]


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if math.isnan(value):
        return "-"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def as_json(lines: Sequence[Line], peer: str = "kafka") -> list[dict[str, Any]]:
    return [
        {
            "row": line.row, "measure": line.measure.name, "unit": line.measure.unit, "ottla": line.ottla,
            peer: line.peer, "ratio_median": None if math.isnan(line.ratio) else line.ratio,
            "ratios": line.ratios, "target": line.target(), "verdict": line.verdict(),
            "client_limited": line.client_limited,
        }
        for line in lines
    ]  # fmt: skip
