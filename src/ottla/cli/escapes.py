"""`\\n`, `\\t`, `\\x1f` in delimiters and formats, as the shell hands them over."""

from __future__ import annotations

import re

import click

_NAMED = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0", "\\": b"\\"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)


def unescape(text: str) -> bytes:
    """The bytes meant. Raises UsageError for an escape that is none."""
    result, end = b"", 0
    for found in _ESCAPE.finditer(text):
        word = found[1]
        result += text[end : found.start()].encode()
        if len(word) == 3:
            result += bytes([int(word[1:], 16)])
        elif word in _NAMED:
            result += _NAMED[word]
        else:
            raise click.UsageError(f"\\{word} is no escape; there are \\n \\r \\t \\0 \\\\ and \\xNN")
        end = found.end()
    return result + text[end:].encode()
