"""A wall clock that jumps touches no duration, and nothing is deleted by what it shows until it has been steady."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from ottla.broker.node import Node
from ottla.broker.wall import Wall
from ottla.client.cluster import TRANSACTION, Cluster
from ottla.client.operations import EARLIEST, create_topic, offset_for, produce
from ottla.common.clock import SteadyClock
from ottla.common.errors import UnknownMemberId
from ottla.common.log import Log
from ottla.common.metrics import Registry
from ottla.coordinator.group.formats import GROUP_FORMATS
from ottla.coordinator.steady_formats import SteadyFormats
from ottla.coordinator.transaction.transaction import State
from ottla.protocol.logs.consumer_offsets import OffsetCommitKey, OffsetCommitValue
from ottla.protocol.messages.consumer_group import ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest
from ottla.protocol.messages.transactions import AddPartitionsToTxnRequest
from ottla.records.record import BatchBuilder
from ottla.testing.clock import SimClock
from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.compaction_workload import commit, committed

HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
SETTINGS = {
    "log.retention.check.interval.ms": "10000",
    "log.initial.task.delay.ms": "1000",
    "offsets.retention.check.interval.ms": "1000",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


def on_clock(scenario: Callable[[SimCluster, Node, SimClock, Cluster], Awaitable[None]]) -> SimCluster:
    async def main(simulation: Simulation) -> SimCluster:
        cluster = SimCluster(simulation, SETTINGS)
        node = await cluster.start()
        async with cluster.client(timeout_ms=5000) as client:
            await create_topic(client, "t", configs={"internal.segment.bytes": "500"})
            for number in range(6):
                builder = BatchBuilder()
                builder.append(cluster.machines[1].clock.now_ms(), None, bytes(300) + b"%d" % number)
                await produce(client, "t", 0, builder.build())
            await scenario(cluster, node, cluster.machines[1].clock, client)
        return cluster

    return run_simulation(1, main).value


async def held(node: Node) -> int:
    """Records of `t` that are there."""
    partition = node.replicas.find("t", 0)
    log = partition.leader_log()
    return log.log_end_offset - log.log_start_offset


@pytest.mark.parametrize("jump_ms", [YEAR_MS, -YEAR_MS])
def test_a_clock_that_is_wrong_for_two_seconds_deletes_nothing(jump_ms: int) -> None:
    async def scenario(cluster: SimCluster, node: Node, clock: SimClock, client: Cluster) -> None:
        await commit(client, "group", "t", 5)
        for _ in range(20):  # at any moment of the check intervals
            clock.skew_ms += jump_ms
            await asyncio.sleep(2)
            clock.skew_ms -= jump_ms
            await asyncio.sleep(1.7)
        await asyncio.sleep(30)
        assert await held(node) == 6
        assert await committed(client, "group", "t") == 5

    cluster = on_clock(scenario)
    assert [line for line in cluster.log if "clock.jumped by_ms=" in line]


def test_retention_goes_on_once_the_clock_has_been_steady_for_a_check_interval() -> None:
    async def scenario(_: SimCluster, node: Node, clock: SimClock, client: Cluster) -> None:
        clock.skew_ms += YEAR_MS  # a machine that was suspended for a year, say
        await asyncio.sleep(9)
        assert await held(node) == 6
        await asyncio.sleep(25)
        assert await offset_for(client, "t", 0, EARLIEST) >= 5

    on_clock(scenario)


class Watched:
    """A wall clock that is looked at, and what was said about it."""

    def __init__(self, clock: SimClock) -> None:
        self.lines: list[str] = []
        self.wall = Wall(clock, Log(clock, self.lines.append), Registry(), quiet_ms=10_000)

    def jumps(self) -> list[int]:
        return [int(found) for line in self.lines for found in re.findall(r"clock.jumped by_ms=(-?\d+)", line)]


def test_a_pause_without_a_jump_says_nothing_about_the_clock() -> None:
    watched = Watched(clock := SimClock())
    for pause_ms in (500, HOUR_MS, YEAR_MS, 500):
        clock.advance(pause_ms)
        assert watched.wall.trusted()
    assert watched.jumps() == []


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS, 2000, -2000])
@pytest.mark.parametrize("pause_ms", [500, 60_000])
def test_a_jump_is_told_once_also_one_that_came_during_a_pause(jump_ms: int, pause_ms: int) -> None:
    watched = Watched(clock := SimClock())
    clock.skew_ms += jump_ms
    clock.advance(pause_ms)
    assert not watched.wall.trusted()
    clock.advance(9999)
    assert not watched.wall.trusted()
    clock.advance(1)
    assert watched.wall.trusted()
    assert watched.jumps() == [jump_ms]


def test_a_pause_between_the_readings_of_the_two_clocks_is_no_jump() -> None:
    class Stopped(SimClock):
        stops = 0

        def now_ms(self) -> int:
            now_ms = super().now_ms()
            if self.stops:
                self.stops -= 1
                self.advance(HOUR_MS)
            return now_ms

    watched = Watched(clock := Stopped())
    clock.stops = 2
    assert watched.wall.trusted()
    assert (watched.jumps(), clock.stops) == ([], 0)


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
def test_a_steady_clock_does_not_move_with_the_wall_clock(jump_ms: int) -> None:
    steady = SteadyClock(clock := SimClock())
    before = steady.now_ms()
    clock.skew_ms += jump_ms
    assert steady.now_ms() == before
    assert steady.ahead_ms == jump_ms
    clock.advance(1500)
    assert steady.now_ms() == before + 1500


def test_time_in_which_the_loop_stood_still_does_not_count() -> None:
    steady = SteadyClock(clock := SimClock())
    start = steady.now_ms()
    steady.beat()
    clock.advance(500)
    assert (steady.beat(), steady.now_ms()) == (0.0, start + 500)
    clock.advance(60_000)  # SIGSTOP
    assert steady.now_ms() == start + 500 + 2000, "also before the loop has come to its next beat"
    assert steady.beat() == pytest.approx(58)
    clock.advance(400)
    assert steady.now_ms() == start + 500 + 2000 + 400


def test_times_on_disk_are_those_of_the_wall_clock() -> None:
    steady = SteadyClock(clock := SimClock())
    formats = SteadyFormats(GROUP_FORMATS, steady)
    key = OffsetCommitKey(group="g", topic="t", partition=0)
    value = OffsetCommitValue(offset=1, leader_epoch=-1, metadata="", commit_timestamp=steady.now_ms())
    clock.skew_ms += HOUR_MS
    pair = formats.encode(key, value)
    stored = GROUP_FORMATS.decode(pair)
    assert stored is not None and isinstance(stored[1], OffsetCommitValue)
    assert stored[1].commit_timestamp == clock.now_ms()
    again = formats.decode(pair)
    assert again is not None and isinstance(again[1], OffsetCommitValue)
    assert again[1].commit_timestamp == steady.now_ms()
    assert value.commit_timestamp == steady.now_ms(), "what the machine holds is not changed"


async def beat(node: Node, member: str, epoch: int) -> ConsumerGroupHeartbeatResponse:
    request = ConsumerGroupHeartbeatRequest(
        group_id="g", member_id=member, member_epoch=epoch, rebalance_timeout_ms=60_000,
        subscribed_topic_names=["t"] if epoch == 0 else None, topic_partitions=[] if epoch == 0 else None,
    )  # fmt: skip
    answer: ConsumerGroupHeartbeatResponse = await node.peers.send(1, request)
    return answer


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
def test_a_member_is_missed_after_its_session_whatever_the_wall_clock_does(jump_ms: int) -> None:
    async def scenario(_: SimCluster, node: Node, clock: SimClock, client: Cluster) -> None:
        await client.coordinator("g")
        await beat(node, "dead", 0)
        epoch = (await beat(node, "alive", 0)).member_epoch
        clock.skew_ms += jump_ms
        for _second in range(50):  # the session timeout is 45 s
            await asyncio.sleep(1)
            answer = await beat(node, "alive", epoch)
            assert answer.error_code == 0, "a member that beats is not missed"
            epoch = answer.member_epoch
        assert (await beat(node, "dead", 1)).error_code == UnknownMemberId.code

    on_clock(scenario)


def state(node: Node) -> State:
    found = node.transactions.machine("tx").find("tx")
    assert found is not None
    return found.state


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
def test_a_transaction_is_aborted_after_its_timeout_whatever_the_wall_clock_does(jump_ms: int) -> None:
    async def scenario(_: SimCluster, node: Node, clock: SimClock, client: Cluster) -> None:
        await client.coordinator("tx", TRANSACTION)
        begun = await node.peers.send(1, InitProducerIdRequest(transactional_id="tx", transaction_timeout_ms=3000))
        topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name="t", partitions=[0])
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id="tx",
            v3_and_below_producer_id=begun.producer_id,
            v3_and_below_producer_epoch=begun.producer_epoch,
            v3_and_below_topics=[topic],
        )
        added = await node.peers.send(1, request, 3)
        assert added.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code == 0
        clock.skew_ms += jump_ms
        await asyncio.sleep(1.5)
        assert state(node) is State.ONGOING
        await asyncio.sleep(5)
        assert state(node) is State.COMPLETE_ABORT

    on_clock(scenario)


def test_a_clock_that_moves_while_it_is_read_has_lost_nothing() -> None:
    class Moving:
        def __init__(self) -> None:
            self.seconds = 0.0

        def now_ms(self) -> int:
            return 0

        def monotonic(self) -> float:
            self.seconds += 0.001
            return self.seconds

    steady = SteadyClock(Moving())
    assert [steady.beat() for _ in range(20)] == [0.0] * 20


def test_a_time_that_is_moved_to_the_steady_clock_and_back_is_the_same() -> None:
    """Each of the two clocks is cut to whole milliseconds, at other moments."""
    monotonic_s = 0.0
    clock = SimClock(lambda: monotonic_s)
    steady = SteadyClock(clock)
    moved = set()
    for step in range(2000):
        monotonic_s = step * 0.0003711
        moved.add(steady.ahead_ms)
    assert moved == {0}
    clock.skew_ms = 60_000
    assert steady.ahead_ms == 60_000
