"""Conversations about transactions, each asked of two brokers: rows of Kafka's rules and their edges."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ottla.common.names import TopicPartition
from tests.conformance.transaction_asker import Asker, Producer
from tests.conformance.transaction_conversation import DATA, ORDERS

OTHER = TopicPartition(ORDERS, 0)
NOWHERE = TopicPartition("nowhere", 0)
GROUPS = ("g", "h", "i", "j")


async def producers_of_the_first_version(ask: Asker) -> None:
    """TV0 and TV1: partitions are added by the client, the epoch stays."""
    first = await ask.init("t")
    await ask.end(first, commit=True, version=3)
    await ask.end(first, commit=False, version=3)
    await ask.describe("t")
    await ask.produce(first, DATA, b"early", version=11)
    await ask.produce(first, DATA, b"early", version=10)
    for version in range(4):
        await ask.add(first, DATA, version=version)
    await ask.describe("t")
    await ask.produce(first, DATA, b"a", version=11)
    await ask.log(DATA)
    await ask.ends(DATA)
    for version in range(4):
        await ask.add(first.at(first.epoch + 1), DATA, version=version)
        await ask.add(first.at(first.epoch, 99_999), DATA, version=version)
    await ask.add(first, DATA, NOWHERE)
    await ask.add(Producer("stranger", 88_888, 0), DATA)
    for version in range(5):
        await ask.end(first.at(first.epoch - 1), commit=True, version=version)
        await ask.end(first.at(first.epoch, 99_999), commit=True, version=version)
    await ask.end(first, commit=True, version=3)
    await ask.settled("t")
    await ask.end(first, commit=True, version=3)
    await ask.end(first, commit=False, version=3)
    await ask.describe("t")
    await ask.log(DATA)
    await ask.ends(DATA)
    await ask.records("t")


async def producers_of_the_second_version(ask: Asker) -> None:
    """TV2: partitions are added on the way, every end bumps the epoch."""
    first = await ask.init("t")
    await ask.produce(first, DATA, b"a")
    await ask.describe("t")
    await ask.ends(DATA)
    second = await ask.end(first, commit=True)
    await ask.settled("t")
    await ask.describe("t")
    await ask.end(first, commit=True)
    await ask.end(first, commit=False)
    await ask.end(second, commit=True)
    await ask.produce(first, DATA, b"late")
    third = await ask.end(second, commit=False)
    await ask.settled("t")
    await ask.end(second, commit=False)
    await ask.end(second, commit=True)
    await ask.produce(third, DATA, b"not first", sequence=5)
    await ask.produce(third, DATA, b"b", version=13)
    await ask.produce(third, DATA, b"c")
    await ask.produce(third, OTHER, b"d")
    await ask.describe("t")
    await ask.end(third, commit=False)
    await ask.settled("t")
    await ask.log(DATA)
    await ask.log(DATA, committed=False)
    await ask.log(OTHER)
    await ask.records("t")


async def both_versions_on_one_id(ask: Asker) -> None:
    first = await ask.init("t")
    await ask.add(first, DATA)
    await ask.produce(first, DATA, b"a", version=11)
    await ask.end(first, commit=True, version=3)
    await ask.settled("t")
    await ask.end(first, commit=True, version=5)
    second = await ask.end(first, commit=False, version=5)
    await ask.settled("t")
    await ask.produce(second, DATA, b"b")
    await ask.end(second, commit=False, version=3)
    await ask.settled("t")
    await ask.describe("t")
    await ask.end(second, commit=False, version=3)
    await ask.add(second, DATA)
    third = await ask.end(second, commit=True, version=5)
    await ask.settled("t")
    await ask.end(third, commit=True, version=3)
    await ask.end(third, commit=False, version=3)
    await ask.log(DATA)
    await ask.records("t")


async def initialising_again(ask: Asker) -> None:
    """Who comes again fences who was there; who continues after an error says who it was (KIP-360)."""
    first = await ask.init("t")
    second = await ask.init("t")
    await ask.init("t", known=first)
    await ask.init("t", known=first, version=3)
    third = await ask.init("t", known=second)
    await ask.init("t", known=second)
    await ask.init("t", known=third.at(third.epoch, 99_999))
    await ask.init("fresh", known=third)
    await ask.describe("fresh")
    third = await ask.init("t", quiet=True)
    await ask.produce(third, DATA, b"a")
    await ask.init("t")
    await ask.settled("t")
    await ask.describe("t")
    await ask.log(DATA)
    await ask.produce(third, DATA, b"late")
    await ask.produce(third, DATA, b"late", version=11)
    await ask.end(third, commit=True)
    await ask.end(third, commit=True, version=3)
    fourth = await ask.init("t")
    await ask.add(fourth, DATA)
    await ask.produce(fourth, DATA, b"b", version=11)
    await ask.init("t", known=fourth)
    await ask.settled("t")
    await ask.init("t", known=fourth)
    fifth = await ask.init("t")
    await ask.produce(fifth, DATA, b"c")
    sixth = await ask.end(fifth, commit=True)
    await ask.settled("t")
    await ask.init("t", known=fifth)
    await ask.init("t", known=sixth)
    await ask.records("t")
    for timeout_ms in (0, -1, 900_001):
        await ask.init("t", timeout_ms=timeout_ms)
    await ask.init("", timeout_ms=1000)
    await ask.init("", timeout_ms=0)


async def offsets_in_transactions(ask: Asker) -> None:
    for group in GROUPS:
        await ask.group_ready(group)
    one = await ask.init("t")
    for version in range(5):
        await ask.commit_offsets(one, "g", 5, version=version)
    await ask.add_offsets(one.at(one.epoch + 1), "g", version=1)
    await ask.add_offsets(one.at(one.epoch + 1), "g")
    await ask.add_offsets(one, "g")
    await ask.describe("t")
    await ask.commit_offsets(one, "g", 5, version=3)
    await ask.offsets("g", stable=True)
    await ask.offsets("g", stable=False)
    await ask.offsets("g", stable=True, everything=True)
    await ask.end(one, commit=True, version=3)
    await ask.settled("t")
    await ask.offsets("g", stable=True)
    await ask.offsets("g", stable=True, everything=True)
    one = await ask.end(one, commit=False)
    await ask.settled("t")
    await ask.commit_offsets(one, "g", 7)
    await ask.describe("t")
    await ask.offsets("g", stable=True)
    await ask.offsets("g", stable=True, everything=True)
    await ask.offsets("g", stable=False)
    one = await ask.end(one, commit=False)
    await ask.settled("t")
    await ask.offsets("g", stable=True)
    await ask.records("t")


async def refused_offsets(ask: Asker) -> None:
    for group in GROUPS:
        await ask.group_ready(group)
    one = await ask.init("t")
    await ask.commit_offsets(one, "g", 1)
    await ask.commit_offsets(one, "g", 7, member="m", generation=3)
    await ask.commit_offsets(one, "g", 7, generation=3)
    await ask.commit_offsets(one, "g", 7, member="m")
    await ask.commit_offsets(one, "h", 7, member="m")
    await ask.commit_offsets(one, "i", 7, member="m", generation=3)
    await ask.commit_offsets(one, "i", 7, generation=3)
    await ask.commit_offsets(one, "g", 7, metadata="x" * 5000)
    await ask.commit_offsets(one, "g", 7, part=NOWHERE)
    await ask.commit_offsets(one, "g", 7, part=TopicPartition(ORDERS, 9))
    for version in (3, 4, 5):
        await ask.commit_offsets(one.at(one.epoch - 1), "j", 7, version=version)
        await ask.commit_offsets(one.at(one.epoch, 77_777), "j", 7, version=version)
        await ask.commit_offsets(one.at(one.epoch + 1), "j", 7, version=version)
    await ask.commit_offsets(Producer("stranger", 88_888, 0), "j", 7)


async def offsets_that_wait_and_others_that_do_not(ask: Asker) -> None:
    """A later commit counts over an earlier one, whenever its marker comes."""
    for group in GROUPS:
        await ask.group_ready(group)
    one, two = await ask.init("t"), await ask.init("u")
    await ask.commit_offsets(one, "g", 9)
    await ask.commit_plainly("g", 50)
    await ask.offsets("g", stable=True)
    await ask.offsets("g", stable=False)
    one = await ask.end(one, commit=True)
    await ask.settled("t")
    await ask.offsets("g", stable=True)
    await ask.commit_offsets(one, "g", 60)
    await ask.commit_offsets(two, "g", 61)
    two = await ask.end(two, commit=True)
    await ask.settled("u")
    await ask.offsets("g", stable=True)
    await ask.offsets("g", stable=False)
    one = await ask.end(one, commit=True)
    await ask.settled("t")
    await ask.offsets("g", stable=True)
    await ask.commit_offsets(one, "g", 70)
    await ask.delete_offset("g")
    await ask.offsets("g", stable=True)
    one = await ask.end(one, commit=True)
    await ask.settled("t")
    await ask.offsets("g", stable=True)
    await ask.commit_offsets(one, "h", 80)
    await ask.delete_group("h")
    await ask.offsets("h", stable=True)
    one = await ask.end(one, commit=True)
    await ask.settled("t")
    await ask.offsets("h", stable=True)


async def what_brokers_ask(ask: Asker) -> None:
    """AddPartitionsToTxn for many transactions at once, to add or only to verify."""
    one, two = await ask.init("t"), await ask.init("u")
    for version in (4, 5):
        await ask.add_batched((one, False, (DATA,)), (two, True, (DATA,)), version=version)
        await ask.add_batched((one, True, (DATA, OTHER)), (two, False, (DATA, NOWHERE)), version=version)
        await ask.add_batched((one.at(5), True, (DATA,)), (two.at(0, 66), False, (DATA,)), version=version)
        await ask.add_batched((Producer("stranger", 88_888, 1), True, (DATA,)), version=version)
    await ask.describe("t")
    await ask.describe("u")
    await ask.describe("stranger")
    await ask.listed()
    await ask.listed(state_filters=["Ongoing"])
    await ask.listed(state_filters=["Ongoing", "Odd"])
    await ask.listed(state_filters=["Odd"])
    await ask.listed(producer_id_filters=[two.producer_id])
    await ask.listed(duration_filter=3_600_000)
    await ask.listed(transactional_id_pattern=".*t")
    await ask.listed(transactional_id_pattern="t")
    await ask.listed(transactional_id_pattern="")
    await ask.listed(transactional_id_pattern="(")
    await ask.listed(version=0)


async def batches_that_are_not_in_order(ask: Asker) -> None:
    one, two, three = await ask.init("t"), await ask.init("u"), await ask.init("v")
    await ask.add(one, DATA)
    await ask.produce(one, DATA, b"a", version=11)
    await ask.produce(one, DATA, b"plain", version=11, transactional=False)
    await ask.produce(two, DATA, b"plain", version=11, transactional=False)
    await ask.produce(two, DATA, b"plain", transactional=False)
    await ask.produce(two, DATA, b"unnamed", named=False)
    await ask.produce(two.at(3), DATA, b"z", sequence=0)
    await ask.produce(two.at(0, 55), DATA, b"z", sequence=0)
    for version in (10, 11, 12):
        await ask.produce(Producer("stranger", 55, 0), DATA, b"z", version=version)
    await ask.produce(three, OTHER, b"z", sequence=3)
    await ask.describe("v")
    await ask.produce(three, OTHER, b"z", version=13, sequence=0)
    await ask.produce(three, NOWHERE, b"z")
    await ask.log(DATA, committed=False)


async def markers_from_anybody(ask: Asker) -> None:
    """WriteTxnMarkers, by which a tool may abort what hangs."""
    one = await ask.init("t")
    await ask.produce(one, DATA, b"m")
    who, epoch = one.producer_id, one.epoch
    await ask.write_marker(who, epoch, DATA, commit=False, coordinator_epoch=0, version=2)
    await ask.write_marker(who, epoch, DATA, TopicPartition(ORDERS, 7), commit=False, coordinator_epoch=5, version=1)
    await ask.write_marker(who, epoch, DATA, commit=False, coordinator_epoch=4, version=1)
    await ask.write_marker(who, epoch, DATA, commit=False, coordinator_epoch=-1, version=1)
    await ask.write_marker(who, epoch + 1, DATA, commit=False, coordinator_epoch=5, version=2)
    await ask.write_marker(who, epoch + 1, DATA, commit=False, coordinator_epoch=5, version=2)
    await ask.write_marker(who, epoch, DATA, commit=False, coordinator_epoch=5, version=1)
    await ask.log(DATA)
    await ask.describe("t")


async def a_producer_id_of_somebody_else(ask: Asker) -> None:
    """The id and an epoch that the partition has seen, under a transactional id that nobody has."""
    await ask.group_ready("g")
    one = await ask.init("t")
    await ask.produce(one, DATA, b"a")
    await ask.commit_offsets(one, "g", 1)
    two = await ask.end(one, commit=True)
    await ask.settled("t")
    for version in (11, 12):
        for epoch in (one.epoch, two.epoch, two.epoch + 1):
            await ask.produce(Producer("stranger", one.producer_id, epoch), DATA, b"b", version=version)
    for version in (4, 5):
        for epoch in (one.epoch, two.epoch, two.epoch + 1):
            await ask.commit_offsets(Producer("stranger", one.producer_id, epoch), "g", 2, version=version)
    await ask.produce(two, DATA, b"a")
    await ask.commit_offsets(two, "g", 1)
    for version in (11, 12):
        for epoch in (one.epoch, two.epoch, two.epoch + 1):
            who = Producer("stranger", one.producer_id, epoch)
            await ask.produce(who, DATA, b"b", version=version, sequence=1)
    await ask.log(DATA, committed=False)


Conversation = Callable[[Asker], Awaitable[None]]
CONVERSATIONS: tuple[Conversation, ...] = (
    producers_of_the_first_version,
    producers_of_the_second_version,
    both_versions_on_one_id,
    initialising_again,
    offsets_in_transactions,
    refused_offsets,
    offsets_that_wait_and_others_that_do_not,
    what_brokers_ask,
    batches_that_are_not_in_order,
    a_producer_id_of_somebody_else,
    markers_from_anybody,
)
