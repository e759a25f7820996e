"""Many members of one consumer group, in any order of events: nothing has two owners, and in the end all is shared out.

The members are simulated as clients are: each keeps what it was given until it has said that it gave it up. Heartbeats,
answers that get lost, deaths, new topics and moves of the coordinator come in a random order.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from tests.unit.coordinator.consumer_bench import ConsumerBench
from tests.unit.coordinator.group_world import FakeTopics

UNKNOWN_MEMBER, FENCED = 25, 110
TOPICS = ("a", "b", "c")
STEPS, SEEDS = 150, 60


@dataclass
class Client:
    """One consumer: what it owns, and what it was told last."""

    member_id: str
    topics: list[str]
    pattern: str | None
    assignor: str | None
    epoch: int = 0
    owned: set[tuple[str, int]] = field(default_factory=set)
    told: set[tuple[str, int]] | None = None
    must_report: bool = False

    def beat(self, bench: ConsumerBench, *, loses_answer: bool) -> None:
        """One heartbeat. A client reports its partitions when it joins, and when they changed since it last did."""
        joins = self.epoch == 0
        report = self.must_report or joins
        answer = bench.beat(
            self.member_id,
            self.epoch,
            topics=self.topics if joins else None,
            pattern=self.pattern if joins else None,
            assignor=self.assignor if joins else None,
            rebalance_ms=20_000 if joins else -1,
            owned=_by_topic(self.owned) if report else None,
        )
        if loses_answer:
            self.must_report = True  # as clients do after a failed request
            return
        if answer.error_code in (UNKNOWN_MEMBER, FENCED):
            self.owned.clear()
            self.epoch, self.told, self.must_report = 0, None, False
            return
        assert answer.error_code == 0, answer
        self.epoch = answer.member_epoch
        self.must_report = False
        given = bench.given(answer)
        if given is not None:
            self.told = {(topic, index) for topic, held in given.items() for index in held}

    def apply(self) -> None:
        """Gives up what it was told to, and takes the rest; what it has then it reports."""
        if self.told is not None and self.told != self.owned:
            self.owned = set(self.told)
            self.must_report = True
        self.told = None


def _by_topic(owned: set[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for topic, index in sorted(owned):
        found.setdefault(topic, []).append(index)
    return found


class World:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        topics = FakeTopics()
        self.bench = ConsumerBench(topics=topics)
        for name in TOPICS[:2]:
            topics.put(name, self.random.randrange(1, 6))
        self.clients: dict[str, Client] = {}
        self.made = 0

    def step(self) -> None:
        choice = self.random.random()
        self.bench.advance(self.random.choice([0, 10, 300, 1_500, 4_000]))
        if choice < 0.10 and len(self.clients) < 6:
            self._new_client()
        elif choice < 0.14 and self.clients:
            self._end(dies=self.random.random() < 0.5)
        elif choice < 0.17:
            self._change_topics()
        elif choice < 0.20:
            self.bench = self.bench.reloaded()
        elif self.clients:
            client = self.clients[self.random.choice(sorted(self.clients))]
            client.beat(self.bench, loses_answer=self.random.random() < 0.1)
            self.check()
            if self.random.random() < 0.8:
                client.apply()
        self.check()

    def _new_client(self) -> None:
        self.made += 1
        names = self.random.sample(TOPICS, self.random.randrange(1, 4))
        pattern = self.random.choice([None, None, "[ab]"])
        client = Client(f"m{self.made}", names, pattern, self.random.choice([None, "range", "uniform"]))
        self.clients[client.member_id] = client
        client.beat(self.bench, loses_answer=False)
        client.apply()

    def _end(self, *, dies: bool) -> None:
        """A client that dies owns nothing any more, but its member lives on to the end of its session."""
        client = self.clients.pop(self.random.choice(sorted(self.clients)))
        if not dies:
            self.bench.beat(client.member_id, -1)

    def _change_topics(self) -> None:
        topics, name = self.bench.topics, self.random.choice(TOPICS)
        known = topics.named(name)
        if known is None:
            topics.put(name, self.random.randrange(1, 6))
        elif self.random.random() < 0.5:
            topics.put(name, known.partitions + 1)
        else:
            topics.delete(name)
            for client in self.clients.values():
                client.owned = {one for one in client.owned if one[0] != name}
        self.bench.change_topics(name)

    def check(self) -> None:
        """No partition has two owners: not in what clients hold, and not in what the coordinator gave."""
        held: dict[tuple[str, int], str] = {}
        members = {member.member_id for member in self.bench.shown().members}
        for client in self.clients.values():
            for one in client.owned if client.member_id in members and client.epoch else ():
                other = held.setdefault(one, client.member_id)
                assert other == client.member_id, f"{one} belongs to {other} and {client.member_id}"
        group = self.bench.machine.consumers.get("readers")
        if group is None:
            return
        assigned: dict[tuple[bytes, int], str] = {}
        for member in group.members.values():
            for part in (member.assigned, member.revoking):
                for topic_id, partitions in part.items():
                    for index in partitions:
                        other = assigned.setdefault((topic_id, index), member.member_id)
                        assert other == member.member_id, f"{index} is given to {other} and {member.member_id}"

    def settle(self) -> None:
        """With all faults over, the group comes to rest with everything shared out."""
        self.bench.advance(60_000)
        for _ in range(25):
            for client in list(self.clients.values()):
                client.beat(self.bench, loses_answer=False)
                self.check()
                client.apply()
                self.check()
            self.bench.advance(1_100)
        if not self.clients:
            return
        shown = self.bench.shown()
        assert shown.group_state == "Stable", shown
        owned = sorted(one for client in self.clients.values() for one in client.owned)
        wanted = {name for client in self.clients.values() for name in client.topics}
        if any(client.pattern for client in self.clients.values()):
            wanted |= {"a", "b"}
        topics = [topic for name in sorted(wanted) if (topic := self.bench.topics.named(name)) is not None]
        assert owned == [(topic.name, index) for topic in topics for index in range(topic.partitions)]


@pytest.mark.parametrize("part", range(4))
def test_no_partition_has_two_owners_and_all_are_shared_out(part: int, scale: float) -> None:
    for seed in range(part, int(SEEDS * scale), 4):
        world = World(seed)
        try:
            for _ in range(STEPS):
                world.step()
            world.settle()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
