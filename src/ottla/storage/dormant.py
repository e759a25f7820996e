"""A log that was not opened since the start: whether it is worth opening for what has to be done by the clock."""

from __future__ import annotations

from ottla.storage.files import Files
from ottla.storage.paths import CLEANED, DELETED, LOG, SWAP, parse_offset_name
from ottla.storage.settings import TopicSettings


def is_due(files: Files, folder: str, settings: TopicSettings, now_ms: int) -> bool:
    """Something is left over from before, or segments may be too old, too many, or not compacted. A file's time stands
    for that of its newest record, which may be older but hardly newer. Raises OSError."""
    names = files.list_folder(folder)
    if any(name.endswith((DELETED, CLEANED, SWAP)) for name in names):
        return True
    logs = [f"{folder}/{name}" for name in names if parse_offset_name(name, LOG) is not None]
    if settings.compacts and len(logs) > 1:
        return True
    if not settings.deletes or not logs:
        return False
    first_size = files.size(logs[0])
    if settings.retention_ms >= 0 and first_size and now_ms - files.modified_ms(logs[0]) > settings.retention_ms:
        return True
    return 0 <= settings.retention_bytes <= sum(files.size(log) for log in logs) - first_size and first_size > 0
