from __future__ import annotations

import json

import click
import pytest

from ottla.cli.input_records import Outgoing, Reading
from ottla.cli.record_format import Headers, compile_format, json_line


class Message:
    """A record as the client library hands it over."""

    def __init__(self, key: bytes | None = b"k", value: bytes | None = b"v", headers: Headers | None = None) -> None:
        self._key, self._value, self._headers = key, value, headers

    def topic(self) -> str:
        return "orders"

    def partition(self) -> int:
        return 2

    def offset(self) -> int:
        return 41

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> Headers | None:
        return self._headers

    def timestamp(self) -> tuple[int, int]:
        return 1, 1795415560925


def test_every_letter_of_kcat_is_printed() -> None:
    printer = compile_format(r"%t[%p]@%o %T %k/%K=%s/%S %h %%\t\x2e\n")
    record = Message(b"key", b"value", [("a", b"1"), ("b", None)])
    assert printer(record) == b"orders[2]@41 1795415560925 key/3=value/5 a=1,b= %\t.\n"


def test_null_has_length_minus_one_and_is_printed_as_nothing_or_as_a_word() -> None:
    null = Message(None, None)
    assert compile_format("%k|%K|%s|%S|%R")(null) == b"|-1||-1|\xff\xff\xff\xff"
    assert compile_format("%k|%s", empty_is_null=True)(null) == b"NULL|NULL"


def test_a_format_without_letters_is_printed_as_it_is() -> None:
    assert compile_format("plain")(Message()) == b"plain"


@pytest.mark.parametrize("text", ["%q", "100%", "%"])
def test_an_unknown_letter_is_refused_with_those_that_there_are(text: str) -> None:
    with pytest.raises(click.UsageError, match="is no format letter; there are %s"):
        compile_format(text)


def test_an_unknown_escape_is_refused() -> None:
    with pytest.raises(click.UsageError, match="is no escape"):
        compile_format(r"%s\q")


def test_a_record_is_one_line_of_json() -> None:
    assert json.loads(json_line(Message(b"k", b"v", [("h", b"1"), ("n", None)]))) == {
        "topic": "orders",
        "partition": 2,
        "offset": 41,
        "tstype": "create",
        "ts": 1795415560925,
        "headers": ["h", "1", "n", None],
        "key": "k",
        "payload": "v",
    }


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"k", b"v", []),
        (None, None, []),
        (b"", b"\xff\x00", [("h", b"\xfe"), ("n", None), ("t", b"text")]),
        ("schlüssel".encode(), b'{"a": "\\n"}', []),
    ],
)
def test_what_consume_prints_as_json_produce_reads_back(
    key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    line = json_line(Message(key, value, headers))
    assert Reading(as_json=True).record(line) == Outgoing(key, value, list(headers), 1795415560925)
