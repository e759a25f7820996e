"""Putting a cleaned segment in the place of those that it replaces, so that a crash at any point undoes or finishes it.

Kafka's names and order, with an fsync of the folder between the stages, as a power cut may keep any of the renames of
one stage:

1. `.cleaned` becomes `.swap`. While one of the files is still `.cleaned`, a start removes them all: nothing happened.
2. The old files become `.deleted`. From here on a start finishes the swap: the old segments between the base of the
   `.swap` file and its last offset go. An old one behind that, of which nothing stayed, may come back; its records are
   superseded, and the next pass drops them again.
3. `.swap` falls away, and each file replaces what bears its name. A copy has every kind of file that the segment with
   its name had, so that no old index can be left beside a new log.
"""

from __future__ import annotations

from collections.abc import Iterable

from ottla.storage.files import Files
from ottla.storage.paths import CLEANED, SEGMENT_SUFFIXES, SWAP, is_ours, offset_name


def commit_to_swap(files: Files, folder: str, base_offset: int) -> None:
    """Stage 1, durably. Raises OSError."""
    for kind in SEGMENT_SUFFIXES:
        path = f"{folder}/{offset_name(base_offset)}{kind}"
        if files.exists(path + CLEANED):
            files.rename(path + CLEANED, path + SWAP)
    files.fsync_folder(folder)


def discard_cleaned(files: Files, folder: str) -> None:
    """What a pass left behind that was broken off, or whose result is not wanted any more. The folder may be gone."""
    if not files.is_folder(folder):
        return
    for name in files.list_folder(folder):
        if name.endswith(CLEANED) and is_ours(name):
            files.remove(f"{folder}/{name}")


def unfinished_swaps(names: Iterable[str]) -> list[str]:
    """Of the names in a folder, the `.swap` files of a swap that had not passed stage 1."""
    names = list(names)
    first = min((int(name.split(".")[0]) for name in names if name.endswith(CLEANED)), default=None)
    if first is None:
        return []
    return [name for name in names if name.endswith(SWAP) and int(name.split(".")[0]) >= first]
