"""The metadata log of an Apache Kafka (KRaft), read from its folder: the newest good snapshot and what follows it.

Snapshots are `<20 digits end offset>-<10 digits epoch>.checkpoint`, batches v2 like the segments (KIP-630). Control
batches speak of the quorum and of the file itself; they change nothing that a cluster knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from ottla.common.errors import KafkaError
from ottla.metadata.image import ClusterImage
from ottla.protocol.codec import ProtocolError
from ottla.protocol.logs.cluster_metadata import RECORDS
from ottla.protocol.logs.framing import decode_metadata
from ottla.protocol.message import Message
from ottla.records.batch import BatchHeader, batches, crc_is_right
from ottla.records.record import read_records
from ottla.storage.files import Files
from ottla.storage.paths import LOG, parse_offset_name

_SNAPSHOT = ".checkpoint"
_OFFSET_DIGITS, _EPOCH_DIGITS = 20, 10


class UnreadableMetadata(Exception):
    """Kafka's metadata cannot be read; the text says which file and why, for people."""


def read_kafka_image(files: Files, folder: str) -> ClusterImage:
    """What that Kafka knew at the end of its log. Raises UnreadableMetadata, OSError."""
    image, offset = _newest_snapshot(files, folder)
    for name in sorted(name for name in files.list_folder(folder) if parse_offset_name(name, LOG) is not None):
        path = f"{folder}/{name}"
        for header, records in _read(files, path):
            if header.base_offset < offset:
                continue  # the snapshot holds it: a batch is in a snapshot wholly or not at all
            if header.base_offset > offset:
                raise UnreadableMetadata(f"{path}: there is a gap between offsets {offset} and {header.base_offset}")
            _replay(image, records, path)
            offset = header.last_offset + 1
    image.open_batch = None  # a transaction that was not ended did not happen
    return image


def _newest_snapshot(files: Files, folder: str) -> tuple[ClusterImage, int]:
    """An image and the offset behind it: that of the newest snapshot that is whole, or an empty one at 0."""
    names = [name for name in files.list_folder(folder) if _snapshot_offset(name) is not None]
    problem = ""
    for name in sorted(names, reverse=True):
        path = f"{folder}/{name}"
        try:
            return _load(files, path), _snapshot_offset(name) or 0
        except UnreadableMetadata as error:
            problem = problem or str(error)
    if problem:
        raise UnreadableMetadata(f"no snapshot is whole: {problem}")
    return ClusterImage(), 0


def _load(files: Files, path: str) -> ClusterImage:
    image = ClusterImage()
    position = 0
    for header, records in _read(files, path):
        position += header.size_bytes
        _replay(image, records, path)
    if position != files.size(path):
        raise UnreadableMetadata(f"{path} is cut off or damaged at byte {position}")
    return image


def _snapshot_offset(name: str) -> int | None:
    front, _, epoch = name.removesuffix(_SNAPSHOT).partition("-")
    if not name.endswith(_SNAPSHOT) or len(front) != _OFFSET_DIGITS or len(epoch) != _EPOCH_DIGITS:
        return None
    return int(front) if front.isdigit() and epoch.isdigit() else None


def _read(files: Files, path: str) -> Iterator[tuple[BatchHeader, list[Message]]]:
    """Each batch up to the first that is cut off, as a crash leaves the end. One that is there in its whole length
    with a wrong CRC is damage, and what follows it would be missing without a word: that raises."""
    data = memoryview(files.read(path))
    try:
        for position, header in batches(data):
            batch = data[position : position + header.size_bytes]
            if not crc_is_right(batch, header.crc):
                raise UnreadableMetadata(f"{path}: the batch at byte {position} is damaged (its CRC is wrong)")
            yield header, [] if header.is_control else [_decode(record.value, path) for record in read_records(batch)]
    except KafkaError:
        return  # bytes that are no batch: the torn end


def _decode(value: bytes | None, path: str) -> Message:
    try:
        return decode_metadata(RECORDS, value or b"")[0]
    except ProtocolError as error:
        raise UnreadableMetadata(f"{path}: {error}; a newer Kafka may have written it") from error


def _replay(image: ClusterImage, records: list[Message], path: str) -> None:
    try:
        image.replay_all(records)
    except KeyError as error:
        raise UnreadableMetadata(f"{path}: a record speaks of {error}, which no record has made") from error
