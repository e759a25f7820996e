"""Transactions, one after the other from each of several producers: begin, one record, commit."""

from __future__ import annotations

import threading
import time

from benchmarks.clients.harness import Params, Result, measured, run
from benchmarks.wire import Wire, refuse, until
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.produce import ProduceRequest, ProduceResponse
from ottla.protocol.messages.transactions import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    EndTxnRequest,
    EndTxnResponse,
)
from ottla.records.record import BatchBuilder

CONCURRENT_TRANSACTIONS = 51
TV2 = 2
_ADD, _PRODUCE, _END = {1: 3}, {1: 11, 2: 12}, {1: 4, 2: 5}
"""By transaction version: the versions that a client of that version uses."""


class Producer:
    """One transactional id on a connection of its own."""

    def __init__(self, address: str, topic: str, name: str, version: int) -> None:
        self.wire = Wire(address)
        self.topic, self.name, self.version = topic, name, version
        self.sequence = 0
        until(self._find_coordinator)
        self.producer_id, self.epoch = until(self._init)

    def _find_coordinator(self) -> bool:
        answer = self.wire.ask(
            FindCoordinatorRequest(key_type=1, coordinator_keys=[self.name]), 4, FindCoordinatorResponse
        )
        refuse(answer.coordinators[0].error_code)
        return True

    def _init(self) -> tuple[int, int]:
        request = InitProducerIdRequest(transactional_id=self.name, transaction_timeout_ms=60_000)
        answer = self.wire.ask(request, 4, InitProducerIdResponse)
        refuse(answer.error_code)
        return answer.producer_id, answer.producer_epoch

    def transaction(self) -> None:
        if self.version < TV2:
            self._add()
        self._produce()
        self._end()

    def _add(self) -> None:
        """The one before may still be completing: a client waits for that with the same question."""
        topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name=self.topic, partitions=[0])
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=self.name, v3_and_below_producer_id=self.producer_id,
            v3_and_below_producer_epoch=self.epoch, v3_and_below_topics=[topic], transactions=[],
        )  # fmt: skip
        while True:
            answer = self.wire.ask(request, _ADD[self.version], AddPartitionsToTxnResponse)
            code = answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
            if code != CONCURRENT_TRANSACTIONS:
                return refuse(code)

    def _produce(self) -> None:
        builder = BatchBuilder(
            producer_id=self.producer_id, producer_epoch=self.epoch, base_sequence=self.sequence, transactional=True
        )
        builder.append(int(time.time() * 1000), None, b"x" * 100)
        data = ProduceRequest.PartitionProduceData(index=0, records=builder.build())
        topic = ProduceRequest.TopicProduceData(name=self.topic, partition_data=[data])
        request = ProduceRequest(transactional_id=self.name, acks=-1, timeout_ms=30_000, topic_data=[topic])
        while True:
            answer = self.wire.ask(request, _PRODUCE[self.version], ProduceResponse)
            code = answer.responses[0].partition_responses[0].error_code
            if code != CONCURRENT_TRANSACTIONS:
                break
        refuse(code)
        self.sequence += 1

    def _end(self) -> None:
        request = EndTxnRequest(
            transactional_id=self.name, producer_id=self.producer_id, producer_epoch=self.epoch, committed=True
        )
        answer = self.wire.ask(request, _END[self.version], EndTxnResponse)
        refuse(answer.error_code)
        if self.version >= TV2:
            self.producer_id, self.epoch, self.sequence = answer.producer_id, answer.producer_epoch, 0


def main(params: Params) -> Result:
    """Params: address, broker_pid, topic, producers, count (of all together), version (1 or 2)."""
    each = params["count"] // params["producers"]
    made = [
        Producer(params["address"], params["topic"], f"{params['topic']}-{number}", params["version"])
        for number in range(params["producers"])
    ]
    for producer in made:
        producer.transaction()
    failed: list[BaseException] = []

    def work(producer: Producer) -> None:
        try:
            for _ in range(each):
                producer.transaction()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(producer,)) for producer in made]
    result: Result = {}
    with measured(params, result):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]
    return result


if __name__ == "__main__":
    run(main)
