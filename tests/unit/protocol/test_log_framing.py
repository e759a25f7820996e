"""Keys, values and metadata records in the frames of Kafka's internal topics."""

from __future__ import annotations

import pytest

from ottla.common.names import Uuid
from ottla.protocol.codec import ProtocolError
from ottla.protocol.logs import cluster_metadata, consumer_offsets, share_group_state, transaction_state
from ottla.protocol.logs.cluster_metadata import TopicRecord
from ottla.protocol.logs.consumer_offsets import OffsetCommitKey, OffsetCommitValue
from ottla.protocol.logs.framing import (
    decode_key,
    decode_metadata,
    decode_value,
    encode_key,
    encode_metadata,
    encode_value,
    record_type,
)


def test_key_begins_with_its_record_type_and_value_with_its_version() -> None:
    key = OffsetCommitKey(group="g", topic="orders", partition=3)
    assert encode_key(key) == b"\x00\x01\x00\x01g\x00\x06orders\x00\x00\x00\x03"
    assert decode_key(consumer_offsets.KEYS, encode_key(key)) == key
    value = OffsetCommitValue(offset=42, metadata="m", commit_timestamp=1000)
    assert encode_value(value, 3)[:2] == b"\x00\x03"
    assert decode_value(consumer_offsets.VALUES[1], encode_value(value, 3)) == value


def test_key_of_an_unknown_type_is_none_but_its_type_can_be_read() -> None:
    assert record_type(b"\x03\xe7rest") == 999
    assert decode_key(consumer_offsets.KEYS, b"\x03\xe7rest") is None


def test_every_key_type_has_a_value_type() -> None:
    for log in (consumer_offsets, transaction_state, share_group_state):
        assert list(log.KEYS) == list(log.VALUES)
        for number, key in log.KEYS.items():
            assert key.record == log.VALUES[number].record == number
            assert key.__name__.removesuffix("Key") == log.VALUES[number].__name__.removesuffix("Value")


def test_metadata_record_begins_with_frame_type_and_version() -> None:
    record = TopicRecord(name="orders", topic_id=Uuid(b"0123456789abcdef"))
    data = encode_metadata(record, 0)
    assert data == b"\x01\x02\x00\x07orders0123456789abcdef\x00"
    assert decode_metadata(cluster_metadata.RECORDS, data) == (record, 0)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02\x02\x00", b"\x01\x63\x00", b"\x01\x02\x09", b"\x01\x02\x00"])
def test_metadata_that_cannot_be_understood_is_never_passed_over(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_metadata(cluster_metadata.RECORDS, data)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x63", b"\x00\x03\x00"])
def test_value_that_cannot_be_understood_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_value(OffsetCommitValue, data)
