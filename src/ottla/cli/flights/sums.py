"""Delays by airport: a fold over flights that is exact, since it adds whole minutes."""

from __future__ import annotations

from typing import NamedTuple

FROM, TO = "from", "to"
LATE_MINUTES = 15

Key = tuple[str, str]
"""(FROM or TO, airport)"""


class Sum(NamedTuple):
    """flown: with a known delay, whose minutes add up to `minutes`; late: by a quarter of an hour or more."""

    flights: int = 0
    flown: int = 0
    late: int = 0
    minutes: int = 0

    def plus(self, other: Sum) -> Sum:
        return Sum(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def mean(self) -> float:
        return self.minutes / self.flown if self.flown else 0.0


Sums = dict[Key, Sum]


def add(sums: Sums, origin: str, destination: str, departure_delay: int | None, arrival_delay: int | None) -> None:
    """Counts one flight at both of its ends."""
    for key, delay in (((FROM, origin), departure_delay), ((TO, destination), arrival_delay)):
        flights, flown, late, minutes = sums.get(key, (0, 0, 0, 0))
        if delay is None:
            sums[key] = Sum(flights + 1, flown, late, minutes)
        else:
            sums[key] = Sum(flights + 1, flown + 1, late + (delay >= LATE_MINUTES), minutes + delay)


def differences(expected: Sums, found: Sums) -> list[str]:
    """One line for each airport whose sums are not the same."""
    lines = []
    for key in sorted({**expected, **found}):
        want, have = expected.get(key, Sum()), found.get(key, Sum())
        if want != have:
            lines.append(f"{key[0]} {key[1]}: {have.flights} flights, {have.minutes} minutes; the CSV has "
                         f"{want.flights} flights, {want.minutes} minutes")  # fmt: skip
    return lines
