"""Tables on narrow terminals: nothing runs over the edge, and no digit is lost."""

from __future__ import annotations

import pytest

from ottla.cli.terminal import fits, stacked_lines, table_lines

PRODUCERS = ("PRODUCER ID", "PRODUCER EPOCH", "LAST SEQUENCE", "LAST TIMESTAMP MS", "COORDINATOR EPOCH", "OPEN SINCE")
TABLES = {
    "topics": (("TOPIC", "PARTITIONS", "REPLICAS", "STATE"), [("a-topic-with-a-rather-long-name" * 3, 12, 1, "ok")]),
    "settings": (("SETTING", "VALUE", "FROM"), [("log.message.timestamp.before.max.ms", "9" * 19, "broker's file")]),
    "producers": (PRODUCERS, [(4000, 17, 1_000_000, 1_795_415_560_925, -1, 12_345)] * 2),
    "partitions": (
        ("PARTITION", "LEADER", "REPLICAS", "ISR", "START", "END", "OFFSETS", "SIZE"),
        [(0, 1, [1], [1], 0, 9_000_000_000, 9_000_000_000, 9_000_000_000)],
    ),
    "members": (("MEMBER", "CLIENT", "HOST", "PARTITIONS"), [("m" * 60, "c" * 20, "10.0.0.1", "orders-0, orders-1")]),
}


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", TABLES)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    titles, rows = TABLES[name]
    lines = table_lines(titles, rows, width) if fits(titles, rows, width) else stacked_lines(titles, rows, width)
    assert max(map(len, lines)) <= width
    for row in rows:
        for cell in row:
            if isinstance(cell, int):
                assert any(str(cell) in line for line in lines), "a number was cut"


def test_a_row_that_does_not_fit_is_shown_as_a_paragraph() -> None:
    titles, rows = TABLES["producers"]
    assert not fits(titles, rows, 60)
    lines = stacked_lines(titles, rows, 60)
    assert lines[:2] == ["PRODUCER ID        4000", "PRODUCER EPOCH     17"]
    assert lines[6] == ""
    assert fits(titles, rows, 120)


def test_words_are_cut_before_a_table_is_given_up() -> None:
    titles, rows = TABLES["topics"]
    assert fits(titles, rows, 60)
    assert "…" in table_lines(titles, rows, 60)[1]
