"""Random messages from a seed: any value that a version can carry, edges more often than their share."""

from __future__ import annotations

from random import Random
from typing import Any

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import Field
from ottla.protocol.message import Message, Struct

INTEGER_BITS = {"Int8": 8, "Int16": 16, "Int32": 32, "Int64": 64}
LETTERS = "abcxyzABC019-_. äßłé漢字🐟"


def random_message(message: type[Message], version: int, random: Random) -> Any:
    """A message with all fields of the version set, the others at their defaults."""
    return _struct(message, version, message.is_flexible(version), random)


def _struct(struct: type[Struct], version: int, flexible: bool, random: Random) -> Any:
    values = {}
    for name, field in struct.fields().items():
        left_out = field.tagged_in(version) and random.random() < 0.4
        if field.in_version(version) and not left_out:
            values[name] = _value(field, version, flexible, random)
    return struct(**values)


def _value(field: Field, version: int, flexible: bool, random: Random) -> Any:
    if field.nullable_in(version) and random.random() < 0.25:
        return None
    if field.array:
        many = field.struct is None and random.random() < 0.05
        return [
            _element(field, version, flexible, random) for _ in range(130 if many else random.choice((0, 1, 1, 2, 3)))
        ]
    value = _element(field, version, flexible, random)
    if field.options.optional and field.struct is not None and value == field.struct():
        return None  # a struct of defaults is not on the wire
    return value


def _element(field: Field, version: int, flexible: bool, random: Random) -> Any:
    if field.struct is not None:
        return _struct(field.struct, version, flexible, random)
    assert field.kind is not None
    return _plain(field.kind.name, random)


def _plain(kind: str, random: Random) -> Any:
    if kind in INTEGER_BITS:
        bits = INTEGER_BITS[kind]
        return random.choice((0, -1, 1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), random.randrange(2 ** (bits - 1))))
    if kind in ("UInt16", "UInt32"):
        bits = 16 if kind == "UInt16" else 32
        return random.choice((0, 1, 2**bits - 1, random.randrange(2**bits)))
    if kind == "Bool":
        return random.random() < 0.5
    if kind == "Float64":
        return random.choice((0.0, 1.5, -2.25, random.uniform(-1e9, 1e9)))
    if kind == "Uuid":
        return random.choice((ZERO_UUID, random.randbytes(16)))
    size = random.choice((0, 1, 2, 7, 20, random.choice((126, 127, 128, 300))))
    if kind == "String":
        return "".join(random.choice(LETTERS) for _ in range(size))
    return random.randbytes(size * (40 if kind == "Records" else 1))
