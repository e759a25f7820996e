"""What every metadata store must do. A store's test module inherits `StoreConformance` and provides `cluster`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import pytest

from ottla.metadata.store import Committed, ControllerEpoch, Fenced, Holder, MetadataStore, Unknown
from tests.unit.stores.support import LossyStore, ManualClock, writer_id

Result = TypeVar("Result")

ONE, TWO = b"incarnation-one.", b"incarnation-two."
SESSION_MS = 1000


class Cluster(Protocol):
    """A store that several brokers share."""

    clock: ManualClock

    def connect(self) -> MetadataStore:
        """The view of one more broker process, not open yet."""
        ...


def run(test: Callable[[], Awaitable[Result]]) -> Result:
    async def main() -> Result:
        return await test()

    return asyncio.run(main())


async def opened(cluster: Cluster) -> MetadataStore:
    store = cluster.connect()
    await store.open("cluster-of-the-first")
    return store


async def elected(store: MetadataStore, broker: int = 1, incarnation: bytes = ONE) -> ControllerEpoch:
    assert await store.lease(broker, incarnation, SESSION_MS) is not None
    epoch = await store.elect(broker, incarnation)
    assert epoch is not None
    return epoch


class StoreConformance:
    @pytest.fixture
    def cluster(self) -> Cluster:
        raise AssertionError("a store's tests provide the cluster")

    def test_the_first_cluster_id_stays(self, cluster: Cluster) -> None:
        async def test() -> None:
            first, second = cluster.connect(), cluster.connect()
            assert await first.open("a") == "a"
            assert await second.open("b") == "a"
            await first.close()
            await second.close()

        run(test)

    def test_a_peek_tells_what_is_there_and_makes_nothing(self, cluster: Cluster) -> None:
        async def test() -> None:
            stranger = cluster.connect()
            assert await stranger.peek() is None
            first = cluster.connect()
            assert await first.open("a") == "a", "the peek has made a store"
            assert await stranger.peek() is None, "there is no record yet"
            epoch = await elected(first)
            await first.append(epoch, 0, [b"record", b"another"], writer_id(1))
            assert await stranger.peek() == ("a", 2)
            assert await first.peek() == ("a", 2)
            await first.close()
            await stranger.close()

        run(test)

    def test_a_batch_is_read_as_it_was_written(self, cluster: Cluster) -> None:
        async def test() -> None:
            writer, reader = await opened(cluster), await opened(cluster)
            epoch = await elected(writer)
            assert await writer.append(epoch, 0, [b"a", b"", b"ccc"], writer_id(1)) == Committed(3)
            assert await writer.append(epoch, 3, [b"d"], writer_id(2)) == Committed(4)
            first, second = await reader.read(0)
            assert (first.base_offset, first.end, first.records) == (0, 3, (b"a", b"", b"ccc"))
            assert (first.epoch, first.writer) == (epoch, writer_id(1))
            assert (second.base_offset, second.records) == (3, (b"d",))
            assert await reader.head() == 4
            assert await reader.read(4) == []
            assert [batch.base_offset for batch in await reader.read(3)] == [3]
            await writer.close()
            await reader.close()

        run(test)

    def test_a_read_returns_whole_batches_up_to_the_limit_and_at_least_one(self, cluster: Cluster) -> None:
        async def test() -> None:
            store = await opened(cluster)
            epoch = await elected(store)
            for index in range(4):
                await store.append(epoch, index * 3, [b"x"] * 3, writer_id(index))
            assert [batch.base_offset for batch in await store.read(0, max_records=1)] == [0]
            assert [batch.base_offset for batch in await store.read(3, max_records=7)] == [3, 6]
            await store.close()

        run(test)

    def test_an_append_below_or_above_the_end_writes_nothing(self, cluster: Cluster) -> None:
        async def test() -> None:
            store = await opened(cluster)
            epoch = await elected(store)
            await store.append(epoch, 0, [b"a", b"b"], writer_id(1))
            for offset in (0, 1, 3):
                assert await store.append(epoch, offset, [b"c"], writer_id(2)) == Fenced(epoch, 2)
            assert await store.head() == 2
            await store.close()

        run(test)

    def test_an_older_epoch_is_fenced_from_the_election_on(self, cluster: Cluster) -> None:
        async def test() -> None:
            old, new = await opened(cluster), await opened(cluster)
            first = await elected(old)
            await old.append(first, 0, [b"a"], writer_id(1))
            cluster.clock.advance(SESSION_MS)
            second = await elected(new, 2, TWO)
            assert second > first
            assert await old.append(first, 1, [b"late"], writer_id(2)) == Fenced(second, 1)
            assert await new.controller() == (2, second)
            assert await new.append(second, 1, [b"b"], writer_id(3)) == Committed(2)
            await old.close()
            await new.close()

        run(test)

    def test_nobody_is_elected_while_the_controller_lives(self, cluster: Cluster) -> None:
        async def test() -> None:
            one, two = await opened(cluster), await opened(cluster)
            assert await one.controller() == (-1, 0)
            await elected(one)
            assert await two.lease(2, TWO, SESSION_MS) is not None
            assert await two.elect(2, TWO) is None
            await one.close()
            assert await two.elect(2, TWO) is not None
            await two.close()

        run(test)

    def test_the_controller_itself_may_be_elected_again_and_gets_a_higher_epoch(self, cluster: Cluster) -> None:
        async def test() -> None:
            store = await opened(cluster)
            first = await elected(store)
            second = await store.elect(1, ONE)
            assert second is not None and second > first
            await store.close()

        run(test)

    def test_a_lease_lives_as_long_as_it_is_renewed(self, cluster: Cluster) -> None:
        async def test() -> None:
            one, two = await opened(cluster), await opened(cluster)
            lease = await one.lease(1, ONE, SESSION_MS)
            assert lease is not None
            for _ in range(3):
                cluster.clock.advance(SESSION_MS - 1)
                assert await lease.renew()
            assert await two.holders() == [Holder(1, ONE)]
            cluster.clock.advance(SESSION_MS)
            assert await two.holders() == []
            assert not await lease.renew()
            await one.close()
            await two.close()

        run(test)

    def test_a_broker_has_one_live_process(self, cluster: Cluster) -> None:
        async def test() -> None:
            one, two = await opened(cluster), await opened(cluster)
            lease = await one.lease(1, ONE, SESSION_MS)
            assert lease is not None
            assert await two.lease(1, TWO, SESSION_MS) is None
            await lease.release()
            await lease.release()
            assert await two.lease(1, TWO, SESSION_MS) is not None
            assert await one.holders() == [Holder(1, TWO)]
            await one.close()
            await two.close()

        run(test)

    def test_holders_come_in_the_order_of_their_ids(self, cluster: Cluster) -> None:
        async def test() -> None:
            stores = [await opened(cluster) for _ in range(3)]
            for store, broker in zip(stores, (7, 3, 5), strict=True):
                assert await store.lease(broker, ONE, SESSION_MS) is not None
            assert [holder.broker for holder in await stores[0].holders()] == [3, 5, 7]
            for store in stores:
                await store.close()

        run(test)

    def test_a_snapshot_replaces_the_log_below_it(self, cluster: Cluster) -> None:
        async def test() -> None:
            store = await opened(cluster)
            epoch = await elected(store)
            assert await store.latest_snapshot() is None
            await store.append(epoch, 0, [b"a"], writer_id(1))
            await store.append(epoch, 1, [b"b"], writer_id(2))
            await store.snapshot(1, [b"image", b""])
            await store.snapshot(0, [b"older"])
            snapshot = await store.latest_snapshot()
            assert snapshot is not None and (snapshot.offset, snapshot.records) == (1, (b"image", b""))
            with pytest.raises(LookupError):
                await store.read(0)
            assert [batch.records for batch in await store.read(1)] == [(b"b",)]
            await store.snapshot(2, [b"all"])
            assert await store.head() == 2
            assert await store.append(epoch, 2, [b"c"], writer_id(3)) == Committed(3)
            await store.close()

        run(test)

    def test_watchers_are_woken_by_appends_until_they_stop(self, cluster: Cluster) -> None:
        async def test() -> None:
            store = await opened(cluster)
            epoch = await elected(store)
            woken = asyncio.Event()
            stop = store.watch(woken.set)
            await store.append(epoch, 0, [b"a"], writer_id(1))
            await asyncio.wait_for(woken.wait(), 5)
            woken.clear()
            stop()
            await store.append(epoch, 1, [b"b"], writer_id(2))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not woken.is_set()
            await store.close()

        run(test)

    @pytest.mark.parametrize("written", [True, False])
    def test_the_writers_id_tells_what_became_of_an_unknown_append(self, cluster: Cluster, written: bool) -> None:
        async def test() -> None:
            store = LossyStore(await opened(cluster))
            epoch = await elected(store)
            store.lose_next(written=written)
            assert isinstance(await store.append(epoch, 0, [b"a"], writer_id(1)), Unknown)
            found: list[Any] = await store.read(0)
            assert [batch.writer for batch in found] == ([writer_id(1)] if written else [])
            await store.close()

        run(test)

    def test_a_lost_append_cannot_arrive_after_the_next_election(self, cluster: Cluster) -> None:
        async def test() -> None:
            store = LossyStore(await opened(cluster))
            epoch = await elected(store)
            store.lose_next(written=False)
            await store.append(epoch, 0, [b"lost"], writer_id(1))
            renewed = await store.elect(1, ONE)
            assert renewed is not None
            assert await store.arrive_late() == Fenced(renewed, 0)
            assert await store.append(renewed, 0, [b"new"], writer_id(2)) == Committed(1)
            await store.close()

        run(test)

    def test_everything_survives_a_restart_of_the_process(self, cluster: Cluster) -> None:
        async def test() -> None:
            store = await opened(cluster)
            epoch = await elected(store)
            await store.append(epoch, 0, [b"a"], writer_id(1))
            await store.close()
            store = cluster.connect()
            assert await store.open("another") == "cluster-of-the-first"
            assert [batch.records for batch in await store.read(0)] == [(b"a",)]
            renewed = await elected(store, 1, TWO)
            assert renewed > epoch
            await store.close()

        run(test)
