"""Java's `.properties` files: comments, separators, continuation lines and escapes."""

from __future__ import annotations

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def parse_properties(text: str) -> dict[str, str]:
    """Key to value, in the order of the file; a key that comes twice keeps its last value, as in Java.

    A malformed \\uXXXX escape raises ValueError.
    """
    result: dict[str, str] = {}
    for line in _logical_lines(text):
        key_end = _key_end(line)
        value_start = key_end
        while value_start < len(line) and line[value_start] in " \t\f":
            value_start += 1
        if value_start < len(line) and line[value_start] in "=:":
            value_start += 1
            while value_start < len(line) and line[value_start] in " \t\f":
                value_start += 1
        result[_unescape(line[:key_end])] = _unescape(line[value_start:])
    return result


def _logical_lines(text: str) -> list[str]:
    """Lines with their continuations joined, without comments and blank lines."""
    lines: list[str] = []
    pending: str | None = None
    for raw in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        line = raw.lstrip(" \t\f")
        if pending is None:
            if not line or line[0] in "#!":
                continue
        else:
            line = pending + line
        if (len(line) - len(line.rstrip("\\"))) % 2:
            pending = line[:-1]
            continue
        lines.append(line)
        pending = None
    if pending is not None:
        lines.append(pending)
    return lines


def _key_end(line: str) -> int:
    index = 0
    while index < len(line) and line[index] not in "=: \t\f":
        index += 2 if line[index] == "\\" else 1
    return min(index, len(line))


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    pieces: list[str] = []
    index = 0
    while index < len(text):
        letter = text[index]
        index += 1
        if letter != "\\" or index == len(text):
            pieces.append("" if letter == "\\" else letter)
            continue
        letter = text[index]
        index += 1
        if letter == "u":
            digits = text[index : index + 4]
            if len(digits) < 4:
                raise ValueError(f"malformed \\u escape in {text!r}")
            pieces.append(chr(int(digits, 16)))
            index += 4
        else:
            pieces.append(_ESCAPES.get(letter, letter))
    return "".join(pieces)
