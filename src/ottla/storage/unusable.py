"""What is said of a log that cannot be used though its disk is well: a file of it is not what it should be."""

from __future__ import annotations


def unusable_sentence(folder: str, error: OSError) -> str:
    """Names the file, and what to do."""
    path = error.filename if isinstance(error.filename, str) else folder
    return (
        f"{path}: {error.strerror}; the partition cannot be used until this name is a file again that the broker may "
        "read and write, as it was before. Then it is used again without a restart"
    )
