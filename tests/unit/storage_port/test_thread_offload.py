"""`ThreadOffload`: calls run on threads that start when first needed, and their outcome comes back to the loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ottla.storage.offload import ThreadOffload


def test_a_call_runs_on_another_thread_and_its_outcome_comes_back() -> None:
    async def main() -> None:
        offload = ThreadOffload(threads=2)
        try:
            assert await offload.run(threading.get_ident) != threading.get_ident()
            with pytest.raises(ZeroDivisionError):
                await offload.run(lambda: 1 // 0)
            assert offload.running == 0
        finally:
            offload.close()

    asyncio.run(main())


def test_calls_overlap_up_to_the_number_of_threads() -> None:
    async def main() -> None:
        offload = ThreadOffload(threads=2)
        meeting = threading.Barrier(2, timeout=10)
        try:
            assert sorted(await asyncio.gather(offload.run(meeting.wait), offload.run(meeting.wait))) == [0, 1]
        finally:
            offload.close()

    asyncio.run(main())
