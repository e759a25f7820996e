"""Options that several commands share, and the reading of `key=value` words."""

from __future__ import annotations

from collections.abc import Iterable

import click


def parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """`KEY=VALUE` words as a dict; the last of equal keys wins. Raises UsageError for a word without `=`."""
    result: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"{pair!r} is not of the form KEY=VALUE")
        result[key.strip()] = value
    return result
