"""What is taken over of a folder, and what a person is told: the plan, made from values."""

from __future__ import annotations

import pytest

from ottla.broker.adoption.holdings import Holding, Holdings
from ottla.broker.adoption.plan import CannotAdopt, Consent, Plan, plan
from ottla.common.names import TopicPartition, Uuid
from ottla.metadata.image import BROKER_CONFIG, TOPIC_CONFIG, ClusterImage
from ottla.metadata.parts import PartitionImage, TopicImage
from ottla.metadata.snapshot import image_of
from ottla.protocol.logs.cluster_metadata import AccessControlEntryRecord
from ottla.storage.identity import Identity

ID, OTHER, NEW = Uuid(b"0123456789abcdef"), Uuid(b"fedcba9876543210"), bytes(range(16))
HERE, THERE = Uuid(b"directory-here.."), Uuid(b"directory-there.")
NODE = 1


def a_topic(image: ClusterImage, name: str, *partitions: PartitionImage, topic_id: Uuid = ID) -> None:
    topic = TopicImage(name, topic_id)
    topic.partitions = dict(enumerate(partitions))
    image.topics[name] = image.topics_by_id[topic_id] = topic


def on(*replicas: int, directories: tuple[Uuid, ...] = ()) -> PartitionImage:
    return PartitionImage(replicas, replicas, replicas[0], 4, 7, directories=directories)


def holding(topic_id: Uuid | None = ID, *, epoch: int = -1, compacted: bool = False) -> Holding:
    return Holding("/data/x", topic_id, 100, epoch, compacted)


def holdings(next_producer_id: int = 0, /, *, clean: bool = True, **folders: Holding) -> Holdings:
    """Folders by `topic_index`."""
    partitions = {}
    for word, held in folders.items():
        name, _, index = word.rpartition("_")
        partitions[TopicPartition(name, int(index))] = held
    return Holdings({"/data": Identity("cluster", NODE, HERE)}, partitions, (), clean, next_producer_id)


def made(image: ClusterImage, held: Holdings, consent: Consent | None = None, *, lost: bool = False) -> Plan:
    return plan(image, held, consent or Consent(), lost=lost, new_id=NEW)


def test_this_broker_becomes_the_only_replica_and_leads_in_a_new_epoch() -> None:
    image = ClusterImage()
    a_topic(image, "t", on(2, 1, 3), on(1))
    result = image_of(made(image, holdings(t_0=holding(), t_1=holding(epoch=9))).records, 0)
    first, second = result.topics["t"].partitions.values()
    assert (first.replicas, first.isr, first.leader, first.leader_epoch) == ((NODE,), (NODE,), NODE, 5)
    assert second.leader_epoch == 10, "an epoch in the log must not come again"


def test_features_that_are_not_ours_are_left_out_and_newer_levels_refused() -> None:
    image = ClusterImage()
    image.features = {"metadata.version": 20, "share.version": 1, "transaction.version": 2}
    result = made(image, holdings())
    assert "features that Ottla does not have are left out: share.version" in result.notes
    assert image_of(result.records, 0).features == {"metadata.version": 20, "transaction.version": 2}
    image.features["metadata.version"] = 99
    with pytest.raises(CannotAdopt, match=r"finalised at metadata\.version 99"):
        made(image, holdings())


def test_a_protected_cluster_is_not_opened_without_consent() -> None:
    image = ClusterImage()
    image.acls[b"1"] = AccessControlEntryRecord(id=Uuid(b"1" * 16))
    with pytest.raises(CannotAdopt, match=r"protected by 1 ACLs, .* Give --unprotected"):
        made(image, holdings())
    assert made(image, holdings(), Consent(unprotected=True)).records


def test_partitions_that_are_elsewhere_or_in_a_folder_that_was_not_named_need_consent() -> None:
    image = ClusterImage()
    a_topic(image, "t", on(2, 3))
    with pytest.raises(CannotAdopt, match=r"1 partitions have no replica on this broker \(t-0\)"):
        made(image, holdings())
    a_topic(image, "t", on(1, directories=(THERE,)))
    with pytest.raises(CannotAdopt, match=r"1 partitions lie in a directory that was not named \(t-0\)"):
        made(image, holdings())
    a_topic(image, "t", on(1, directories=(THERE,)), on(2))
    assert "begin empty, for they have no folder: t-0, t-1" in made(image, holdings(), Consent(partial=True)).notes
    a_topic(image, "t", on(1, directories=(HERE,)))
    assert "begin empty, for they have no folder: t-0" in made(image, holdings()).notes


def test_folders_of_two_brokers_do_not_go_together() -> None:
    two = {"/a": Identity("cluster", 1, HERE), "/b": Identity("cluster", 2, THERE)}
    with pytest.raises(CannotAdopt, match=r"/b belongs to broker 2 of cluster cluster, the first folder to broker 1"):
        made(ClusterImage(), holdings()._replace(identities=two))


def test_settings_of_other_brokers_are_left_out() -> None:
    image = ClusterImage()
    for name in ("", "1", "2"):
        image.configs[BROKER_CONFIG, name] = {"log.retention.ms": name}
    configs = image_of(made(image, holdings()).records, 0).configs
    assert sorted(name for _, name in configs) == ["", "1"]


def test_lost_metadata_is_made_from_the_folders_and_keeps_their_records_without_end() -> None:
    held = holdings(
        5000,
        orders_0=holding(epoch=3),
        orders_2=holding(),
        keyed_0=holding(OTHER, compacted=True),
        __consumer_offsets_0=holding(Uuid(b"offsets-topic-id")),
        nameless_0=holding(None),
    )
    result = made(ClusterImage(), held, lost=True)
    image = image_of(result.records, 0)
    assert image.config(TOPIC_CONFIG, "orders") == {"retention.ms": "-1", "retention.bytes": "-1"}
    assert image.config(TOPIC_CONFIG, "keyed") == image.config(TOPIC_CONFIG, "__consumer_offsets")
    assert image.config(TOPIC_CONFIG, "keyed") == {"cleanup.policy": "compact"}
    assert (image.topics["orders"].id, len(image.topics["orders"].partitions)) == (ID, 3)
    assert image.topics["orders"].partitions[0].leader_epoch == 4
    assert image.topics["nameless"].id == NEW
    assert image.next_producer_id == 5000 and image.features["metadata.version"]
    assert "orders has gaps: partitions 1 have no folder" in result.notes
    assert any("the settings of keyed, nameless, orders are lost" in note for note in result.notes)


def test_an_older_copy_of_the_metadata_is_kept_and_gets_what_it_does_not_know() -> None:
    image = ClusterImage()
    a_topic(image, "t", on(1))
    image.configs[TOPIC_CONFIG, "t"] = {"retention.ms": "5"}
    image.features = {"metadata.version": 30}
    result = made(image, holdings(t_0=holding(), t_1=holding(), u_0=holding(OTHER), t_5=holding(OTHER)), lost=True)
    after = image_of(result.records, 0)
    assert len(after.topics["t"].partitions) == 2 and after.config(TOPIC_CONFIG, "t") == {"retention.ms": "5"}
    assert after.topics["u"].id == OTHER
    assert "set aside as strays at the first start, for no topic has them: t-5" in result.notes


def test_folders_of_one_topic_with_two_ids_are_a_persons_to_decide() -> None:
    with pytest.raises(CannotAdopt, match="the folders of t have different topic ids"):
        made(ClusterImage(), holdings(t_0=holding(), t_1=holding(OTHER)), lost=True)


def test_an_unclean_stop_is_told() -> None:
    assert any("not clean" in note for note in made(ClusterImage(), holdings(clean=False)).notes)
