"""The record types of `__consumer_offsets` that the group machines replay, and the value versions that they write."""

from __future__ import annotations

from ottla.coordinator.formats import Formats
from ottla.protocol.logs.consumer_offsets import (
    GroupMetadataKey,
    GroupMetadataValue,
    LegacyOffsetCommitKey,
    LegacyOffsetCommitValue,
    OffsetCommitKey,
    OffsetCommitValue,
)

LEGACY_OFFSET_COMMIT, OFFSET_COMMIT, GROUP_METADATA = 0, 1, 2

GROUP_FORMATS = Formats(
    keys={
        LEGACY_OFFSET_COMMIT: LegacyOffsetCommitKey,
        OFFSET_COMMIT: OffsetCommitKey,
        GROUP_METADATA: GroupMetadataKey,
    },
    values={
        LEGACY_OFFSET_COMMIT: LegacyOffsetCommitValue,
        OFFSET_COMMIT: OffsetCommitValue,
        GROUP_METADATA: GroupMetadataValue,
    },
    # As Kafka 4.3.1 writes them. Offset commits of version 4 carry the topic id, which older brokers cannot read.
    written={OFFSET_COMMIT: 4, GROUP_METADATA: 3},
)
