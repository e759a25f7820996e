"""Random commands against the controller, held against a dictionary that knows no records."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ottla.common.names import ZERO_UUID
from ottla.metadata.image import ClusterImage
from ottla.metadata.parts import NO_LEADER
from ottla.metadata.records import decode_record, encode_record
from ottla.metadata.snapshot import image_of, records_of
from ottla.metadata.store import Holder
from ottla.protocol.logs.cluster_metadata import RegisterBrokerRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.inter_broker import AllocateProducerIdsRequest, BrokerHeartbeatRequest
from tests.unit.controller.support import DELETE, SET, TOPIC, Controller, topic

NAMES = st.sampled_from(["a", "c.d", "c_d"])
BROKERS = st.sampled_from([1, 2, 3])
COMMANDS = st.one_of(
    st.tuples(st.just("create"), NAMES, st.sampled_from([-1, 0, 1, 2, 4]), st.sampled_from([-1, 1, 2, 3, 4, 0])),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("grow"), NAMES, st.sampled_from([1, 2, 4, 6])),
    st.tuples(st.just("set"), NAMES, st.sampled_from(["retention.ms", "segment.bytes"]), st.integers(0, 2_000_000)),
    st.tuples(st.just("unset"), NAMES, st.sampled_from(["retention.ms", "segment.bytes"])),
    st.tuples(st.just("producer ids"), BROKERS),
    st.tuples(st.just("fence"), BROKERS),
    st.tuples(st.just("unfence"), BROKERS),
)


class Twin:
    """What must be true afterwards, kept in the plainest way: topic name to partition count and settings."""

    def __init__(self) -> None:
        self.partitions: dict[str, int] = {}
        self.texts: dict[str, dict[str, str]] = {}
        self.fenced: set[int] = set()
        self.blocks = 0

    def create(self, name: str, partitions: int, factor: int) -> bool:
        collides = any(other.replace(".", "_") == name.replace(".", "_") for other in self.partitions)
        live = 3 - len(self.fenced)
        if collides or partitions == 0 or not (factor == -1 or 1 <= factor <= 3) or not live:
            return False
        self.partitions[name] = 1 if partitions == -1 else partitions
        self.texts[name] = {}
        return True

    def delete(self, name: str) -> bool:
        self.texts.pop(name, None)
        return self.partitions.pop(name, None) is not None

    def grow(self, name: str, count: int) -> bool:
        if count <= self.partitions.get(name, 99) or len(self.fenced) == 3:
            return False
        self.partitions[name] = count
        return True

    def change(self, name: str, key: str, text: str | None) -> bool:
        small = key == "segment.bytes" and text is not None and int(text) < 1 << 20
        if name not in self.partitions or small:
            return False
        self.texts[name].pop(key, None)
        if text is not None:
            self.texts[name][key] = text
        return True


def cluster() -> Controller:
    controller = Controller(brokers=0)
    for broker in (1, 2, 3):
        incarnation = b"%016d" % broker
        controller.replay(
            [RegisterBrokerRecord(broker_id=broker, broker_epoch=0, fenced=False, incarnation_id=incarnation)]  # type: ignore[arg-type]
        )
    return controller


def obey(controller: Controller, twin: Twin, command: tuple[object, ...]) -> tuple[bool, bool]:
    """Whether the controller did it, and whether the twin did."""
    match command:
        case ("create", str(name), int(partitions), int(factor)):
            ((code, _),) = controller.create(topic(name, partitions, factor))
            return code == 0, twin.create(name, partitions, factor)
        case ("delete", str(name)):
            state = DeleteTopicsRequest.DeleteTopicState(name=name, topic_id=ZERO_UUID)
            (result,) = controller.ask(DeleteTopicsRequest(timeout_ms=1000, topics=[state])).responses
            return result.error_code == 0, twin.delete(name)
        case ("grow", str(name), int(count)):
            wanted = CreatePartitionsRequest.CreatePartitionsTopic(name=name, count=count, assignments=None)
            (result,) = controller.ask(CreatePartitionsRequest(timeout_ms=1000, topics=[wanted])).results
            return result.error_code == 0, twin.grow(name, count)
        case ("set", str(name), str(key), int(value)):
            code, _ = controller.alter(TOPIC, name, (key, SET, str(value)))
            return code == 0, twin.change(name, key, str(value))
        case ("unset", str(name), str(key)):
            code, _ = controller.alter(TOPIC, name, (key, DELETE, None))
            return code == 0, twin.change(name, key, None)
        case ("producer ids", int(broker)):
            answer = controller.ask(AllocateProducerIdsRequest(broker_id=broker, broker_epoch=0))
            assert answer.producer_id_start == twin.blocks * 1000
            twin.blocks += 1
            return answer.error_code == 0, True
        case ("fence", int(broker)):
            twin.fenced.add(broker)
            live = [Holder(each, b"%016d" % each) for each in (1, 2, 3) if each not in twin.fenced]
            while records := controller.machine.fence_lost(live):
                controller.replay(records)
        case ("unfence", int(broker)):
            twin.fenced.discard(broker)
            controller.ask(BrokerHeartbeatRequest(broker_id=broker, broker_epoch=0, current_metadata_offset=9))
    return True, True


def check_invariants(image: ClusterImage, fenced: set[int]) -> None:
    assert {topic.id: topic for topic in image.topics.values()} == image.topics_by_id
    for known in image.topics.values():
        assert list(known.partitions) == list(range(len(known.partitions)))
        for partition in known.partitions.values():
            assert partition.isr and set(partition.isr) <= set(partition.replicas)
            assert len(set(partition.replicas)) == len(partition.replicas)
            assert partition.leader == NO_LEADER or partition.leader in partition.isr
            assert partition.leader not in fenced
            if partition.leader == NO_LEADER:
                assert set(partition.isr) <= fenced
            assert partition.leader_epoch <= partition.partition_epoch


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(COMMANDS, min_size=10, max_size=40))
def test_the_controller_does_what_the_twin_does_and_its_records_say_it_all(commands: list[tuple[object, ...]]) -> None:
    controller, twin = cluster(), Twin()
    log: list[Message] = []
    remember = controller.replay

    def replay(records: list[Message]) -> None:
        log.extend(records)
        remember(records)

    controller.replay = replay  # type: ignore[method-assign]
    first = records_of(controller.image)
    for command in commands:
        before = {
            (name, index): partition.leader_epoch
            for name, known in controller.image.topics.items()
            for index, partition in known.partitions.items()
        }
        ours, expected = obey(controller, twin, command)
        assert ours == expected, command
        image = controller.image
        assert {name: len(known.partitions) for name, known in image.topics.items()} == twin.partitions
        assert {name: dict(image.config(TOPIC, name)) for name in image.topics} == twin.texts
        check_invariants(image, twin.fenced)
        for (name, index), epoch in before.items():
            partition = image.partition(name, index)
            assert partition is None or command[0] == "delete" or partition.leader_epoch >= epoch
    assert controller.image.next_producer_id == twin.blocks * 1000
    replayed = image_of([*first, *(decode_record(encode_record(record)) for record in log)], image_end(controller))
    assert replayed == controller.image
    assert image_of(records_of(controller.image), image_end(controller)) == controller.image


def image_end(controller: Controller) -> int:
    return controller.image.end_offset
