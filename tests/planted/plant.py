"""Known bugs, planted one at a time into a copy of the source, and the tests that must find them.

A patch begins with what the bug is and the tests that are expected to find it:

    Bug: the acknowledgement is sent before the batch is appended.
    Found by: tests/simulation/test_torture.py::test_histories_are_right_whatever_the_seed

python -m tests.planted.plant            # all of them, as a table
python -m tests.planted.plant 03 11      # these
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent
_COPIED = ("src/ottla", "tests/unit", "tests/property", "tests/simulation", "tests/growth")
_TIMEOUT_S = 120
_WORKERS = 2
_FAILED, _PASSED = 1, 0

_RUN = """
import sys, pathlib, ottla, pytest
here = pathlib.Path.cwd().resolve()
assert here in pathlib.Path(ottla.__file__).resolve().parents, f"not the planted source: {ottla.__file__}"
sys.exit(pytest.main(sys.argv[1:]))
"""


class DoesNotApply(Exception):
    """The source has changed under a patch: plant the bug anew, by hand."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One patch. `tests`: pytest node ids."""

    name: str
    path: Path
    bug: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`found_by`: the test that failed, and the seed if it has one; None: the suite did not notice."""

    planted: Planted
    found_by: str | None
    output: str


def planted_bugs() -> list[Planted]:
    return [_read(path) for path in sorted(FOLDER.glob("[0-9]*.patch"))]


def _read(path: Path) -> Planted:
    head = path.read_text(encoding="utf-8").partition("\ndiff ")[0]
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    return Planted(path.stem, path, fields["Bug"], tuple(fields["Found by"].split()))


def plant(planted: Planted, folder: Path) -> None:
    """Copies source and tests into `folder` and applies the patch there. Raises DoesNotApply."""
    for part in _COPIED:
        shutil.copytree(ROOT / part, folder / part)
    for file in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy2(ROOT / file, folder / file)
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}  # not a change to our repository
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", str(planted.path)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise DoesNotApply(
            f"{planted.path.name} no longer applies: the source it changes has moved on. "
            f"Plant the same bug in the new source and save its diff.\n{done.stderr}"
        )


def judge(planted: Planted) -> Verdict:
    """Plants one bug and runs the tests that should find it. Raises DoesNotApply."""
    with tempfile.TemporaryDirectory(prefix="ottla-planted-") as name:
        folder = Path(name)
        plant(planted, folder)
        done = subprocess.run(
            [
                sys.executable, "-c", _RUN, "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist",
                "--tb=short", *planted.tests,
            ],
            cwd=folder, env={**os.environ, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}"},
            capture_output=True, text=True, check=False, timeout=_TIMEOUT_S,
        )  # fmt: skip
    output = done.stdout + done.stderr
    if done.returncode not in (_FAILED, _PASSED):
        raise AssertionError(f"{planted.name}: the tests did not run (pytest ended with {done.returncode}):\n{output}")
    return Verdict(planted, finder(output) if done.returncode == _FAILED else None, output)


def finder(output: str) -> str:
    """The test that pytest says has failed, with its whole parameter, and the seed if it has one."""
    failed = re.search(r"^FAILED (\S+?::\w+(?:\[.*?\])?)(?= - |$)", output, re.MULTILINE)
    assert failed is not None, output
    seed = re.search(r"(?:torture|seed) (\d+)", output)
    return failed[1] + (f", seed {seed[1]}" if seed else "")


def main(words: list[str]) -> int:
    chosen = [one for one in planted_bugs() if not words or one.name.split("-")[0] in words]
    with ThreadPoolExecutor(_WORKERS) as workers:
        ends = list(workers.map(_end, chosen))
    print("| planted bug | found by |\n|---|---|")
    for planted, (_, text) in zip(chosen, ends, strict=True):
        print(f"| {planted.name}: {planted.bug} | {text} |")
    return 0 if all(found for found, _ in ends) else 1


def _end(planted: Planted) -> tuple[bool, str]:
    try:
        found_by = judge(planted).found_by
    except (DoesNotApply, AssertionError) as error:
        return False, f"ERROR: {str(error).splitlines()[0]}"
    return (False, "NOT FOUND") if found_by is None else (True, f"`{found_by}`")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
