"""What must be true of every history, whatever the seed, the workload and the faults."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.members import History


@dataclass
class Reads:
    """What a read_committed consumer was given, poll by poll, in the order of each partition."""

    seen: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """By partition and offset."""
    passed: dict[int, int] = field(default_factory=dict)
    """Up to where it has read each partition."""
    problems: list[str] = field(default_factory=list)

    def polled(self, partition: int, start: int, end: int, records: list[tuple[int, bytes]]) -> None:
        """One poll from `start`, after which it goes on at `end`."""
        offsets = [offset for offset, _ in records]
        if offsets != sorted(set(offsets)) or any(not start <= offset < end for offset in offsets):
            self.problems.append(f"nonmonotonic-poll: {offsets} in [{start}, {end}) of partition {partition}")
        for offset, value in records:
            before = self.seen.setdefault((partition, offset), value)
            if before != value:
                self.problems.append(f"inconsistent-offsets: {before!r} and {value!r} at {partition}, {offset}")
        self.passed[partition] = max(end, self.passed.get(partition, 0))


def check(history: History, log: dict[tuple[int, int], bytes]) -> None:
    """`log` is the whole topic as it stands in the end, by partition and offset.

    Names of the anomalies are those of Jepsen's Kafka workload.
    """
    places: dict[bytes, list[tuple[int, int]]] = {}
    for place, value in log.items():
        places.setdefault(value, []).append(place)
    lost = [value for value, place in history.acked.items() if place not in places.get(value, [])]
    assert not lost, f"lost-write: {lost[:5]} were acknowledged and are gone"
    double = {value: where for value, where in places.items() if len(where) > 1}
    assert not double, f"duplicate: {dict(list(double.items())[:5])}"
    strangers = [value for value in places if value not in history.sent]
    assert not strangers, f"nobody sent {strangers[:5]}"
    _check_order(log)
    assert not history.conflicts, f"inconsistent-offsets: {history.conflicts[:5]}"
    ghosts = {place: value for place, value in history.consumed.items() if log.get(place) != value}
    assert not ghosts, f"G1a: read and gone: {dict(list(ghosts.items())[:5])}"
    _check_group(history)


def check_committed(reads: Reads, final: dict[tuple[int, int], bytes], committed: set[bytes]) -> None:
    """`final` is what a read_committed reader sees in the end; a value is `<transaction> <rest>`, and `committed` holds
    the transactions whose commit was acknowledged or whose fate their producer learned otherwise."""
    assert not reads.problems, reads.problems[:5]
    aborted = {value for value in reads.seen.values() if value.rpartition(b" ")[0] not in committed}
    assert not aborted, f"G1a: read, but never committed: {sorted(aborted)[:5]}"
    ghosts = {place: value for place, value in reads.seen.items() if final.get(place) != value}
    assert not ghosts, f"inconsistent-offsets: read and gone: {dict(list(ghosts.items())[:5])}"
    skipped = [place for place in final if place[1] < reads.passed.get(place[0], 0) and place not in reads.seen]
    assert not skipped, f"skipped-poll: the reader went past {skipped[:5]}"
    there = {value.rpartition(b" ")[0] for value in final.values()}
    assert committed <= there, f"lost-write: {sorted(committed - there)[:5]}"
    assert there <= committed, f"aborted and there: {sorted(there - committed)[:5]}"


def _check_order(log: dict[tuple[int, int], bytes]) -> None:
    """A producer's values stand in the order in which it sent them."""
    last: dict[tuple[int, bytes], tuple[int, int]] = {}
    for (partition, _), value in sorted(log.items()):
        name, batch, index = value.rsplit(b"-", 2)
        order = (int(batch), int(index))
        assert last.get((partition, name), (-1, -1)) < order, f"reordered: {value!r} in partition {partition}"
        last[partition, name] = order


def _check_group(history: History) -> None:
    owners: dict[tuple[int, int], str] = {}
    for generation, member, partition in history.owned:
        other = owners.setdefault((generation, partition), member)
        assert other == member, f"partition {partition} belongs to {other} and {member} in generation {generation}"
    back = [one for one in history.resumed if one[1] < one[2]]
    assert not back, f"committed offsets went back (partition, found, acknowledged): {back[:5]}"
