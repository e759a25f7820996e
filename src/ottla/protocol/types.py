"""The words that declarations are written in: one name for each type of the wire.

For a type checker they are Python's types; the codec reads the names themselves from the annotations.
`Uuid` is `ottla.common.names.Uuid`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from ottla.common.names import ZERO_UUID, Uuid

Bool: TypeAlias = bool
Int8: TypeAlias = int
Int16: TypeAlias = int
Int32: TypeAlias = int
Int64: TypeAlias = int
UInt16: TypeAlias = int
UInt32: TypeAlias = int
Float64: TypeAlias = float
String: TypeAlias = str
Bytes: TypeAlias = bytes
Records: TypeAlias = Any
"""Decoded: a memoryview of the buffer. To encode: anything bytes-like, or an object with a length that
`encode_parts` passes through as itself (a range of a file)."""


class Kind(NamedTuple):
    """How a type that is no struct looks on the wire.

    `code` is its letter in the struct module, "" if its size varies; `zero` is its default.
    """

    name: str
    code: str
    size: int
    zero: object


KINDS = {
    kind.name: kind
    for kind in (
        Kind("Bool", "?", 1, False),
        Kind("Int8", "b", 1, 0),
        Kind("Int16", "h", 2, 0),
        Kind("Int32", "i", 4, 0),
        Kind("Int64", "q", 8, 0),
        Kind("UInt16", "H", 2, 0),
        Kind("UInt32", "I", 4, 0),
        Kind("Float64", "d", 8, 0.0),
        Kind("Uuid", "16s", 16, ZERO_UUID),
        Kind("String", "", 0, ""),
        Kind("Bytes", "", 0, b""),
        Kind("Records", "", 0, None),
    )
}

__all__ = [
    "KINDS",
    "Bool",
    "Bytes",
    "Float64",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Kind",
    "Records",
    "String",
    "UInt16",
    "UInt32",
    "Uuid",
]
