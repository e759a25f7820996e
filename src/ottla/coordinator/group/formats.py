"""The record types of `__consumer_offsets` that the group machines replay, and the value versions that they write."""

from __future__ import annotations

from ottla.coordinator.formats import Formats, Pair
from ottla.protocol.logs.consumer_offsets import KEYS, VALUES, OffsetCommitValue
from ottla.protocol.logs.framing import encode_key, encode_value
from ottla.protocol.message import Message

OFFSET_COMMIT, GROUP_METADATA = 1, 2
CONSUMER_GROUP = (3, 4, 5, 6, 7, 8, 16)
"""Types of KIP-848. Type 4 is read, and deleted with its group; nobody writes it any more."""

_READ = (0, OFFSET_COMMIT, GROUP_METADATA, *CONSUMER_GROUP)

_WITH_EXPIRY = 1
"""The only version of an offset commit that holds when it expires."""


class GroupFormats(Formats):
    """An offset whose client said how long to keep it (OffsetCommit 2 to 4) is written as in Kafka 4.3.1."""

    def encode(self, key: Message, value: Message | None) -> Pair:
        if isinstance(value, OffsetCommitValue) and value.expire_timestamp >= 0:
            return encode_key(key), encode_value(value, _WITH_EXPIRY)
        return super().encode(key, value)


GROUP_FORMATS = GroupFormats(
    keys={record: KEYS[record] for record in _READ},
    values={record: VALUES[record] for record in _READ},
    # As Kafka 4.3.1 writes them. Offset commits of version 4 carry the topic id, which older brokers cannot read.
    written={OFFSET_COMMIT: 4, GROUP_METADATA: 3, **dict.fromkeys(CONSUMER_GROUP, 0)},
)
