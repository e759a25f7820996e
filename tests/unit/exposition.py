"""A strict reader of Prometheus' text format 0.0.4: whatever a scrape would take with a shrug is an error here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import inf

_NAME = r"[a-z_][a-z0-9_]*"
_SAMPLE = re.compile(rf'({_NAME})(\{{((?:{_NAME}="(?:[^"\\\n]|\\[\\"n])*",?)*)\}})? (\S+)')
_LABEL = re.compile(rf'({_NAME})="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}
_KINDS = ("counter", "gauge", "histogram", "summary")

Labels = tuple[tuple[str, str], ...]


@dataclass
class Family:
    """One name: its kind, its meaning, and its samples by the whole name and the labels, which are sorted."""

    name: str
    help_text: str
    kind: str = ""
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def label_names(self) -> list[str]:
        """Those that the kind does not bring by itself."""
        names = dict.fromkeys(name for _, labels in self.samples for name, _ in labels)
        return [name for name in names if name not in _MADE[self.kind]]


_MADE = {"counter": (), "gauge": (), "histogram": ("le",), "summary": ("quantile",)}


class Page:
    """A page, read whole. Raises AssertionError with the line that is wrong."""

    def __init__(self, text: str) -> None:
        assert text.endswith("\n"), "the last line has no end"
        self.families: dict[str, Family] = {}
        family: Family | None = None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                _, _, name, help_text = line.split(" ", 3)
                assert re.fullmatch(_NAME, name), line
                assert help_text, f"{line}: no meaning"
                assert name not in self.families, f"{name} comes twice"
                assert family is None or family.kind, f"{family} has no type"
                family = self.families[name] = Family(name, help_text)
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert family is not None, line
                assert family.name == name, line
                assert not family.kind, line
                assert kind in _KINDS, line
                assert (kind == "counter") == name.endswith("_total"), (
                    f"{line}: counters, and they alone, end in _total"
                )
                family.kind = kind
            else:
                assert family is not None, line
                _read(family, line)
        for one in self.families.values():
            if one.kind == "histogram":
                _check_histogram(one)

    def value(self, name: str, **labels: str) -> float:
        """Of one sample; raises KeyError."""
        for family in self.families.values():
            found = family.samples.get((name, tuple(sorted(labels.items()))))
            if found is not None:
                return found
        raise KeyError(name, labels)

    def values(self, name: str) -> dict[Labels, float]:
        """Of all samples of a family without suffixes."""
        return {labels: value for (_, labels), value in self.families[name].samples.items()}


def _read(family: Family, line: str) -> None:
    found = _SAMPLE.fullmatch(line)
    assert found is not None, f"no sample: {line!r}"
    name, _, inside, text = found.groups()
    labels = _labels(inside or "")
    suffix = name.removeprefix(family.name)
    assert name.startswith(family.name), f"{line}: stands below {family.name}"
    assert suffix in _SUFFIXES.get(family.kind, ("",)), line
    assert (name, labels) not in family.samples, f"comes twice: {line}"
    value = float(text)
    if family.kind == "counter" or suffix in ("_bucket", "_count"):
        assert value >= 0, line
    family.samples[name, labels] = value


def _labels(inside: str) -> Labels:
    found = _LABEL.findall(inside)
    assert "".join(f'{name}="{text}",' for name, text in found).rstrip(",") == inside.rstrip(","), inside
    names = [name for name, _ in found]
    assert len(set(names)) == len(names), f"a label comes twice: {inside}"
    return tuple(sorted((name, re.sub(r"\\.", lambda one: _ESCAPES[one[0]], text)) for name, text in found))


def _check_histogram(family: Family) -> None:
    """Buckets rise with their bounds, the last is infinite and says as many as the count; each has a sum."""
    series: dict[Labels, list[tuple[float, float]]] = {}
    for (name, labels), value in family.samples.items():
        if name.endswith("_bucket"):
            bound = float(dict(labels)["le"])
            rest = tuple(one for one in labels if one[0] != "le")
            series.setdefault(rest, []).append((bound, value))
    for labels, buckets in series.items():
        assert buckets == sorted(buckets), f"{family.name}{labels}: the bounds or their counts fall"
        counts = [count for _, count in buckets]
        assert counts == sorted(counts), f"{family.name}{labels}: not cumulative"
        assert buckets[-1] == (inf, family.samples[f"{family.name}_count", labels]), labels
        assert (f"{family.name}_sum", labels) in family.samples, labels
