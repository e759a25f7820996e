"""What differs between two normalised answers, and between all answers of two brokers."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ottla.protocol.api import BY_NAME
from tests.conformance.differential.trees import Tree

MISSING = "(missing)"


@dataclass(frozen=True)
class Recorded:
    """What one step of one run brought, normalised."""

    step: str
    api: str
    version: int
    answer: Tree


@dataclass(frozen=True, order=True)
class Difference:
    """`path` is that of the field, `[]` for any entry of a list. A difference counts once by API, version and path."""

    api: str
    version: int
    path: str
    run: str
    step: str
    kafka: str
    ottla: str

    @property
    def place(self) -> tuple[str, int, str]:
        return self.api, self.version, self.path

    def __str__(self) -> str:
        place = f"{self.api} v{self.version} {self.path or '(answer)'}"
        return f"{place}: Kafka {cut(self.kafka)}, Ottla {cut(self.ottla)}  [{self.run} {self.step}]"


def cut(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[:limit] + "..."


def compare_runs(
    kafka: Mapping[str, Sequence[Recorded]], ottla: Mapping[str, Sequence[Recorded]], shared: Iterable[str]
) -> Iterator[Difference]:
    """Over the runs that Ottla made: it may lack an API. `shared`: the APIs that both advertise."""
    keys = {BY_NAME[api].key for api in shared}
    for run, told in ottla.items():
        expected = kafka[run]
        for theirs, ours in zip(expected, told, strict=False):
            assert (theirs.step, theirs.api, theirs.version) == (ours.step, ours.api, ours.version), run
            for path, left, right in differences(_shared(theirs.answer, keys), _shared(ours.answer, keys)):
                yield Difference(ours.api, ours.version, path, run, ours.step, json.dumps(left), json.dumps(right))
        assert len(expected) == len(told), f"{run}: {len(expected)} steps and {len(told)}"


SWITCHES = {"share.version": 76, "streams.version": 88}
"""Features that are nothing but the switch of APIs, by the key of one of these."""


def _shared(answer: Tree, keys: set[int]) -> Tree:
    """ApiVersions without the rows of APIs that only one has, and the features that switch these on: those are told by
    key, outside the count."""
    if not isinstance(answer, dict) or not isinstance(answer.get("api_keys"), list):
        return answer
    shared = {**answer, "api_keys": [row for row in answer["api_keys"] if row["api_key"] in keys]}
    for name in ("supported_features", "finalized_features"):
        if name in answer:
            shared[name] = [row for row in answer[name] if SWITCHES.get(row["name"], -1) in {-1, *keys}]
    return shared


def differences(kafka: Tree, ottla: Tree, path: str = "") -> Iterator[tuple[str, Tree, Tree]]:
    """Path and both values of each field that differs. null, nothing, 0, "" and [] are all different."""
    if isinstance(kafka, dict) and isinstance(ottla, dict):
        for key in [*kafka, *(key for key in ottla if key not in kafka)]:
            inner = f"{path}.{key}" if path else key
            yield from differences(kafka.get(key, MISSING), ottla.get(key, MISSING), inner)
    elif isinstance(kafka, list) and isinstance(ottla, list):
        pairs, left_over, right_over = _paired(kafka, ottla)
        for left, right in pairs:
            yield from differences(left, right, f"{path}[]")
        if left_over or right_over:
            yield f"{path}[]", left_over, right_over
    elif type(kafka) is not type(ottla) or kafka != ottla:
        yield path, kafka, ottla


def _paired(kafka: list[Tree], ottla: list[Tree]) -> tuple[list[tuple[Tree, Tree]], list[Tree], list[Tree]]:
    """Entries that belong together, and what is left over on either side.

    By place if the lists are equally long. Else an entry that only one side has must not make all behind it differ:
    named entries are paired by name, and of those left over the names are told; others by what is equal.
    """
    if len(kafka) == len(ottla):
        return list(zip(kafka, ottla, strict=True)), [], []
    left, right = _by_name(kafka), _by_name(ottla)
    if left is not None and right is not None:
        both = [(left[name], right[name]) for name in left if name in right]
        return both, _names(left, right), _names(right, left)
    shown = [[json.dumps(one) for one in entries] for entries in (kafka, ottla)]
    pairs: list[tuple[Tree, Tree]] = []
    over: tuple[list[Tree], list[Tree]] = ([], [])
    for kind, start, end, other, last in difflib.SequenceMatcher(None, *shown, autojunk=False).get_opcodes():
        if kind != "equal":
            common = min(end - start, last - other)
            pairs += zip(kafka[start : start + common], ottla[other : other + common], strict=True)
            over[0].extend(kafka[start + common : end])
            over[1].extend(ottla[other + common : last])
    return pairs, *over


def _names(some: Iterable[str], others: Iterable[str]) -> list[Tree]:
    """Those that the others lack; our own settings, of which there may be more every day, as one."""
    known = set(others)
    return list(dict.fromkeys("ottla.*" if one.startswith("ottla.") else one for one in some if one not in known))


def _by_name(entries: list[Tree]) -> dict[str, Tree] | None:
    """None if the entries have no names, or two have the same."""
    if not entries or not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in entries):
        return None if entries else {}
    named = {one["name"]: one for one in entries}
    return named if len(named) == len(entries) else None
