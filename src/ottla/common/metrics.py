"""Counters, gauges and histograms that cost an attribute increment, and their Prometheus text form.

The hot path holds the counter object itself and writes `counter.value += 1` (34 ns); names and labels are looked up
once. Text is made only when somebody asks (`Registry.text`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

Labels = tuple[tuple[str, str], ...]


class Counter:
    """A number that only rises. Add with `counter.value += n`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def samples(self, name: str, labels: Labels) -> Iterator[str]:
        yield _sample(name, labels, self.value)


class Gauge:
    """A number read when asked: `read()` gives its present value."""

    __slots__ = ("read",)

    def __init__(self, read: Callable[[], float]) -> None:
        self.read = read

    def samples(self, name: str, labels: Labels) -> Iterator[str]:
        yield _sample(name, labels, self.read())


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

    def samples(self, name: str, labels: Labels) -> Iterator[str]:
        reached = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            reached += count
            yield _sample(
                f"{name}_bucket", (*labels, ("le", "+Inf" if bound == float("inf") else f"{bound:g}")), reached
            )
        yield _sample(f"{name}_sum", labels, self.total)
        yield _sample(f"{name}_count", labels, reached)


Metric = Counter | Gauge | Histogram


class Registry:
    """All metrics of one broker by name and labels."""

    def __init__(self) -> None:
        self._families: dict[str, tuple[str, str, dict[Labels, Metric]]] = {}

    def counter(self, name: str, help_text: str, **labels: str) -> Counter:
        """The counter of this name and these labels, made on first use."""
        children = self._family(name, "counter", help_text)
        key = tuple(labels.items())
        found = children.get(key)
        if found is None:
            found = children[key] = Counter()
        assert isinstance(found, Counter)
        return found

    def gauge(self, name: str, help_text: str, read: Callable[[], float], **labels: str) -> None:
        """Publishes `read()` under this name; the same name and labels again replace it."""
        self._family(name, "gauge", help_text)[tuple(labels.items())] = Gauge(read)

    def histogram(self, name: str, help_text: str, bounds: Sequence[float], **labels: str) -> Histogram:
        children = self._family(name, "histogram", help_text)
        key = tuple(labels.items())
        found = children.get(key)
        if found is None:
            found = children[key] = Histogram(bounds)
        assert isinstance(found, Histogram)
        return found

    def text(self) -> str:
        """Prometheus text format 0.0.4."""
        lines: list[str] = []
        for name, (kind, help_text, children) in sorted(self._families.items()):
            lines.append(f"# HELP {name} {help_text}")
            lines.append(f"# TYPE {name} {kind}")
            for labels, metric in children.items():
                lines.extend(metric.samples(name, labels))
        return "\n".join(lines) + "\n"

    def _family(self, name: str, kind: str, help_text: str) -> dict[Labels, Metric]:
        known = self._families.get(name)
        if known is None:
            known = self._families[name] = (kind, help_text, {})
        assert known[0] == kind, f"metric {name} is a {known[0]} already"
        return known[2]


def _sample(name: str, labels: Labels, value: float) -> str:
    if not labels:
        return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
    inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels)
    return f"{name}{{{inside}}} {value:g}" if isinstance(value, float) else f"{name}{{{inside}}} {value}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
