"""Subscriptions to client metrics: who is asked for what, and who comes too early (KIP-714)."""

from __future__ import annotations

from typing import Any

import pytest

from ottla.broker import client_metrics
from ottla.broker.client_metrics import ClientMetrics, Identity
from ottla.common.errors import (
    InvalidRequest,
    KafkaError,
    TelemetryTooLarge,
    ThrottlingQuotaExceeded,
    UnknownSubscriptionId,
    UnsupportedCompressionType,
)

ID, OTHER = b"\x01" * 16, b"\x02" * 16
LIBRDKAFKA = Identity("id", "shop", "librdkafka", "2.16.0", "127.0.0.1", "4711")
JAVA = LIBRDKAFKA._replace(client_software_name="apache-kafka-java")


def metrics(**subscriptions: dict[str, str]) -> ClientMetrics:
    clients = ClientMetrics(max_bytes=1000)
    for name, texts in subscriptions.items():
        clients.subscribe(name, texts)
    return clients


def push(clients: ClientMetrics, now_ms: int, subscription_id: int, **changed: Any) -> None:
    told: dict[str, Any] = {"terminating": False, "compression_type": 0, "size_bytes": 10, **changed}
    clients.on_push(ID, LIBRDKAFKA, subscription_id=subscription_id, now_ms=now_ms, **told)


def test_a_client_gets_what_the_subscriptions_that_match_it_ask_for() -> None:
    clients = metrics(
        everyone={"metrics": "org.apache.kafka.producer.", "interval.ms": "60000"},
        java={
            "metrics": "org.apache.kafka.consumer.",
            "interval.ms": "1000",
            "match": "client_software_name=apache-.*",
        },
    )
    assert clients.on_get(ID, LIBRDKAFKA, 0).metrics == ["org.apache.kafka.producer."]
    java = clients.on_get(OTHER, JAVA, 0)
    assert java.metrics == ["org.apache.kafka.producer.", "org.apache.kafka.consumer."]
    assert (java.interval_ms, clients.instances[ID].interval_ms) == (1000, 60_000)


def test_a_star_asks_for_everything_and_no_subscription_for_nothing() -> None:
    assert metrics(a={"metrics": "x."}, b={"metrics": "*"}).on_get(ID, LIBRDKAFKA, 0).metrics == ["*"]
    nothing = metrics().on_get(ID, LIBRDKAFKA, 0)
    assert (nothing.metrics, nothing.interval_ms) == ([], 300_000)


def test_a_changed_subscription_has_another_id_and_is_told_at_once() -> None:
    clients = metrics(a={"metrics": "x."})
    before = clients.on_get(ID, LIBRDKAFKA, 0).subscription_id
    with pytest.raises(ThrottlingQuotaExceeded):
        clients.on_get(ID, LIBRDKAFKA, 1)
    clients.subscribe("a", {"metrics": "y."})
    assert clients.on_get(ID, LIBRDKAFKA, 2).subscription_id != before
    with pytest.raises(UnknownSubscriptionId):
        push(clients, 3, before)
    clients.subscribe("a", {})
    assert clients.on_get(ID, LIBRDKAFKA, 4).metrics == []


def test_one_push_follows_each_answer_and_then_one_each_interval() -> None:
    clients = metrics(a={"metrics": "*", "interval.ms": "1000"})
    id_ = clients.on_get(ID, LIBRDKAFKA, 0).subscription_id
    push(clients, 1, id_)
    with pytest.raises(ThrottlingQuotaExceeded):
        push(clients, 1000, id_)
    push(clients, 1001, id_)


def test_a_last_push_may_come_early_and_is_the_last() -> None:
    clients = metrics(a={"metrics": "*"})
    id_ = clients.on_get(ID, LIBRDKAFKA, 0).subscription_id
    push(clients, 1, id_)
    push(clients, 2, id_, terminating=True)
    with pytest.raises(InvalidRequest):
        push(clients, 10_000_000, id_)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"size_bytes": 1001}, TelemetryTooLarge),
        ({"compression_type": 5}, UnsupportedCompressionType),
        ({"subscription_id": 1}, UnknownSubscriptionId),
    ],
)
def test_a_wrong_push_is_refused(changed: dict[str, int], error: type[KafkaError]) -> None:
    clients = metrics(a={"metrics": "*"})
    id_ = clients.on_get(ID, LIBRDKAFKA, 0).subscription_id
    with pytest.raises(error):
        push(clients, 1, changed.pop("subscription_id", id_), **changed)


def test_the_client_that_was_silent_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_metrics, "INSTANCES_MAX", 2)
    clients = metrics()
    for number in (1, 2):
        clients.on_get(bytes([number]) * 16, LIBRDKAFKA, 0)
    clients.on_get(b"\x01" * 16, LIBRDKAFKA, 400_000)
    clients.on_get(b"\x03" * 16, LIBRDKAFKA, 400_000)
    assert list(clients.instances) == [b"\x01" * 16, b"\x03" * 16]
