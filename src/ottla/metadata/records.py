"""Metadata records as bytes: Kafka's frame (version, type and version of the record) around the record's own body."""

from __future__ import annotations

from collections.abc import Iterable

from ottla.common.names import uuid_text
from ottla.protocol.codec import ProtocolError
from ottla.protocol.logs import cluster_metadata
from ottla.protocol.message import Message, StructType

FRAME_VERSION = 1

_classes: dict[int, type[Message]] = {}


def _record_classes() -> dict[int, type[Message]]:
    """The record classes by type code, found once."""
    if not _classes:
        for declared in vars(cluster_metadata).values():
            if isinstance(declared, StructType) and issubclass(declared, Message) and declared.record is not None:
                _classes[declared.record] = declared
    return _classes


def encode_record(record: Message) -> bytes:
    """The value that Kafka's metadata log holds for `record`, at its newest version."""
    assert record.record is not None, f"{type(record).__name__} is no metadata record"
    version = record.versions[1]
    assert max(record.record, version) < 0x80  # so each is a varint of one byte
    return bytes((FRAME_VERSION, record.record, version)) + record.encode(version)


def decode_record(value: bytes) -> Message:
    """The inverse. Raises ProtocolError for an unknown frame, type or version."""
    if len(value) < 3 or value[0] != FRAME_VERSION:
        raise ProtocolError("this is no metadata record, or one of a newer frame version")
    declared = _record_classes().get(value[1])
    if declared is None or not declared.has_version(value[2]):
        raise ProtocolError(f"metadata record of type {value[1]} and version {value[2]} is not known")
    record, end = declared.decode(value[2], value, 3)
    if end != len(value):
        raise ProtocolError(f"{len(value) - end} bytes follow a {declared.__name__}")
    return record


def encode_records(records: Iterable[Message]) -> list[bytes]:
    return [encode_record(record) for record in records]


def describe(record: Message) -> str:
    """One line for people: the record's name and what identifies it."""
    topic_id = getattr(record, "topic_id", None)
    name = getattr(record, "name", None) or (uuid_text(topic_id) if topic_id else "")
    return f"{type(record).__name__}({name})"
