"""Whether a log directory's path still leads to the folder that was opened there.

While a broker runs its disk may be unmounted, and its folder may be renamed or removed. Files that are open go on being
written where they were; a new name would come into being on the bare mount point, and be hidden or lost as soon as the
disk is back. Absence is not emptiness: such a directory is offline, as after an error of its disk.
"""

from __future__ import annotations

import errno
from typing import NamedTuple

from ottla.common.names import uuid_text
from ottla.common.properties import parse_properties
from ottla.storage.files import Files
from ottla.storage.identity import LOCK, META_PROPERTIES


class Presence(NamedTuple):
    """Of the directory with this id."""

    files: Files
    path: str
    directory_id: bytes

    def check(self) -> None:
        """Raises OSError (ENODEV) where another folder, or none, lies at the path."""
        found = self._id_found()
        if found is None and self.files.exists(f"{self.path}/{LOCK}"):
            return  # somebody removed meta.properties: the next start writes it again
        if found not in ("", uuid_text(self.directory_id)):
            raise OSError(errno.ENODEV, "the folder that was opened here is not here any more", self.path)

    def _id_found(self) -> str | None:
        """What `meta.properties` says; empty in a file of Kafka before KIP-858, None without a file."""
        try:
            content = self.files.read(f"{self.path}/{META_PROPERTIES}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        return parse_properties(content.decode("latin-1")).get("directory.id", "")
