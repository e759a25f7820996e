"""A led partition of an internal topic as the log of a coordinator's machine."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ottla.records.record import BatchBuilder, read_all
from ottla.storage.log import Origin

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.broker.partition import Partition
    from ottla.coordinator.formats import Pair

_READ_BYTES = 1024 * 1024
_PRODUCE_VERSION = 13


class PartitionMachineLog:
    """Implements `coordinator.runtime.MachineLog`. Batches are as Kafka's group coordinator writes them."""

    def __init__(self, node: Node, partition: Partition) -> None:
        self._node = node
        self._partition = partition

    def append(self, pairs: list[Pair], now_ms: int) -> int:
        log = self._partition.leader_log()
        most = log.settings.max_message_bytes
        builder = BatchBuilder(base_sequence=0)  # Kafka's group coordinator writes 0 here, with producer id -1
        end = log.log_end_offset
        for key, value in pairs:
            size = len(key or b"") + len(value or b"") + 32
            if builder.size_bytes + size > most and len(builder):
                end = self._write(builder, now_ms)
                builder = BatchBuilder(base_sequence=0)
            builder.append(now_ms, key, value)
        return self._write(builder, now_ms) if len(builder) else end

    def _write(self, builder: BatchBuilder, now_ms: int) -> int:
        log = self._partition.leader_log()
        appended = self._partition.append(log, builder.build(), now_ms, Origin.COORDINATOR, _PRODUCE_VERSION)
        return appended.last_offset + 1

    def committed(self, offset: int) -> Future[bool]:
        future: Future[bool] = self._node.loop.create_future()
        if not self._partition.leads:
            future.set_result(False)
        elif offset == 0:
            future.set_result(True)
        else:
            self._partition.commit_future(offset, future)
        return future

    def read_all(self) -> Iterator[list[Pair]]:
        if not self._node.hosting.has_folder(self._partition.topic_partition):
            return
        log = self._partition.leader_log()
        offset = log.log_start_offset
        while offset < log.log_end_offset:
            found = log.read(offset, _READ_BYTES, up_to=log.log_end_offset)
            try:
                data, offset = found.read_all(), found.end_offset
            finally:
                found.release()
            if not data:
                return  # compaction has left nothing behind here
            yield [(record.key, record.value) for record in read_all(data)]
