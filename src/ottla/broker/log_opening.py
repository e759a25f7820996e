"""Opening the logs of this broker's partitions: what was mended is told, and what cannot be opened is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ottla.common.errors import KafkaStorageError
from ottla.storage.failures import is_passing
from ottla.storage.repairs import Cut, Remade, Repair

if TYPE_CHECKING:
    from ottla.common.log import Log
    from ottla.common.metrics import Registry
    from ottla.common.names import TopicPartition
    from ottla.storage.directory import LogDirectory
    from ottla.storage.log import PartitionLog

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
"""Between two attempts to open a log: each costs what recovery costs, and clients ask again at once."""


class Unusable(NamedTuple):
    """A partition whose log could not be opened, though its directory is well."""

    sentence: str
    pause_s: float
    again_at_s: float


class LogOpening:
    """Each trouble is told once, as long as it is the same; so is its end."""

    def __init__(self, log: Log, metrics: Registry, now_s: Callable[[], float]) -> None:
        self._log = log
        self._now_s = now_s
        self._unusable: dict[TopicPartition, Unusable] = {}
        self._cut = metrics.counter(
            "ottla_log_cuts_total", "Times that a log lost bytes when it was opened or first read"
        )
        self._cut_bytes = metrics.counter(
            "ottla_log_cut_bytes_total", "Bytes that logs lost when they were opened or first read"
        )
        self._remade = metrics.counter("ottla_log_files_made_again_total", "Indexes and other derived files made again")
        metrics.gauge("ottla_partitions_unusable", "Partitions whose log cannot be opened", lambda: len(self._unusable))

    def __repr__(self) -> str:
        return f"<LogOpening {len(self._unusable)} unusable>"

    def mended(self, partition: TopicPartition, repair: Repair) -> None:
        """Told by the log directories."""
        if isinstance(repair, Cut):
            self._cut.value += 1
            self._cut_bytes.value += repair.size_bytes
        elif isinstance(repair, Remade):
            self._remade.value += 1
        self._log.warn(repair.event, partition=partition, **repair.facts())

    def open(
        self, partition: TopicPartition, directory: LogDirectory, attempt: Callable[[], PartitionLog]
    ) -> PartitionLog:
        """What `attempt` gives. Raises KafkaStorageError."""
        known = self._unusable.get(partition)
        if known is not None and self._now_s() < known.again_at_s:
            raise KafkaStorageError(known.sentence)
        try:
            log = attempt()
        except KafkaStorageError as error:
            # Else the directory is the trouble, or something is lacking for a while: that is told as such.
            if not directory.offline and not _is_passing(error):
                self._note(partition, directory, error.message, known)
            raise
        if known is not None:
            del self._unusable[partition]
            self._log.info("partition.usable_again", partition=partition)
        return log

    def forget(self, partition: TopicPartition) -> None:
        """It is not hosted here any more."""
        self._unusable.pop(partition, None)

    def _note(self, partition: TopicPartition, directory: LogDirectory, sentence: str, known: Unusable | None) -> None:
        pause_s = FIRST_PAUSE_S if known is None else min(2 * known.pause_s, LONGEST_PAUSE_S)
        self._unusable[partition] = Unusable(sentence, pause_s, self._now_s() + pause_s)
        if known is None or known.sentence != sentence:
            self._log.error("partition.unusable", partition=partition, directory=directory.path, error=sentence)


def _is_passing(error: KafkaStorageError) -> bool:
    cause = error.__cause__
    return isinstance(cause, OSError) and is_passing(cause)
