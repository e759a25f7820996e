"""The page as a whole: valid, made in slices, shared by those who ask at the same time."""

from __future__ import annotations

import asyncio

import pytest

from ottla.broker.measures.page import render
from ottla.common.metrics import GAUGE, Family
from ottla.protocol.messages.api_versions import ApiVersionsRequest
from tests.unit.broker.handlers.support import Asking, on_broker, on_coordinator
from tests.unit.broker.measures.support import commit, fetch, page_of
from tests.unit.exposition import Page


def test_the_page_of_a_broker_at_work_is_valid_with_kafkas_names_and_without() -> None:
    async def scenario(broker: Asking) -> Page:
        await broker.topic("a")
        await broker.produce("a")
        await fetch(broker, "a")
        await fetch(broker, "absent")
        await commit(broker, 'a "group" \\ of\nlines', "a", (0, 0))
        return await page_of(broker)

    both = on_coordinator(scenario)
    assert both.value("ottla_consumer_group_summed_lag", group='a "group" \\ of\nlines') == 1
    ours = on_coordinator(scenario, {"ottla.metrics.kafka.names": "false"})
    theirs = {name for name in both.families if name.startswith("kafka_")}
    assert len(theirs) > 40
    assert both.families.keys() - theirs == ours.families.keys()


def test_who_asks_while_a_page_is_made_gets_that_page() -> None:
    async def scenario(broker: Asking) -> None:
        pages = await asyncio.gather(*(broker.node.metrics_page() for _ in range(5)))
        assert all(page is pages[0] for page in pages)
        assert broker.node._metrics_page.made == 1
        assert await broker.node.metrics_page() is not pages[0]

    on_broker(scenario)


def test_a_long_page_gives_way_to_requests() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 3000)
        turns = broker.node.turns.paused
        page = asyncio.ensure_future(broker.node.metrics_page())
        answered = 0
        while not page.done():
            await broker.ask(ApiVersionsRequest(), 0)
            answered += 1
        lines = page.result().count(b"\n")
        assert lines > 10_000
        assert broker.node.turns.paused - turns >= lines // 250

    on_broker(scenario)


class Fixed:
    """A source of so many series."""

    def __init__(self, series: int) -> None:
        self.series = series

    def steps(self):  # type: ignore[no-untyped-def]
        yield

    def families(self):  # type: ignore[no-untyped-def]
        yield Family("x", GAUGE, "Help", (("", f'{{n="{number}"}}', number) for number in range(self.series)))


@pytest.mark.parametrize("series", [0, 1, 247, 248, 249, 1000])
def test_no_step_writes_more_than_its_lines_and_none_is_lost(series: int) -> None:
    chunks: list[bytes] = []
    for _ in render([Fixed(series)], chunks):
        pass
    assert all(chunk.count(b"\n") <= 250 for chunk in chunks)
    assert len(Page(b"".join(chunks).decode()).values("x")) == series


def test_a_broker_without_rows_shows_sums_alone() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.produce("a")
        page = await page_of(broker)
        assert page.values("ottla_partition_high_watermark") == {}
        assert page.value("ottla_partitions") == 1
        assert page.value("kafka_server_brokertopicmetrics_messagesin_total") == 1

    on_broker(scenario, {"ottla.metrics.max.rows": "0"})
