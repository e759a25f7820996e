from __future__ import annotations

import pytest

from ottla.common.properties import parse_properties


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", {"a": "b"}),
        ("  a = b  ", {"a": "b  "}),
        ("a:b\nc d\ne\n", {"a": "b", "c": "d", "e": ""}),
        ("# a=b\n  ! c=d\n\n\te=f", {"e": "f"}),
        ("a=b#c", {"a": "b#c"}),
        ("a=one,\\\n    two,\\\n# three\nb=c", {"a": "one,two,# three", "b": "c"}),
        ("a=b\\\\\nc=d", {"a": "b\\", "c": "d"}),
        ("a\\=b\\ c=d", {"a=b c": "d"}),
        ("a=\\t\\n\\u00e4\\x", {"a": "\t\näx"}),
        ("a=1\r\nb=2\rc=3", {"a": "1", "b": "2", "c": "3"}),
        ("a=1\na=2", {"a": "2"}),
        ("a = = b", {"a": "= b"}),
        ("a=b\\", {"a": "b"}),
        ("=b", {"": "b"}),
    ],
)
def test_properties_are_read_as_java_reads_them(text: str, expected: dict[str, str]) -> None:
    assert parse_properties(text) == expected


def test_a_malformed_escape_is_refused() -> None:
    with pytest.raises(ValueError, match="malformed"):
        parse_properties("a=\\u12")
