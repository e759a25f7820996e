"""A log that cannot be used though its disk is well: a file of it is not what it should be."""

from __future__ import annotations

import errno

OF_ONE_FILE = frozenset(
    (errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ENOENT, errno.ELOOP, errno.ENAMETOOLONG)
)
"""What the operating system says about one name. It is no failure of the disk: other logs go on."""


def unusable_sentence(folder: str, error: OSError) -> str:
    """Names the file, and what to do."""
    path = error.filename if isinstance(error.filename, str) else folder
    return (
        f"{path}: {error.strerror}; the partition cannot be used until this name is a file again that the broker may "
        "read and write, as it was before. Then it is used again without a restart"
    )
