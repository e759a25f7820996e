"""What a produce request with a transactional id must pass before its appends: each partition is in the transaction.

Kept apart from `produce`, whose other requests pay one comparison for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.verification import Question
from ottla.common.errors import InvalidProducerEpoch, InvalidProducerIdMapping, KafkaError
from ottla.common.names import INTERNAL_TOPICS, TopicPartition
from ottla.records.batch import HEADER_BYTES, NO_PRODUCER_ID, BatchHeader, Buffer, parse_header
from ottla.records.validation import outline_error
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.broker.partition import Partition
    from ottla.protocol.messages.produce import ProduceRequest

_BY_ID = 13
_ADDS_SINCE = 12
_KNOWS_ABORTABLE_SINCE = 11


class Admission:
    """What the coordinator said; `refused` is an error for the whole request."""

    def __init__(self) -> None:
        self.refused: KafkaError | None = None
        self._told: dict[TopicPartition, KafkaError | None] = {}

    def tell(self, told: dict[TopicPartition, KafkaError | None]) -> None:
        self._told.update(told)

    def check(self, partition: Partition) -> None:
        """Raises what the client is told of this partition. Nothing may be awaited between the answer and this."""
        error = self._told.get(partition.topic_partition)
        if error is not None:
            raise error


async def admit(ctx: Context, request: ProduceRequest, transactional_id: str) -> Admission:
    """Asks the coordinator about partitions where the producer has no open transaction yet.

    The payload is copied before the wait: it lies in the receive buffer.
    """
    adds = ctx.version >= _ADDS_SINCE
    verifies = adds or ctx.node.settings.transaction_partition_verification_enable
    admission = Admission()
    unknown: list[TopicPartition] = []
    identity: tuple[int, int] | None = None
    for topic in request.topic_data:
        for data in topic.partition_data:
            header = _transactional(data.records)
            if header is None or outline_error(data.records, ctx.version) is not None:
                continue  # the append will say so
            if identity is not None and identity[0] != header.producer_id:
                admission.refused = InvalidProducerIdMapping(
                    "Transactional records contained more than one producer ID"
                )
                return admission
            identity = (header.producer_id, header.producer_epoch)
            partition = _partition(ctx, topic, data.index)
            if partition is None:
                continue
            try:
                log = partition.leader_log()
            except KafkaError:
                continue  # the append will say so
            if log.producer_epoch(header.producer_id) > header.producer_epoch:
                admission.tell({partition.topic_partition: InvalidProducerEpoch()})
            elif not log.has_ongoing_transaction(*identity):
                unknown.append(partition.topic_partition)
                if verifies:
                    log.verification_begins(header, ctx.now_ms, at_zero=adds)
    if identity is None or not unknown or not verifies:
        return admission
    for topic in request.topic_data:
        for data in topic.partition_data:
            data.records = None if data.records is None else bytes(data.records)
    question = Question(transactional_id, *identity, adds, ctx.version >= _KNOWS_ABORTABLE_SINCE)
    admission.tell(await ctx.node.verification.ask(question, unknown))
    return admission


def _transactional(records: Buffer | None) -> BatchHeader | None:
    """The header, if these records are part of a transaction; what else is wrong with them the append finds."""
    if records is None or len(records) < HEADER_BYTES:
        return None
    header = parse_header(records)
    return header if header.is_transactional and header.producer_id != NO_PRODUCER_ID else None


def _partition(ctx: Context, topic: ProduceRequest.TopicProduceData, index: int) -> Partition | None:
    """A partition that this request may write to; None where the append will be refused anyway."""
    hosted = ctx.node.replicas
    known = hosted.by_id.get(topic.topic_id) if ctx.version >= _BY_ID else hosted.by_name.get(topic.name)
    partition = None if known is None else known.partitions.get(index)
    if known is None or partition is None or not partition.leads or known.name in INTERNAL_TOPICS:
        return None
    return partition if ctx.allows(Operation.WRITE, ResourceType.TOPIC, known.name) else None
