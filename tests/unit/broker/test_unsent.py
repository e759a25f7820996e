"""Answers that clients do not take have a limit; who reads nothing goes first, and who holds little stays."""

from __future__ import annotations

from ottla.broker.unsent import READ_AHEAD_BYTES, Unsent

LARGE = 2 * 1024 * 1024


class Client:
    def __init__(self) -> None:
        self.reason = ""

    def abandon(self, reason: str) -> None:
        self.reason = reason


def test_who_has_not_read_for_longest_is_closed_when_all_hold_too_much() -> None:
    unsent = Unsent(10 * LARGE)
    small, first, second, newest = Client(), Client(), Client(), Client()
    unsent.add(small, READ_AHEAD_BYTES)
    unsent.add(first, 4 * LARGE)
    unsent.add(second, 4 * LARGE)
    unsent.add(newest, 5 * LARGE)
    assert [bool(one.reason) for one in (small, first, second, newest)] == [False, True, False, False]
    assert unsent.used_bytes == READ_AHEAD_BYTES + 9 * LARGE and unsent.closed == 1


def test_an_answer_that_is_larger_than_the_limit_alone_gets_its_chance() -> None:
    unsent = Unsent(10 * LARGE)
    client = Client()
    unsent.add(client, 50 * LARGE)
    assert not client.reason


def test_many_that_hold_a_piece_each_are_left_alone() -> None:
    unsent = Unsent(10 * READ_AHEAD_BYTES)
    clients = [Client() for _ in range(50)]
    for client in clients:
        unsent.add(client, READ_AHEAD_BYTES)
    assert not any(client.reason for client in clients)


def test_what_is_taken_counts_no_more() -> None:
    unsent = Unsent(10 * READ_AHEAD_BYTES)
    client = Client()
    for _ in range(5):
        unsent.add(client, 9 * READ_AHEAD_BYTES)
        unsent.remove(client)
    assert unsent.used_bytes == 0 and not client.reason
