"""Carries the outcome of a transaction to its partitions: WriteTxnMarkers to each leader, until all have answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.broker import eager
from ottla.broker.waits import pause
from ottla.common.errors import InvalidProducerEpoch, KafkaError, TransactionCoordinatorFenced
from ottla.common.names import TopicPartition
from ottla.protocol.messages.transactions import WriteTxnMarkersRequest, WriteTxnMarkersResponse

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.broker.transactions import Transactions
    from ottla.coordinator.runtime import Shard
    from ottla.coordinator.transaction.machine import SendMarkers, TransactionMachine

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0

Marker = WriteTxnMarkersRequest.WritableTxnMarker


class Markers:
    """One coroutine for each transaction that completes. It ends without a word when its machine was discarded: the
    machine that is loaded next asks for the markers again."""

    def __init__(self, node: Node, transactions: Transactions) -> None:
        self._node = node
        self._transactions = transactions
        self.completing = 0

    def send(self, shard: Shard[TransactionMachine], wanted: SendMarkers) -> None:
        self.completing += 1
        eager.spawn(self._send(shard, wanted), self._ended)

    def _ended(self, _result: object, error: BaseException | None) -> None:
        self.completing -= 1
        if isinstance(error, Exception):
            self._node.log_failure("transaction.markers_failed", error)

    async def _send(self, shard: Shard[TransactionMachine], wanted: SendMarkers) -> None:
        node, runtime = self._node, self._transactions.runtime
        left = list(wanted.partitions)
        pause_s = _FIRST_PAUSE_S
        while runtime.is_current(shard):
            left = await self._send_once(wanted, left, shard.log.epoch)
            if not left:
                break
            await pause(node.loop, pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        while runtime.is_current(shard) and shard.machine.is_completing(wanted):
            shard.run(shard.machine.complete(wanted, node.steady.now_ms()))
            if shard.machine.is_completing(wanted):  # its record was refused; until it is written the id is not free
                await pause(node.loop, _LONGEST_PAUSE_S)

    async def _send_once(
        self, wanted: SendMarkers, partitions: list[TopicPartition], coordinator_epoch: int
    ) -> list[TopicPartition]:
        """Asks every leader once; the partitions that still lack the marker. Those of deleted topics do not."""
        left: list[TopicPartition] = []
        for leader, led in self._by_leader(partitions).items():
            if leader < 0:
                left += led
                continue
            try:
                answer = await self._node.peers.send(leader, _request(wanted, led, coordinator_epoch))
            except KafkaError as error:
                self._node.log.warn("transaction.markers_unanswered", leader=leader, error=error.name)
                left += led
                continue
            left += self._unwritten(wanted, led, answer)
        return left

    def _by_leader(self, partitions: list[TopicPartition]) -> dict[int, list[TopicPartition]]:
        found: dict[int, list[TopicPartition]] = {}
        for partition in partitions:
            topic = self._node.image.topics.get(partition.topic)
            state = None if topic is None else topic.partitions.get(partition.partition)
            if state is not None:
                found.setdefault(state.leader, []).append(partition)
        return found

    def _unwritten(
        self, wanted: SendMarkers, asked: list[TopicPartition], answer: WriteTxnMarkersResponse
    ) -> list[TopicPartition]:
        """A partition that knows a newer epoch has this marker already, or has gone past the transaction."""
        codes = {
            TopicPartition(topic.name, one.partition_index): one.error_code
            for marker in answer.markers
            for topic in marker.topics
            for one in topic.partitions
        }
        left = []
        for partition in asked:
            code: Any = codes.get(partition)
            if code in (0, InvalidProducerEpoch.code):
                continue
            if code != TransactionCoordinatorFenced.code:
                self._node.log.warn("transaction.marker_refused", partition=partition, error=code)
            left.append(partition)  # fenced: the newer coordinator's metadata will soon take this machine away
        return left


def _request(wanted: SendMarkers, partitions: list[TopicPartition], coordinator_epoch: int) -> WriteTxnMarkersRequest:
    topics: dict[str, list[int]] = {}
    for topic, index in partitions:
        topics.setdefault(topic, []).append(index)
    marker = Marker(
        producer_id=wanted.producer_id,
        producer_epoch=wanted.epoch,
        transaction_result=wanted.committed,
        coordinator_epoch=coordinator_epoch,
        transaction_version=wanted.transaction_version,
        topics=[
            WriteTxnMarkersRequest.WritableTxnMarkerTopic(name=name, partition_indexes=indexes)
            for name, indexes in topics.items()
        ],
    )
    return WriteTxnMarkersRequest(markers=[marker])
