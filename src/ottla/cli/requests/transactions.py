"""Transactions as coordinators and partitions tell of them, and the end of one that hangs (KIP-664)."""

from __future__ import annotations

from ottla.cli.options import missing
from ottla.client.cluster import TRANSACTION, Cluster, raise_error
from ottla.common.errors import InvalidRequest, error_for
from ottla.protocol.messages.describe_producers import DescribeProducersRequest, DescribeProducersResponse
from ottla.protocol.messages.transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    ListTransactionsRequest,
    ListTransactionsResponse,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)

Listed = ListTransactionsResponse.TransactionState
Described = DescribeTransactionsResponse.TransactionState
Producer = DescribeProducersResponse.ProducerState


async def all_transactions(cluster: Cluster) -> list[tuple[int, Listed]]:
    """(coordinator, transaction) of every broker."""
    found = []
    for broker in sorted(cluster.brokers):
        request = ListTransactionsRequest(state_filters=[], producer_id_filters=[])
        response: ListTransactionsResponse = await cluster.send(request, broker=broker)
        raise_error(response)
        found += [(broker, state) for state in response.transaction_states]
    return sorted(found, key=lambda row: row[1].transactional_id)


async def described(cluster: Cluster, transactional_id: str) -> tuple[int, Described]:
    """(coordinator, state). Raises ClickException for an id that does not exist, with the nearest that does.

    The list is asked first: whoever looks for a coordinator makes the topic of transactions, where there is none.
    """
    known = [row.transactional_id for _, row in await all_transactions(cluster)]
    if transactional_id not in known:
        raise missing("transactional id", transactional_id, known)
    broker = await cluster.coordinator(transactional_id, TRANSACTION)
    request = DescribeTransactionsRequest(transactional_ids=[transactional_id])
    response: DescribeTransactionsResponse = await cluster.send(request, broker=broker)
    (state,) = response.transaction_states
    if state.error_code:
        raise error_for(state.error_code)
    return broker, state


async def producers(cluster: Cluster, topic: str, index: int) -> list[Producer]:
    """Those that a partition's leader remembers."""
    asked = DescribeProducersRequest.TopicRequest(name=topic, partition_indexes=[index])
    leader = await cluster.leader(topic, index)
    response: DescribeProducersResponse = await cluster.send(DescribeProducersRequest(topics=[asked]), broker=leader)
    (answer,) = response.topics[0].partitions
    if answer.error_code:
        raise error_for(answer.error_code, answer.error_message)
    return sorted(answer.active_producers, key=lambda row: row.producer_id)


async def abort(cluster: Cluster, topic: str, index: int, start_offset: int) -> Producer:
    """Writes an ABORT marker for the transaction that begins there, whatever its coordinator knows of it."""
    hanging = [row for row in await producers(cluster, topic, index) if row.current_txn_start_offset == start_offset]
    if not hanging:
        raise InvalidRequest(f"no open transaction of {topic}-{index} begins at offset {start_offset}")
    (producer,) = hanging
    marker = WriteTxnMarkersRequest.WritableTxnMarker(
        producer_id=producer.producer_id,
        producer_epoch=producer.producer_epoch,
        transaction_result=False,
        topics=[WriteTxnMarkersRequest.WritableTxnMarkerTopic(name=topic, partition_indexes=[index])],
        coordinator_epoch=max(producer.coordinator_epoch, 0),
    )
    leader = await cluster.leader(topic, index)
    response: WriteTxnMarkersResponse = await cluster.send(WriteTxnMarkersRequest(markers=[marker]), broker=leader)
    code = response.markers[0].topics[0].partitions[0].error_code
    if code:
        raise error_for(code)
    return producer
