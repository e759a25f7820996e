"""Messages as plain trees (dicts, lists, numbers, text), and requests made of dicts."""

from __future__ import annotations

from typing import Any

from ottla.common.errors import KafkaError
from ottla.common.names import uuid_text
from ottla.protocol.declaration import Field
from ottla.protocol.message import Message, Struct
from ottla.records.batch import HEADER, HEADER_BYTES, BatchHeader, crc_is_right
from ottla.records.record import read_records

Tree = Any


def build(kind: type[Struct], values: dict[str, Any], version: int) -> Any:
    """A struct of the fields that this version has. A name that no version has is a mistake in the case."""
    fields = kind.fields()
    unknown = set(values) - set(fields)
    assert not unknown, f"{kind.__qualname__} has no {', '.join(sorted(unknown))}"
    return kind(
        **{
            name: _built(fields[name], value, version)
            for name, value in values.items()
            if fields[name].in_version(version)
        }
    )


def _built(field: Field, value: Any, version: int) -> Any:
    if field.struct is None or value is None:
        return value
    if field.array:
        return [build(field.struct, one, version) for one in value]
    return build(field.struct, value, version)


def tree(message: Struct, version: int) -> dict[str, Tree]:
    """The fields that this version has, in their order. Uuids are text, records are taken apart."""
    found = {}
    for name, field in message.fields().items():
        if field.in_version(version):
            found[name] = _tree(field, getattr(message, name), version)
    return found


def _tree(field: Field, value: Any, version: int) -> Tree:
    if value is None:
        return None
    if field.array:
        return [_one(field, one, version) for one in value]
    return _one(field, value, version)


def _one(field: Field, value: Any, version: int) -> Tree:
    if field.struct is not None:
        return None if value is None else tree(value, version)
    assert field.kind is not None
    if field.kind.name == "Uuid":
        return uuid_text(value)
    if field.kind.name == "Records":
        return records_tree(bytes(value))
    if field.kind.name == "Bytes":
        return bytes(value)
    return value


def message_tree(message: Message, version: int) -> dict[str, Tree]:
    return tree(message, version)


def records_tree(data: bytes) -> list[Tree]:
    """Batches with their records; what is left of a last one that came in part is its number of bytes."""
    batches: list[Tree] = []
    position = 0
    while len(data) - position >= HEADER_BYTES:
        header = BatchHeader._make(HEADER.unpack_from(data, position))
        if header.length <= 0 or position + header.size_bytes > len(data):
            break
        batches.append(_batch_tree(header, data[position : position + header.size_bytes]))
        position += header.size_bytes
    if position < len(data):
        batches.append({"bytes_of_a_part": len(data) - position})
    return batches


def _batch_tree(header: BatchHeader, data: bytes) -> dict[str, Tree]:
    found: dict[str, Tree] = {name: value for name, value in header._asdict().items() if name != "crc"}
    found["crc_right"] = crc_is_right(data, header.crc)
    try:
        found["records"] = [
            {
                "offset": one.offset,
                "timestamp": one.timestamp,
                "key": one.key,
                "value": one.value,
                "headers": [[name, value] for name, value in one.headers],
            }
            for one in read_records(data)
        ]
    except KafkaError as error:
        found["records"] = f"cannot be read: {error}"
    return found
