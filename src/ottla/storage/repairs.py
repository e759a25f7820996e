"""What opening or first using a log had to mend: plain values, so that whoever hosts the log can tell people."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple


class Reason(enum.StrEnum):
    """Why the log could not go on where it was cut."""

    TORN = "the last batch is cut off"
    WRONG_CRC = "the CRC of a batch is wrong"
    ZEROS = "zeros follow the last batch"
    GARBAGE = "what follows the last batch is no batch"
    BACKWARDS = "offsets go back"
    LEAP = "the offset of a batch is above that of the batch behind it"
    MISPLACED = "the offset of a batch lies outside of its segment"
    GAP = "offsets are missing before a segment"
    MISSING = "the log ends below the durable end of the checkpoint"
    BELOW_START = "the log ends below its start, as the checkpoint of log starts gives it"
    SWAP = "a cleaned segment is not whole"


class Cut(NamedTuple):
    """Bytes that are no longer part of a log."""

    folder: str
    offset: int
    """The first offset that is gone."""
    goes_on_at: int
    """The next offset that the log has, or will give."""
    size_bytes: int
    segments: int
    """Segments that went whole."""
    reason: Reason
    kept: tuple[str, ...]
    """Names of files in the folder that hold these bytes now; none where no whole record was among them."""

    @property
    def event(self) -> str:
        return "logs.cut"

    def facts(self) -> dict[str, object]:
        return {
            "folder": self.folder,
            "offset": self.offset,
            "goes_on_at": self.goes_on_at,
            "size_bytes": self.size_bytes,
            "segments": self.segments,
            "reason": str(self.reason),
            "kept_as": ", ".join(self.kept) or "nothing",
        }


class Remade(NamedTuple):
    """A file that can be derived from the log was wrong, and was made again."""

    path: str
    reason: str

    @property
    def event(self) -> str:
        return "logs.file_made_again"

    def facts(self) -> dict[str, object]:
        return {"file": self.path, "reason": self.reason}


class Unreadable(NamedTuple):
    """A file of a log that was opened cannot be used; the log goes on without it, until it can be used again."""

    path: str
    reason: str

    @property
    def event(self) -> str:
        return "logs.file_unusable"

    def facts(self) -> dict[str, object]:
        return {"file": self.path, "reason": self.reason}


Repair = Cut | Remade | Unreadable
OnRepair = Callable[[Repair], None]


def gap(folder: str, lost: int, goes_on_at: int) -> Cut:
    """A segment does not begin where the one before it ends."""
    return Cut(folder, lost, goes_on_at, 0, 0, Reason.GAP, ())


def is_gap(repair: Repair) -> bool:
    """Offsets are missing between two segments, and this broker has cut nothing there."""
    return isinstance(repair, Cut) and repair.reason is Reason.GAP and not repair.segments


def tell_nobody(_repair: Repair) -> None:
    """For a log that is opened where nobody asks what was mended."""
