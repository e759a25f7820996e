"""Ottla answers as Kafka 4.3.1 did when its answers were recorded, and the harness notices wrong ones.

`bin/differential` does the same beside a running Kafka. It takes longer than a test should; run it after a change of
behaviour, and `bin/differential --record` after a change of the cases.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from ottla.common.errors import BY_CODE, UnknownServerError
from tests.conformance.differential import brokers, cases, explained, observed, recorder, tools
from tests.conformance.differential.compare import Difference, compare_runs
from tests.conformance.differential.lies import LIES
from tests.conformance.differential.lying_proxy import Lie, LyingProxy
from tests.conformance.differential.session import ask_all

pytestmark = pytest.mark.process

IMPATIENT_S = 4
"""How long a proof waits for an answer: some lies are no answer at all."""


def test_ottla_answers_as_kafka_did(tmp_path: Path) -> None:
    theirs, _ = recorder.read()
    with brokers.ottla(tmp_path / "ottla") as ottla:
        ours = asyncio.run(ask_all(ottla, cases.all_cases(), theirs.advertised))
    found = list(compare_runs(theirs.answers, ours.answers, ours.advertised))
    known = explained.rows()
    assert not [str(one) for one in explained.unexplained(found, known)]
    assert not list(explained.gone(found, known, set(ours.requests)))


def test_what_kafka_leaves_unanswered_gets_an_error_with_a_name() -> None:
    rows = [row for row in explained.rows() if row.unanswered]
    answers = [row for row in rows if not row.path or row.path.endswith("error_code")]
    assert {row.case for row in answers} == {row.case for row in rows}
    for row in answers:
        assert row.kafka == ("-1" if row.path else '"silence"')
        codes = [int(code) for code in re.findall(r'"error_code": (-?\d+)', row.ottla)] or [int(row.ottla)]
        assert any(codes) and UnknownServerError.code not in codes and set(codes) <= {0, *BY_CODE}


def test_fewer_than_ten_differences_outside_records_groups_and_transactions() -> None:
    rows = [row for row in explained.rows() if row.api not in explained.CLIENT_APIS and not row.unanswered]
    places = {(row.api, version, row.path) for row in rows for version in range(row.oldest, row.newest + 1)}
    assert 0 < len(places) < 10


def test_each_observation_is_asked_again_or_says_why_not() -> None:
    steps = {one.name: {step.name for step in one.steps} for one in cases.all_cases()}
    for _, what, where in observed.ROWS:
        name, _, step = where.partition(": ")
        assert where.startswith("*") or (name in steps and (not step or step in steps[name])), (what, where)
    assert len({(chapter, what) for chapter, what, _ in observed.ROWS}) == len(observed.ROWS)


@pytest.mark.skipif(shutil.which("java") is None, reason="Kafka's tools need Java")
def test_tools_print_what_they_print_for_kafka(tmp_path: Path) -> None:
    """One or two commands of each tool: they take a second each. `bin/differential` runs all."""
    _, theirs = recorder.read()
    with brokers.ottla(tmp_path / "ottla") as ottla:
        ours = tools.outputs(ottla, tmp_path / "tools", tools.quick())
    found = list(tools.compared(theirs, ours))
    assert not list(map(str, explained.unexplained_tools(found)))
    assert not explained.gone_tools(found, ours)


def test_every_version_of_every_api_is_asked(tmp_path: Path) -> None:
    from tests.conformance.differential.asking import runs_of
    from tests.conformance.differential.steps import Ask

    theirs, _ = recorder.read()
    asked = {(one.api, one.version) for told in theirs.answers.values() for one in told}
    lacking = [
        (api, version)
        for api, (oldest, newest) in theirs.advertised.items()
        if any(isinstance(step, Ask) and step.api == api for one in cases.all_cases() for step in one.steps)
        for version in range(max(oldest, 3 if api == "Produce" else 0), newest + 1)
        if (api, version) not in asked
    ]
    assert not lacking
    assert {run.name for one in cases.all_cases() for run in runs_of(one, theirs.advertised)} == set(theirs.answers)


def test_every_lie_is_noticed_and_the_truth_is_not(tmp_path: Path) -> None:
    honest = _differences(tmp_path / "direct", None)
    handed_on = _differences(tmp_path / "through a proxy", [])
    assert {(one.run, one.step, one.place) for one in handed_on} == {(one.run, one.step, one.place) for one in honest}
    lied = _differences(tmp_path / "lies", LIES)
    before = {(one.run, one.step, one.place, one.ottla) for one in honest}
    noticed = {one.run.partition("/")[0] for one in lied if (one.run, one.step, one.place, one.ottla) not in before}
    assert not [lie.name for lie in LIES if lie.case not in noticed]


def _differences(folder: Path, lies: Sequence[Lie] | None) -> list[Difference]:
    """Of the first run of each case with a lie. None: without a proxy; nothing: through one that does not lie."""
    theirs, _ = recorder.read()
    wanted = [lie.case for lie in LIES]
    assert len(set(wanted)) == len(wanted), "one lie for a case"
    chosen = [one for one in cases.all_cases() if one.name in wanted]

    async def ask(target: brokers.Target) -> list[Difference]:
        async with contextlib.AsyncExitStack() as stack:
            proxies = (
                {}
                if lies is None
                else {lie.case: LyingProxy(target.host, target.port, lie if lies else None) for lie in LIES}
            )
            doors = {case: await stack.enter_async_context(proxy.listening()) for case, proxy in proxies.items()}
            only = [f"{case}/0" for case in wanted]
            ours = await ask_all(target, chosen, theirs.advertised, doors=doors, only=only, timeout_s=IMPATIENT_S)
            if lies:
                assert not [lie.name for lie in lies if not proxies[lie.case].told], "told to nobody"
            return list(compare_runs(theirs.answers, ours.answers, ours.advertised))

    with brokers.ottla(folder) as target:
        return asyncio.run(ask(target))
