"""Which records and markers of a batch stay, and what the batch looks like then. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ottla.common.errors import MessageTooLarge
from ottla.records.batch import (
    DELETE_HORIZON,
    HEADER_BYTES,
    LOG_APPEND_TIME,
    NO_TIMESTAMP,
    BatchHeader,
    Buffer,
    assemble,
)
from ottla.records.compression import compress, decompress
from ottla.records.control import ABORT, COMMIT
from ottla.records.opening import MOST_RECORDS
from ottla.storage.compaction.offset_map import OffsetMap
from ottla.storage.compaction.outline import Outline, outlines, with_timestamp_delta
from ottla.storage.indexes import AbortedTransaction

_CODEC_AND_HORIZON = 0x07 | DELETE_HORIZON


class LastRecord(NamedTuple):
    """What a live producer wrote last. `data_offset` is -1 if nothing is known but its epoch."""

    data_offset: int
    epoch: int


class Transactions:
    """Follows the log from batch to batch: which transactional data was aborted, and which markers end something that
    is still there. `aborted` are all transactions whose marker lies at or behind the place where it begins."""

    def __init__(self, aborted: Iterable[AbortedTransaction]) -> None:
        self._ahead = sorted(aborted, key=lambda one: one.first_offset, reverse=True)
        self._aborted: dict[int, AbortedTransaction] = {}
        self._with_data: set[int] = set()
        """Producers of a transaction, committed or aborted, of which a batch was seen."""

    def is_aborted(self, header: BatchHeader) -> bool:
        """A data batch: belongs to an aborted transaction."""
        self._advance(header.last_offset)
        if not header.is_transactional:
            return False
        self._with_data.add(header.producer_id)
        return header.producer_id in self._aborted

    def of_marker(self, header: BatchHeader, batch: memoryview) -> None:
        """A control batch that is only passed by."""
        self.ends_nothing(header, _marker_kind(outlines(header, payload_of(header, batch))))

    def ends_nothing(self, header: BatchHeader, kind: int | None) -> tuple[bool, AbortedTransaction | None]:
        """A control batch of this kind (None: emptied before): whether no data of its transaction is left, and the
        index entry that the marker still needs."""
        self._advance(header.last_offset)
        if kind is None:
            return True, None
        if kind not in (ABORT, COMMIT):
            return False, None
        seen = header.producer_id in self._with_data
        self._with_data.discard(header.producer_id)
        entry = self._aborted.pop(header.producer_id, None) if kind == ABORT else None
        if kind == ABORT:
            seen = seen and entry is not None
        return not seen, entry if seen else None

    def _advance(self, offset: int) -> None:
        while self._ahead and self._ahead[-1].first_offset <= offset:
            entry = self._ahead.pop()
            self._aborted.setdefault(entry.producer_id, entry)


class Kept(NamedTuple):
    """A batch that goes into the cleaned segment. `max_timestamp` is that of its records, -1 if it has none left."""

    data: Buffer
    max_timestamp: int
    records: int


class Retention:
    """Decides about one batch after the other, in the order of the log."""

    def __init__(
        self,
        newest: OffsetMap,
        transactions: Transactions,
        producers: Mapping[int, LastRecord],
        now_ms: int,
        delete_retention_ms: int,
    ) -> None:
        self._newest = newest
        self._transactions = transactions
        self._producers = producers
        self._now_ms = now_ms
        self._horizon_ms = now_ms + delete_retention_ms
        self.index_entries: list[AbortedTransaction] = []
        """Of the markers that were kept; whoever writes them empties the list."""

    def of_batch(self, header: BatchHeader, batch: memoryview) -> Kept | None:
        """What stays of it, None if nothing does. Raises CorruptMessage."""
        if header.is_control:
            return self._of_control(header, batch)
        if self._transactions.is_aborted(header):
            return self._emptied(header)
        data = payload_within_budget(header, batch)
        if data is None:
            return Kept(batch, header.max_timestamp, header.record_count)
        records = outlines(header, data)
        kept = self._newest_of(header, records)
        if not kept:
            return self._emptied(header)
        marks = not all(record.has_value for record in kept) and not _has_horizon(header)
        if len(kept) == len(records) and not marks:
            return Kept(batch, header.max_timestamp, len(kept))
        return self._rebuilt(header, data, kept, marks)

    def _of_control(self, header: BatchHeader, batch: memoryview) -> Kept | None:
        data = payload_of(header, batch)
        records = outlines(header, data)
        kind = _marker_kind(records)
        useless, entry = self._transactions.ends_nothing(header, kind)
        if entry is not None:
            self.index_entries.append(entry)
        if not records or (useless and _has_horizon(header) and header.base_timestamp <= self._now_ms):
            return self._emptied(header)
        if useless and not _has_horizon(header):
            return self._rebuilt(header, data, records, True)
        return Kept(batch, header.max_timestamp, len(records))

    def _newest_of(self, header: BatchHeader, records: list[Outline]) -> list[Outline]:
        """Without what is superseded, tombstones whose horizon has passed, and what has no key (refused on append; it
        may be there from before the topic was compacted). One loop without calls but for the map: it is where a pass
        spends its time."""
        base, latest, offset_of = header.base_offset, self._newest.latest_offset, self._newest.lookup
        tombstones = not _has_horizon(header) or self._now_ms < header.base_timestamp
        kept = []
        for record in records:
            offset, key = base + record[4], record[5]
            if offset > latest or (key is not None and offset >= offset_of(key, -1) and (tombstones or record[6])):
                kept.append(record)
        return kept

    def _emptied(self, header: BatchHeader) -> Kept | None:
        """Nothing of it is left. The last batch of a live producer stays without its records: it holds the sequence and
        the epoch with which a retry is told from a new batch."""
        last = self._producers.get(header.producer_id) if header.producer_id >= 0 else None
        if last is None:
            return None
        if last.data_offset >= 0:
            needed = header.last_offset == last.data_offset
        else:
            needed = header.is_control and header.producer_epoch == last.epoch
        if not needed:
            return None
        attributes = header.attributes & ~_CODEC_AND_HORIZON
        empty = header._replace(attributes=attributes, base_timestamp=NO_TIMESTAMP, record_count=0)
        return Kept(assemble(empty, b""), NO_TIMESTAMP, 0)

    def _rebuilt(self, header: BatchHeader, data: bytes, kept: list[Outline], marks: bool) -> Kept:
        """The batch with only these records; with a delete horizon in place of its base timestamp, if one begins
        (KIP-534). Offsets, sequences and the codec are those of the batch as it was."""
        stamped = bool(header.attributes & LOG_APPEND_TIME)
        base = header.base_timestamp
        newest = header.max_timestamp if stamped else max(base + record.timestamp_delta for record in kept)
        attributes = header.attributes
        if marks:
            attributes |= DELETE_HORIZON
            shift = base - self._horizon_ms
            payload = b"".join(
                with_timestamp_delta(
                    data, record, newest - self._horizon_ms if stamped else record.timestamp_delta + shift
                )
                for record in kept
            )
            base = self._horizon_ms
        else:
            payload = b"".join([data[record.start : record.end] for record in kept])
        rebuilt = header._replace(
            attributes=attributes, base_timestamp=base, max_timestamp=newest, record_count=len(kept)
        )
        return Kept(assemble(rebuilt, compress(header.codec, payload)), newest, len(kept))


def payload_of(header: BatchHeader, batch: memoryview) -> bytes:
    """The records of a batch, decompressed. Raises CorruptMessage, MessageTooLarge."""
    return bytes(decompress(header.codec, batch[HEADER_BYTES : header.size_bytes]))


def payload_within_budget(header: BatchHeader, batch: memoryview) -> bytes | None:
    """The same of a batch of data; None for one that holds more than a pass opens, which stays as it is.

    Such batches are older than the topic's compaction: Produce refuses them. Raises CorruptMessage.
    """
    if header.record_count > MOST_RECORDS:
        return None
    try:
        return payload_of(header, batch)
    except MessageTooLarge:
        return None


def _has_horizon(header: BatchHeader) -> bool:
    return bool(header.attributes & DELETE_HORIZON)


def _marker_kind(records: list[Outline]) -> int | None:
    """The type in the key of a control record; None for a batch that was emptied before."""
    if not records:
        return None
    key = records[0].key
    return -1 if key is None or len(key) < 4 else int.from_bytes(key[2:4], "big")
