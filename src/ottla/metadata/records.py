"""Metadata records as bytes and back."""

from __future__ import annotations

from collections.abc import Iterable

from ottla.protocol.logs.cluster_metadata import RECORDS
from ottla.protocol.logs.framing import decode_metadata, encode_metadata
from ottla.protocol.message import Message


def encode_record(record: Message) -> bytes:
    """The value that the metadata log holds for `record`, at its newest version."""
    return encode_metadata(record, record.versions[1])


def decode_record(value: bytes) -> Message:
    """The inverse. Raises ProtocolError, also for a type or version that this program does not know."""
    record, _ = decode_metadata(RECORDS, value)
    return record


def encode_records(records: Iterable[Message]) -> list[bytes]:
    return [encode_record(record) for record in records]


def decode_records(values: Iterable[bytes]) -> list[Message]:
    """Raises ProtocolError."""
    return [decode_record(value) for value in values]
