"""Records as people read them: text where it is text, decoded where the topic is one of Kafka's own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ottla.common.names import CONSUMER_OFFSETS, METADATA_TOPIC, SHARE_GROUP_STATE, TRANSACTION_STATE, uuid_text
from ottla.protocol.codec import ProtocolError
from ottla.protocol.logs.framing import decode_key, decode_metadata, decode_value, record_type
from ottla.protocol.message import Message, Struct
from ottla.records.record import Record

Shape = Callable[[Record], dict[str, Any]]

_DECODERS = {
    CONSUMER_OFFSETS: "ottla.protocol.logs.consumer_offsets",
    TRANSACTION_STATE: "ottla.protocol.logs.transaction_state",
    SHARE_GROUP_STATE: "ottla.protocol.logs.share_group_state",
}


def shape_for(topic: str | None) -> Shape:
    """How the records of a topic become JSON; internal topics are decoded."""
    if topic in _DECODERS:
        module = import_module(_DECODERS[topic])
        return lambda record: _framed(record, module.KEYS, module.VALUES)
    if topic == METADATA_TOPIC:
        from ottla.protocol.logs.cluster_metadata import RECORDS

        return lambda record: _metadata(record, RECORDS)
    return plain


def plain(record: Record) -> dict[str, Any]:
    """Key and value as text, or in base64 where they are not UTF-8."""
    return {
        "offset": record.offset,
        "timestamp": record.timestamp,
        "headers": [[name, readable(value)] for name, value in record.headers],
        "key": readable(record.key),
        "value": readable(record.value),
    }


def readable(data: bytes | None) -> str | dict[str, str] | None:
    """`{"base64": ...}` for what is no UTF-8 text."""
    if data is None:
        return None
    try:
        return bytes(data).decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}


def _framed(record: Record, keys: dict[int, type[Message]], values: dict[int, type[Message]]) -> dict[str, Any]:
    result = plain(record)
    if record.key is None:
        return result
    try:
        number = record_type(record.key)
        key = decode_key(keys, record.key)
        if key is None:
            return result
        result["type"] = type(key).__name__.removesuffix("Key")
        result["key"] = as_values(key)
        if record.value is not None:
            version = int.from_bytes(record.value[:2], "big")
            result["value"] = {"version": version, **as_values(decode_value(values[number], record.value))}
    except ProtocolError as error:
        result["undecodable"] = str(error)
    return result


def _metadata(record: Record, kinds: dict[int, type[Message]]) -> dict[str, Any]:
    result = plain(record)
    try:
        message, version = decode_metadata(kinds, record.value or b"")
    except ProtocolError as error:
        return {**result, "undecodable": str(error)}
    return {**result, "type": type(message).__name__, "value": {"version": version, **as_values(message)}}


def as_values(struct: Struct) -> dict[str, Any]:
    """A message as JSON can hold it: uuids in Kafka's text form, bytes as text or base64."""
    result = {}
    for name, field in struct.fields().items():
        is_uuid = field.kind is not None and field.kind.name == "Uuid"
        result[name] = _value(getattr(struct, name), is_uuid)
    return result


def _value(value: Any, is_uuid: bool) -> Any:
    if isinstance(value, list):
        return [_value(item, is_uuid) for item in value]
    if isinstance(value, Struct):
        return as_values(value)
    if isinstance(value, bytes | memoryview):
        return uuid_text(bytes(value)) if is_uuid else readable(bytes(value))
    return value
