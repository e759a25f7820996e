"""Who sends a request."""

from __future__ import annotations

from typing import NamedTuple


class Principal(NamedTuple):
    """An authenticated identity, `User:alice` in text."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Principal:
        """The inverse of `str`. Raises ValueError without a type or a name."""
        kind, colon, name = text.partition(":")
        if not (kind and colon and name):
            raise ValueError(f"expected a string in format principalType:principalName but got {text!r}")
        return cls(kind, name)


ANONYMOUS = Principal("User", "ANONYMOUS")
"""Whoever comes over a listener without authentication."""
