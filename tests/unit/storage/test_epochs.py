"""Leader epochs: what a follower or a consumer asks for, and what a file may say (KIP-101, KIP-279)."""

from __future__ import annotations

import pytest

from ottla.storage.checkpoints import CorruptCheckpoint
from ottla.storage.epochs import Epochs


def epochs(*entries: tuple[int, int]) -> Epochs:
    result = Epochs()
    for epoch, start in entries:
        result.assign(epoch, start)
    return result


@pytest.mark.parametrize(
    ("asked", "answer"), [(-1, (-1, -1)), (1, (1, 10)), (2, (2, 20)), (3, (2, 20)), (5, (5, 99)), (6, (-1, -1))]
)
def test_the_end_of_an_epoch_is_where_the_next_begins(asked: int, answer: tuple[int, int]) -> None:
    assert epochs((2, 10), (5, 20)).end_offset(asked, 99) == answer


def test_an_empty_history_knows_no_epoch() -> None:
    assert Epochs().end_offset(0, 5) == (-1, -1)
    assert (Epochs().latest, Epochs().at(3)) == (-1, -1)


def test_a_new_epoch_drops_what_contradicts_it() -> None:
    history = epochs((1, 0), (2, 10), (3, 10))
    assert list(zip(history.epochs, history.starts, strict=True)) == [(1, 0), (3, 10)]
    history.assign(3, 15)
    assert history.starts == [0, 10]


def test_cuts_at_either_end() -> None:
    history = epochs((1, 0), (2, 10), (4, 20))
    history.truncate_end(20)
    assert (history.latest, history.at(15)) == (2, 2)
    history.truncate_start(15)
    assert list(zip(history.epochs, history.starts, strict=True)) == [(2, 15)]
    history.truncate_start(40)
    assert history.starts == [40]


def test_the_file_is_that_of_kafka() -> None:
    history = epochs((0, 0), (3, 17))
    assert history.encode() == b"0\n2\n0 0\n3 17\n"
    again = Epochs.decode(history.encode(), "f")
    assert (again.epochs, again.starts, again.changed) == ([0, 3], [0, 17], False)
    assert Epochs.decode(b"", "f").epochs == []


@pytest.mark.parametrize(
    "content", [b"1\n0\n", b"0\n", b"0\n2\n1 1\n", b"0\n1\n1\n", b"0\n2\n3 0\n2 5\n", b"0\n1\nx y\n"]
)
def test_a_file_that_cannot_be_right_is_an_error(content: bytes) -> None:
    with pytest.raises(CorruptCheckpoint):
        Epochs.decode(content, "f")
