"""Runs the suites on Apache Kafka and on Ottla, and compares.

bin/client-suites                             # three rounds of everything, and the table in docs/compatibility.md
bin/client-suites --rounds 1 --suite franz-go --only ottla     # a look, without a table
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conformance import kafka_broker
from tests.conformance.client_suites import report
from tests.conformance.client_suites.franz_go import FranzGo
from tests.conformance.client_suites.kafka_python import KafkaPython
from tests.conformance.client_suites.suite import FAILED, NOT_OFFERED, PASSED, SKIPPED, Outcomes, Suite, Verdict, judge
from tests.conformance.ottla_broker import ROOT, OttlaBroker

FOLDER = ROOT / "build" / "client-suites"
_KAFKA = {
    "offsets.topic.num.partitions": "50", "transaction.state.log.num.partitions": "50",
    "share.coordinator.state.topic.replication.factor": "1", "share.coordinator.state.topic.min.isr": "1",
}  # fmt: skip


@contextmanager
def running(which: str) -> Iterator[str]:
    """A fresh broker of the kind; its address."""
    with tempfile.TemporaryDirectory(prefix="ottla-suites-") as name:
        if which == "kafka":
            kafka = kafka_broker.start(Path(name) / "kafka", _KAFKA)
            try:
                yield kafka.address
            finally:
                kafka_broker.stop(kafka)
        else:
            with OttlaBroker(Path(name)) as ottla:
                yield ottla.address


def rounds_of(suite: Suite, which: str, rounds: int) -> list[Outcomes]:
    found = []
    with running(which) as address:
        for number in range(1, rounds + 1):
            outcomes = suite.run(address, number)
            failed = sorted(name for name, outcome in outcomes.items() if outcome == FAILED)
            counts = ", ".join(
                f"{sum(outcome == word for outcome in outcomes.values())} {word}"
                for word in (PASSED, FAILED, SKIPPED, NOT_OFFERED)
            )
            print(f"{suite.name} on {which}, round {number}: {counts}", flush=True)
            for test in failed:
                print(f"  {test}")
            found.append(outcomes)
    return found


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/client-suites", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--suite", choices=("kafka-python", "franz-go"), action="append")
    parser.add_argument("--only", choices=("kafka", "ottla"), help="one broker alone; nothing is compared")
    parser.add_argument("--records", type=int, default=50_000, help="records of each large test of franz-go")
    chosen = parser.parse_args(words)
    every: dict[str, Suite] = {"kafka-python": KafkaPython(FOLDER), "franz-go": FranzGo(FOLDER, chosen.records)}
    suites = [suite for name, suite in every.items() if not chosen.suite or name in chosen.suite]
    verdicts: dict[str, Verdict] = {}
    for suite in suites:
        suite.prepare()
        if chosen.only:
            rounds_of(suite, chosen.only, chosen.rounds)
            continue
        verdicts[suite.name] = judge(rounds_of(suite, "kafka", chosen.rounds), rounds_of(suite, "ottla", chosen.rounds))
    if not verdicts:
        return 0
    text = report.table(verdicts, chosen.rounds)
    print(text)
    if not chosen.suite:
        report.write(ROOT / "docs" / "compatibility.md", text)
    return 1 if any(verdict.less_here for verdict in verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
