"""What a regular expression is made of, once parsed. Characters are sets of ASCII: topic names know no others."""

from __future__ import annotations

from typing import NamedTuple

ASCII = 128
ALL = (1 << ASCII) - 1


def chars(text: str) -> int:
    """The set of these characters, as bits; what is not ASCII can match no topic name."""
    mask = 0
    for one in text:
        if ord(one) < ASCII:
            mask |= 1 << ord(one)
    return mask


def span(low: int, high: int) -> int:
    """All from `low` to `high`."""
    return ((1 << min(high + 1, ASCII)) - 1) & ~((1 << low) - 1) if low < ASCII else 0


DIGITS, LOWER, UPPER = span(48, 57), span(97, 122), span(65, 90)
LETTERS = LOWER | UPPER
WORD = DIGITS | LETTERS | chars("_")
SPACE = chars("\t\n\f\r ")
NEWLINE = chars("\n")


def either_case(mask: int) -> int:
    """With the other case of each letter."""
    return mask | (mask & LOWER) >> 32 | (mask & UPPER) << 32


class Char(NamedTuple):
    """One character out of a set."""

    mask: int


class Edge(NamedTuple):
    """A place between characters: `start`, `end`, `word` or `inside` (no word boundary)."""

    kind: str


class Sequence(NamedTuple):
    """One after the other; empty matches nothing at all, which is always there."""

    parts: tuple[Node, ...]


class Choice(NamedTuple):
    """One of them."""

    options: tuple[Node, ...]


class Repeat(NamedTuple):
    """As often as allowed; `most` None is without limit."""

    part: Node
    least: int
    most: int | None


Node = Char | Edge | Sequence | Choice | Repeat
