"""What an error of the operating system says about the disk: the one place that decides.

See docs/decisions/0008-every-failure-has-a-way-back.md.
"""

from __future__ import annotations

import enum
import errno

_PASSING = frozenset(
    (
        errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN,
        errno.EBUSY, errno.ENOLCK, errno.EINTR,
    )
)  # fmt: skip
_LOCAL = frozenset(
    (
        errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG,
        errno.EEXIST, errno.ENOTEMPTY, errno.EBADMSG,
    )
)  # fmt: skip
_DESCRIPTORS = frozenset((errno.EMFILE, errno.ENFILE))


class SyncError(OSError):
    """An fsync failed. Whatever its errno, what it should have saved may be lost: it is never made again."""


class Failure(enum.Enum):
    """How far an error reaches."""

    PASSING = "passing"
    """A lack of room, descriptors or memory: this call was refused, and a later one may succeed."""
    LOCAL = "local"
    """The files of one partition, or their names, are not what they should be: no other partition is concerned."""
    BROKEN = "broken"
    """The disk failed: nothing in its directory can be trusted."""


def failure_of(error: OSError) -> Failure:
    if isinstance(error, SyncError):
        return Failure.BROKEN
    if error.errno in _PASSING:
        return Failure.PASSING
    return Failure.LOCAL if error.errno in _LOCAL else Failure.BROKEN


def is_passing(error: OSError) -> bool:
    """Nothing is broken: the same call may succeed later."""
    return failure_of(error) is Failure.PASSING


def lacks_descriptors(error: OSError) -> bool:
    return error.errno in _DESCRIPTORS


def errno_name(error: OSError) -> str:
    """As people search for it: `ENOSPC`."""
    return errno.errorcode.get(error.errno or 0, "unknown")


_ADVICE = {
    errno.ENOSPC: "free some space; the broker goes on by itself",
    errno.EDQUOT: "raise the quota or free some space; the broker goes on by itself",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f)",
    errno.EMFILE: "raise the limit of open files (ulimit -n), or lower ottla.max.open.files and max.connections",
    errno.ENFILE: "raise the system's limit of open files (fs.file-max)",
    errno.ENOMEM: "free some memory",
    errno.ENODEV: "put the folder, or its disk, back where it was, and start the broker again",
    errno.EROFS: "mount the file system for writing, and start the broker again",
    errno.EBADMSG: "look at the file with `ottla log check`, and move it away if the log can do without it",
    errno.EACCES: "give the broker's user the right to read and write there",
    errno.EPERM: "give the broker's user the right to read and write there",
    errno.EIO: "look at the disk (dmesg), and start the broker again when it is well",
}


def advice(error: OSError) -> str:
    """What a person should do."""
    known = _ADVICE.get(error.errno or 0)
    if known is not None and not (isinstance(error, SyncError) and is_passing(OSError(error.errno, ""))):
        return known
    if failure_of(error) is Failure.PASSING:
        return "nothing; the broker tries again"
    if failure_of(error) is Failure.LOCAL:
        return "look at the names in that folder"
    return "look at the disk, and start the broker again when it is well"
