"""Counters, gauges and histograms that cost an attribute increment, and their Prometheus text form.

The hot path holds the counter object itself and writes `counter.value += 1` (34 ns); names and labels are looked up
once. Text is made only when somebody asks, line by line (`lines`), so that whoever serves a long page may give way
between two of them.

What is known only by looking (every partition, every group) is no object here: a `Source` gives whole families.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf, isnan
from typing import NamedTuple, Protocol

COUNTER, GAUGE, HISTOGRAM, SUMMARY = "counter", "gauge", "histogram", "summary"

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, str, float]
"""What follows the family's name, the labels as text, the value."""


class Family(NamedTuple):
    """All series of one name. Its samples may be read once."""

    name: str
    kind: str
    help_text: str
    samples: Iterable[Sample]


class Source(Protocol):
    """Families that are made when a page is asked for."""

    def steps(self) -> Iterator[None]:
        """Looks at the broker, a slice between two steps; others run in between."""
        ...

    def families(self) -> Iterator[Family]:
        """What the last look has found."""
        ...


class Counter:
    """A number that only rises. Add with `counter.value += n`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def samples(self, labels: Labels) -> Iterator[Sample]:
        yield "", labels_text(labels), self.value


class Reading:
    """A number read when asked: `read()` gives its present value."""

    __slots__ = ("read",)

    def __init__(self, read: Callable[[], float]) -> None:
        self.read = read

    def samples(self, labels: Labels) -> Iterator[Sample]:
        yield "", labels_text(labels), self.read()


class Histogram:
    """How many observations fell at or below each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def plus(self, other: Histogram) -> Histogram:
        """What both have observed, with the same bounds."""
        assert self.bounds == other.bounds
        both = Histogram(self.bounds)
        both.counts = [one + another for one, another in zip(self.counts, other.counts, strict=True)]
        both.total = self.total + other.total
        return both

    def samples(self, labels: Labels) -> Iterator[Sample]:
        reached = 0
        for bound, count in zip((*self.bounds, inf), self.counts, strict=True):
            reached += count
            yield "_bucket", labels_text((*labels, ("le", number(bound)))), reached
        text = labels_text(labels)
        yield "_sum", text, self.total
        yield "_count", text, reached


Metric = Counter | Reading | Histogram


class Registry:
    """The metrics of one broker that are objects, by name and labels."""

    def __init__(self) -> None:
        self._families: dict[str, tuple[str, str, dict[Labels, Metric]]] = {}

    def counter(self, name: str, help_text: str, **labels: str) -> Counter:
        """The counter of this name and these labels, made on first use."""
        children = self._family(name, COUNTER, help_text)
        key = tuple(labels.items())
        found = children.get(key)
        if found is None:
            found = children[key] = Counter()
        assert isinstance(found, Counter)
        return found

    def gauge(self, name: str, help_text: str, read: Callable[[], float], **labels: str) -> None:
        """Publishes `read()` under this name; the same name and labels again replace it."""
        self._family(name, GAUGE, help_text)[tuple(labels.items())] = Reading(read)

    def total(self, name: str, help_text: str, read: Callable[[], float], **labels: str) -> None:
        """Publishes a number that only rises, and that somebody else counts."""
        self._family(name, COUNTER, help_text)[tuple(labels.items())] = Reading(read)

    def histogram(self, name: str, help_text: str, bounds: Sequence[float], **labels: str) -> Histogram:
        children = self._family(name, HISTOGRAM, help_text)
        key = tuple(labels.items())
        found = children.get(key)
        if found is None:
            found = children[key] = Histogram(bounds)
        assert isinstance(found, Histogram)
        return found

    def steps(self) -> Iterator[None]:
        return iter(())

    def families(self) -> Iterator[Family]:
        for name, (kind, help_text, children) in sorted(self._families.items()):
            yield Family(name, kind, help_text, _samples_of(children))

    def of(self, name: str) -> list[tuple[Labels, Metric]]:
        """The metrics of one family; none while nobody has made one."""
        family = self._families.get(name)
        return [] if family is None else list(family[2].items())

    def text(self) -> str:
        """Prometheus text format 0.0.4."""
        return "".join(lines(self.families()))

    def _family(self, name: str, kind: str, help_text: str) -> dict[Labels, Metric]:
        known = self._families.get(name)
        if known is None:
            assert (kind == COUNTER) == name.endswith("_total"), f"{name}: counters, and they alone, end with _total"
            known = self._families[name] = (kind, help_text, {})
        assert known[0] == kind, f"metric {name} is a {known[0]} already"
        return known[2]


def _samples_of(children: dict[Labels, Metric]) -> Iterator[Sample]:
    for labels, metric in tuple(children.items()):  # others run while a long page is made
        yield from metric.samples(labels)


def lines(families: Iterable[Family]) -> Iterator[str]:
    """The lines of a page in Prometheus' text format 0.0.4, each with its end."""
    for name, kind, help_text, samples in families:
        yield f"# HELP {name} {help_text.replace(_BACKSLASH, _BACKSLASH * 2).replace(_NEWLINE, ' ')}\n"
        yield f"# TYPE {name} {kind}\n"
        for suffix, labels, value in samples:
            yield f"{name}{suffix}{labels} {number(value)}\n"


_BACKSLASH, _NEWLINE = "\\", "\n"


def number(value: float) -> str:
    """All of its digits: a sum that was rounded to six of them would stand still, and then jump."""
    if isinstance(value, int):
        return str(int(value))
    if isnan(value):
        return "NaN"
    if value in (inf, -inf):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)


_EXACT = 2.0**53


def labels_text(labels: Iterable[tuple[str, str]]) -> str:
    """`{name="value",...}`, or nothing where there are none."""
    inside = ",".join(f'{name}="{_escape(text)}"' for name, text in labels)
    return f"{{{inside}}}" if inside else ""


def _escape(text: str) -> str:
    if "\\" in text or '"' in text or "\n" in text:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return text
