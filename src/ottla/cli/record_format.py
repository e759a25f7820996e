"""How `consume` prints a record: a format in kcat's letters, or one JSON object a line.

%s value  %S its length  %R its length as 4 bytes  %k key  %K its length  %t topic  %p partition  %o offset
%T timestamp in ms  %h headers as k=v,k=v  %% a percent sign; a length is -1 for null.
"""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Protocol

import click

from ottla.cli.escapes import unescape

Headers = Sequence[tuple[str, bytes | None]]


class Consumed(Protocol):
    """A record as the client library hands it over."""

    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> Headers | None: ...
    def timestamp(self) -> tuple[int, int]:
        """(0 none, 1 CreateTime or 2 LogAppendTime; ms)"""
        ...


Printer = Callable[[Consumed], bytes]

_NULL = b"NULL"
_TIMESTAMP_TYPES = {1: "create", 2: "logappend"}
_LENGTH = struct.Struct(">i")


def compile_format(text: str, *, empty_is_null: bool = False) -> Printer:
    """Raises UsageError for an unknown letter. empty_is_null: null is printed as NULL, not as nothing."""
    null = _NULL if empty_is_null else b""
    letters: dict[str, Printer] = {
        "s": lambda record: _bytes(record.value(), null),
        "S": lambda record: b"%d" % _length(record.value()),
        "R": lambda record: _LENGTH.pack(_length(record.value())),
        "k": lambda record: _bytes(record.key(), null),
        "K": lambda record: b"%d" % _length(record.key()),
        "t": lambda record: record.topic().encode(),
        "p": lambda record: b"%d" % record.partition(),
        "o": lambda record: b"%d" % record.offset(),
        "T": lambda record: b"%d" % record.timestamp()[1],
        "h": lambda record: _headers(record.headers(), null),
        "%": lambda _: b"%",
    }
    parts: list[Printer] = []
    literal, *rest = _split(text)
    _add_literal(parts, literal)
    for piece in rest:
        letter = piece[:1]
        if letter not in letters:
            raise click.UsageError(f"%{letter} is no format letter; there are {' '.join('%' + key for key in letters)}")
        parts.append(letters[letter])
        _add_literal(parts, piece[1:])
    return lambda record: b"".join([part(record) for part in parts])


def _split(text: str) -> list[str]:
    """The text before the first %, then each letter with what follows it."""
    pieces, start, index = [], 0, 0
    while (index := text.find("%", index)) >= 0:
        pieces.append(text[start:index])
        start = index + 1
        index += 2
    return [*pieces, text[start:]]


def _add_literal(parts: list[Printer], text: str) -> None:
    if text:
        literal = unescape(text)
        parts.append(lambda _: literal)


def _bytes(value: bytes | None, null: bytes) -> bytes:
    return null if value is None else value


def _length(value: bytes | None) -> int:
    return -1 if value is None else len(value)


def _headers(headers: Headers | None, null: bytes) -> bytes:
    return b",".join(b"%s=%s" % (name.encode(), _bytes(value, null)) for name, value in headers or ())


def json_line(record: Consumed) -> bytes:
    """kcat's envelope. What is not UTF-8 is in base64, and the field `base64` names what is."""
    encoded: list[str] = []

    def text(name: str, value: bytes | None) -> str | None:
        if value is None:
            return None
        try:
            return value.decode()
        except UnicodeDecodeError:
            encoded.append(name)
            return b64encode(value).decode()

    kind, timestamp = record.timestamp()
    result: dict[str, object] = {
        "topic": record.topic(),
        "partition": record.partition(),
        "offset": record.offset(),
        "tstype": _TIMESTAMP_TYPES.get(kind, "unknown"),
        "ts": timestamp,
        "headers": [word for name, value in record.headers() or () for word in (name, text(f"headers.{name}", value))],
        "key": text("key", record.key()),
        "payload": text("payload", record.value()),
    }
    if encoded:
        result["base64"] = encoded
    return json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
