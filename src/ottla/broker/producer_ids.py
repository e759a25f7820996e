"""Producer ids, handed out from blocks that the controller gives to this broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.waits import Gate
from ottla.common.errors import CoordinatorLoadInProgress, KafkaError, error_for
from ottla.protocol.messages.inter_broker import AllocateProducerIdsRequest, AllocateProducerIdsResponse

if TYPE_CHECKING:
    from ottla.broker.node import Node

_WAIT_S = 5.0


class ProducerIds:
    """`next` is unique in the cluster for ever: a block that was not used up is lost with a restart."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._next = 0
        self._end = 0
        self._asking: Gate | None = None

    async def next(self) -> int:
        """Raises CoordinatorLoadInProgress, which clients retry, when no block can be had now."""
        while self._next >= self._end:
            if self._asking is not None:
                await self._asking.passed(_WAIT_S)
                if self._next >= self._end:
                    raise CoordinatorLoadInProgress
                break
            await self._ask()
        producer_id = self._next
        self._next += 1
        return producer_id

    async def _ask(self) -> None:
        node = self._node
        gate = self._asking = Gate(node.loop)
        try:
            request = AllocateProducerIdsRequest(broker_id=node.node_id, broker_epoch=node.membership.broker_epoch)
            answer: AllocateProducerIdsResponse = await node.peers.send(node.controller_id(), request)
            if answer.error_code:
                raise error_for(answer.error_code)
            self._next = answer.producer_id_start
            self._end = answer.producer_id_start + answer.producer_id_len
        except KafkaError as error:
            node.log.warn("producer_ids.refused", error=error.name)
            raise CoordinatorLoadInProgress from error
        finally:
            self._asking = None
            gate.open()
