"""A suite must be able to fail: every known bug, planted into a copy of the source, is found by the tests it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planted.plant import FOLDER, ROOT, DoesNotApply, Planted, finder, judge, plant, planted_bugs

BUGS = planted_bugs()
AT_LEAST = 14


@pytest.mark.parametrize("planted", BUGS, ids=[planted.name for planted in BUGS])
def test_a_planted_bug_is_found(planted: Planted) -> None:
    verdict = judge(planted)
    assert verdict.found_by is not None, f"nothing found that {planted.bug}\n{verdict.output}"
    print(f"{planted.name} found by {verdict.found_by}")


def test_there_are_enough_of_them_and_the_documentation_lists_each() -> None:
    assert len(BUGS) >= AT_LEAST
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for planted in BUGS:
        row = [line for line in rows if line.startswith(f"| {planted.name}: {planted.bug} |")]
        assert len(row) == 1, f"docs/testing.md does not list {planted.name}: {planted.bug}"
        assert any(test.split("[")[0] in row[0] for test in planted.tests), f"{row[0]} names another test"


def test_a_patch_that_no_longer_applies_is_told_apart_from_a_bug_that_was_not_found(tmp_path: Path) -> None:
    patch = tmp_path / "00-gone.patch"
    patch.write_text(
        "diff --git a/src/ottla/__init__.py b/src/ottla/__init__.py\n--- a/src/ottla/__init__.py\n"
        "+++ b/src/ottla/__init__.py\n@@ -1,1 +1,1 @@\n-this line is not there\n+nor this\n"
    )
    with pytest.raises(DoesNotApply, match=r"00-gone\.patch no longer applies"):
        plant(Planted("00-gone", patch, "", ()), tmp_path / "copy")


@pytest.mark.parametrize(
    ("test", "told", "found"),
    [
        ("tests/a.py::test_b[length -1-False]", " - assert 1 == 2", "tests/a.py::test_b[length -1-False]"),
        ("tests/a.py::test_b", "", "tests/a.py::test_b"),
        ("tests/a.py::test_b[0]", " - AssertionError: seed 7", "tests/a.py::test_b[0], seed 7"),
    ],
)
def test_a_finder_is_named_with_its_whole_parameter(test: str, told: str, found: str) -> None:
    assert finder(f"1 failed\nFAILED {test}{told}\nstopping after 1 failure\n") == found


def test_nothing_but_numbered_patches_lies_beside() -> None:
    names = sorted(path.name for path in FOLDER.glob("*.patch"))
    assert names == [planted.path.name for planted in BUGS]
