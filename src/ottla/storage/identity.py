"""Who owns a log directory: `meta.properties`, and the clean shutdown marker."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import NamedTuple

from ottla.common.names import parse_uuid, uuid_text
from ottla.common.properties import parse_properties

META_PROPERTIES = "meta.properties"
CLEAN_SHUTDOWN = ".kafka_cleanshutdown"
LOCK = ".lock"

FORMAT_VERSION = 1
"""Of what this program keeps beyond Kafka's own formats. Raised when an older program could no longer read a folder."""
_FORMAT_KEY = "ottla.format.version"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class DirectoryUnusable(Exception):
    """The folder cannot be used: locked, of another cluster or broker, of a newer version. Its text is for people."""


class Identity(NamedTuple):
    """What `meta.properties` says."""

    cluster_id: str
    node_id: int
    directory_id: bytes

    def encode(self, now_ms: int) -> bytes:
        try:
            now = datetime.fromtimestamp(now_ms // 1000, UTC)
            date = f"{_DAYS[now.weekday()]} {_MONTHS[now.month - 1]} {now:%d %H:%M:%S} UTC {now.year}"
        except (OverflowError, ValueError, OSError):  # a clock beyond the year 9999; the line is a comment
            date = f"{now_ms} ms"
        return (
            f"#\n#{date}\nversion=1\ncluster.id={self.cluster_id}\nnode.id={self.node_id}\n"
            f"directory.id={uuid_text(self.directory_id)}\n{_FORMAT_KEY}={FORMAT_VERSION}\n"
        ).encode()


def parse_identity(data: bytes, path: str, new_directory_id: bytes) -> Identity:
    """Kafka's own files as well, also those of its ZooKeeper days. Raises DirectoryUnusable."""
    where = f"{path}/{META_PROPERTIES}"
    try:
        properties = parse_properties(data.decode("latin-1"))
        version = int(properties.get("version", "-1"))
        format_version = int(properties.get(_FORMAT_KEY, "1"))
        if format_version > FORMAT_VERSION:
            raise DirectoryUnusable(
                f"{path} was written by a newer version of Ottla (format {format_version}, this one knows "
                f"{FORMAT_VERSION}); start that version, or use another folder"
            )
        if version not in (0, 1):
            raise DirectoryUnusable(f"{where} has version {version}; this version of Ottla knows 0 and 1")
        node_id = int(properties["node.id"] if version == 1 else properties["broker.id"])
        directory = properties.get("directory.id")
        return Identity(properties["cluster.id"], node_id, parse_uuid(directory) if directory else new_directory_id)
    except (KeyError, ValueError) as error:
        raise DirectoryUnusable(f"{where} cannot be read: {error}") from error


def clean_shutdown_marker(broker_epoch: int) -> bytes:
    return f'{{"version":0,"brokerEpoch":{broker_epoch}}}'.encode()


def parse_clean_shutdown(data: bytes) -> int:
    """The broker epoch, -1 when the marker does not say it: its presence alone means a clean stop."""
    try:
        content = json.loads(data)
    except ValueError:
        return -1
    epoch = content.get("brokerEpoch", -1) if isinstance(content, dict) else -1
    return epoch if isinstance(epoch, int) else -1
