"""What clients were told, one class for each kind of promise, and what must be true of it after any crash.

`work` goes on until the broker is gone, calling `told` at each answer; `check` asks a broker that came back. What was
asked and not answered may have happened or not, but as a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from ottla.client.cluster import GROUP, Cluster, raise_error
from ottla.client.operations import create_topic, fetch, offset_for, produce, topic_id
from ottla.common.errors import UnknownMemberId, error_for
from ottla.common.names import TopicPartition, Uuid
from ottla.protocol.messages.api_versions import ApiVersionsRequest
from ottla.protocol.messages.client_quotas import AlterClientQuotasRequest, DescribeClientQuotasRequest
from ottla.protocol.messages.configs import DescribeConfigsRequest
from ottla.protocol.messages.consumer_group import ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest
from ottla.protocol.messages.delete_records import DeleteRecordsRequest
from ottla.protocol.messages.features import UpdateFeaturesRequest
from ottla.protocol.messages.heartbeat import HeartbeatRequest
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.protocol.messages.log_dirs import AlterReplicaLogDirsRequest
from ottla.protocol.messages.sync_group import SyncGroupRequest
from ottla.records.batch import batches
from ottla.records.record import BatchBuilder, read_all
from ottla.testing.simulation import Simulation
from tests.simulation.compaction_workload import alter_topic
from tests.simulation.transactors import Transactor, everything_committed, stable_offset

Told = Callable[[], None]
EARLIEST = -2
UPGRADE, DOWNGRADE = 1, 2


class Promise(Protocol):
    """See the module."""

    async def prepare(self, client: Cluster) -> None: ...

    async def work(self, client: Cluster, told: Told) -> None: ...

    async def check(self, client: Cluster) -> None: ...


async def records_of(client: Cluster, topic: str) -> dict[int, tuple[bytes | None, bytes | None]]:
    """Key and value by offset, from the log's start to its end."""
    found: dict[int, tuple[bytes | None, bytes | None]] = {}
    offset, end = await offset_for(client, topic, 0, EARLIEST), await offset_for(client, topic, 0)
    while offset < end:
        data = (await fetch(client, topic, 0, offset)).records
        found.update({one.offset: (one.key, one.value) for one in read_all(data) if one.offset >= offset})
        after = max((header.last_offset + 1 for _, header in batches(data)), default=end)
        assert after > offset, f"the reader stands still at {offset}"
        offset = after  # the last records of a batch may be compacted away
    return found


class Transactions:
    """An answered EndTxn is final: all records and offsets of a commit are there, of an abort none."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._number = 0
        self._committed: list[int] = []
        self._never: set[int] = set()
        self._doubtful: set[int] = set()
        self._bumps = simulation.random.chance(0.5)

    async def prepare(self, client: Cluster) -> None:
        await create_topic(client, "orders", 2, configs={"internal.segment.bytes": "2000"})

    async def work(self, client: Cluster, told: Told) -> None:
        random = self._simulation.random
        producer = Transactor(self._simulation, client, "payer", bumps=self._bumps)
        await producer.init()
        while True:
            self._number += 1
            number = self._number
            self._never.add(number)
            for index in range(2):
                await producer.send(TopicPartition("orders", index), b"%d" % number)
            await producer.send_offsets("payers", {TopicPartition("orders", 0): number})
            commit = random.chance(0.6)
            if commit:
                self._never.discard(number)
                self._doubtful.add(number)
            await producer.end(commit=commit)
            if commit:
                self._doubtful.discard(number)
                self._committed.append(number)
            told()

    async def check(self, client: Cluster) -> None:
        await Transactor(self._simulation, client, "payer", bumps=self._bumps).init()  # ends what is open
        seen = [
            [int(one.value or b"0") for one in await everything_committed(client, TopicPartition("orders", index))]
            for index in range(2)
        ]
        assert seen[0] == seen[1], f"half a transaction: {set(seen[0]) ^ set(seen[1])}"
        found = set(seen[0])
        assert len(found) == len(seen[0]), f"twice: {seen[0]}"
        assert found >= set(self._committed), f"lost: {set(self._committed) - found}"
        assert not found & self._never, f"aborted and there: {found & self._never}"
        offset = await stable_offset(client, "payers", TopicPartition("orders", 0))
        assert offset == max(found, default=0), f"the offset is {offset}, the last commit {max(found, default=0)}"
        self._never |= self._doubtful - found
        self._committed = sorted(found)
        self._doubtful.clear()


class MemberEpochs:
    """What a heartbeat told of epochs and assignments (KIP-848) does not go back."""

    GROUP_ID = "sharers"

    def __init__(self, simulation: Simulation) -> None:
        self._random = simulation.random
        self._members: dict[str, tuple[int, dict[bytes, list[int]]]] = {}
        """The epoch and the assignment that were told, by member."""
        self._asked: set[str] = set()
        """Members with a heartbeat that nobody answered."""
        self._left: set[str] = set()
        self._group_epoch = 0
        self._made = 0

    async def prepare(self, client: Cluster) -> None:
        await create_topic(client, "shared", 6)

    async def work(self, client: Cluster, told: Told) -> None:
        while True:
            what = self._random.below(10)
            if not self._members or (what == 0 and len(self._members) < 4):
                self._made += 1
                await self._beat(client, f"s{self._made}", 0)
            elif what == 1 and len(self._members) > 1:
                await self._beat(client, self._random.choice(sorted(self._members)), -1)
            else:
                member = self._random.choice(sorted(self._members))
                await self._beat(client, member, self._members[member][0])
            told()

    async def _beat(self, client: Cluster, member: str, epoch: int) -> None:
        request = ConsumerGroupHeartbeatRequest(group_id=self.GROUP_ID, member_id=member, member_epoch=epoch)
        _, owned = self._members.get(member, (0, {}))
        if epoch >= 0:
            request.topic_partitions = [
                ConsumerGroupHeartbeatRequest.TopicPartitions(topic_id=Uuid(topic), partitions=list(indexes))
                for topic, indexes in owned.items()
            ]
            request.rebalance_timeout_ms = 30_000  # all of them make it a full request, which tells the assignment
            request.subscribed_topic_names = ["shared"]
        doubtful = member in self._asked
        self._asked.add(member)
        answer = await client.send(request, broker=await client.coordinator(self.GROUP_ID, GROUP), version=1)
        gone = answer.error_code == UnknownMemberId.code and doubtful  # it was heard when it left
        if answer.error_code and not gone:
            raise error_for(answer.error_code, answer.error_message)
        if epoch < 0 or gone:
            del self._members[member]
            self._left.add(member)
        else:
            assert answer.member_epoch >= epoch, f"{member} had epoch {epoch} and has {answer.member_epoch}"
            if answer.assignment is not None:
                owned = {bytes(one.topic_id): list(one.partitions) for one in answer.assignment.topic_partitions}
            self._members[member] = (answer.member_epoch, owned)
            self._group_epoch = max(self._group_epoch, answer.member_epoch)
        self._asked.discard(member)

    async def check(self, client: Cluster) -> None:
        request = ConsumerGroupDescribeRequest(group_ids=[self.GROUP_ID])

        async def ask() -> Any:
            answer = await client.send(request, broker=await client.coordinator(self.GROUP_ID, GROUP))
            raise_error(answer.groups[0])
            return answer.groups[0]

        if not self._group_epoch:
            return
        group = await client.retrying(ask)
        assert group.group_epoch >= self._group_epoch, f"epoch {group.group_epoch} after {self._group_epoch}"
        present = {one.member_id: one for one in group.members}
        assert not self._left & set(present), f"left and there: {self._left & set(present)}"
        owners: dict[tuple[bytes, int], str] = {}
        for member, (epoch, owned) in list(self._members.items()):
            if member in self._asked:
                self._forget_or_learn(member, present.get(member))
                continue
            assert member in present, f"{member} is gone"
            there = present[member]
            assert there.member_epoch == epoch, f"{member} has epoch {there.member_epoch}, was told {epoch}"
            assigned = {bytes(one.topic_id): list(one.partitions) for one in there.assignment.topic_partitions}
            # Described is also what it has still to give up.
            assert _as_sets(assigned) >= _as_sets(owned), f"{member} has {assigned}, was told {owned}"
            for partition in _as_sets(assigned):
                other = owners.setdefault(partition, member)
                assert other == member, f"{partition} belongs to {other} and to {member}"
        for member in set(present) - set(self._members):
            self._left.add(member)  # its first heartbeat was not answered; nobody goes on as this member
            await self._leave(client, member)

    def _forget_or_learn(self, member: str, there: Any) -> None:
        """The last heartbeat of this one was not answered: it may have been the last of all."""
        if there is None:
            self._members.pop(member, None)
            self._asked.discard(member)
            self._left.add(member)
        else:
            assert there.member_epoch >= self._members[member][0]

    async def _leave(self, client: Cluster, member: str) -> None:
        request = ConsumerGroupHeartbeatRequest(group_id=self.GROUP_ID, member_id=member, member_epoch=-1)

        async def ask() -> None:
            answer = await client.send(request, broker=await client.coordinator(self.GROUP_ID, GROUP), version=1)
            raise_error(answer)

        await client.retrying(ask)


def _as_sets(assignment: dict[bytes, list[int]]) -> set[tuple[bytes, int]]:
    return {(topic, index) for topic, indexes in assignment.items() for index in indexes}


class Generations:
    """A generation of a classic group that a member was given is the group's, and the next one is newer."""

    GROUP_ID = "classics"

    def __init__(self, simulation: Simulation) -> None:
        self._random = simulation.random
        self._member = ""
        self._generation = -1
        self._joining = False

    async def prepare(self, client: Cluster) -> None:
        await client.coordinator(self.GROUP_ID, GROUP)

    async def work(self, client: Cluster, told: Told) -> None:
        while True:
            await self._next(client)
            told()

    async def _ask(self, client: Cluster, request: Any, version: int) -> Any:
        return await client.send(request, broker=await client.coordinator(self.GROUP_ID, GROUP), version=version)

    async def _next(self, client: Cluster) -> None:
        """Joins as the only member, which is the leader: that begins a generation."""
        self._joining = True
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")
        while True:
            joined = await self._ask(
                client,
                JoinGroupRequest(
                    group_id=self.GROUP_ID,
                    session_timeout_ms=30_000,
                    rebalance_timeout_ms=30_000,
                    member_id=self._member,
                    protocol_type="consumer",
                    protocols=[protocol],
                ),
                5,
            )
            if joined.error_code == 79:
                self._member = joined.member_id
                continue
            if joined.error_code == 25 and self._generation < 0:
                self._member = ""  # an id that was given and never used is not kept
                continue
            raise_error(joined)
            break
        assert joined.generation_id > self._generation, f"{joined.generation_id} after {self._generation}"
        share = SyncGroupRequest.SyncGroupRequestAssignment(member_id=self._member, assignment=b"all")
        synced = await self._ask(
            client,
            SyncGroupRequest(
                group_id=self.GROUP_ID,
                generation_id=joined.generation_id,
                member_id=self._member,
                assignments=[share],
            ),
            3,
        )
        raise_error(synced)
        self._generation = joined.generation_id
        self._joining = False

    async def check(self, client: Cluster) -> None:
        if self._generation < 0:
            return
        request = HeartbeatRequest(group_id=self.GROUP_ID, generation_id=self._generation, member_id=self._member)

        async def beat() -> int:
            code: int = (await self._ask(client, request, 3)).error_code
            if code and error_for(code).retriable:
                raise error_for(code)
            return code

        code = await client.retrying(beat)
        assert code in ((0, 22, 27) if self._joining else (0,)), (
            f"generation {self._generation} is not the group's: {code}"
        )
        if self._joining and code == 22:
            self._generation += 1  # the synchronisation that nobody answered
        await client.retrying(lambda: self._next(client))


class Administration:
    """Topics, their settings, quotas and feature levels are there once the answer is."""

    LEVELS = (1, 2)

    def __init__(self, simulation: Simulation) -> None:
        self._random = simulation.random
        self._topics: dict[str, Uuid] = {}
        self._numbers = dict.fromkeys(("topic", "setting", "quota", "level"), 0)
        self._known = dict.fromkeys(("setting", "quota", "level"), 0)

    async def prepare(self, client: Cluster) -> None:
        await create_topic(client, "managed")

    async def work(self, client: Cluster, told: Told) -> None:
        while True:
            what = self._random.choice(("topic", "setting", "quota", "level"))
            self._numbers[what] += 1
            number = self._numbers[what]
            if what == "topic":
                self._topics[f"made-{number}"] = await create_topic(client, f"made-{number}")
            elif what == "setting":
                await alter_topic(client, "managed", {"retention.ms": str(1_000_000 + number)})
            elif what == "quota":
                await self._alter_quota(client, number)
            else:
                await self._alter_level(client, self.LEVELS[number % 2])
            if what != "topic":
                self._known[what] = number
            told()

    async def _alter_quota(self, client: Cluster, value: int) -> None:
        entity = AlterClientQuotasRequest.EntityData(entity_type="client-id", entity_name="c")
        change = AlterClientQuotasRequest.OpData(key="producer_byte_rate", value=float(value))
        entry = AlterClientQuotasRequest.EntryData(entity=[entity], ops=[change])
        answer = await client.send(AlterClientQuotasRequest(entries=[entry]))
        raise_error(answer.entries[0])

    async def _alter_level(self, client: Cluster, level: int) -> None:
        present = await self._level(client)
        if level == present:
            return  # an update that nobody answered, or one that was never heard
        update = UpdateFeaturesRequest.FeatureUpdateKey(
            feature="transaction.version",
            max_version_level=level,
            upgrade_type=UPGRADE if level > present else DOWNGRADE,
        )
        raise_error(await client.send(UpdateFeaturesRequest(timeout_ms=1000, feature_updates=[update])))

    async def _level(self, client: Cluster) -> int:
        asked = ApiVersionsRequest(client_software_name="knowledge", client_software_version="1")
        levels = {one.name: one.max_version_level for one in (await client.send(asked)).finalized_features}
        return int(levels["transaction.version"])

    async def check(self, client: Cluster) -> None:
        for topic, known in self._topics.items():
            found = await topic_id(client, topic)
            assert found == known, f"{topic} is another one"
        resource = DescribeConfigsRequest.DescribeConfigsResource(
            resource_type=2, resource_name="managed", configuration_keys=["retention.ms"]
        )
        described = await client.send(DescribeConfigsRequest(resources=[resource]))
        value = int(described.results[0].configs[0].value)
        self._judge("setting", value - 1_000_000, default=604_800_000 - 1_000_000)
        quotas = await client.send(DescribeClientQuotasRequest(components=[]))
        if self._known["level"] == self._numbers["level"] > 0:
            expected = self.LEVELS[self._known["level"] % 2]
            assert await self._level(client) == expected, "a feature level went back"
        self._judge("quota", int(quotas.entries[0].values[0].value) if quotas.entries else 0, default=0)

    def _judge(self, what: str, found: int, default: int) -> None:
        if found == default:
            assert self._known[what] == 0, f"{what} {self._known[what]} is gone"
            return
        assert self._known[what] <= found <= self._numbers[what], f"{what}: {found} after {self._known[what]}"


class Trimmed:
    """DeleteRecords: the log never begins below what was told, and nothing that was acknowledged above is missing."""

    TOPIC = "trimmed"
    pace_s = 0.0
    """Up to so long between two requests."""

    def __init__(self, simulation: Simulation, *, durable: bool = True) -> None:
        """Not durable: as in Kafka, the start is known on disk only after a while."""
        self._random = simulation.random
        self._durable = durable
        self._records: dict[int, bytes] = {}
        self._number = 0
        self._low = 0
        self._most = 0

    async def prepare(self, client: Cluster) -> None:
        await create_topic(
            client,
            self.TOPIC,
            configs={"internal.segment.bytes": "1000", "file.delete.delay.ms": "0", "retention.ms": "-1"},
        )

    async def work(self, client: Cluster, told: Told) -> None:
        while True:
            if self._records and self._random.chance(0.2):
                await self._trim(client)
            else:
                self._number += 1
                value = b"%d." % self._number + b"x" * 80
                builder = BatchBuilder()
                builder.append(0, None, value)
                self._records[await produce(client, self.TOPIC, 0, builder.build())] = value
            told()
            if self.pace_s:
                await asyncio.sleep(self._random.between(0.0, self.pace_s))

    async def _trim(self, client: Cluster) -> None:
        offset = max(max(self._records) + 1 - self._random.below(3), 0)
        self._most = max(self._most, offset)
        part = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=offset)
        topic = DeleteRecordsRequest.DeleteRecordsTopic(name=self.TOPIC, partitions=[part])

        def check(answer: Any) -> int:
            raise_error(answer.topics[0].partitions[0])
            return int(answer.topics[0].partitions[0].low_watermark)

        low = await client.send_to_leader(self.TOPIC, 0, DeleteRecordsRequest(topics=[topic], timeout_ms=1000), check)
        assert low >= max(offset, self._low if self._durable else 0), f"asked for {offset}, told {low}"
        self._low = low

    async def check(self, client: Cluster) -> None:
        start = await offset_for(client, self.TOPIC, 0, EARLIEST)
        assert (self._low if self._durable else 0) <= start <= self._most, (
            f"the log begins at {start}; told {self._low}, asked {self._most}"
        )
        found = await records_of(client, self.TOPIC)
        lost = [
            offset
            for offset, value in self._records.items()
            if offset >= start and found.get(offset, (None, None))[1] != value
        ]
        assert not lost, f"lost: {lost}, the log begins at {start}"
        values = [value for _, value in found.values()]
        self._records = {offset: value for offset, (_, value) in found.items() if value is not None}
        assert all(value is not None for value in values)


class Keys:
    """A compacted topic: of each key, what was acknowledged last is there, or what was written after it."""

    TOPIC = "keyed"
    pace_s = 0.0

    def __init__(self, simulation: Simulation) -> None:
        self._random = simulation.random
        self._newest: dict[bytes, int] = {}
        self._written: dict[tuple[bytes, int], bytes | None] = {}
        self._number = 0

    async def prepare(self, client: Cluster) -> None:
        configs = {
            "cleanup.policy": "compact",
            "internal.segment.bytes": "1500",
            "index.interval.bytes": "300",
            "min.cleanable.dirty.ratio": "0.05",
            "file.delete.delay.ms": "100",
            "delete.retention.ms": "500",
        }
        await create_topic(client, self.TOPIC, configs=configs)

    async def work(self, client: Cluster, told: Told) -> None:
        while True:
            builder = BatchBuilder()
            pairs: list[tuple[bytes, bytes | None]] = []
            for _ in range(1 + self._random.below(5)):
                self._number += 1
                key = b"key-%d" % self._random.below(12)
                pairs.append((key, None if self._random.chance(0.15) else b"%d" % self._number + b"." * 60))
                builder.append(1_700_000_000_000 + self._number, *pairs[-1])
            base = await produce(client, self.TOPIC, 0, builder.build())
            for index, (key, value) in enumerate(pairs):
                self._newest[key] = base + index
                self._written[key, base + index] = value
            told()
            if self.pace_s:
                await asyncio.sleep(self._random.between(0.0, self.pace_s))

    async def check(self, client: Cluster) -> None:
        newest: dict[bytes, int] = {}
        for offset, (key, value) in (await records_of(client, self.TOPIC)).items():
            assert key is not None
            newest[key] = offset
            assert self._written.setdefault((key, offset), value) == value, f"{key!r} at {offset} is another value"
        for key, offset in self._newest.items():
            found = newest.get(key, -1)
            deleted = self._written[key, offset] is None and found < 0  # its tombstone may be gone as well
            assert found >= offset or deleted, f"{key!r} was written at {offset} and is at {found}"
        self._newest.update(newest)


class Mover:
    """Moves partitions between the directories; no promise, but a disturbance of those above."""

    def __init__(self, simulation: Simulation, paths: tuple[str, ...], topics: tuple[str, ...]) -> None:
        self._random = simulation.random
        self._paths = paths
        self._topics = topics

    async def prepare(self, client: Cluster) -> None: ...

    async def work(self, client: Cluster, told: Told) -> None:
        while True:
            named = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(
                name=self._random.choice(self._topics), partitions=[0]
            )
            wanted = AlterReplicaLogDirsRequest.AlterReplicaLogDir(
                path=self._random.choice(self._paths), topics=[named]
            )
            await client.send(AlterReplicaLogDirsRequest(dirs=[wanted]), version=2)
            await asyncio.sleep(self._random.between(0.0, 0.3))
            told()

    async def check(self, client: Cluster) -> None: ...
