"""The controller on real stores, with appends that get lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ottla.broker.settings import BrokerSettings
from ottla.common.errors import NotController
from ottla.common.names import Uuid
from ottla.controller import shell as shell_module
from ottla.controller.machine import ControllerMachine
from ottla.controller.rules import ControllerRules
from ottla.controller.shell import ControllerShell
from ottla.metadata.delta import Delta
from ottla.metadata.effective import EffectiveConfigs
from ottla.metadata.follower import ImageFollower
from ottla.metadata.store import Holder, MetadataStore
from ottla.metadata.stores.memory import MemoryLog, MemoryStore
from ottla.metadata.stores.sqlite import SqliteStore
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.inter_broker import BrokerRegistrationRequest
from tests.unit.controller.support import CLUSTER_ID, topic
from tests.unit.stores.support import CountingRandom, LossyStore, ManualClock

SESSION_MS = 9000


class Events:
    """A log that is kept."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def info(self, event: str, **facts: object) -> None:
        self.seen.append(event)

    def warn(self, event: str, **facts: object) -> None:
        self.seen.append(event)


class Process:
    """One broker's controller side."""

    def __init__(self, broker: int, store: MetadataStore, random: CountingRandom) -> None:
        self.broker = broker
        self.incarnation = Uuid(random.bytes(16))
        self.store = LossyStore(store)
        self.follower = ImageFollower(self.store)
        self.image = self.follower.image
        settings = BrokerSettings.load({"node.id": str(broker)})
        configs = EffectiveConfigs(self.image, broker, BrokerSettings.definitions, settings.texts)
        rules = ControllerRules(configs, settings.config_checks(self.image), cluster_id=CLUSTER_ID)
        self.log = Events()
        self.epochs: list[int | None] = []
        self.shell = ControllerShell(
            broker,
            self.incarnation,
            self.store,
            self.follower,
            ControllerMachine(self.image, rules, random),
            random,
            self.log,
            {"metadata.version": 25},
            self.epochs.append,
        )

    async def start(self) -> bool:
        await self.store.open(CLUSTER_ID)
        assert await self.store.lease(self.broker, self.incarnation, SESSION_MS) is not None
        await self.follower.load()
        return await self.shell.campaign()

    async def register(self) -> None:
        listener = BrokerRegistrationRequest.Listener(name="PLAINTEXT", host="h", port=9092)
        request = BrokerRegistrationRequest(
            broker_id=self.broker, cluster_id=CLUSTER_ID, incarnation_id=self.incarnation, listeners=[listener]
        )
        await self.shell.submit(request)

    async def create(self, name: str, partitions: int = 1) -> int:
        answer = await self.shell.submit(CreateTopicsRequest(topics=[topic(name, partitions)]))
        assert isinstance(answer.topics, list)  # type: ignore[attr-defined]
        code: int = answer.topics[0].error_code  # type: ignore[attr-defined]
        return code


class Cluster:
    """Processes over one store, in memory or in a folder."""

    def __init__(self, folder: Path | None) -> None:
        self.clock = ManualClock()
        self.random = CountingRandom()
        self._folder = folder
        self._log = MemoryLog()

    def process(self, broker: int = 1) -> Process:
        store: MetadataStore
        if self._folder is not None:
            store = SqliteStore(str(self._folder), self.clock)
        else:
            store = MemoryStore(self.clock, self._log)
        return Process(broker, store, self.random)


@pytest.fixture(params=["memory", "sqlite"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Cluster:
    return Cluster(tmp_path if request.param == "sqlite" else None)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await test()

    asyncio.run(main())


async def ready(cluster: Cluster) -> Process:
    process = cluster.process()
    assert await process.start()
    await process.register()
    return process


def test_a_new_cluster_is_bootstrapped_once_and_found_again_after_a_restart(cluster: Cluster) -> None:
    async def test() -> None:
        process = await ready(cluster)
        assert await process.create("t", 3) == 0
        before = process.image
        await process.store.close()
        again = cluster.process()
        assert await again.start()
        assert again.image == before
        assert again.image.features == {"metadata.version": 25}
        assert process.epochs + again.epochs == [1, 2]
        await again.store.close()

    run(test)


def test_an_answer_comes_after_the_image_holds_the_change(cluster: Cluster) -> None:
    async def test() -> None:
        process = await ready(cluster)
        deltas: list[Delta] = []
        process.follower.listen(deltas.append)
        assert await process.create("t", 2) == 0
        assert "t" in process.image.topics
        (delta,) = deltas
        assert [made.name for made in delta.created_topics.values()] == ["t"]
        assert [list(indexes) for indexes in delta.changed_partitions.values()] == [[0, 1]]
        await process.store.close()

    run(test)


def test_commands_run_one_after_another(cluster: Cluster) -> None:
    async def test() -> None:
        process = await ready(cluster)
        codes = await asyncio.gather(*(process.create("t") for _ in range(5)))
        assert sorted(codes) == [0, 36, 36, 36, 36]
        await process.store.close()

    run(test)


def test_an_append_whose_answer_was_lost_counts_if_it_is_in_the_log(cluster: Cluster) -> None:
    async def test() -> None:
        process = await ready(cluster)
        process.store.lose_next(written=True)
        assert await process.create("t") == 0
        assert process.shell.active and list(process.image.topics) == ["t"]
        assert "metadata.append_unknown" in process.log.seen
        assert await process.create("u") == 0
        await process.store.close()

    run(test)


def test_an_append_that_was_lost_makes_the_controller_step_down_and_never_happens(cluster: Cluster) -> None:
    async def test() -> None:
        process = await ready(cluster)
        process.store.lose_next(written=False)
        with pytest.raises(NotController):
            await process.create("t")
        assert not process.shell.active and process.image.topics == {}
        with pytest.raises(NotController):
            await process.create("u")
        assert await process.shell.campaign()
        await process.store.arrive_late()
        assert await process.create("t") == 0
        await process.follower.catch_up()
        assert list(process.image.topics) == ["t"]
        assert process.epochs == [1, None, 2]
        await process.store.close()

    run(test)


def test_a_controller_that_was_replaced_is_fenced_and_sees_what_the_new_one_did(cluster: Cluster) -> None:
    async def test() -> None:
        old, new = await ready(cluster), cluster.process(2)
        assert await new.start() is False
        cluster.clock.advance(SESSION_MS)
        lease = await new.store.lease(2, new.incarnation, SESSION_MS)
        assert lease is not None and await new.shell.campaign()
        assert await new.create("of-the-new") == 0
        with pytest.raises(NotController):
            await old.create("of-the-old")
        assert not old.shell.active
        assert list(old.image.topics) == ["of-the-new"]
        await old.store.close()
        await new.store.close()

    run(test)


def test_a_broker_whose_lease_ended_is_fenced(cluster: Cluster) -> None:
    async def test() -> None:
        process, other = await ready(cluster), cluster.process(2)
        await other.start()
        await process.shell.submit(
            BrokerRegistrationRequest(
                broker_id=2,
                cluster_id=CLUSTER_ID,
                incarnation_id=other.incarnation,
                listeners=[BrokerRegistrationRequest.Listener(name="PLAINTEXT", host="h", port=9093)],
            )
        )
        process.image.brokers[2] = process.image.brokers[2].with_fencing(fenced=False)
        await process.shell.fence_lost()
        assert process.image.unfenced_brokers() == [1, 2]
        await other.store.close()
        assert await process.store.holders() == [Holder(1, process.incarnation)]
        await process.shell.fence_lost()
        assert process.image.unfenced_brokers() == [1]
        await process.store.close()

    run(test)


def test_a_batch_too_large_for_one_append_appears_at_once_or_not_at_all(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_module, "BATCH_BYTES", 1000)

    async def test() -> None:
        process = await ready(cluster)
        assert await process.create("large", 100) == 0
        assert len(process.image.topics["large"].partitions) == 100
        assert process.image.open_batch is None
        batches = await process.store.read(0)
        assert len(batches) > 5
        reader = cluster.process(3)
        await reader.store.open(CLUSTER_ID)
        for batch in batches[:-1]:
            reader.follower.replay(batch)
            assert "large" not in reader.image.topics
        reader.follower.replay(batches[-1])
        assert reader.image == process.image
        await process.store.close()
        await reader.store.close()

    run(test)


def test_a_large_batch_that_was_cut_off_is_aborted_by_the_next_controller(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_module, "BATCH_BYTES", 1000)

    async def test() -> None:
        process = await ready(cluster)
        appended = 0
        append = process.store.append

        async def failing(*arguments: object) -> object:
            nonlocal appended
            appended += 1
            if appended == 3:
                process.store.lose_next(written=False)
            return await append(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(process.store, "append", failing)
        with pytest.raises(NotController):
            await process.create("large", 100)
        assert process.image.open_batch is not None
        assert await process.shell.campaign()
        assert process.image.open_batch is None and process.image.topics == {}
        assert await process.create("small") == 0
        await process.store.close()

    run(test)


def test_a_snapshot_is_made_in_time_and_a_new_process_starts_from_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_module, "SNAPSHOT_BYTES", 2000)

    async def test() -> None:
        process = await ready(cluster)
        for index in range(10):
            await process.create(f"t{index}", 5)
        assert await process.store.latest_snapshot() is not None
        reader = cluster.process(2)
        await reader.store.open(CLUSTER_ID)
        await reader.follower.load()
        assert reader.image == process.image
        await process.store.close()
        await reader.store.close()

    run(test)
