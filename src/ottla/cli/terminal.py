"""What people see: aligned tables, sizes, times, and a little weight where the output is a terminal.

Colour and cutting to the width happen only on a terminal; NO_COLOR (no-color.org) turns the first off.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

_GAP = "  "
_NARROWEST = 12
"""A column is not cut below this."""


def styled(stream: Any = None) -> bool:
    """Whether the stream (the standard output) is a terminal that wants colour."""
    out = sys.stdout if stream is None else stream
    return bool(out.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if styled() else text


def dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[0m" if styled() else text


def red(text: str) -> str:
    return f"\x1b[31m{text}\x1b[0m" if styled() else text


def print_json(value: Any) -> None:
    """Indented, for programs and for eyes; names and order are those of docs/commands.md."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Cut to the terminal's width, and below each other where a row does not fit; a pipe gets everything."""
    width = shutil.get_terminal_size((120, 40)).columns if sys.stdout.isatty() else None
    cells = list(rows)
    if width is not None and not fits(titles, cells, width):
        for line in stacked_lines(titles, cells, width):
            print(line)
        return
    head, *lines = table_lines(titles, cells, width)
    print(bold(head))
    for line in lines:
        print(line)


def fits(titles: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> bool:
    """Whether the table can be cut to the width without losing a digit of a number, or a title."""
    return all(len(line) <= width for line in table_lines(titles, rows, width))


def stacked_lines(titles: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> list[str]:
    """A row as a paragraph: a line for each column, the title before its value."""
    first = max(map(len, titles))
    lines: list[str] = []
    for row in rows:
        if lines:
            lines.append("")
        for title, cell in zip(titles, row, strict=True):
            text = f"{title.ljust(first)}{_GAP}{cell_text(cell)}"
            lines.append(text if len(text) <= width else f"{text[: width - 1]}…")
    return lines


def table_lines(titles: Sequence[str], rows: Sequence[Sequence[object]], width: int | None = None) -> list[str]:
    """Columns with two blanks between; a column that holds only numbers and sizes stands to the right."""
    cells = [[cell_text(cell) for cell in row] for row in rows]
    right = [_is_numeric([row[index] for row in rows]) for index in range(len(titles))]
    widths = [max([len(title), *(len(row[index]) for row in cells)]) for index, title in enumerate(titles)]
    if width is not None:
        digits = [size if number else 0 for size, number in zip(widths, right, strict=True)]
        _narrow(widths, width, [max(len(title), least) for title, least in zip(titles, digits, strict=True)])
    return [_line(row, widths, right) for row in [list(titles), *cells]]


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = []
    for text, width, to_right in zip(cells, widths, right, strict=True):
        shown = text if len(text) <= width else f"{text[: width - 1]}…"
        parts.append(shown.rjust(width) if to_right else shown.ljust(width))
    return _GAP.join(parts).rstrip()


def _narrow(widths: list[int], width: int, least: Sequence[int]) -> None:
    """Takes from the widest column, again and again, until the line fits or nothing is left to take."""
    floors = [max(_NARROWEST, floor) for floor in least]
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    while excess > 0:
        room = [size - floor for size, floor in zip(widths, floors, strict=True)]
        index = max(range(len(widths)), key=lambda at: (widths[at] if room[at] > 0 else 0, -at))
        if room[index] <= 0:
            return
        taken = min(excess, room[index])
        excess -= taken
        widths[index] -= taken


class Size(int):
    """Bytes, shown as people read them."""

    def __str__(self) -> str:
        return size_text(self)

    __repr__ = __str__


def _is_numeric(column: Sequence[object]) -> bool:
    present = [cell for cell in column if cell is not None]
    return bool(present) and all(isinstance(cell, int) and not isinstance(cell, bool) for cell in present)


def cell_text(cell: object) -> str:
    """`-` for what is absent, yes and no, lists with commas."""
    if cell is None or cell == "":
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, list | tuple):
        return ",".join(map(str, cell)) or "-"
    return str(cell)


def size_text(size_bytes: int) -> str:
    """`0 B`, `1.5 KiB`, `12 MiB`."""
    value = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or abs(value) >= 10 else f"{value:.1f} {unit}"


def time_text(timestamp_ms: int) -> str:
    """`2026-11-23 06:32:38.354Z`; `-` for none."""
    if timestamp_ms < 0:
        return "-"
    from datetime import UTC, datetime

    try:
        moment = datetime.fromtimestamp(timestamp_ms // 1000, UTC)
    except (ValueError, OverflowError):  # a producer may write any number
        return str(timestamp_ms)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{timestamp_ms % 1000:03d}Z"


def count_text(count: int, noun: str) -> str:
    """`1 topic`, `2 topics`, `3 batches`."""
    plural = f"{noun}es" if noun.endswith(("ch", "s")) else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
