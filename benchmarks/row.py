"""What a row of the table is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.bed import Bed
from benchmarks.brokers import Broker

Values = dict[str, float]
Run = Callable[[Bed, type[Broker]], Values]


@dataclass(frozen=True)
class Measure:
    """One number of a row. `must` and `after` bound Ottla / Kafka, `limit` bounds Ottla's own value from above."""

    name: str
    unit: str
    more: bool = False
    """More is better."""
    must: float | None = None
    after: float | None = None
    limit: float | None = None

    def reaches(self, ratio: float, target: float) -> bool:
        return ratio >= target if self.more else ratio <= target


@dataclass(frozen=True)
class Row:
    """`run` does the work once on one side, and returns each measure by its name."""

    name: str
    what: str
    measures: tuple[Measure, ...]
    run: Run
    rounds_max: int = 99
    """Rows that take minutes have fewer rounds."""
    throughput: bool = False
    """The work is to be as fast as it can: it is warmed up, pinned in the pinned table, and may be client-limited."""


PER_GB = Measure("broker CPU", "s/GB", must=0.6, after=0.4)
PER_MILLION = Measure("broker CPU", "s/million", must=0.6, after=0.4)
