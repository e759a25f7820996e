"""The trace of a seed is the same in every process, whatever its hash seed, import order and garbage collector."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ottla.testing.trace import first_difference
from tests.simulation.echo_workload import run

ROOT = Path(__file__).parents[2]
REVERSED = ("ottla.testing.trace", "json", "ottla.testing.transport", "ottla.testing.disk", "ottla.common.errors")


def digest(seed: int, *, hash_seed: int, first: str = "") -> str:
    """Of a run in a process of its own, which executes `first` before it imports anything else."""
    code = f"{first}\nfrom tests.simulation.echo_workload import run\nprint(run({seed}).digest)"
    environment = {"PYTHONHASHSEED": str(hash_seed), "PATH": "", "PYTHONPATH": f"{ROOT / 'src'}"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_seed_has_one_trace_in_every_process() -> None:
    first = digest(1, hash_seed=1)
    assert first == run(1).digest
    assert first == digest(1, hash_seed=2, first=f"import gc, {', '.join(REVERSED)}; gc.disable()")


def test_other_seeds_have_other_traces() -> None:
    assert len({run(seed).digest for seed in range(5)}) == 5


def test_a_seed_repeats_itself_within_one_process_line_by_line() -> None:
    one, two = run(3, keep_trace=True), run(3, keep_trace=True)
    assert one.lines is not None and two.lines is not None
    assert first_difference(one.lines, two.lines) is None
    assert one.digest == two.digest
    assert len(one.lines) > 1000
