"""Virtual time: order, jumps, limits, and the errors that a run ends with."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ottla.broker.eager import spawn
from ottla.testing.clock import START_MS
from ottla.testing.errors import Deadlock, NotDeterministic, SimulationStuck, VirtualTimeExceeded
from ottla.testing.offload import SimOffload
from ottla.testing.simulation import Simulation, run_simulation


def test_a_week_passes_at_once() -> None:
    async def main(simulation: Simulation) -> int:
        await asyncio.sleep(6 * 86_400)
        return simulation.clock.now_ms()

    run = run_simulation(1, main)
    assert run.value == START_MS + 6 * 86_400_000
    assert run.virtual_s == 6 * 86_400


def test_timers_fire_by_time_and_then_in_the_order_of_their_setting() -> None:
    async def main(simulation: Simulation) -> list[str]:
        fired: list[str] = []
        for name, delay in (("c", 2), ("a", 1), ("d", 2), ("b", 1)):
            simulation.loop.call_later(delay, fired.append, name)
        cancelled = simulation.loop.call_later(1, fired.append, "never")
        cancelled.cancel()
        await asyncio.sleep(3)
        return fired

    assert run_simulation(1, main).value == ["a", "b", "c", "d"]


def test_asyncio_timeouts_gather_and_queues_work_on_virtual_time() -> None:
    async def main(simulation: Simulation) -> list[object]:
        queue: asyncio.Queue[int] = asyncio.Queue()

        async def feed() -> None:
            for number in range(3):
                await asyncio.sleep(1)
                await queue.put(number)

        async def take() -> list[int]:
            return [await queue.get() for _ in range(3)]

        _, taken = await asyncio.gather(feed(), take())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 10)
        async with asyncio.timeout(5):
            await asyncio.sleep(4)
        return [taken, simulation.loop.time()]

    assert run_simulation(1, main).value == [[0, 1, 2], 17.0]


def test_a_deadlock_names_the_tasks_that_wait_and_where() -> None:
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    async def main(simulation: Simulation) -> None:
        await asyncio.sleep(1)
        await asyncio.gather(simulation.loop.create_task(wait_for_ever(), name="lost"))

    with pytest.raises(Deadlock, match=r"at 1\.000000 s") as caught:
        run_simulation(1, main)
    assert any("lost" in task and "wait_for_ever" in task for task in caught.value.waiting)
    assert any("main" in task for task in caught.value.waiting)


def test_callbacks_without_end_at_one_time_are_reported() -> None:
    async def main(simulation: Simulation) -> None:
        while True:
            await asyncio.sleep(0)

    import ottla.testing.loop as module

    before, module.STEPS_AT_ONE_TIME = module.STEPS_AT_ONE_TIME, 1000
    try:
        with pytest.raises(SimulationStuck):
            run_simulation(1, main)
    finally:
        module.STEPS_AT_ONE_TIME = before


def test_virtual_time_is_limited() -> None:
    async def main(simulation: Simulation) -> None:
        while True:
            await asyncio.sleep(1)

    with pytest.raises(VirtualTimeExceeded):
        run_simulation(1, main, limit_s=100)


def test_what_a_callback_raises_ends_the_run() -> None:
    async def main(simulation: Simulation) -> None:
        simulation.loop.call_later(1, int, "no number")
        await asyncio.sleep(5)

    with pytest.raises(ValueError, match="no number"):
        run_simulation(1, main)


def test_a_failed_task_that_nobody_awaited_fails_the_run() -> None:
    async def fail() -> None:
        raise ValueError("nobody looks")

    async def main(simulation: Simulation) -> None:
        simulation.loop.create_task(fail())
        await asyncio.sleep(1)

    with pytest.raises(ValueError, match="nobody looks"):
        run_simulation(1, main)


def test_awaiting_a_future_that_is_done_gives_way_to_others() -> None:
    async def main(simulation: Simulation) -> list[str]:
        seen: list[str] = []
        done = simulation.loop.create_future()
        done.set_result("value")
        simulation.loop.call_soon(seen.append, "other")
        seen.append(await done)

        async def without_a_task() -> None:
            simulation.loop.call_soon(seen.append, "another")
            seen.append(await done)

        spawn(without_a_task(), lambda _result, _error: seen.append("ended"))
        await asyncio.sleep(1)
        return seen

    assert run_simulation(1, main).value == ["other", "value", "another", "value", "ended"]


def test_threads_cannot_be_used() -> None:
    async def main(simulation: Simulation) -> None:
        with pytest.raises(NotDeterministic):
            await asyncio.to_thread(int)
        with pytest.raises(NotDeterministic):
            threading.Thread(target=int).start()

    run_simulation(1, main)


def test_nothing_of_a_killed_process_runs_again() -> None:
    async def main(simulation: Simulation) -> list[float]:
        beats: list[float] = []

        async def beat() -> None:
            try:
                while True:
                    await asyncio.sleep(1)
                    beats.append(simulation.loop.time())
            finally:
                beats.append(-1)

        process = simulation.loop.start_process("one")
        process.run(simulation.loop.create_task, beat())
        process.run(simulation.loop.call_later, 3.5, beats.append, -2)
        await asyncio.sleep(2.5)
        simulation.network.kill(process)
        await asyncio.sleep(10)
        return list(beats)

    assert run_simulation(1, main).value == [1.0, 2.0]


def test_an_offloaded_call_is_a_step_of_its_own_and_its_result_another() -> None:
    async def main(simulation: Simulation) -> list[str]:
        offload = SimOffload(simulation.loop, simulation.random, latency_s=(1, 1))
        seen: list[str] = []
        simulation.loop.call_later(0.5, seen.append, "before the call")
        simulation.loop.call_later(1.5, seen.append, "before the result")
        await offload.run(lambda: seen.append("call"))
        seen.append("result")
        with pytest.raises(ZeroDivisionError):
            await offload.run(lambda: 1 // 0)
        return seen

    assert run_simulation(1, main).value == ["before the call", "call", "before the result", "result"]
