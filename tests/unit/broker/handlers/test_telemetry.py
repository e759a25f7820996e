"""Client metrics pushed by a client end as records of a topic; without a receiver nobody is asked."""

from __future__ import annotations

import pytest

from ottla.common.errors import NetworkException
from ottla.protocol.messages.configs import IncrementalAlterConfigsRequest
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.telemetry import GetTelemetrySubscriptionsRequest, PushTelemetryRequest
from ottla.records.record import read_all
from tests.unit.broker.handlers.support import Asking, on_broker

CLIENT_METRICS, SET = 16, 0
UNKNOWN_SUBSCRIPTION_ID, INVALID_REQUEST = 117, 42
RECEIVER = {"ottla.client.metrics.topic": "client-metrics"}


async def subscribe(asking: Asking) -> None:
    config = IncrementalAlterConfigsRequest.AlterableConfig(name="metrics", config_operation=SET, value="*")
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
        resource_type=CLIENT_METRICS, resource_name="all", configs=[config]
    )
    answer = await asking.ask(IncrementalAlterConfigsRequest(resources=[resource]), 1)
    assert answer.responses[0].error_code == 0


def test_what_a_client_pushes_is_a_record_with_headers_that_tell_of_it() -> None:
    async def scenario(asking: Asking) -> None:
        await subscribe(asking)
        told = await asking.ask(GetTelemetrySubscriptionsRequest(), 0)
        assert (told.error_code, told.requested_metrics, told.telemetry_max_bytes) == (0, ["*"], 1048576)
        request = PushTelemetryRequest(
            client_instance_id=told.client_instance_id, subscription_id=told.subscription_id, metrics=b"otlp"
        )
        assert (await asking.ask(request, 0)).error_code == 0
        want = FetchRequest.FetchPartition(partition=0, partition_max_bytes=10_000)
        topic = FetchRequest.FetchTopic(topic="client-metrics", partitions=[want])
        fetched = await asking.ask(FetchRequest(max_wait_ms=0, min_bytes=0, topics=[topic]), 12)
        (record,) = read_all(bytes(fetched.responses[0].partitions[0].records))
        headers = dict(record.headers)
        assert (record.value, headers["terminating"], headers["client.address"]) == (b"otlp", b"false", b"127.0.0.1")
        assert "ottla_client_metrics_pushes_total 1" in asking.node.metrics.text()

    on_broker(scenario, RECEIVER)


def test_a_push_that_nobody_asked_for_is_refused() -> None:
    async def scenario(asking: Asking) -> None:
        push = PushTelemetryRequest(client_instance_id=b"\x07" * 16, subscription_id=1, metrics=b"otlp")
        assert (await asking.ask(push, 0)).error_code == UNKNOWN_SUBSCRIPTION_ID
        assert (await asking.ask(PushTelemetryRequest(metrics=b"otlp"), 0)).error_code == INVALID_REQUEST

    on_broker(scenario, RECEIVER)


@pytest.mark.parametrize("settings", [{}, RECEIVER])
def test_the_apis_are_advertised_only_with_a_receiver(settings: dict[str, str]) -> None:
    async def scenario(asking: Asking) -> None:
        assert ({71, 72} <= set(asking.connection.versions)) is bool(settings)
        if not settings:
            with pytest.raises(NetworkException):
                await asking.ask(GetTelemetrySubscriptionsRequest(), 0)

    on_broker(scenario, settings)
