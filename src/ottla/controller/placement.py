"""Which brokers get the replicas of new partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ottla.common.clock import Random
from ottla.common.errors import InvalidReplicaAssignment, InvalidReplicationFactor
from ottla.common.names import ZERO_UUID, Uuid
from ottla.metadata.image import ClusterImage
from ottla.metadata.parts import BrokerImage, PartitionImage

Assignment = tuple[int, ...]
"""Broker ids of one partition, the preferred leader first."""

UNASSIGNED_DIRECTORY = ZERO_UUID


def place(image: ClusterImage, random: Random, partitions: int, replication_factor: int) -> list[Assignment]:
    """Assignments that spread leaders and replicas evenly over the brokers, and each partition over the racks.

    Live brokers come first; one that is fenced gets a replica only where there are too few, and never leads.
    Raises InvalidReplicationFactor.
    """
    order, fenced = _interleaved(image)
    if replication_factor > len(order) + len(fenced):
        raise InvalidReplicationFactor(
            f"Unable to replicate the partition {replication_factor} time(s): The target replication factor of "
            f"{replication_factor} cannot be reached because only {len(order) + len(fenced)} broker(s) are registered "
            "or some brokers have all their log directories cordoned."
        )
    if not order:
        raise InvalidReplicationFactor(
            f"Unable to replicate the partition {replication_factor} time(s): All brokers are currently fenced."
        )
    start = int.from_bytes(random.bytes(4), "big") if len(order) > 1 else 0
    racks = {broker: image.brokers[broker].rack or "" for broker in (*order, *fenced)}
    return [_one(order, fenced, racks, start + index, replication_factor) for index in range(partitions)]


def _one(
    order: Sequence[int], fenced: Sequence[int], racks: Mapping[int, str], leader: int, replication_factor: int
) -> Assignment:
    """The leaders go round the brokers; each full turn shifts the followers, so that pairs differ."""
    count = len(order)
    chosen = [order[leader % count]]
    others = [order[(leader + 1 + step) % count] for step in range(count - 1)]
    if others:
        shift = leader // count % len(others)
        others = others[shift:] + others[:shift]
    used = {racks[chosen[0]]}
    while others and len(chosen) < replication_factor:
        follower = next((broker for broker in others if racks[broker] not in used), None)
        if follower is None:  # every rack has one: go round the racks once more
            used.clear()
            follower = others[0]
        others.remove(follower)
        used.add(racks[follower])
        chosen.append(follower)
    return (*chosen, *fenced[: replication_factor - len(chosen)])


def _interleaved(image: ClusterImage) -> tuple[list[int], list[int]]:
    """Live brokers, neighbours in different racks where possible, and the fenced ones."""
    racks: dict[str, list[int]] = {}
    fenced = []
    for broker in sorted(image.brokers):
        registered = image.brokers[broker]
        if registered.fenced or registered.in_controlled_shutdown:
            fenced.append(broker)
        else:
            racks.setdefault(registered.rack or "", []).append(broker)
    order: list[int] = []
    while any(racks.values()):
        order.extend(brokers.pop(0) for _, brokers in sorted(racks.items()) if brokers)
    return order, fenced


def check_manual(image: ClusterImage, replicas: Sequence[int], replication_factor: int | None) -> None:
    """Raises InvalidReplicaAssignment unless these brokers can hold one partition's replicas."""
    if not replicas:
        raise InvalidReplicaAssignment("The manual partition assignment includes an empty replica list.")
    for position, broker in enumerate(replicas):
        if broker in replicas[:position]:
            raise InvalidReplicaAssignment(
                f"The manual partition assignment includes the broker {broker} more than once."
            )
    for broker in sorted(replicas):
        if broker not in image.brokers:
            raise InvalidReplicaAssignment(
                f"The manual partition assignment includes broker {broker}, but no such broker is registered."
            )
    if replication_factor is not None and len(replicas) != replication_factor:
        raise InvalidReplicaAssignment(
            f"The manual partition assignment includes a partition with {len(replicas)} replica(s), but this is not "
            f"consistent with previous partitions, which have {replication_factor} replica(s)."
        )


def new_partition(image: ClusterImage, index: int, replicas: Sequence[int]) -> PartitionImage:
    """A partition as it begins: the live replicas in sync, the first of them leading, all epochs 0.

    Raises InvalidReplicaAssignment if none of them is live.
    """
    live = [broker for broker in replicas if is_active(image.brokers.get(broker))]
    if not live:
        raise InvalidReplicaAssignment(
            f"All brokers specified in the manual partition assignment for partition {index} are fenced or in "
            "controlled shutdown."
        )
    directories = tuple(_directory(image.brokers[broker]) for broker in replicas)
    return PartitionImage(tuple(replicas), tuple(live), live[0], 0, 0, directories=directories)


def is_active(broker: BrokerImage | None) -> bool:
    """It is registered, and may lead and be in sync."""
    return broker is not None and not broker.fenced and not broker.in_controlled_shutdown


def _directory(broker: BrokerImage) -> Uuid:
    """The only log directory, or that the broker has to choose one (KIP-858)."""
    return broker.log_dirs[0] if len(broker.log_dirs) == 1 else UNASSIGNED_DIRECTORY
