"""What a simulated run did, as a running hash, so that two runs of a seed can be compared across processes."""

from __future__ import annotations

import hashlib
import zlib


class Trace:
    """Every frame, file operation, timer and random draw of a run, in order.

    `digest()` is equal for equal runs. With `keep_lines` the lines are kept as well, for diffing: one event a line,
    data as its length and CRC-32.
    """

    def __init__(self, *, keep_lines: bool = False) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.events = 0
        self.lines: list[str] | None = [] if keep_lines else None

    def add(self, line: str, data: bytes | bytearray | memoryview = b"") -> None:
        """Records one event. `line` must not hold anything that differs between processes (ids, hashes, set order)."""
        self.events += 1
        self._hash.update(line.encode())
        self._hash.update(b"\n")
        if data:
            self._hash.update(data)
        if self.lines is not None:
            self.lines.append(f"{line} {len(data)}:{zlib.crc32(data):08x}" if data else line)

    def digest(self) -> str:
        """32 hexadecimal digits over everything added so far."""
        return self._hash.hexdigest()


def first_difference(left: list[str], right: list[str], context: int = 5) -> str | None:
    """Where two traces part, with the lines before it; None if they are equal."""
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else "(ended)"
        two = right[index] if index < len(right) else "(ended)"
        if one != two:
            before = [f"  {line}" for line in left[max(0, index - context) : index]]
            return "\n".join([f"traces part at event {index}:", *before, f"- {one}", f"+ {two}"])
    return None
