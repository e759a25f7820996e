"""Receive memory that somebody waits for: who does not come on with what he holds is closed, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

from ottla.broker.intake import Budget
from ottla.broker.stalled import LOOK_S, PATIENCE_S, Stalled

KIB, MIB = 1 << 10, 1 << 20
LIMIT = 256 * MIB


class Client:
    """A connection with a frame of which a part has come."""

    def __init__(self, room: Room, wanted: int) -> None:
        self.room = room
        self.held_bytes = self.moved_bytes = 0
        self.wanted = wanted
        self.closed = ""

    def grow(self) -> None:
        if self.room.budget.take(self, self.wanted):
            self.held_bytes += self.wanted
            self.wanted = 0

    @property
    def missing_bytes(self) -> int:
        return self.wanted

    def resume_intake(self) -> None:
        self.grow()

    def abandon(self, reason: str) -> None:
        self.closed = reason
        self._give()

    def finish(self) -> None:
        """The frame is complete, and handled at once."""
        self._give()

    def _give(self) -> None:
        self.room.budget.forget(self)
        held, self.held_bytes = self.held_bytes, 0
        self.room.budget.give(held)


class Room:
    """A budget with its clients, looked at once a second."""

    def __init__(self) -> None:
        self.budget = Budget(LIMIT)
        self.clients: list[Client] = []
        self.stalled = Stalled(self.budget, lambda: self.clients)
        self.now_s = 0.0

    def client(self, wanted: int) -> Client:
        client = Client(self, wanted)
        self.clients.append(client)
        client.grow()
        return client

    def run(self, seconds: float, each_look: Callable[[], None] = lambda: None) -> None:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s += LOOK_S
            each_look()
            self.stalled.look(self.now_s)


def test_who_does_not_come_on_is_closed_for_whom_he_keeps_waiting() -> None:
    room = Room()
    attackers = [room.client(100 * MIB) for _ in range(4)]
    honest = room.client(80 * MIB)
    assert not honest.held_bytes
    room.run(3 * PATIENCE_S)
    assert honest.held_bytes and not honest.closed
    assert room.stalled.closed == sum(bool(one.closed) for one in attackers) > 0


def test_nobody_is_closed_while_there_is_room() -> None:
    room = Room()
    slow = room.client(100 * MIB)
    room.run(600)
    assert not slow.closed


def test_the_largest_goes_first_and_no_more_than_is_needed() -> None:
    room = Room()
    small, large, middle = room.client(60 * MIB), room.client(100 * MIB), room.client(96 * MIB)
    room.budget.serve(1)  # a request at work: nobody is let through beyond the limit before its time
    waits = room.client(900 * KIB)
    room.run(PATIENCE_S + LOOK_S)
    assert waits.held_bytes
    assert [bool(one.closed) for one in (small, large, middle)] == [False, True, False]


def test_a_byte_now_and_then_is_no_progress_and_64_kib_a_second_are() -> None:
    room = Room()
    honest, trickling = room.client(2 * MIB), room.client(LIMIT - 2 * MIB)
    room.budget.serve(1)
    waits = room.client(3 * MIB)

    def come_on() -> None:
        honest.moved_bytes += 64 * KIB
        trickling.moved_bytes += 1

    room.run(PATIENCE_S + LOOK_S, come_on)
    assert trickling.closed and not honest.closed and waits.held_bytes


def test_who_waits_for_the_budget_is_held_up_and_not_stalled() -> None:
    room = Room()
    busy, held_up = room.client(LIMIT - 50 * MIB), room.client(50 * MIB)
    through = room.client(30 * MIB)
    held_up.wanted = 100 * MIB
    held_up.grow()

    def come_on() -> None:
        busy.moved_bytes += 20 * MIB
        through.moved_bytes += 20 * MIB

    room.run(10 * PATIENCE_S, come_on)
    assert room.budget.waiting == 1 and not room.stalled.closed


def test_a_crowd_that_waits_and_never_finishes_does_not_keep_an_honest_one_waiting() -> None:
    """330 frames of 900 KB that all wait for their last part: they are let through together, and closed together."""
    room = Room()
    attackers = [Client(room, 900 * KIB) for _ in range(330)]
    room.clients += attackers
    for one in attackers:
        one.held_bytes = MIB
        room.budget.used_bytes += MIB  # it had come before anybody could be asked
    for one in attackers:
        one.grow()
    honest = room.client(900 * KIB)
    room.run(8 * PATIENCE_S)
    assert honest.held_bytes and not honest.closed
    assert room.budget.used_bytes <= LIMIT + room.budget.reserve_bytes


def test_those_who_are_let_through_take_no_more_than_the_reserve_and_a_frame() -> None:
    room = Room()
    room.budget.used_bytes = LIMIT
    waiting = [room.client(40 * MIB) for _ in range(8)]
    assert [one.held_bytes for one in waiting] == [40 * MIB, 40 * MIB, *[0] * 6]
    waiting[0].finish()
    assert [one.held_bytes for one in waiting[1:]] == [40 * MIB, 40 * MIB, *[0] * 5], "in their order"


def test_a_small_frame_does_not_wait_for_huge_ones_that_take_their_turns() -> None:
    room = Room()
    room.budget.used_bytes = LIMIT
    huge = [room.client(90 * MIB) for _ in range(3)]
    assert room.client(MIB).held_bytes == MIB
    for one in huge:
        assert one.held_bytes, "and no huge one waits for ever"
        one.finish()
    assert room.budget.used_bytes == LIMIT + MIB


def test_a_request_that_waits_without_memory_keeps_nobody_from_being_let_through() -> None:
    room = Room()
    room.budget.used_bytes = LIMIT
    room.budget.handling = 1  # a long poll
    assert room.client(MIB).held_bytes == MIB
    other = Room()
    other.budget.used_bytes = LIMIT
    other.budget.serve(MIB)  # it comes back by itself
    waits = other.client(MIB)
    assert not waits.held_bytes
    other.budget.served(MIB)
    assert waits.held_bytes == MIB
