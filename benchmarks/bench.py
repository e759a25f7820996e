"""Runs the rows on both sides in alternation and prints the table. See `bin/bench --help`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import report
from benchmarks.bed import BROKER_CORE, CLIENT_CORE, Bed
from benchmarks.brokers import SIDES, Ottla, other
from benchmarks.row import Row
from benchmarks.rows import compaction, coordination, crowds, requests, starting, throughput
from benchmarks.wire import Refused

ROWS: tuple[Row, ...] = (
    *throughput.ROWS,
    *requests.ROWS,
    *coordination.ROWS,
    *starting.ROWS,
    *compaction.ROWS,
    *crowds.ROWS,
)
RESULTS = Path(__file__).parent / "results"
_ROUNDS, _QUICK_ROUNDS, _QUICK_ROUNDS_SLOW = 7, 3, 1
_COPY_BYTES = 1 << 29


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if options.list:
        for row in ROWS:
            print(f"{row.name:20} {row.what}")
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rows = chosen(options.rows)
    result: dict[str, Any] = {"machine": machine(), "quick": options.quick, "tables": {}}
    for pin in pins(options):
        shown = [row for row in rows if row.throughput or not pin]
        if shown:
            name = f"pinned: brokers to core {BROKER_CORE}, clients to core {CLIENT_CORE}" if pin else "free"
            print(f"\n== {name} ==", flush=True)
            result["tables"]["pinned" if pin else "free"] = one_table(shown, options, pin)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps(result, indent=1))
    print(f"\nAll rounds: {file}")
    if any(one["failed"] for one in result["tables"].values()):
        sys.exit(1)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/bench", description="Ottla beside Apache Kafka 4.3.1, on the same work, in alternation."
    )
    parser.add_argument("--quick", action="store_true", help="small amounts and few rounds: some minutes")
    parser.add_argument("--rounds", type=int, help=f"rounds of each row (default {_ROUNDS}; quick {_QUICK_ROUNDS})")
    parser.add_argument("--rows", help="only these, separated by commas; a prefix stands for all that begin with it")
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="CHECKOUT",
        help="another checkout of Ottla in Kafka's place: what a change costs",
    )
    parser.add_argument("--list", action="store_true", help="list the rows")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--pin", action="store_true", help="only the table that pins brokers and clients to a core each")
    which.add_argument("--free", action="store_true", help="only the table that does not (the default of --quick)")
    return parser.parse_args(arguments)


def chosen(names: str | None) -> list[Row]:
    if names is None:
        return list(ROWS)
    wanted = names.split(",")
    for name in wanted:
        if not any(row.name.startswith(name) for row in ROWS):
            sys.exit(f"no row begins with {name!r}; see --list")
    return [row for row in ROWS if row.name.startswith(tuple(wanted))]


def pins(options: argparse.Namespace) -> list[bool]:
    if options.pin:
        return [True]
    return [False] if options.free or options.quick else [False, True]


def rounds_of(row: Row, options: argparse.Namespace) -> int:
    asked: int | None = options.rounds
    if asked is not None:
        return min(asked, row.rounds_max)
    if options.quick:
        return _QUICK_ROUNDS if row.throughput else _QUICK_ROUNDS_SLOW
    return min(_ROUNDS, row.rounds_max)


def one_table(rows: Sequence[Row], options: argparse.Namespace, pin: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="ottla-bench-") as folder:
        sides = SIDES if options.beside is None else (Ottla, other(options.beside))
        bed = Bed(Path(folder), quick=options.quick, pin=pin, sides=sides)
        try:
            lines: list[report.Line] = []
            failed: dict[str, str] = {}
            for row in rows:
                began = time.monotonic()
                try:
                    lines += report.lines_of(row, rounds(bed, row, rounds_of(row, options)), sides[1].name)
                except (RuntimeError, OSError, Refused) as error:  # one row that fails must not cost the others
                    failed[row.name] = str(error)
                print(f"   {row.name} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
            copied = raw_copy(bed)
        finally:
            bed.close()
    print(report.table(lines, sides[1].title))
    print(f"\nThe physical limit, a raw copy from TCP to a file: {copied:,.0f} MB/s")
    for name, reason in failed.items():
        print(f"\nFAILED {name}: {reason}")
    return {"lines": report.as_json(lines, sides[1].name), "failed": failed, "raw_copy_mb_per_s": copied}


def rounds(bed: Bed, row: Row, count: int) -> list[dict[str, dict[str, float]]]:
    """Both sides, one after the other, each round in the other order than the one before."""
    if row.throughput:
        for side in bed.sides:
            row.run(bed, side)
    found = []
    for number in range(count):
        order = bed.sides if number % 2 == 0 else bed.sides[::-1]
        values = {}
        for side in order:
            os.sync()  # what one side has left to the disk must not slow the other down
            values[side.name] = row.run(bed, side)
        found.append(values)
    return found


def raw_copy(bed: Bed) -> float:
    """MB/s, the median of a few copies."""
    core = BROKER_CORE if bed.pin else None
    shape = {"folder": str(bed.folder), "size_bytes": _COPY_BYTES, "receiver_core": core}
    return _COPY_BYTES / 1e6 / float(median(bed.client("copy", None, **shape)["elapsed_s"] for _ in range(3)))


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version(),
        "load": os.getloadavg(), "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }  # fmt: skip


if __name__ == "__main__":
    main()
