"""Requests are timed by API, with their waits and without."""

from __future__ import annotations

import pytest

from ottla.broker.measures.latency import BOUNDS_S
from ottla.broker.measures.quantiles import QUANTILES, Recent, quantile
from ottla.common.metrics import Histogram
from tests.unit.broker.handlers.support import Asking, on_broker
from tests.unit.broker.measures.support import fetch, page_of
from tests.unit.exposition import Page


def test_a_long_poll_takes_its_time_in_all_and_none_of_its_own() -> None:
    async def scenario(broker: Asking) -> Page:
        await broker.topic("a")
        await broker.produce("a")
        await fetch(broker, "a", offset=1, max_wait_ms=500)
        await fetch(broker, "a")
        return await page_of(broker)

    page = on_broker(scenario)
    assert page.value("ottla_request_seconds_count", api="Fetch") == 2
    assert page.value("ottla_request_seconds_sum", api="Fetch") == pytest.approx(0.5, abs=0.01)
    assert page.value("ottla_request_seconds_bucket", api="Fetch", le="0.25") == 1
    assert page.value("ottla_request_local_seconds_count", api="Fetch") == 2
    assert page.value("ottla_request_local_seconds_sum", api="Fetch") == pytest.approx(0, abs=1e-9)
    assert page.value("ottla_request_local_seconds_bucket", api="Fetch", le="5e-05") == 2


def test_every_request_is_timed_once_and_an_api_that_nobody_asks_is_absent() -> None:
    async def scenario(broker: Asking) -> Page:
        await broker.topic("a")
        for _ in range(3):
            await broker.produce("a")
        return await page_of(broker)

    page = on_broker(scenario)
    assert page.value("ottla_request_seconds_count", api="Produce") == 3
    assert page.value("kafka_network_requestmetrics_totaltimems_count", request="Produce") == 3
    apis = {dict(labels).get("api") for _, labels in page.families["ottla_request_seconds"].samples}
    assert "JoinGroup" not in apis
    for api in apis:
        requests = sum(
            count for labels, count in page.values("ottla_requests_total").items() if dict(labels)["api"] == api
        )
        assert page.value("ottla_request_seconds_count", api=api or "") == requests


def test_a_quantile_lies_on_the_line_between_the_bounds_of_its_bucket() -> None:
    assert quantile((1.0, 2.0, 4.0), [0, 10, 0, 0], 0.5) == 1.5
    assert quantile((1.0, 2.0, 4.0), [5, 0, 5, 0], 0.75) == 3.0
    assert quantile((1.0, 2.0, 4.0), [0, 0, 0, 3], 0.5) == 4.0
    assert quantile((1.0,), [0, 0], 0.5) != quantile((1.0,), [0, 0], 0.5)  # not a number


def test_quantiles_forget_after_five_minutes() -> None:
    seen = Histogram(BOUNDS_S)
    recent = Recent(seen)
    seen.observe(20.0)
    assert recent.quantiles(seen, 0.0)[0] > 10
    seen.observe(0.0001)
    for now_s in (100.0, 200.0, 360.0):
        last = recent.quantiles(seen, now_s)
        seen.observe(0.0001)
    assert all(value <= 0.0001 for value in last)
    assert len(last) == len(QUANTILES)
    assert all(value != value for value in recent.quantiles(Histogram(BOUNDS_S).plus(seen), 1000.0))
