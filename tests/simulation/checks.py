"""What must be true of every history, whatever the seed, the workload and the faults."""

from __future__ import annotations

from tests.simulation.members import History


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
