from __future__ import annotations

import pytest

from ottla.cli.terminal import Size, cell_text, count_text, size_text, table_lines, time_text


def test_columns_are_aligned_and_numbers_stand_to_the_right() -> None:
    lines = table_lines(("TOPIC", "PARTITIONS", "SIZE"), [("orders", 3, Size(1536)), ("a", 12, None)])
    assert lines == [
        "TOPIC   PARTITIONS     SIZE",
        "orders           3  1.5 KiB",
        "a               12        -",
    ]


def test_a_column_with_a_word_among_its_numbers_stands_to_the_left() -> None:
    assert table_lines(("LEADER", "X"), [(1, "a"), ("none", "b")]) == ["LEADER  X", "1       a", "none    b"]


def test_a_table_too_wide_is_cut_in_its_widest_column() -> None:
    lines = table_lines(("GROUP", "MEMBER"), [("billing", "m" * 60)], width=40)
    assert lines[1] == f"billing  {'m' * 30}…"
    assert max(map(len, lines)) == 40


def test_no_column_is_cut_below_its_title() -> None:
    assert table_lines(("A-RATHER-LONG-TITLE", "B"), [("x" * 30, "y")], width=10)[0] == "A-RATHER-LONG-TITLE  B"


@pytest.mark.parametrize(
    ("cell", "text"), [(None, "-"), ("", "-"), (True, "yes"), (False, "no"), ([1, 2], "1,2"), ([], "-"), (0, "0")]
)
def test_cells_are_words(cell: object, text: str) -> None:
    assert cell_text(cell) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (12 << 20, "12 MiB"), (5 << 50, "5120 TiB")],
)
def test_sizes_are_read_at_a_glance(size: int, text: str) -> None:
    assert size_text(size) == text


def test_times_are_utc_with_milliseconds_and_no_time_is_a_dash() -> None:
    assert time_text(1795415560925) == "2026-11-23 06:32:40.925Z"
    assert time_text(-1) == "-"
    assert time_text(1 << 62) == str(1 << 62)


def test_counts_have_their_plural() -> None:
    assert [count_text(1, "batch"), count_text(2, "batch"), count_text(1234, "topic")] == [
        "1 batch",
        "2 batches",
        "1,234 topics",
    ]
