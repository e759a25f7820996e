"""The command: `bin/differential`. See `--help`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import fnmatch
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ottla.protocol.api import BY_NAME
from tests.conformance.differential import brokers, cases, explained, recorder, tools
from tests.conformance.differential.cases import random_requests
from tests.conformance.differential.compare import Difference, compare_runs, cut
from tests.conformance.differential.random_cases import random_case
from tests.conformance.differential.session import Ranges, Session, advertised, ask_all
from tests.conformance.differential.steps import Case


def main() -> int:
    options = _options()
    chosen = _chosen(options)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="differential-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        if options.record:
            _record(folder, chosen, everything=options.cases == "*")
            print(f"{recorder.RECORDED}: {recorder.RECORDED.stat().st_size} bytes")
            return 0
        if options.tools:
            return _tools(folder, options.verbose)
        theirs, ours, missing = _ask(options, folder, stack, chosen)
    found = sorted(compare_runs(theirs.answers, ours.answers, ours.advertised))
    known = [] if options.self else explained.rows()
    new = explained.unexplained(found, known)
    if options.random:
        new = firsts(new, ours)
    for line in (str(one) for one in new) if options.verbose else summary(new):
        print(line)
    lost = list(explained.gone(found, known, set(ours.requests))) if _is_whole(options) else []
    for row in lost:
        print("listed in differences.md, and gone:", row)
    _print_count(found, new, ours, missing, time.monotonic() - started)
    if options.coverage:
        _print_coverage(ours)
    failed = bool(new or lost)
    if _is_whole(options) and not (options.self or options.recorded or options.no_tools):
        with tempfile.TemporaryDirectory(prefix="differential-") as name:
            failed |= bool(_tools(Path(name), options.verbose))
    return failed


def _chosen(options: argparse.Namespace) -> list[Case]:
    if options.random:
        first, _, last = options.random.partition("-")
        return [random_case(seed, random_requests.ADVERTISED) for seed in range(int(first), int(last or first) + 1)]
    return [one for one in cases.all_cases() if fnmatch.fnmatch(one.name, options.cases)]


def _is_whole(options: argparse.Namespace) -> bool:
    return options.cases == "*" and not options.random


def firsts(found: Sequence[Difference], ours: Session) -> list[Difference]:
    """Those of the first step of each run that has any: what comes later may follow from it."""
    places = {run: {told.step: place for place, told in enumerate(answers)} for run, answers in ours.answers.items()}
    first: dict[str, int] = {}
    for one in found:
        first[one.run] = min(first.get(one.run, len(places[one.run])), places[one.run][one.step])
    return [one for one in found if places[one.run][one.step] == first[one.run]]


def _record(folder: Path, chosen: Sequence[Case], *, everything: bool) -> None:
    """All anew, or some cases among those that are there."""
    with brokers.kafka(folder / "kafka") as kafka:
        session = asyncio.run(_alone(kafka, chosen))
    if everything:
        with brokers.kafka(folder / "for-tools") as kafka:  # they leave things behind
            printed = tools.outputs(kafka, folder / "tools")
    else:
        before, printed = recorder.read()
        session = dataclasses.replace(before, answers={**before.answers, **session.answers})
    recorder.write(session, printed)


def _tools(folder: Path, verbose: bool) -> int:
    """On brokers of their own: some commands list everything that there is."""
    with brokers.kafka(folder / "for-tools" / "kafka") as kafka, brokers.ottla(folder / "for-tools" / "ottla") as ottla:
        printed, ours = tools.both(kafka, ottla, folder / "tools")
    found = list(tools.compared(printed, ours))
    if verbose:
        print("\n".join(f"{command}\n{text}" for command, text in printed.items()))
    new, lost = explained.unexplained_tools(found), explained.gone_tools(found, ours)
    print("\n".join(map(str, new)))
    for command in lost:
        print("listed in differences.md, and gone:", command)
    print(f"{len(found)} of {len(tools.COMMANDS)} commands print something else, {len(found) - len(new)} explained")
    return bool(new or lost)


def _ask(
    options: argparse.Namespace, folder: Path, stack: contextlib.ExitStack, chosen: Sequence[Case]
) -> tuple[Session, Session, list[str]]:
    if options.recorded:
        theirs, _ = recorder.read()
        ottla = stack.enter_context(brokers.ottla(folder / "ottla"))
        ours = asyncio.run(ask_all(ottla, chosen, theirs.advertised))
        return theirs, ours, not_ours(theirs.advertised, ours.advertised)
    kafka = stack.enter_context(brokers.kafka(folder / "kafka"))
    if options.self:
        other = stack.enter_context(brokers.kafka(folder / "second"))
    else:
        other = stack.enter_context(brokers.ottla(folder / "ottla"))
    return asyncio.run(_both(kafka, other, chosen))


async def _both(
    kafka: brokers.Target, other: brokers.Target, chosen: Sequence[Case]
) -> tuple[Session, Session, list[str]]:
    left, right = await asyncio.gather(advertised(kafka), advertised(other))
    theirs, ours = await asyncio.gather(ask_all(kafka, chosen, right), ask_all(other, chosen, left))
    return theirs, ours, not_ours(left, right)


async def _alone(kafka: brokers.Target, chosen: Sequence[Case]) -> Session:
    return await ask_all(kafka, chosen, await advertised(kafka))


def not_ours(theirs: Ranges, ours: Ranges) -> list[str]:
    """What Kafka advertises and the other does not."""
    return sorted(set(theirs) - set(ours), key=lambda api: BY_NAME[api].key)


def summary(found: Sequence[Difference]) -> list[str]:
    """One line for each API, path and pair of values, with the versions and the cases that have it."""
    alike: dict[tuple[str, str, str, str], list[Difference]] = {}
    for one in found:
        case, _, index = one.run.partition("/")
        kafka, ottla = (cut(value.replace(f"{case}-{index}-", "<run>")) for value in (one.kafka, one.ottla))
        alike.setdefault((one.api, one.path, kafka, ottla), []).append(one)
    lines = []
    for (api, path, kafka, ottla), ones in alike.items():
        versions = sorted({one.version for one in ones})
        where = sorted({f"{one.run.partition('/')[0]}: {one.step}" for one in ones})
        place = f"{api} v{versions[0]}-{versions[-1]} {path or '(answer)'}"
        lines.append(f"{place} | {kafka} | {ottla} | {'; '.join(where[:6])}")
    return lines


def _print_count(
    found: Sequence[Difference], new: Sequence[Difference], ours: Session, missing: Sequence[str], seconds: float
) -> None:
    places, known = {one.place for one in found}, {one.place for one in found} - {one.place for one in new}
    print(
        f"\n{len(places)} differences by API, version and field, {len(known)} of them explained; outside records, "
        f"groups and transactions {len(explained.other_places(found, explained.rows()))}\n"
        f"{sum(ours.requests.values())} requests, {len(ours.requests)} API versions, {len(ours.answers)} runs, "
        f"{seconds:.0f} s\n"
        "not advertised, not counted: " + (", ".join(f"{BY_NAME[api].key} {api}" for api in missing) or "none")
    )


def _print_coverage(session: Session) -> None:
    by_api: dict[str, Counter[int]] = {}
    for (api, version), count in session.requests.items():
        by_api.setdefault(api, Counter())[version] += count
    for api in sorted(session.advertised, key=lambda name: BY_NAME[name].key):
        oldest, newest = session.advertised[api]
        versions = range(max(oldest, BY_NAME[api].versions[0]), newest + 1)
        asked = by_api.get(api, Counter())
        lacking = [str(version) for version in versions if version not in asked]
        note = f", NOT {', '.join(lacking)}" if lacking else ""
        print(f"{BY_NAME[api].key:3} {api:28} {sum(asked.values()):6} requests, versions {oldest} to {newest}{note}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/differential", description="Ottla beside Apache Kafka 4.3.1.")
    parser.add_argument("--self", action="store_true", help="Kafka beside Kafka: must find nothing")
    parser.add_argument(
        "--record", action="store_true", help="write Kafka's answers (or those of --cases) for where Java is missing"
    )
    parser.add_argument("--recorded", action="store_true", help="compare with the written answers")
    parser.add_argument("--tools", action="store_true", help="only Kafka's command-line tools against both")
    parser.add_argument("--no-tools", action="store_true", help="only the requests, without Kafka's command-line tools")
    parser.add_argument("--cases", default="*", help="a pattern of the names of cases")
    parser.add_argument("--random", metavar="A-B", help="runs from these seeds instead of the cases")
    parser.add_argument("--verbose", action="store_true", help="every difference, not one line for each sort")
    parser.add_argument("--coverage", action="store_true", help="requests by API, and versions not asked")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
