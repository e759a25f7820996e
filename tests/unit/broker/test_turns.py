"""Long work goes in slices, and one slice in a turn of the loop, whoever has long work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from ottla.broker.turns import SLICE_ITEMS, Openings, Pace, Turns, Unheard
from ottla.records.opening import Steps


def test_many_with_long_work_get_one_slice_in_a_turn() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        turns = Turns(loop)
        slices: list[int] = []
        per_turn: list[int] = []

        async def work(name: int) -> None:
            for _ in range(5):
                await turns.next()
                slices.append(name)

        def tick() -> None:
            per_turn.append(len(slices))
            if len(slices) < 50:
                loop.call_soon(tick)

        tasks = [asyncio.ensure_future(work(name)) for name in range(10)]
        loop.call_soon(tick)
        await asyncio.gather(*tasks)
        assert max(after - before for before, after in pairwise(per_turn)) == 1
        assert slices[:20] == [*range(10), *range(10)], "one was passed over"

    asyncio.run(main())


def test_one_that_was_cancelled_takes_no_turn() -> None:
    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        gone = asyncio.ensure_future(turns.next())
        await asyncio.sleep(0)
        stays = asyncio.ensure_future(turns.next())
        gone.cancel()
        await stays

    asyncio.run(main())


class Request:
    """As much of a request as a pace needs."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.abandoned = False

    async def rest(self) -> None:
        await self._turns.next()


def test_a_pace_rests_after_each_slice() -> None:
    async def main() -> int:
        turns = Turns(asyncio.get_running_loop())
        pace = Pace(Request(turns), only_reads=False)
        for _ in range(3 * SLICE_ITEMS):
            if pace.due():
                await pace.rest()
        return turns.paused

    assert asyncio.run(main()) == 3


def test_a_request_that_only_reads_ends_when_its_client_goes_and_no_other() -> None:
    async def main() -> None:
        request = Request(Turns(asyncio.get_running_loop()))
        reading, writing = Pace(request, only_reads=True), Pace(request, only_reads=False)
        await reading.rest()
        request.abandoned = True
        await writing.rest()
        with pytest.raises(Unheard):
            await reading.rest()

    asyncio.run(main())


class Listener:
    """Whoever waits for an answer, until `leaves` says that it has gone."""

    def __init__(self, leaves: Callable[[], bool]) -> None:
        self._leaves = leaves

    @property
    def unheard(self) -> bool:
        return self._leaves()


class HereOffload:
    async def run(self, call):  # type: ignore[no-untyped-def]
        return call()


def test_few_batches_are_open_at_a_time_and_a_failure_gives_its_place_back() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        openings = Openings(loop, Turns(loop), HereOffload())  # type: ignore[arg-type]
        at_work = most = 0

        def steps(fails: bool) -> Steps[int]:
            nonlocal at_work, most
            yield None
            at_work += 1
            most = max(most, at_work)
            try:
                yield None
                assert (yield lambda: 7) == 7
                if fails:
                    raise ValueError
            finally:
                at_work -= 1
            return 1

        results = await asyncio.gather(
            *(openings.run(steps(number % 2 == 1)) for number in range(10)), return_exceptions=True
        )
        assert [result for result in results if result == 1] == [1] * 5
        assert most <= 2 and at_work == 0
        assert await openings.run(steps(False)) == 1

    asyncio.run(main())


def test_who_writes_waits_behind_one_that_looks_and_not_behind_all() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        openings = Openings(loop, Turns(loop), HereOffload())  # type: ignore[arg-type]
        done: list[str] = []

        def steps(name: str) -> Steps[None]:
            for _ in range(5):
                yield None
            done.append(name)

        looks = [openings.look(steps(f"look {number}"), Listener(lambda: False)) for number in range(20)]
        await asyncio.gather(*looks, openings.run(steps("write")))
        return done

    assert "write" in asyncio.run(main())[:2]


def test_a_look_ends_between_two_steps_once_nobody_waits_for_it_and_gives_its_place_back() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        openings = Openings(loop, Turns(loop), HereOffload())  # type: ignore[arg-type]
        taken: list[int] = []

        def steps(name: int) -> Steps[int]:
            for _ in range(1000):
                taken.append(name)
                yield None
            return name

        looks = [openings.look(steps(number), Listener(lambda: len(taken) >= 10)) for number in range(5)]
        results = await asyncio.gather(*looks, return_exceptions=True)
        assert [type(result) for result in results] == [Unheard] * 5
        assert len(taken) < 20, "each took one step more at most"
        assert await openings.look(iter_of(7), Listener(lambda: False)) == 7

    asyncio.run(main())


def iter_of(value: int) -> Steps[int]:
    yield None
    return value
