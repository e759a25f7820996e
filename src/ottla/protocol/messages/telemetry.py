"""Client metrics of KIP-714: what to send, and sending it."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message
from ottla.protocol.types import Bool, Bytes, Int8, Int16, Int32, String, Uuid


class GetTelemetrySubscriptionsRequest(Message, api=71, versions=(0, 0), flexible=0):
    """Ask which metrics the broker wants; a zero id asks for an identity."""

    client_instance_id: Uuid = ZERO_UUID


class GetTelemetrySubscriptionsResponse(Message, api=71, versions=(0, 0), flexible=0):
    """The subscription, its interval and its encodings."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    client_instance_id: Uuid = ZERO_UUID
    subscription_id: Int32 = 0
    accepted_compression_types: list[Int8] = field()
    push_interval_ms: Int32 = 0
    telemetry_max_bytes: Int32 = 0
    delta_temporality: Bool = False
    requested_metrics: list[String] = field()


class PushTelemetryRequest(Message, api=72, versions=(0, 0), flexible=0):
    """Deliver metrics, serialised as OTLP and maybe compressed."""

    client_instance_id: Uuid = ZERO_UUID
    subscription_id: Int32 = 0
    terminating: Bool = False
    compression_type: Int8 = 0
    metrics: Bytes = b""


class PushTelemetryResponse(Message, api=72, versions=(0, 0), flexible=0):
    """Whether they were taken."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
