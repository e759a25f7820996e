"""What a log directory remembers of its cluster's metadata: a store that knows less is an older copy, or another one.

Every directory of a broker holds the same file, so that none of them can be lost without the others knowing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ottla.common.names import parse_uuid, uuid_text
from ottla.records.batch import crc32c

SEEN = "ottla-checkpoint"

_VERSION = 1


class Seen(NamedTuple):
    """`metadata_offset`: the metadata log was at least so long. `directories`: where each directory of this broker,
    by its id, lay last."""

    cluster_id: str
    metadata_offset: int
    directories: Mapping[bytes, str]

    def encode(self) -> bytes:
        """A line of JSON, and a line with its CRC-32C."""
        directories = {uuid_text(one): path for one, path in self.directories.items()}
        content = {
            "version": _VERSION,
            "cluster.id": self.cluster_id,
            "metadata.offset": self.metadata_offset,
            "directories": directories,
        }
        line = json.dumps(content).encode() + b"\n"
        return line + f"{crc32c(line)}\n".encode()


def parse_seen(data: bytes) -> Seen | None:
    """None for what cannot be believed: torn, flipped, of another version. Then nothing is remembered."""
    line, _, checksum = data.partition(b"\n")
    if checksum != b"%d\n" % crc32c(line + b"\n"):
        return None
    content = json.loads(line)
    if content["version"] != _VERSION:
        return None
    directories = {bytes(parse_uuid(text)): path for text, path in content["directories"].items()}
    return Seen(content["cluster.id"], content["metadata.offset"], directories)


def joined(memories: Iterable[Seen]) -> Seen | None:
    """What all directories together remember; None where none remembers anything."""
    known = sorted(memories, key=lambda seen: seen.metadata_offset)
    if not known:
        return None
    directories: dict[bytes, str] = {}
    for one in known:  # the newest last: it knows the paths best
        directories.update(one.directories)
    return Seen(known[-1].cluster_id, known[-1].metadata_offset, directories)
