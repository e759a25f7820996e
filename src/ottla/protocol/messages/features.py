"""UpdateFeatures: raise or lower the finalised feature levels of the cluster (KIP-584)."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int8, Int16, Int32, String


class UpdateFeaturesRequest(Message, api=57, versions=(0, 2), flexible=0):
    """Raise or lower feature levels; version 1 knows a dry run."""

    class FeatureUpdateKey(Struct):
        feature: String = ""
        max_version_level: Int16 = 0
        allow_downgrade: Bool = field(default=False, until=0)
        upgrade_type: Int8 = field(default=1, since=1)

    timeout_ms: Int32 = 60000
    feature_updates: list[FeatureUpdateKey] = field()
    validate_only: Bool = field(default=False, since=1)


class UpdateFeaturesResponse(Message, api=57, versions=(0, 2), flexible=0):
    """Whether the levels were changed."""

    class UpdatableFeatureResult(Struct):
        feature: String = ""
        error_code: Int16 = 0
        error_message: String | None = ""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = ""
    results: list[UpdatableFeatureResult] = field(until=1, ignorable=True)
