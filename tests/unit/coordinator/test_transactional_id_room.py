"""ottla.max.transactional.id.bytes: ids are counted with their length; who would bring one too many is refused."""

from __future__ import annotations

from ottla.common.errors import NotCoordinator, PolicyViolation
from ottla.coordinator.transaction.transaction import Identity
from tests.unit.coordinator.transaction_bench import Bench

REFUSED = PolicyViolation.code
LONG = 4000
LIMIT = 10_000


def named(number: int) -> str:
    return str(number).ljust(LONG, "x")


def test_one_too_many_is_refused_and_those_that_are_there_go_on() -> None:
    bench = Bench(most_bytes=LIMIT)
    answers = [bench.init(named(one)) for one in range(4)]
    assert [isinstance(one, Identity) for one in answers[:2]] == [True, True]
    assert answers[2:] == [REFUSED, REFUSED] and len(bench.machine) == 2
    assert isinstance(bench.init(named(0)), Identity)
    assert bench.add(bench.init(named(1)), transactional_id=named(1)) == 0
    assert bench.room.refused == 2 and bench.told == 1
    assert bench.next_id == 1002, "no producer id is spent on who is refused"


def test_expiry_and_a_machine_that_goes_give_back() -> None:
    bench = Bench(most_bytes=LIMIT)
    bench.init(named(0))
    bench.init(named(1))
    bench.run(bench.machine.expire(bench.now_ms + 1000, 1000))
    assert bench.room.used_bytes == 0 == len(bench.machine)
    assert isinstance(bench.init(named(2)), Identity)
    for _ in range(2):
        bench.machine.unload(NotCoordinator())
        assert bench.room.used_bytes == 0


def test_a_log_that_holds_more_is_loaded_and_told() -> None:
    first = Bench()
    for one in range(5):
        first.init(named(one))
    bench = Bench(log=first.log, most_bytes=LIMIT)
    assert len(bench.machine) == 5 and bench.told == 1
    assert isinstance(bench.init(named(3)), Identity)
    assert bench.init(named(5)) == REFUSED
