"""What a suite is, and what several runs of it on two brokers come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

PASSED, FAILED, SKIPPED, NOT_OFFERED = "passed", "failed", "skipped", "not offered"
"""NOT_OFFERED: skipped, because the broker does not announce the APIs of share groups."""

Outcomes = Mapping[str, str]
"""By the test's name."""


class Suite(Protocol):
    name: str

    def prepare(self) -> None:
        """Fetches and builds what is missing. Raises CalledProcessError."""
        ...

    def run(self, address: str, round_number: int) -> Outcomes:
        """All tests once against the broker at `address`."""
        ...


class Verdict(NamedTuple):
    """`passed_there`: tests that passed in every round on Kafka. `less_here`: those of them that did not here, with how
    often they passed. `not_offered`: those that skipped themselves here every time, for want of an API that is not
    announced. `flaky_there`: passed on Kafka in some rounds only. `more_here`: never there, always here."""

    passed_there: list[str]
    less_here: dict[str, int]
    not_offered: list[str]
    flaky_there: list[str]
    more_here: list[str]


def judge(there: Sequence[Outcomes], here: Sequence[Outcomes]) -> Verdict:
    names = sorted({name for outcomes in (*there, *here) for name in outcomes})
    on_kafka = {name: _passes(there, name) for name in names}
    on_ottla = {name: _passes(here, name) for name in names}
    always = [name for name in names if on_kafka[name] == len(there)]
    not_offered = [name for name in always if all(outcomes.get(name) == NOT_OFFERED for outcomes in here)]
    return Verdict(
        passed_there=always,
        less_here={name: on_ottla[name] for name in always if on_ottla[name] < len(here) and name not in not_offered},
        not_offered=not_offered,
        flaky_there=[name for name in names if 0 < on_kafka[name] < len(there)],
        more_here=[name for name in names if not on_kafka[name] and on_ottla[name] == len(here)],
    )


def _passes(rounds: Sequence[Outcomes], name: str) -> int:
    return sum(outcomes.get(name) == PASSED for outcomes in rounds)
