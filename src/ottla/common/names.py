"""Identifiers that must not be mixed, and the text form of Kafka's uuids."""

from __future__ import annotations

import binascii  # not base64, which imports re: every process start would pay for it
from operator import mul
from typing import NamedTuple, NewType

BrokerId = NewType("BrokerId", int)
Offset = NewType("Offset", int)
"""A record's place in its partition, from 0; an end offset is the offset of the next record."""
LeaderEpoch = NewType("LeaderEpoch", int)
Uuid = NewType("Uuid", bytes)
"""16 bytes; all zero means absent."""

ZERO_UUID = Uuid(bytes(16))

_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")

INTERNAL_TOPICS = ("__consumer_offsets", "__transaction_state", "__share_group_state")
CONSUMER_OFFSETS, TRANSACTION_STATE, SHARE_GROUP_STATE = INTERNAL_TOPICS
METADATA_TOPIC = "__cluster_metadata"
"""The name under which Kafka keeps its metadata log; no client sees such a topic."""
MOST_TOPIC_CHARACTERS = 249
"""Of a topic's name: with a partition's number it still is the name of a folder."""


class TopicPartition(NamedTuple):
    """One partition of one topic, by name."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


def uuid_text(value: bytes) -> str:
    """Kafka's text form: 22 characters of URL-safe base64 without padding."""
    return binascii.b2a_base64(value, newline=False).rstrip(b"=").translate(_TO_URL_SAFE).decode("ascii")


def parse_uuid(text: str) -> Uuid:
    """The inverse of `uuid_text`. Raises ValueError for anything that is not 22 such characters."""
    try:
        value = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL_SAFE) + b"==", strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{text!r} is not a uuid in Kafka's text form") from error
    if len(value) != 16:
        raise ValueError(f"{text!r} has {len(value)} bytes, not 16")
    return Uuid(value)


def java_int(text: str) -> int | None:
    """The number that Java's Integer.parseInt reads, which takes a plus sign; None where it refuses."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        return None
    value = int(text)
    return value if -(1 << 31) <= value < 1 << 31 else None


_POWERS_OF_31 = tuple(pow(31, exponent, 1 << 32) for exponent in range(64))


def java_string_hash(text: str) -> int:
    """Java's String.hashCode as a signed 32-bit number, over UTF-16 units."""
    if text.isascii() and len(text) <= len(_POWERS_OF_31):  # each request to a coordinator comes here: 0.4 us, not 2
        result: int = sum(map(mul, text.encode()[::-1], _POWERS_OF_31)) & 0xFFFFFFFF
    else:
        units = text.encode("utf-16-be", "surrogatepass")
        result = 0
        for index in range(0, len(units), 2):
            result = (31 * result + (units[index] << 8 | units[index + 1])) & 0xFFFFFFFF
    return result - (1 << 32) if result >= 1 << 31 else result


def coordinator_partition(key: str, partitions: int) -> int:
    """The partition of an internal topic that holds `key`: abs(hashCode) modulo partitions, as Kafka does."""
    value = abs(java_string_hash(key))
    return 0 if value == 1 << 31 else value % partitions
