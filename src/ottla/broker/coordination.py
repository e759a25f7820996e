"""What this broker's coordinators share: one machine for each partition of an internal topic that it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from ottla.common.errors import KafkaError
from ottla.common.names import coordinator_partition
from ottla.coordinator.runtime import Machine, MachineLog, Runtime

if TYPE_CHECKING:
    from ottla.broker.node import Node

M = TypeVar("M", bound=Machine)


class Coordinator(Generic[M]):
    """`runtime` holds the machines. `topic` is theirs, `without_topic` what is answered before there is one."""

    topic: ClassVar[str]
    without_topic: ClassVar[type[KafkaError]]

    def __init__(self, node: Node, runtime: Runtime[M]) -> None:
        self._node = node
        self.runtime = runtime

    def elected(self, index: int, log: MachineLog) -> None:
        self.runtime.elected(index, log)

    def resigned(self, index: int) -> None:
        self.runtime.resigned(index)

    def stop(self) -> None:
        self.runtime.stop()

    def partition_of(self, key: str) -> int:
        """The partition of the topic that holds what is named `key`. Raises `without_topic`."""
        topic = self._node.image.topics.get(self.topic)
        if topic is None:
            raise self.without_topic
        return coordinator_partition(key, len(topic.partitions))

    def machine(self, key: str) -> M:
        """For reading. Raises NotCoordinator, CoordinatorLoadInProgress, `without_topic`."""
        return self.runtime.shard(self.partition_of(key)).machine
