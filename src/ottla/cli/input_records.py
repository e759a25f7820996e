"""How `produce` reads records: pieces between delimiters, whole files, or the JSON lines that `consume -J` prints."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import click

Headers = Sequence[tuple[str, bytes | None]]

_READ_BYTES = 1 << 16


class Outgoing(NamedTuple):
    """A record to produce. timestamp: ms, 0 for now."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int = 0


class Reading(NamedTuple):
    """How pieces become records. key_delimiter: None, the whole piece is the value."""

    key_delimiter: bytes | None = None
    key: bytes | None = None
    headers: Headers = ()
    empty_is_null: bool = False
    as_json: bool = False

    def record(self, piece: bytes) -> Outgoing:
        """Raises ClickException for a line that is no JSON object where one is due."""
        if self.as_json:
            return _from_json(piece)
        key, value = self.key, piece
        if self.key_delimiter is not None:
            before, found, after = piece.partition(self.key_delimiter)
            if found:
                key, value = before, after
        if self.empty_is_null:
            return Outgoing(key or None, value or None, self.headers)
        return Outgoing(key, value, self.headers)


def pieces(stream: BinaryIO, delimiter: bytes) -> Iterator[bytes]:
    """What stands between delimiters, each as soon as it is complete; nothing for an end after the last delimiter."""
    read = stream.read1 if hasattr(stream, "read1") else stream.read
    rest = b""
    while chunk := read(_READ_BYTES):
        *whole, rest = (rest + chunk).split(delimiter) if rest else chunk.split(delimiter)
        yield from whole
    if rest:
        yield rest


def whole_files(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        yield path.read_bytes()


def lines_of_files(paths: Sequence[Path], delimiter: bytes) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            yield from pieces(file, delimiter)


def parse_header(word: str) -> tuple[str, bytes | None]:
    """`name=value`; a name alone has a null value."""
    name, equals, value = word.partition("=")
    if not name:
        raise click.UsageError(f"{word!r} is not of the form NAME=VALUE")
    return name, value.encode() if equals else None


def _from_json(line: bytes) -> Outgoing:
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict):
            raise TypeError("no object")
        encoded = fields.get("base64", [])
        words = fields.get("headers") or []
        headers = [
            (name, _bytes(value, f"headers.{name}" in encoded))
            for name, value in zip(words[::2], words[1::2], strict=True)
        ]
        key = _bytes(fields.get("key"), "key" in encoded)
        value = _bytes(fields.get("payload", fields.get("value")), "payload" in encoded)
        return Outgoing(key, value, headers, int(fields.get("ts") or 0))
    except (ValueError, TypeError, AttributeError) as error:
        raise click.ClickException(
            f"not a record in JSON, as `ottla consume -J` prints them ({error}): {line[:80].decode('utf-8', 'replace')}"
        ) from None


def _bytes(value: object, encoded: bool) -> bytes | None:
    """Text as UTF-8; what is neither text nor null as JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return b64decode(value, validate=True) if encoded else value.encode()
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
