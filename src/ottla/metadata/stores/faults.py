"""What a failure of the SQLite store means for the person who runs the broker."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_PRIMARY = 0xFF
"""SQLite's extended codes hold the primary one in their lowest byte."""
_FULL = "the disk is full ({path}); free some space, or choose another folder with --data or log.dirs"
_SENTENCES = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,  # there is no room for the -shm file, which each start makes anew
    sqlite3.SQLITE_BUSY: "{path} is locked by another process; stop it, or use another folder",
    sqlite3.SQLITE_LOCKED: "{path} is locked by another process; stop it, or use another folder",
    sqlite3.SQLITE_CANTOPEN: "{path} cannot be opened ({why}); look at its rights and its disk",
    sqlite3.SQLITE_PERM: "no permission ({path}); give the broker's user the right to read and write it",
    sqlite3.SQLITE_READONLY: "{path} cannot be written ({why}); look at its rights and its file system",
    sqlite3.SQLITE_IOERR: "the disk failed at {path} ({why}); look at it (dmesg)",
    sqlite3.SQLITE_NOMEM: "there is no memory left for {path}; free some",
}


def store_sentence(error: sqlite3.Error, path: Path) -> str:
    """With the file and what to do."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    known = _SENTENCES.get(code) or _SENTENCES.get(code & _PRIMARY)
    return damaged(path, str(error)) if known is None else known.format(path=path, why=error)


def damaged(path: Path, why: str) -> str:
    """What is left is kept: nothing is written into a file that cannot be trusted."""
    return (
        f"{path} is damaged: {why}. It was left as it is, and so were the topics' records. Put back a copy of it "
        f"(with its -wal file, if there is one), or move it away and take the records over with `ottla log adopt`"
    )
