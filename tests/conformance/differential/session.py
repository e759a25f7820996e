"""All cases against one broker: the answers, normalised."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ottla.common.names import Uuid, uuid_text
from tests.conformance.differential.asking import Asker, Run, Told, runs_of
from tests.conformance.differential.brokers import Target
from tests.conformance.differential.compare import Recorded
from tests.conformance.differential.normalise import Normaliser
from tests.conformance.differential.steps import Case

SLOW_S = 10
"""A run that takes longer waits for something that does not come: it is told."""

Ranges = Mapping[str, tuple[int, int]]
"""API name to the versions that are advertised."""


@dataclass(frozen=True)
class Session:
    """What one broker answered, by run, and how often it was asked, by API and version."""

    answers: dict[str, list[Recorded]]
    requests: dict[tuple[str, int], int] = field(default_factory=dict)
    advertised: Ranges = field(default_factory=dict)


async def advertised(target: Target) -> Ranges:
    asker = Asker(target.host, target.port)
    await asker.learn()
    return asker.advertised


async def ask_all(
    target: Target,
    cases: Iterable[Case],
    other: Ranges,
    *,
    doors: Mapping[str, int] | None = None,
    only: Sequence[str] | None = None,
    timeout_s: float | None = None,
) -> Session:
    """Runs what the broker and the `other` both advertise, in the versions that both have.

    doors: for some cases, by name, another port that leads to the same broker. only: these runs.
    """
    asker = Asker(target.host, target.port, doors or {}, timeout_s)
    await asker.learn()
    shared = {
        api: (max(asker.advertised[api][0], other[api][0]), min(asker.advertised[api][1], other[api][1]))
        for api in asker.advertised
        if api in other
    }
    asker.advertised = shared
    await asker.warm_up()
    runs = [run for one in cases for run in runs_of(one, shared) if only is None or run.name in only]
    told = await asker.run_all(runs)
    for name, seconds in sorted(asker.seconds.items(), key=lambda item: -item[1])[:5]:
        if seconds > SLOW_S:
            print(f"slow: {name} took {seconds:.1f} s at {target.port}", file=sys.stderr)
    answers = {run.name: _normalised(run, told[run.name], target, asker.topic_ids) for run in runs}
    return Session(answers, asker.requests, shared)


def _normalised(run: Run, told: Sequence[Told], target: Target, topic_ids: Mapping[str, Uuid]) -> list[Recorded]:
    rules = Normaliser(run.prefix, target.host, target.port, target.folder)
    for topic in run.case.topics:
        rules.know("topic id", uuid_text(topic_ids[run.prefix + topic.name]), topic.name)
    found = []
    for one in told:
        answer = rules.normalise(one.api, one.answer, one.sent, one.mine)
        if one.compare:
            found.append(Recorded(one.step, one.api, one.version, answer))
    return found
