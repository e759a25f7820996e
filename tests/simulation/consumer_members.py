"""Members of a consumer group (KIP-848) over the simulated network, and what they saw of each other.

A member heartbeats as it is told to, gives partitions up before it says so, and commits a count that only rises for
each partition that it owns. It owns what it was given until it lets go, or until it hears that it is fenced.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ottla.client.cluster import GROUP, Cluster
from ottla.common.errors import KafkaError, NetworkException, error_for
from ottla.common.names import Uuid
from ottla.protocol.message import Message
from ottla.protocol.messages.consumer_group import ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse
from ottla.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse
from ottla.testing.cluster import SimCluster

READERS = "sharers"
FENCED = (25, 110)
_STALE = 113
_RETRY_S, _COMMIT_S = 0.2, 1.0

Partition = tuple[bytes, int]


@dataclass
class Sight:
    """What all members saw together."""

    owners: dict[Partition, str] = field(default_factory=dict)
    committed: dict[Partition, int] = field(default_factory=dict)
    """The highest count that the coordinator acknowledged."""
    commits: int = 0
    moves: int = 0


class ConsumerMember:
    """See the module. `run` ends when `stopping` is set; `die` takes it away without a word."""

    def __init__(self, cluster: SimCluster, sight: Sight, name: str, pattern: str) -> None:
        self.name = name
        self.epoch = 0
        self.stopping = False
        self.owned: dict[Partition, int] = {}
        """The count of each partition."""
        self._cluster = cluster
        self._sight = sight
        self._pattern = pattern
        self._must_report = True

    async def run(self) -> None:
        async with self._cluster.client(timeout_ms=600_000) as client:
            while not self.stopping:
                pause_s = _RETRY_S
                try:
                    pause_s = await self._beat(client)
                    await self._commit_all(client)
                except NetworkException:
                    self._must_report = True
                except KafkaError as error:
                    if error.code in FENCED:
                        self._let_go(list(self.owned))
                        self.epoch = 0
                    elif error.code != _STALE and not error.retriable:
                        raise
                await self._wait(client, pause_s)
            self._let_go(list(self.owned))
            try:
                await self._ask(client, self._request(-1), 1)
            except KafkaError:
                pass  # the session will end by itself

    def die(self) -> None:
        self._let_go(list(self.owned))

    async def _wait(self, client: Cluster, seconds: float) -> None:
        """Until the next heartbeat is due, committing now and then; a change is reported at once."""
        loop = self._cluster.simulation.loop
        until = loop.time() + seconds
        while loop.time() < until and not self.stopping and not self._must_report:
            await asyncio.sleep(min(_COMMIT_S, until - loop.time()))
            try:
                await self._commit_all(client)
            except KafkaError:
                pass  # told by the next heartbeat

    async def _ask(self, client: Cluster, message: Message, version: int) -> object:
        coordinator = await client.coordinator(READERS, GROUP)
        return await client.send(message, broker=coordinator, version=version)

    def _request(self, epoch: int) -> ConsumerGroupHeartbeatRequest:
        request = ConsumerGroupHeartbeatRequest(group_id=READERS, member_id=self.name, member_epoch=epoch)
        if epoch == 0:
            request.rebalance_timeout_ms = 30_000
            request.subscribed_topic_regex = self._pattern
            request.topic_partitions = []
        elif epoch > 0 and self._must_report:
            held: dict[bytes, list[int]] = {}
            for topic_id, index in self.owned:
                held.setdefault(topic_id, []).append(index)
            request.topic_partitions = [
                ConsumerGroupHeartbeatRequest.TopicPartitions(topic_id=Uuid(topic_id), partitions=indexes)
                for topic_id, indexes in held.items()
            ]
        return request

    async def _beat(self, client: Cluster) -> float:
        """One heartbeat; how long until the next one, in seconds."""
        if self.epoch == 0:
            self._let_go(list(self.owned))
        answer = await self._ask(client, self._request(self.epoch), 1)
        assert isinstance(answer, ConsumerGroupHeartbeatResponse)
        if answer.error_code:
            raise error_for(answer.error_code)
        self.epoch = answer.member_epoch
        self._must_report = False
        if answer.assignment is not None:
            given = {
                (bytes(one.topic_id), index) for one in answer.assignment.topic_partitions for index in one.partitions
            }
            if given != set(self.owned):
                self._let_go([one for one in self.owned if one not in given])
                for partition in given - set(self.owned):
                    await self._take(client, partition)
                self._must_report = True
        return answer.heartbeat_interval_ms / 1000

    def _let_go(self, partitions: list[Partition]) -> None:
        for partition in partitions:
            del self.owned[partition]
            assert self._sight.owners.pop(partition) == self.name

    async def _take(self, client: Cluster, partition: Partition) -> None:
        other = self._sight.owners.setdefault(partition, self.name)
        assert other == self.name, f"{partition} belongs to {other} and to {self.name}"
        self.owned[partition] = 0
        self._sight.moves += 1
        known = self._sight.committed.get(partition, 0)
        self.owned[partition] = await self._committed(client, partition)
        assert self.owned[partition] >= known, f"{partition} went back from {known} to {self.owned[partition]}"

    async def _committed(self, client: Cluster, partition: Partition) -> int:
        asked = OffsetFetchRequest.OffsetFetchRequestTopics(
            topic_id=Uuid(partition[0]), partition_indexes=[partition[1]]
        )
        group = OffsetFetchRequest.OffsetFetchRequestGroup(
            group_id=READERS, member_id=self.name, member_epoch=self.epoch, topics=[asked]
        )
        while True:
            try:
                answer = await self._ask(client, OffsetFetchRequest(groups=[group]), 10)
            except NetworkException:
                await asyncio.sleep(_RETRY_S)
                continue
            assert isinstance(answer, OffsetFetchResponse)
            found = answer.groups[0]
            if not found.error_code:
                return max(found.topics[0].partitions[0].committed_offset, 0)
            error = error_for(found.error_code)
            if not error.retriable:
                raise error
            await asyncio.sleep(_RETRY_S)

    async def _commit_all(self, client: Cluster) -> None:
        for partition in list(self.owned):
            if partition in self.owned:
                await self._commit(client, partition)

    async def _commit(self, client: Cluster, partition: Partition) -> None:
        count = self.owned[partition] + 1
        part = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=partition[1], committed_offset=count)
        topic = OffsetCommitRequest.OffsetCommitRequestTopic(topic_id=Uuid(partition[0]), partitions=[part])
        request = OffsetCommitRequest(
            group_id=READERS, member_id=self.name, generation_id_or_member_epoch=self.epoch, topics=[topic]
        )
        answer = await self._ask(client, request, 10)
        assert isinstance(answer, OffsetCommitResponse)
        code = answer.topics[0].partitions[0].error_code
        if code:
            raise error_for(code)
        if partition in self.owned:
            self.owned[partition] = count
        self._sight.committed[partition] = max(self._sight.committed.get(partition, 0), count)
        self._sight.commits += 1
