"""Blocks of producer ids: each is given out once in the life of the cluster."""

from __future__ import annotations

from ottla.common.errors import KafkaError
from ottla.controller.brokers import check_epoch
from ottla.controller.outcome import Outcome
from ottla.metadata.image import ClusterImage
from ottla.protocol.logs.cluster_metadata import ProducerIdsRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.inter_broker import AllocateProducerIdsRequest, AllocateProducerIdsResponse

BLOCK_SIZE = 1000


def allocate_producer_ids(image: ClusterImage, request: Message) -> Outcome:
    """The next block, for a broker that is registered with the epoch it names."""
    assert isinstance(request, AllocateProducerIdsRequest)
    try:
        check_epoch(image, request.broker_id, request.broker_epoch)
    except KafkaError as error:
        return Outcome([], AllocateProducerIdsResponse(error_code=error.code))
    start = image.next_producer_id
    record = ProducerIdsRecord(
        broker_id=request.broker_id, broker_epoch=request.broker_epoch, next_producer_id=start + BLOCK_SIZE
    )
    return Outcome([record], AllocateProducerIdsResponse(producer_id_start=start, producer_id_len=BLOCK_SIZE))
