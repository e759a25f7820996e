"""Subscriptions to client metrics (KIP-714): which client pushes what, how often, and when it comes too early.

A machine: subscriptions and requests in, answers out. Where pushed metrics go is `broker.telemetry`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ottla.broker.dynamic_configs import ClientMetricsSettings, match_of
from ottla.common.errors import (
    InvalidRequest,
    TelemetryTooLarge,
    ThrottlingQuotaExceeded,
    UnknownSubscriptionId,
    UnsupportedCompressionType,
)
from ottla.records.batch import crc32c

ZSTD, LZ4, GZIP, SNAPPY = 4, 3, 1, 2
COMPRESSION_TYPES = [ZSTD, LZ4, GZIP, SNAPPY]
"""What a push may be compressed with, the best first; 0 is uncompressed."""

INSTANCES_MAX = 16_384
"""Clients that are remembered; the one that was silent longest is forgotten first, and asks again."""

_ALL = "*"
_NEVER = -1


class Identity(NamedTuple):
    """What a subscription can select a client by; the fields are the keys of `match`."""

    client_instance_id: str
    client_id: str
    client_software_name: str
    client_software_version: str
    client_source_address: str
    client_source_port: str


class Subscription(NamedTuple):
    interval_ms: int
    match: tuple[tuple[str, re.Pattern[str]], ...]
    metrics: tuple[str, ...]

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Subscription:
        settings = ClientMetricsSettings.parse(texts)
        pairs = (match_of(pattern) for pattern in settings.match)
        match = tuple((key, re.compile(expression)) for key, expression in pairs)
        return cls(settings.interval_ms, match, settings.metrics)

    def selects(self, client: Identity) -> bool:
        return all(pattern.fullmatch(getattr(client, key)) for key, pattern in self.match)


class Instance:
    """One client. It may push once after each answer about its subscription, then once in each interval."""

    __slots__ = ("get_ms", "identity", "interval_ms", "metrics", "push_ms", "subscription_id", "terminating")

    def __init__(self, identity: Identity, instance_id: bytes, subscriptions: Mapping[str, Subscription]) -> None:
        self.identity = identity
        matching = [each for each in subscriptions.values() if each.selects(identity)]
        metrics = dict.fromkeys(metric for each in matching for metric in each.metrics)
        self.metrics = [_ALL] if _ALL in metrics else list(metrics)
        default_ms = ClientMetricsSettings.parse({}).interval_ms
        self.interval_ms = min([default_ms, *(each.interval_ms for each in matching)])
        text = f"{self.metrics}{self.interval_ms}".encode()
        self.subscription_id = _signed(crc32c(text) ^ crc32c(instance_id))
        self.get_ms = _NEVER
        self.push_ms = _NEVER
        self.terminating = False


class ClientMetrics:
    """The clients and subscriptions of one broker."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.instances: dict[bytes, Instance] = {}
        """By client instance id, in the order of their last request."""
        self._subscriptions: dict[str, Subscription] = {}

    def subscribe(self, name: str, texts: Mapping[str, str]) -> None:
        """A subscription is new or another; without texts it is gone. Every client learns its own again."""
        if texts:
            self._subscriptions[name] = Subscription.of(texts)
        else:
            self._subscriptions.pop(name, None)
        self.instances.clear()

    def on_get(self, instance_id: bytes, identity: Identity, now_ms: int) -> Instance:
        """What the client is to push. Raises ThrottlingQuotaExceeded for a client that asks too often."""
        instance = self._instance(instance_id, identity)
        last_ms = max(instance.get_ms, instance.push_ms)
        if last_ms != _NEVER and now_ms - last_ms < instance.interval_ms:
            raise ThrottlingQuotaExceeded(_too_early(identity))
        instance.get_ms = now_ms
        return instance

    def on_push(
        self,
        instance_id: bytes,
        identity: Identity,
        *,
        subscription_id: int,
        terminating: bool,
        compression_type: int,
        size_bytes: int,
        now_ms: int,
    ) -> None:
        """Raises unless the push may be taken."""
        instance = self._instance(instance_id, identity)
        before, instance.terminating = instance.terminating, terminating
        if before:
            raise InvalidRequest(f"Client {identity.client_instance_id} said before that it terminates")
        early = instance.get_ms <= instance.push_ms != _NEVER and now_ms - instance.push_ms < instance.interval_ms
        if not early:
            instance.push_ms = now_ms
        elif not terminating:
            raise ThrottlingQuotaExceeded(_too_early(identity))
        if subscription_id != instance.subscription_id:
            raise UnknownSubscriptionId(f"The subscription of client {identity.client_instance_id} is another by now")
        if compression_type and compression_type not in COMPRESSION_TYPES:
            raise UnsupportedCompressionType(f"Unknown compression type {compression_type} of telemetry")
        if size_bytes > self.max_bytes:
            raise TelemetryTooLarge(f"{size_bytes} bytes of telemetry are more than the {self.max_bytes} allowed")

    def _instance(self, instance_id: bytes, identity: Identity) -> Instance:
        instance = self.instances.pop(instance_id, None)
        if instance is None:
            instance = Instance(identity, instance_id, self._subscriptions)
            if len(self.instances) >= INSTANCES_MAX:
                del self.instances[next(iter(self.instances))]
        self.instances[instance_id] = instance
        return instance


def _too_early(identity: Identity) -> str:
    return f"Request from client {identity.client_instance_id} arrived before the next push interval"


def _signed(value: int) -> int:
    return value - (1 << 32) if value >= 1 << 31 else value
