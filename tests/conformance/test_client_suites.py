"""How runs of a foreign suite are read and compared."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.client_suites.franz_go import parse
from tests.conformance.client_suites.report import BEGIN, END, table, write
from tests.conformance.client_suites.suite import FAILED, NOT_OFFERED, PASSED, SKIPPED, judge


def test_what_passes_there_every_time_must_pass_here_every_time() -> None:
    there = [
        {"solid": PASSED, "flaky": PASSED, "never": FAILED, "lost": PASSED, "skipped": PASSED, "share": PASSED},
        {"solid": PASSED, "flaky": FAILED, "never": FAILED, "lost": PASSED, "skipped": PASSED, "share": PASSED},
    ]
    here = [
        {"solid": PASSED, "flaky": FAILED, "never": PASSED, "lost": PASSED, "skipped": SKIPPED, "share": NOT_OFFERED},
        {"solid": PASSED, "flaky": FAILED, "never": PASSED, "skipped": SKIPPED, "share": NOT_OFFERED},
    ]
    verdict = judge(there, here)
    assert verdict.less_here == {"lost": 1, "skipped": 0}
    assert (verdict.flaky_there, verdict.more_here) == (["flaky"], ["never"])
    assert verdict.not_offered == ["share"]
    assert "| it | 4 | 1 | 1 | 1 | 1 |" in table({"it": verdict}, 2)
    assert judge(there, [here[0], {**here[1], "share": SKIPPED}]).less_here == {"lost": 1, "skipped": 0, "share": 0}


def test_a_go_test_that_never_ended_has_failed() -> None:
    began = "".join(f"=== RUN   {name}\n" for name in ("TestA", "TestB", "TestB/x"))
    text = f"{began}    --- SKIP: TestB/x (0.00s)\n--- PASS: TestB (1.00s)\npanic: timed out\n"
    assert parse(text) == {"TestA": FAILED, "TestB": PASSED, "TestB/x": SKIPPED}


def test_a_go_test_of_share_groups_that_skips_itself_is_known_as_such() -> None:
    text = (
        "=== RUN   TestShare\n    share_test.go:1: broker does not support share groups (requires ShareFetch v2)\n"
        "--- SKIP: TestShare (0.00s)\n    client_test.go:2: no SCRAM\n--- SKIP: TestSCRAM (0.00s)\n"
    )
    assert parse(text) == {"TestShare": NOT_OFFERED, "TestSCRAM": SKIPPED}


def test_the_table_stands_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(page, "new")
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
