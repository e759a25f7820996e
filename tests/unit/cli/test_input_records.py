from __future__ import annotations

import io

import click
import pytest

from ottla.cli.escapes import unescape
from ottla.cli.input_records import Outgoing, Reading, parse_header, pieces


class Drops(io.RawIOBase):
    """A pipe that brings few bytes at a time."""

    def __init__(self, data: bytes, at_once: int) -> None:
        self._data, self._at_once = data, at_once

    def read(self, size: int = -1) -> bytes:
        chunk, self._data = self._data[: self._at_once], self._data[self._at_once :]
        return chunk


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_pieces_are_the_same_however_the_bytes_arrive(at_once: int) -> None:
    data = b"one\r\ntwo\r\n\r\nfour"
    assert list(pieces(Drops(data, at_once), b"\r\n")) == [b"one", b"two", b"", b"four"]  # type: ignore[arg-type]


def test_a_delimiter_at_the_end_makes_no_empty_record() -> None:
    assert list(pieces(io.BytesIO(b"a\nb\n"), b"\n")) == [b"a", b"b"]
    assert list(pieces(io.BytesIO(b""), b"\n")) == []


def test_a_line_is_split_at_its_first_key_delimiter() -> None:
    reading = Reading(key_delimiter=b"::")
    assert reading.record(b"k::v::w") == Outgoing(b"k", b"v::w")
    assert reading.record(b"no delimiter") == Outgoing(None, b"no delimiter")
    assert reading.record(b"::") == Outgoing(b"", b"")


def test_empty_is_null_only_if_asked_for() -> None:
    assert Reading(key_delimiter=b":", empty_is_null=True).record(b":") == Outgoing(None, None)
    assert Reading().record(b"") == Outgoing(None, b"")


def test_a_fixed_key_and_headers_are_on_every_record() -> None:
    headers = [parse_header("a=1=2"), parse_header("b"), parse_header("c=")]
    assert headers == [("a", b"1=2"), ("b", None), ("c", b"")]
    assert Reading(key=b"k", headers=headers).record(b"v") == Outgoing(b"k", b"v", headers)


def test_json_may_name_the_payload_value_and_hold_any_json() -> None:
    assert Reading(as_json=True).record(b'{"key": 7, "value": {"a": [1, null]}}') == Outgoing(
        b"7", b'{"a":[1,null]}', []
    )


@pytest.mark.parametrize("line", [b"no json", b"[1]", b'{"headers": ["odd"]}', b'{"key": "*", "base64": ["key"]}'])
def test_a_line_that_is_no_record_is_refused_and_shown(line: bytes) -> None:
    with pytest.raises(click.ClickException, match="not a record in JSON") as refused:
        Reading(as_json=True).record(line)
    assert line.decode() in refused.value.message


def test_escapes_are_those_of_kcat() -> None:
    assert unescape(r"a\tb\n\x1f\\\0") == b"a\tb\n\x1f\\\0"
