"""Lag by group, from the broker itself."""

from __future__ import annotations

import pytest

from ottla.broker.measures.groups import GroupSurvey
from ottla.client.connection import open_connection
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.testing.cluster import PORT, SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.unit.broker.handlers.support import Asking, on_coordinator
from tests.unit.broker.measures.support import commit, page_of

LAG, SUM, LARGEST = "ottla_consumer_group_lag", "ottla_consumer_group_summed_lag", "ottla_consumer_group_largest_lag"


def test_lag_is_what_lies_between_the_committed_offset_and_the_high_watermark() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 2)
        for _ in range(5):
            await broker.produce("a")
        await commit(broker, "g", "a", (0, 2), (1, 0))
        page = await page_of(broker)
        assert page.value(LAG, group="g", topic="a", partition="0") == 3
        assert page.value(LAG, group="g", topic="a", partition="1") == 0
        assert (page.value(SUM, group="g"), page.value(LARGEST, group="g")) == (3, 3)
        assert page.value("ottla_consumer_group_committed_offset", group="g", topic="a", partition="0") == 2
        assert page.value("kafka_consumergroup_lag", consumergroup="g", topic="a", partition="0") == 3
        assert page.value("kafka_consumergroup_lag_sum", consumergroup="g", topic="a") == 3
        assert page.value("kafka_consumergroup_current_offset", consumergroup="g", topic="a", partition="0") == 2
        assert page.value("kafka_topic_partition_current_offset", topic="a", partition="0") == 5
        assert page.value("kafka_topic_partition_oldest_offset", topic="a", partition="0") == 0

    on_coordinator(scenario)


@pytest.mark.parametrize("committed", [2, 7], ids=["behind", "ahead"])
def test_an_offset_that_the_log_does_not_reach_has_no_negative_lag(committed: int) -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        for _ in range(5):
            await broker.produce("a")
        await commit(broker, "g", "a", (0, committed))
        page = await page_of(broker)
        assert page.value(LAG, group="g", topic="a", partition="0") == max(5 - committed, 0)

    on_coordinator(scenario)


def test_a_deleted_topic_has_no_lag() -> None:
    async def scenario(broker: Asking) -> None:
        for topic in ("a", "b"):
            await broker.topic(topic)
            await broker.produce(topic)
            await commit(broker, "g", topic, (0, 0))
        await broker.ask(DeleteTopicsRequest(topic_names=["a"], timeout_ms=1000), 5)
        page = await page_of(broker)
        assert list(page.values(LAG)) == [(("group", "g"), ("partition", "0"), ("topic", "b"))]

    on_coordinator(scenario)


def test_members_and_states_are_told_for_members_and_for_offsets_alone() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await commit(broker, "offsets-alone", "a", (0, 0))
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"m")
        join = JoinGroupRequest(
            group_id="g", session_timeout_ms=10_000, rebalance_timeout_ms=10_000, protocol_type="consumer",
            protocols=[protocol],
        )  # fmt: skip
        assert (await broker.ask(join, 2)).error_code == 0
        page = await page_of(broker)
        assert page.value("ottla_groups") == 2
        assert page.value("ottla_group_members") == 1
        assert page.value("ottla_consumer_group_members", group="g") == 1
        assert page.value("kafka_consumergroup_members", consumergroup="offsets-alone") == 0
        states = page.values("ottla_consumer_group_state")
        assert states[("group", "offsets-alone"), ("state", "Empty"), ("type", "classic")] == 1
        assert states[("group", "g"), ("state", "CompletingRebalance"), ("type", "classic")] == 1

    on_coordinator(scenario)


def test_a_group_is_listed_with_all_of_its_offsets_or_with_none() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 5)
        await commit(broker, "large", "a", *((index, 0) for index in range(5)))
        await commit(broker, "small", "a", (0, 0))
        page = await page_of(broker)
        assert {dict(labels)["group"] for labels in page.values(LAG)} == {"small"}
        assert page.value("ottla_groups") == 2
        assert page.value("ottla_committed_offsets") == 6
        assert page.value("ottla_metrics_left_out", of="groups") == 1
        assert page.value("ottla_metrics_left_out", of="committed_offsets") == 5
        assert page.value("ottla_metrics_left_out", of="partitions") == 5 + 50 - 4

    on_coordinator(scenario, {"ottla.metrics.max.rows": "4"})


def test_lag_is_right_after_a_restart_before_anybody_has_used_a_partition() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        broker = Asking(await cluster.start(), await open_connection("broker-1", PORT))
        await broker.ask(FindCoordinatorRequest(coordinator_keys=["g"]), 4)
        for topic in ("a", "b"):
            await broker.topic(topic)
            for _ in range(5):
                await broker.produce(topic)
            await commit(broker, "g", topic, (0, 2))
        broker.connection.close()
        await cluster.stop()
        broker = Asking(await cluster.start(), await open_connection("broker-1", PORT))
        await broker.ask(FindCoordinatorRequest(coordinator_keys=["g"]), 4)
        without_checkpoint = broker.node.replicas.find("b", 0)
        without_checkpoint.start_high_watermark = 0  # as when its checkpoint was lost
        page = await page_of(broker)
        assert [page.value(LAG, group="g", topic=topic, partition="0") for topic in ("a", "b")] == [3, 3]
        assert broker.node.replicas.find("a", 0).log is None, "a log was opened that need not be"
        broker.connection.close()

    run_simulation(1, main)


def test_no_step_looks_at_more_than_its_slice() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 300)
        offsets = [(index, 0) for index in range(300)]
        for number in range(34):
            await commit(broker, f"g{number}", "a", *offsets)
        survey = GroupSurvey(broker.node.groups, broker.node.replicas, 10_500)
        looks = 0

        def counted(name: object, committed: int) -> int:
            nonlocal looks
            looks += 1
            return 0

        survey._lag = counted  # type: ignore[method-assign,assignment]
        before, largest, steps = 0, 0, 0
        for _ in survey.steps():
            largest, before, steps = max(largest, looks - before), looks, steps + 1
        assert (looks, sum(len(row.offsets) for row in survey.rows)) == (10_200, 10_200)
        assert largest <= 200
        assert steps >= 102

    on_coordinator(scenario)
