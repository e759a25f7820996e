"""What will be taken over, as the records of a new metadata store, and what a person should know of it. Pure.

One broker takes the data over alone: it is the only replica of every partition and leads it in a new epoch. What was
lost is never guessed in a way that could delete: a topic whose settings are not known is kept without end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ottla.broker.adoption.holdings import Holding, Holdings
from ottla.broker.membership import FEATURES
from ottla.common.names import INTERNAL_TOPICS, TopicPartition, Uuid, uuid_text
from ottla.metadata.image import BROKER_CONFIG, TOPIC_CONFIG, ClusterImage
from ottla.metadata.parts import PartitionImage, TopicImage
from ottla.metadata.snapshot import records_of
from ottla.protocol.message import Message

_KEPT = {"retention.ms": "-1", "retention.bytes": "-1"}
_NAMED = 5


class CannotAdopt(Exception):
    """Why the folders cannot be taken over, and what to do; for people."""


class TopicTaken(NamedTuple):
    """A topic that will be there: its partitions, bytes, and the settings that are its own."""

    name: str
    partitions: int
    size_bytes: int
    configs: Mapping[str, str]


class Plan(NamedTuple):
    """`records` build the metadata; `notes` are sentences about what is not as it was."""

    cluster_id: str
    node_id: int
    records: Sequence[Message]
    topics: Sequence[TopicTaken]
    notes: Sequence[str]


class Consent(NamedTuple):
    """What a person has agreed to: `unprotected`, that access rules will not be enforced; `partial`, that partitions
    that are not in these folders begin empty."""

    unprotected: bool = False
    partial: bool = False


def plan(image: ClusterImage, holdings: Holdings, consent: Consent, *, lost: bool, new_id: bytes) -> Plan:
    """`image` is what is known (empty if nothing is); `lost`: it may know less than the folders hold, so topics of
    folders that it does not know are added. `new_id` is for a topic whose id is lost. Raises CannotAdopt."""
    first = next(iter(holdings.identities.values()))
    for path, one in holdings.identities.items():
        if (one.cluster_id, one.node_id) != (first.cluster_id, first.node_id):
            raise CannotAdopt(
                f"{path} belongs to broker {one.node_id} of cluster {one.cluster_id}, the first folder to broker "
                f"{first.node_id} of {first.cluster_id}; take over the folders of one broker together"
            )
    notes: list[str] = []
    _check_protection(image, consent)
    if lost:
        notes += _add_unknown(image, holdings, first.node_id, new_id)
    notes += _settle_features(image)
    notes += _settle_partitions(image, holdings, first.node_id, consent)
    notes += _strays(image, holdings)
    image.brokers.clear()
    image.controllers.clear()
    image.next_producer_id = max(image.next_producer_id, holdings.next_producer_id)
    for key in [(kind, name) for kind, name in image.configs if kind == BROKER_CONFIG]:
        if key[1] not in ("", str(first.node_id)):
            del image.configs[key]
    if not holdings.clean:
        notes.append("the last stop was not clean: the logs are recovered at the first start")
    return Plan(first.cluster_id, first.node_id, records_of(image), _topics(image, holdings), notes)


def _check_protection(image: ClusterImage, consent: Consent) -> None:
    rules = [f"{len(image.acls)} ACLs"] * bool(image.acls) + [f"{len(image.scram)} SCRAM users"] * bool(image.scram)
    if rules and not consent.unprotected:
        raise CannotAdopt(
            f"this cluster is protected by {' and '.join(rules)}, which Ottla keeps but does not enforce yet: whoever "
            f"reaches its listeners may do anything. Give --unprotected if that is acceptable"
        )


# --- what is known


def _settle_features(image: ClusterImage) -> list[str]:
    """Only the features that this program has, and none above its level."""
    known = {feature.name: feature for feature in FEATURES}
    newer = [
        f"{name} {level}" for name, level in image.features.items() if name in known and level > known[name].newest
    ]
    if newer:
        raise CannotAdopt(f"the cluster is finalised at {', '.join(newer)}, which this version of Ottla does not know")
    dropped = [name for name in image.features if name not in known]
    levels = {feature.name: image.features.get(feature.name, 0) for feature in FEATURES}
    if not image.features:
        levels = {feature.name: feature.level for feature in FEATURES}
    image.features = {name: level for name, level in levels.items() if level}
    return [f"features that Ottla does not have are left out: {', '.join(dropped)}"] if dropped else []


def _settle_partitions(image: ClusterImage, holdings: Holdings, node_id: int, consent: Consent) -> list[str]:
    """This broker becomes the only replica and the leader of every partition."""
    elsewhere: list[TopicPartition] = []
    unlisted: list[TopicPartition] = []
    absent: list[TopicPartition] = []
    here = {identity.directory_id for identity in holdings.identities.values()}
    for topic in image.topics.values():
        for index, state in topic.partitions.items():
            name = TopicPartition(topic.name, index)
            held = holdings.partitions.get(name)
            if held is None and node_id not in state.replicas:
                elsewhere.append(name)
            elif held is None and _directory_is_unlisted(state, node_id, here):
                unlisted.append(name)
            elif held is None:
                absent.append(name)
            topic.partitions[index] = _alone(state, node_id, -1 if held is None else held.newest_epoch)
    _check_complete(elsewhere, unlisted, consent)
    empty = absent + unlisted + elsewhere
    return [f"begin empty, for they have no folder: {_some(empty)}"] if empty else []


def _directory_is_unlisted(state: PartitionImage, node_id: int, here: Collection[bytes]) -> bool:
    """Kafka noted in which directory the replica lies (KIP-858), and it is none of those given. Ids that begin with
    zeros are reserved: unassigned, lost, migrating."""
    for replica, directory in zip(state.replicas, state.directories, strict=False):
        if replica == node_id:
            return any(directory[:15]) and directory not in here
    return False


def _check_complete(elsewhere: Sequence[TopicPartition], unlisted: Sequence[TopicPartition], consent: Consent) -> None:
    if unlisted and not consent.partial:
        raise CannotAdopt(
            f"{len(unlisted)} partitions lie in a directory that was not named ({_some(unlisted)}): name every folder "
            f"of that broker's log.dirs, or give --partial and they begin empty"
        )
    if elsewhere and not consent.partial:
        raise CannotAdopt(
            f"{len(elsewhere)} partitions have no replica on this broker ({_some(elsewhere)}): take over a broker that "
            f"has all, or give --partial and they begin empty"
        )


def _alone(state: PartitionImage, node_id: int, newest_epoch: int) -> PartitionImage:
    return PartitionImage(
        replicas=(node_id,),
        isr=(node_id,),
        leader=node_id,
        leader_epoch=max(state.leader_epoch, newest_epoch) + 1,
        partition_epoch=state.partition_epoch + 1,
    )


def _strays(image: ClusterImage, holdings: Holdings) -> list[str]:
    unknown = [name for name, held in holdings.partitions.items() if not _is_known(image, name, held)]
    notes = [f"set aside as strays at the first start, for no topic has them: {_some(unknown)}"] if unknown else []
    if holdings.strays:
        notes.append(f"strays that were there already are kept: {', '.join(holdings.strays[:_NAMED])}")
    return notes


def _is_known(image: ClusterImage, name: TopicPartition, held: Holding) -> bool:
    topic = image.topics.get(name.topic)
    return topic is not None and name.partition in topic.partitions and held.topic_id in (None, topic.id)


# --- what is not


def _add_unknown(image: ClusterImage, holdings: Holdings, node_id: int, new_id: bytes) -> list[str]:
    """Topics, or further partitions of them, from the folders alone."""
    added: dict[str, dict[int, Holding]] = {}
    for name, held in holdings.partitions.items():
        topic = image.topics.get(name.topic)
        if topic is None or (held.topic_id in (None, topic.id) and name.partition not in topic.partitions):
            added.setdefault(name.topic, {})[name.partition] = held
    notes = [note for name, found in added.items() for note in _add_topic(image, name, found, node_id, new_id)]
    made = sorted(name for name in added if name not in INTERNAL_TOPICS)
    if made:
        notes.append(
            f"the settings of {_names(made)} are lost: their records are kept without end (retention.ms=-1) until "
            f"`ottla config` says otherwise"
        )
    return notes


def _add_topic(image: ClusterImage, name: str, found: Mapping[int, Holding], node_id: int, new_id: bytes) -> list[str]:
    ids = {held.topic_id for held in found.values() if held.topic_id is not None}
    if len(ids) > 1:
        raise CannotAdopt(
            f"the folders of {name} have different topic ids ({', '.join(sorted(map(uuid_text, ids)))}): one of them "
            f"is of a topic that was deleted, or its partition.metadata is damaged; move it away"
        )
    topic = image.topics.get(name)
    if topic is None:
        topic = TopicImage(name, Uuid(next(iter(ids), new_id)))
        image.topics[name] = image.topics_by_id[topic.id] = topic
        compacted = name in INTERNAL_TOPICS or any(held.compacted for held in found.values())
        configs = {"cleanup.policy": "compact"} if compacted else dict(_KEPT)
        image.configs[TOPIC_CONFIG, name] = configs
    holes = []
    for index in range(max(found) + 1):
        if index not in topic.partitions:
            topic.partitions[index] = PartitionImage((node_id,), (node_id,), node_id, -1, -1)
            holes += [index] if index not in found else []
    return [f"{name} has gaps: partitions {', '.join(map(str, holes[:_NAMED]))} have no folder"] if holes else []


# --- for people


def _topics(image: ClusterImage, holdings: Holdings) -> list[TopicTaken]:
    sizes: dict[str, int] = {}
    for name, held in holdings.partitions.items():
        if _is_known(image, name, held):
            sizes[name.topic] = sizes.get(name.topic, 0) + held.size_bytes
    return [
        TopicTaken(topic.name, len(topic.partitions), sizes.get(topic.name, 0), image.config(TOPIC_CONFIG, topic.name))
        for topic in sorted(image.topics.values(), key=lambda topic: topic.name)
    ]


def _some(names: Sequence[TopicPartition]) -> str:
    return _names(sorted(map(str, names)))


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
