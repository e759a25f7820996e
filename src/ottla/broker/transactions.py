"""The transaction coordinator of this broker: the runtime of its machines, and who coordinates what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ottla.broker.coordination import Coordinator
from ottla.broker.markers import Markers
from ottla.broker.waits import give_way
from ottla.common.errors import NotCoordinator, ProducerFenced
from ottla.common.names import TRANSACTION_STATE
from ottla.coordinator.outcome import Outcome, Token
from ottla.coordinator.room import ByteRoom
from ottla.coordinator.runtime import Runtime
from ottla.coordinator.steady_formats import SteadyFormats
from ottla.coordinator.transaction.formats import TransactionFormats
from ottla.coordinator.transaction.machine import NEEDS_PRODUCER_ID, TransactionMachine

if TYPE_CHECKING:
    from ottla.broker.node import Node

FEATURE = "transaction.version"

Command = Callable[[TransactionMachine, Token, int], Outcome]
SpareCommand = Callable[[TransactionMachine, Token, "int | None", int], Outcome]


class Transactions(Coordinator[TransactionMachine]):
    """What handlers ask."""

    topic = TRANSACTION_STATE
    without_topic = NotCoordinator

    def __init__(self, node: Node) -> None:
        self.markers = Markers(node, self)
        self.room = ByteRoom(node.settings.ottla_max_transactional_id_bytes, self._ids_are_full)
        runtime = Runtime(
            node.loop,
            node.steady,
            SteadyFormats(TransactionFormats(self.level), node.steady),
            lambda: TransactionMachine(self.level, self.room),
            node.log_failure,
            self.markers.send,
            note=node.log.note,
        )
        super().__init__(node, runtime)

    def _ids_are_full(self, room: ByteRoom) -> None:
        self._node.log.warn(
            "transaction.id_limit_reached", size_bytes=room.used_bytes, limit_bytes=room.limit_bytes,
            refused=room.refused, setting="ottla.max.transactional.id.bytes",
        )  # fmt: skip

    def level(self) -> int:
        """The finalised transaction.version."""
        return self._node.image.features.get(FEATURE, 0)

    async def call(self, transactional_id: str, command: Command) -> Any:
        """The answer of the id's machine, once committed. Raises KafkaError."""
        try:
            return await self.runtime.call(self.partition_of(transactional_id), command)
        except ProducerFenced:
            self._node.log.info("producers.fenced", transactional_id=transactional_id)
            raise

    async def call_with_producer_id(self, transactional_id: str, command: SpareCommand) -> Any:
        """The same for a command that may need a producer id which was never given out."""
        spare: int | None = None

        def with_spare(machine: TransactionMachine, token: Token, now_ms: int) -> Outcome:
            return command(machine, token, spare, now_ms)

        while (answer := await self.call(transactional_id, with_spare)) is NEEDS_PRODUCER_ID:
            spare = await self._node.producer_ids.next()
        return answer

    def abort_timed_out(self) -> None:
        self.runtime.everywhere(lambda machine, now_ms: machine.abort_timed_out(now_ms))

    async def expire(self) -> None:
        """Looks at every id, one machine at a time."""
        after_ms = self._node.settings.transactional_id_expiration_ms
        for shard in self.runtime.shards():
            if self.runtime.is_current(shard):
                shard.run(shard.machine.expire(self._node.steady.now_ms(), after_ms))
            await give_way()
