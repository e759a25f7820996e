"""What differs between two normalised answers, and between all answers of two brokers."""

from __future__ import annotations

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
        return f"{place}: Kafka {self.kafka}, Ottla {self.ottla}  [{self.run} {self.step}]"


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
                yield Difference(ours.api, ours.version, path, run, ours.step, _shown(left), _shown(right))
        assert len(expected) == len(told), f"{run}: {len(expected)} steps and {len(told)}"


def _shared(answer: Tree, keys: set[int]) -> Tree:
    """ApiVersions without the rows of APIs that only one has: those are told by key, outside the count."""
    if isinstance(answer, dict) and isinstance(answer.get("api_keys"), list):
        return {**answer, "api_keys": [row for row in answer["api_keys"] if row["api_key"] in keys]}
    return answer


def differences(kafka: Tree, ottla: Tree, path: str = "") -> Iterator[tuple[str, Tree, Tree]]:
    """Path and both values of each field that differs. null, nothing, 0, "" and [] are all different."""
    if isinstance(kafka, dict) and isinstance(ottla, dict):
        for key in [*kafka, *(key for key in ottla if key not in kafka)]:
            inner = f"{path}.{key}" if path else key
            yield from differences(kafka.get(key, MISSING), ottla.get(key, MISSING), inner)
    elif isinstance(kafka, list) and isinstance(ottla, list):
        if len(kafka) != len(ottla):
            yield f"{path}[]", kafka, ottla
            return
        for left, right in zip(kafka, ottla, strict=True):
            yield from differences(left, right, f"{path}[]")
    elif type(kafka) is not type(ottla) or kafka != ottla:
        yield path, kafka, ottla


def _shown(value: Tree, limit: int = 300) -> str:
    text = json.dumps(value)
    return text if len(text) <= limit else text[:limit] + "..."
