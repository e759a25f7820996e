"""Incremental fetch sessions (KIP-227) held against a dumb twin that rescans every partition after every fetch.

The consumer behaves as Kafka's: a fetch names a partition only when what it wants of it is new. The twin knows every
record that was appended and looks at each partition's offsets, so it can say what each answer must and must not hold.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, example, given, settings

from ottla.broker import eager
from ottla.broker.node import Node
from ottla.broker.partition import Partition
from ottla.common.names import Uuid
from ottla.protocol.headers import read_response_header, request_frame
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.delete_records import DeleteRecordsRequest
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse
from ottla.records.record import BatchBuilder, read_all
from ottla.storage.log import Origin
from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Simulation, run_simulation

TOPICS, PARTITIONS = ("a", "b", "c"), 2
PLENTY, WAIT_MS = 1 << 20, 500
OUT_OF_RANGE, UNKNOWN_TOPIC, UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID = 1, 3, 100, 103
REFUSALS = (UNKNOWN_TOPIC, UNKNOWN_TOPIC_ID)
BY_NAME, BY_ID = 12, 17
Place = tuple[str, int]


@dataclass
class Wanted:
    """What the consumer wants of one partition, and what it was told."""

    topic_id: Uuid
    offset: int = 0
    sent: int | None = None
    """The offset that the session knows."""
    high_watermark: int | None = None
    log_start: int | None = None
    error: int = 0
    found: bool = False
    """The session has known it, and goes on with the name that its id had."""
    passed_over: int = 0
    """Answers in a row that had data for others and none for this one, though it had some."""


@dataclass
class Consumer:
    """One session and its partitions."""

    version: int
    wanted: dict[Place, Wanted] = field(default_factory=dict)
    forgotten: list[tuple[Place, Uuid]] = field(default_factory=list)
    session_id: int = 0
    epoch: int = 0


class World:
    """A broker, its topics' records, and a consumer; every `fetch` is judged."""

    def __init__(self, node: Node, version: int) -> None:
        self.node = node
        self.session = node.router.open_session(node.listeners[0])
        self.consumer = Consumer(version)
        self.ids: dict[str, Uuid] = {}
        self.records: dict[tuple[Uuid, int], list[bytes]] = {}
        self.count = 0

    # --- what happens to the topics

    async def create(self, topic: str) -> None:
        wanted = CreateTopicsRequest.CreatableTopic(name=topic, num_partitions=PARTITIONS, replication_factor=1)
        answer = await self.node.peers.send(self.node.node_id, CreateTopicsRequest(topics=[wanted]))
        assert answer.topics[0].error_code == 0
        self.ids[topic] = Uuid(answer.topics[0].topic_id)
        for index in range(PARTITIONS):
            self.records[self.ids[topic], index] = []

    async def delete(self, topic: str) -> None:
        state = DeleteTopicsRequest.DeleteTopicState(name=topic)
        answer = await self.node.peers.send(self.node.node_id, DeleteTopicsRequest(timeout_ms=1000, topics=[state]))
        assert answer.responses[0].error_code == 0
        del self.ids[topic]

    def append(self, place: Place, batches: int, size: int) -> int:
        """Within one turn of the loop. How many bytes; 0 if the topic is gone."""
        if place[0] not in self.ids:
            return 0
        partition = self.partition(place)
        total = 0
        for _ in range(batches):
            self.count += 1
            value = b"%d." % self.count + bytes(size)
            batch = BatchBuilder()
            batch.append(0, None, value)
            data = batch.build()
            partition.append(partition.leader_log(), data, self.node.clock.now_ms(), Origin.CLIENT, 9)
            self.records[self.ids[place[0]], place[1]].append(value)
            total += len(data)
        return total

    async def delete_records(self, place: Place, part: float) -> None:
        if place[0] not in self.ids:
            return
        end = len(self.records[self.ids[place[0]], place[1]])
        one = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=place[1], offset=int(end * part))
        request = DeleteRecordsRequest(
            topics=[DeleteRecordsRequest.DeleteRecordsTopic(name=place[0], partitions=[one])], timeout_ms=1000
        )
        await self.node.peers.send(self.node.node_id, request)

    # --- what the consumer does

    def add(self, place: Place) -> None:
        """Not in the request that forgets it: a broker forgets last."""
        if place not in self.consumer.wanted and place[0] in self.ids and not self.is_being_forgotten(place):
            self.consumer.wanted[place] = Wanted(self.ids[place[0]])

    def is_being_forgotten(self, place: Place) -> bool:
        topic_id = self.ids[place[0]]
        return any(one == place and (not self.by_id or topic_id == old) for one, old in self.consumer.forgotten)

    def forget(self, place: Place) -> None:
        gone = self.consumer.wanted.pop(place, None)
        if gone is not None and gone.sent is not None:
            self.consumer.forgotten.append((place, gone.topic_id))

    def seek(self, place: Place, part: float) -> None:
        """Within the log: a real consumer learns its ends first."""
        wanted = self.consumer.wanted.get(place)
        if wanted is not None and self.ids.get(place[0]) == wanted.topic_id:
            log = self.partition(place).leader_log()
            wanted.offset = log.log_start_offset + int((log.log_end_offset - log.log_start_offset) * part)

    def notice_new_topics(self) -> None:
        """Its metadata is fresh: a topic made again is another topic, read from its beginning."""
        for place, wanted in list(self.consumer.wanted.items()):
            if place[0] in self.ids and self.ids[place[0]] != wanted.topic_id:
                if self.by_id:
                    self.forget(place)
                    self.add(place)
                else:
                    wanted.topic_id, wanted.offset, wanted.sent = self.ids[place[0]], 0, None

    @property
    def by_id(self) -> bool:
        return self.consumer.version >= BY_ID

    def request(self, max_bytes: int, min_bytes: int, wait_ms: int) -> FetchRequest:
        consumer = self.consumer
        news: dict[tuple[str, Uuid], list[FetchRequest.FetchPartition]] = {}
        for place, wanted in consumer.wanted.items():
            if wanted.sent != wanted.offset:
                wanted.sent = wanted.offset
                part = FetchRequest.FetchPartition(
                    partition=place[1], fetch_offset=wanted.offset, partition_max_bytes=PLENTY
                )
                news.setdefault((place[0], wanted.topic_id), []).append(part)
        forgotten, consumer.forgotten = consumer.forgotten, []
        return FetchRequest(
            max_wait_ms=wait_ms, min_bytes=min_bytes, max_bytes=max_bytes,
            session_id=consumer.session_id, session_epoch=consumer.epoch,
            topics=[
                FetchRequest.FetchTopic(topic=name, topic_id=topic_id, partitions=parts)
                for (name, topic_id), parts in news.items()
            ],
            forgotten_topics_data=[
                FetchRequest.ForgottenTopic(topic=place[0], topic_id=topic_id, partitions=[place[1]])
                for place, topic_id in forgotten
            ],
        )  # fmt: skip

    def send(self, request: FetchRequest) -> asyncio.Future[FetchResponse]:
        """Steps the broker at once, as a connection does, so that a test may act right behind its first look."""
        version = self.consumer.version
        frame = memoryview(b"".join(request_frame(request, version, 1, None)))[4:]
        answered: asyncio.Future[FetchResponse] = self.node.loop.create_future()

        def done(parts: Any, error: BaseException | None) -> None:
            if error is not None:
                answered.set_exception(error)
                return
            data = b"".join(part if isinstance(part, bytes) else part.read_all() for part in parts)
            for part in parts:
                if not isinstance(part, bytes):
                    part.release()
            response, _ = FetchResponse.decode(version, data, read_response_header(1, version, data, 4)[1])
            answered.set_result(response)

        eager.spawn(self.node.router.serve(self.session, frame), done)
        return answered

    async def fetch(self, max_bytes: int = PLENTY) -> None:
        self.judge(await self.send(self.request(max_bytes, 0, 0)), max_bytes)

    async def poll(self, min_bytes: int, appends: list[tuple[Place, int, int]]) -> None:
        """A long poll, and appends right behind its first look."""
        if not self.consumer.wanted:
            return
        before = self.node.loop.time()
        answering = self.send(self.request(PLENTY, min_bytes, WAIT_MS))
        if answering.done():  # there was data, or an error: what comes now comes too late for this answer
            self.judge(answering.result(), PLENTY)
            for append in appends:
                self.append(*append)
            return
        errors = [self.rescan(place)[0] for place in self.consumer.wanted]
        assert all(error in (0, *REFUSALS) for error in errors), "an error of reading is told at once"
        assert not all(errors), "there is something to wait for"
        arrived = 0
        for place, batches, size in appends:
            size_bytes = self.append(place, batches, size)
            arrived += size_bytes if place in self.consumer.wanted else 0
        answer = await answering
        waited_ms = round((self.node.loop.time() - before) * 1000, 3)
        assert waited_ms <= WAIT_MS + 1  # a deadline never fires early, so up to a millisecond late
        assert waited_ms < 1 or arrived < min_bytes, f"{arrived} bytes came, and the poll slept on for {waited_ms} ms"
        self.judge(answer, PLENTY)

    # --- the twin

    def partition(self, place: Place) -> Partition:
        return self.node.replicas.find(*place)

    def rescan(self, place: Place) -> tuple[int, int, int]:
        """Error, high watermark and log start, as they are now."""
        wanted = self.consumer.wanted[place]
        if self.by_id:
            if self.ids.get(place[0]) != wanted.topic_id:
                lost = INCONSISTENT_TOPIC_ID if place[0] in self.ids else UNKNOWN_TOPIC
                return lost if wanted.found else UNKNOWN_TOPIC_ID, -1, -1
        elif place[0] not in self.ids:
            return UNKNOWN_TOPIC, -1, -1
        partition = self.partition(place)
        wanted.found = True
        log = partition.leader_log()
        if not log.log_start_offset <= (wanted.sent or 0) <= log.log_end_offset:
            return OUT_OF_RANGE, -1, -1
        return 0, partition.high_watermark, log.log_start_offset

    def judge(self, response: FetchResponse, max_bytes: int) -> None:
        consumer = self.consumer
        assert response.error_code == 0
        full = consumer.epoch == 0
        if full:
            consumer.session_id = response.session_id
        consumer.epoch += 1
        places = {(one.topic_id if self.by_id else place[0], place[1]): place for place, one in consumer.wanted.items()}
        told: dict[Place, FetchResponse.PartitionData] = {}
        for topic in response.responses:
            for part in topic.partitions:
                place = places[topic.topic_id if self.by_id else topic.topic, part.partition_index]
                assert place not in told
                told[place] = part
        for place in consumer.wanted:
            self._judge_one(place, told.get(place), full, max_bytes)

    def _judge_one(self, place: Place, part: FetchResponse.PartitionData | None, full: bool, max_bytes: int) -> None:
        wanted = self.consumer.wanted[place]
        error, high_watermark, log_start = self.rescan(place)
        changed = error or wanted.error or (high_watermark, log_start) != (wanted.high_watermark, wanted.log_start)
        if part is None:
            assert not full and not changed, f"{place}: nothing told of {(error, high_watermark, log_start)}: {wanted}"
        else:
            assert (part.error_code, part.high_watermark, part.log_start_offset) == (error, high_watermark, log_start)
            assert full or changed or part.records, f"{place} has nothing new, and is told all the same"
            wanted.error, wanted.high_watermark, wanted.log_start = error, high_watermark, log_start
        available = not error and wanted.offset < high_watermark
        served = part is not None and bool(part.records)
        assert available or not served
        if available and not served:
            assert max_bytes < PLENTY, f"{place}: there was data at {wanted.offset} and room for it"
            wanted.passed_over += 1
            assert wanted.passed_over <= len(self.consumer.wanted), f"{place} starves"
        else:
            wanted.passed_over = 0
        if part is not None and served:
            self._consume(place, wanted, part)
        if error == OUT_OF_RANGE:
            wanted.offset = self.partition(place).leader_log().log_start_offset

    def _consume(self, place: Place, wanted: Wanted, part: FetchResponse.PartitionData) -> None:
        assert part.records is not None
        expected = self.records[self.ids[place[0]], place[1]]
        for record in read_all(part.records):
            if record.offset >= wanted.offset:
                assert record.offset == wanted.offset, f"{place}: {record.offset} came where {wanted.offset} is due"
                assert record.value == expected[record.offset]
                wanted.offset += 1

    async def drain(self, max_bytes: int) -> None:
        """With nothing else going on, everything is read, in as many fetches as there are batches at most."""
        self.notice_new_topics()
        left = sum(
            len(self.records[wanted.topic_id, place[1]]) - wanted.offset
            for place, wanted in self.consumer.wanted.items()
            if self.ids.get(place[0]) == wanted.topic_id
        )
        for _ in range(max(left, 0) + 2 * len(self.consumer.wanted) + 2):
            await self.fetch(max_bytes)
        for place, wanted in self.consumer.wanted.items():
            if self.ids.get(place[0]) == wanted.topic_id:
                assert wanted.offset == len(self.records[wanted.topic_id, place[1]]), f"{place} was not read to its end"


def play(version: int, steps: list[tuple[Any, ...]], drain_bytes: int) -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        world = World(await cluster.start(), version)
        for topic in TOPICS:
            await world.create(topic)
        for place in ALL[:4]:
            world.add(place)
        for name, *arguments in steps:
            if name == "delete topic":
                if arguments[0] in world.ids:
                    await world.delete(arguments[0])
                else:
                    await world.create(arguments[0])
            elif name == "toggle":
                (world.forget if arguments[0] in world.consumer.wanted else world.add)(arguments[0])
            elif name == "append":
                world.append(*arguments)
            elif name == "seek":
                world.seek(*arguments)
            elif name == "delete records":
                await world.delete_records(*arguments)
            elif name == "poll":
                world.notice_new_topics()
                await world.poll(*arguments)
            else:
                assert name == "fetch"
                world.notice_new_topics()
                await world.fetch(*arguments)
        await world.drain(drain_bytes)

    run_simulation(1, main)


ALL: list[Place] = [(topic, index) for topic in TOPICS for index in range(PARTITIONS)]
PLACE, PART, BATCHES, SIZE = st.sampled_from(ALL), st.sampled_from([0, 0.5, 1]), st.integers(1, 4), st.just(50)
CHANGES = (
    st.tuples(st.just("append"), PLACE, BATCHES, SIZE)
    | st.tuples(st.just("append"), PLACE, BATCHES, SIZE)
    | st.tuples(st.just("seek"), PLACE, PART)
    | st.tuples(st.just("delete records"), PLACE, PART)
    | st.tuples(st.just("delete topic"), st.sampled_from(TOPICS))
    | st.tuples(st.just("toggle"), PLACE)
)
APPENDS = st.lists(st.tuples(PLACE, BATCHES, SIZE), max_size=2)
FETCHES = st.just(("fetch",)) | st.tuples(st.just("poll"), st.just(1), APPENDS)
HARD_FETCHES = st.tuples(st.just("fetch"), st.sampled_from([1, 200, 400])) | st.tuples(
    st.just("poll"), st.sampled_from([1, 200, 1000]), APPENDS
)
VERSION = st.sampled_from([BY_NAME, BY_ID])
OPTIONS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@OPTIONS
@given(VERSION, st.lists(CHANGES | FETCHES, max_size=25))
@example(BY_ID, [("append", ("a", 0), 1, 50), ("fetch",), ("seek", ("a", 0), 0), ("fetch",)])
@example(BY_ID, [("fetch",), ("poll", 200, [(("a", 0), 3, 50)])])
@example(BY_NAME, [("fetch",), ("poll", 1, [(("a", 0), 1, 50)]), ("poll", 1, [(("b", 0), 1, 50), (("b", 0), 1, 50)])])
@example(BY_NAME, [("fetch",), ("delete topic", "a"), ("fetch",), ("delete topic", "a"), ("append", ("a", 1), 2, 50)])
def test_a_session_tells_each_change_and_delivers_each_record_once(version: int, steps: list[tuple[Any, ...]]) -> None:
    play(version, steps, PLENTY)


@OPTIONS
@given(VERSION, st.lists(CHANGES | HARD_FETCHES | FETCHES, max_size=25))
@example(BY_ID, [("append", ("a", 0), 1, 50), ("append", ("a", 1), 1, 50), ("fetch", 1)])
@example(BY_ID, [("fetch",), ("poll", 1000, [(("a", 0), 1, 50)]), ("fetch",)])
def test_a_session_starves_no_partition_when_room_or_bytes_are_short(
    version: int, steps: list[tuple[Any, ...]]
) -> None:
    play(version, steps, 100)
