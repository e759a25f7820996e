from __future__ import annotations

import pytest

from ottla.metadata.store import MetadataStore, Unknown
from ottla.metadata.stores.memory import MemoryLog, MemoryStore
from tests.unit.stores.conformance import StoreConformance, elected, run
from tests.unit.stores.support import ManualClock, writer_id


class MemoryCluster:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self._log = MemoryLog()

    def connect(self) -> MetadataStore:
        return MemoryStore(self.clock, self._log)


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def cluster(self) -> MemoryCluster:
        return MemoryCluster()


class LoseEverything:
    def __init__(self, *, written: bool) -> None:
        self._written = written

    def latency(self) -> float:
        return 0.0

    def lost(self) -> bool | None:
        return self._written


@pytest.mark.parametrize("written", [True, False])
def test_injected_faults_lose_the_answer_or_the_append(written: bool) -> None:
    async def test() -> None:
        store = MemoryStore(ManualClock(), faults=LoseEverything(written=written))
        await store.open("c")
        epoch = await elected(store)
        assert isinstance(await store.append(epoch, 0, [b"a"], writer_id(1)), Unknown)
        assert await store.head() == int(written)

    run(test)
