"""The table of the suites, in docs/compatibility.md between its two marks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.conformance.client_suites.suite import Verdict

BEGIN, END = "<!-- client suites: begin -->", "<!-- client suites: end -->"


def table(verdicts: Mapping[str, Verdict], rounds: int) -> str:
    lines = [
        f"`bin/client-suites` runs each suite {rounds} times on each broker. A test counts where it passed every time.",
        "",
        "| suite | passed on Apache Kafka 4.3.1 | of these on Ottla | not offered on Ottla | flaky on Kafka "
        "| only on Ottla |",
        "|---|---|---|---|---|---|",
    ]
    for name, verdict in verdicts.items():
        there = len(verdict.passed_there)
        lines.append(
            f"| {name} | {there} | {there - len(verdict.less_here) - len(verdict.not_offered)} "
            f"| {len(verdict.not_offered)} | {len(verdict.flaky_there)} | {len(verdict.more_here)} |"
        )
    for name, verdict in verdicts.items():
        for test, times in verdict.less_here.items():
            lines.append(f"- {name}: `{test}` passed {times} of {rounds} times on Ottla.")
        if verdict.not_offered:
            lines.append(
                f"- {name}, not offered: {_named(verdict.not_offered)}. They are about share groups, whose APIs Ottla "
                "does not announce yet, and skip themselves."
            )
        if verdict.flaky_there:
            lines.append(f"- {name}, not every time on Kafka: {_named(verdict.flaky_there)}.")
    return "\n".join(lines)


def _named(tests: list[str]) -> str:
    return ", ".join(f"`{test}`" for test in tests)


def write(page: Path, text: str) -> None:
    """Replaces what stands between the marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    assert found, f"{page} lacks {BEGIN} and {END}"
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
