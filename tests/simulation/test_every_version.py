"""Every advertised version of every API answers a good request without an error, and a useless one without a fault.

An answer may set a field that an old version cannot express; only a client of that version would find it. So each row
of the table is asked in each of its versions, and a new row without a request here fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from ottla.broker.apis import CLIENT_ROWS, Row
from ottla.client.connection import Connection, open_connection
from ottla.common.names import Uuid
from ottla.protocol.message import Message
from ottla.protocol.messages.acls import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest
from ottla.protocol.messages.api_versions import ApiVersionsRequest
from ottla.protocol.messages.client_quotas import AlterClientQuotasRequest, DescribeClientQuotasRequest
from ottla.protocol.messages.cluster import DescribeClusterRequest, UnregisterBrokerRequest
from ottla.protocol.messages.configs import (
    AlterConfigsRequest,
    DescribeConfigsRequest,
    IncrementalAlterConfigsRequest,
    ListConfigResourcesRequest,
)
from ottla.protocol.messages.consumer_group import ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.delegation_tokens import (
    CreateDelegationTokenRequest,
    DescribeDelegationTokenRequest,
    ExpireDelegationTokenRequest,
    RenewDelegationTokenRequest,
)
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest
from ottla.protocol.messages.delete_records import DeleteRecordsRequest
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest
from ottla.protocol.messages.describe_producers import DescribeProducersRequest
from ottla.protocol.messages.describe_topic_partitions import DescribeTopicPartitionsRequest
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest
from ottla.protocol.messages.features import UpdateFeaturesRequest
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.heartbeat import HeartbeatRequest
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.protocol.messages.leave_group import LeaveGroupRequest
from ottla.protocol.messages.list_groups import ListGroupsRequest
from ottla.protocol.messages.list_offsets import ListOffsetsRequest
from ottla.protocol.messages.log_dirs import AlterReplicaLogDirsRequest, DescribeLogDirsRequest
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest
from ottla.protocol.messages.offset_delete import OffsetDeleteRequest
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest
from ottla.protocol.messages.offset_for_leader_epoch import OffsetForLeaderEpochRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.protocol.messages.quorum import DescribeQuorumRequest
from ottla.protocol.messages.reassignments import (
    AlterPartitionReassignmentsRequest,
    ListPartitionReassignmentsRequest,
)
from ottla.protocol.messages.sasl import SaslAuthenticateRequest, SaslHandshakeRequest
from ottla.protocol.messages.scram import AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest
from ottla.protocol.messages.sync_group import SyncGroupRequest
from ottla.protocol.messages.transactions import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    DescribeTransactionsRequest,
    EndTxnRequest,
    ListTransactionsRequest,
    TxnOffsetCommitRequest,
    WriteTxnMarkersRequest,
)
from ottla.protocol.messages.voters import AddRaftVoterRequest, RemoveRaftVoterRequest
from ottla.records.record import BatchBuilder
from ottla.testing.cluster import DATA, PORT, SimCluster
from ottla.testing.simulation import Simulation, run_simulation

TOPIC_CONFIG, BROKER_CONFIG = 2, 4
VOTER = Uuid(b"0123456789abcdef")
SECURITY_DISABLED, ILLEGAL_SASL_STATE, NO_TOKENS_HERE = 54, 34, 64
ELECTION_NOT_NEEDED, NO_SUCH_BROKER, NO_VOTERS_HERE = 84, 102, 35
NOT_CONFIGURED = {
    17: ILLEGAL_SASL_STATE, 36: ILLEGAL_SASL_STATE,
    29: SECURITY_DISABLED, 30: SECURITY_DISABLED, 31: SECURITY_DISABLED,
    43: ELECTION_NOT_NEEDED, 64: NO_SUCH_BROKER, 80: NO_VOTERS_HERE, 81: NO_VOTERS_HERE,
    38: NO_TOKENS_HERE, 39: NO_TOKENS_HERE, 40: NO_TOKENS_HERE, 41: NO_TOKENS_HERE,
}  # fmt: skip
"""What these answer on a listener without SASL and a broker without an authoriser, which leads everything already."""


class World:
    """A broker with a topic and a group; names differ from one question to the next, so that none disturbs another."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.exists = True
        self.number = 0

    async def ask(self, request: Message, version: int) -> Any:
        return await self.connection.send(request, version=version)

    async def topic(self) -> tuple[str, Uuid]:
        """A new topic with some records; or a name and an id that nothing has."""
        self.number += 1
        name = f"topic-{self.number}"
        if not self.exists:
            return name, Uuid(self.number.to_bytes(16, "big"))
        wanted = CreateTopicsRequest.CreatableTopic(
            name=name, num_partitions=2, replication_factor=1,
            configs=[CreateTopicsRequest.CreatableTopicConfig(name="retention.ms", value="1000000")],
        )  # fmt: skip
        created = await self.ask(CreateTopicsRequest(topics=[wanted]), 7)
        topic_id = Uuid(created.topics[0].topic_id)
        await self.ask(produce_to(name, topic_id, idempotent_batch()), 13)
        return name, topic_id

    async def transaction(self) -> tuple[str, int, int, str]:
        """An open transaction with one partition: transactional id, producer id, epoch, topic. Or strangers."""
        self.number += 1
        transactional_id = f"transaction-{self.number}"
        name, _ = await self.topic()
        if not self.exists:
            return transactional_id, 5, 0, name
        await self.ask(FindCoordinatorRequest(key_type=1, coordinator_keys=[transactional_id]), 4)
        answer = await self.ask(
            InitProducerIdRequest(transactional_id=transactional_id, transaction_timeout_ms=60_000), 5
        )
        added = await self.ask(adding(transactional_id, answer.producer_id, answer.producer_epoch, name), 3)
        assert not set(error_codes(added)) - {0}
        return transactional_id, answer.producer_id, answer.producer_epoch, name

    def group(self) -> str:
        self.number += 1
        return f"group-{self.number}"

    async def member(self, instance_id: str | None = None) -> tuple[str, int, str]:
        """A stable group of one: group, generation, member. Or three that do not fit together."""
        group = self.group()
        if not self.exists:
            return group, 3, "nobody"
        joined = await self.ask(join(group, instance_id=instance_id), 5 if instance_id else 3)
        member_id: str = joined.member_id
        assignment = SyncGroupRequest.SyncGroupRequestAssignment(member_id=member_id, assignment=b"all")
        await self.ask(
            SyncGroupRequest(
                group_id=group, generation_id=joined.generation_id, member_id=member_id, assignments=[assignment]
            ),
            2,
        )
        return group, joined.generation_id, member_id

    async def committed(self) -> tuple[str, str, Uuid]:
        """A group without members that committed an offset: group, topic, topic id."""
        group = self.group()
        name, topic_id = await self.topic()
        if self.exists:
            answer = await self.ask(commit(group, -1, "", name, topic_id), 8)
            assert answer.topics[0].partitions[0].error_code == 0
        return group, name, topic_id


def idempotent_batch() -> bytes:
    builder = BatchBuilder(producer_id=7, producer_epoch=0, base_sequence=0)
    builder.append(1_700_000_000_000, b"key", b"value")
    return builder.build()


def produce_to(name: str, topic_id: Uuid, batch: bytes) -> ProduceRequest:
    data = ProduceRequest.PartitionProduceData(index=0, records=batch)
    topic = ProduceRequest.TopicProduceData(name=name, topic_id=topic_id, partition_data=[data])
    return ProduceRequest(acks=-1, timeout_ms=1000, topic_data=[topic])


def join(group: str, member_id: str = "", instance_id: str | None = None) -> JoinGroupRequest:
    protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"topics")
    return JoinGroupRequest(
        group_id=group, session_timeout_ms=10_000, rebalance_timeout_ms=10_000, member_id=member_id,
        group_instance_id=instance_id, protocol_type="consumer", protocols=[protocol],
    )  # fmt: skip


def commit(group: str, generation: int, member_id: str, name: str, topic_id: Uuid) -> OffsetCommitRequest:
    partition = OffsetCommitRequest.OffsetCommitRequestPartition(
        partition_index=0, committed_offset=1, committed_metadata="note"
    )
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(name=name, topic_id=topic_id, partitions=[partition])
    return OffsetCommitRequest(
        group_id=group, generation_id_or_member_epoch=generation, member_id=member_id, topics=[topic]
    )


def adding(transactional_id: str, producer_id: int, epoch: int, name: str) -> AddPartitionsToTxnRequest:
    topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name=name, partitions=[1])
    return AddPartitionsToTxnRequest(
        v3_and_below_transactional_id=transactional_id, v3_and_below_producer_id=producer_id,
        v3_and_below_producer_epoch=epoch, v3_and_below_topics=[topic],
    )  # fmt: skip


# --- one function for each API: a good request in that version


async def produce(world: World, version: int) -> Message:
    builder = BatchBuilder()
    builder.append(1_700_000_000_000, b"key", b"value")
    return produce_to(*await world.topic(), builder.build())


async def fetch(world: World, version: int) -> Message:
    name, topic_id = await world.topic()
    partition = FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1024)
    topic = FetchRequest.FetchTopic(topic=name, topic_id=topic_id, partitions=[partition])
    return FetchRequest(max_wait_ms=10, min_bytes=1, isolation_level=1, topics=[topic])


async def list_offsets(world: World, version: int) -> Message:
    asked = ListOffsetsRequest.ListOffsetsPartition
    topics = []
    for time in [-1, -2] + [-3] * (version >= 7):
        name, _ = await world.topic()
        partitions = [asked(partition_index=0, timestamp=time)]
        topics.append(ListOffsetsRequest.ListOffsetsTopic(name=name, partitions=partitions))
    return ListOffsetsRequest(replica_id=-1, topics=topics)


async def metadata(world: World, version: int) -> Message:
    name, topic_id = await world.topic()
    topics = [MetadataRequest.MetadataRequestTopic(name=name)]
    if version >= 12:
        topics.append(MetadataRequest.MetadataRequestTopic(name=None, topic_id=topic_id))
    return MetadataRequest(topics=topics)


async def offset_commit(world: World, version: int) -> Message:
    group, generation, member = await world.member()
    return commit(group, generation, member, *await world.topic())


async def offset_fetch(world: World, version: int) -> Message:
    group, name, topic_id = await world.committed()
    if version < 8:
        old = OffsetFetchRequest.OffsetFetchRequestTopic(name=name, partition_indexes=[0, 1])
        return OffsetFetchRequest(group_id=group, topics=[old])
    topic = OffsetFetchRequest.OffsetFetchRequestTopics(name=name, topic_id=topic_id, partition_indexes=[0, 1])
    asked = OffsetFetchRequest.OffsetFetchRequestGroup
    return OffsetFetchRequest(
        groups=[asked(group_id=group, topics=[topic]), asked(group_id=world.group(), topics=None)]
    )


async def find_coordinator(world: World, version: int) -> Message:
    if version < 4:
        return FindCoordinatorRequest(key=world.group())
    return FindCoordinatorRequest(coordinator_keys=[world.group(), world.group()])


async def join_group(world: World, version: int) -> Message:
    group, _, member = await world.member()
    return join(group, member)


async def heartbeat(world: World, version: int) -> Message:
    group, generation, member = await world.member("instance" if version >= 3 else None)
    instance = "instance" if version >= 3 else None
    return HeartbeatRequest(group_id=group, generation_id=generation, member_id=member, group_instance_id=instance)


async def leave_group(world: World, version: int) -> Message:
    group, _, member = await world.member()
    if version < 3:
        return LeaveGroupRequest(group_id=group, member_id=member)
    return LeaveGroupRequest(group_id=group, members=[LeaveGroupRequest.MemberIdentity(member_id=member)])


async def sync_group(world: World, version: int) -> Message:
    group, generation, member = await world.member()
    request = SyncGroupRequest(group_id=group, generation_id=generation, member_id=member)
    if version >= 5:
        request.protocol_type, request.protocol_name = "consumer", "range"
    return request


async def describe_groups(world: World, version: int) -> Message:
    group, _, _ = await world.member("instance")
    return DescribeGroupsRequest(groups=[group], include_authorized_operations=version >= 3)


async def list_groups(world: World, version: int) -> Message:
    await world.member()
    return ListGroupsRequest(states_filter=["Stable"] if version >= 4 else [])


async def create_topics(world: World, version: int) -> Message:
    world.number += 1
    name = f"created-{world.number}" if world.exists else "not/a/name"
    setting = CreateTopicsRequest.CreatableTopicConfig(name="retention.ms", value="1000000")
    wanted = CreateTopicsRequest.CreatableTopic(name=name, num_partitions=2, replication_factor=1, configs=[setting])
    return CreateTopicsRequest(topics=[wanted])


async def delete_topics(world: World, version: int) -> Message:
    name, topic_id = await world.topic()
    if version < 6:
        return DeleteTopicsRequest(timeout_ms=1000, topic_names=[name])
    other, _ = await world.topic()
    state = DeleteTopicsRequest.DeleteTopicState
    return DeleteTopicsRequest(timeout_ms=1000, topics=[state(topic_id=topic_id), state(name=other)])


async def delete_records(world: World, version: int) -> Message:
    name, _ = await world.topic()
    partition = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=1)
    topic = DeleteRecordsRequest.DeleteRecordsTopic(name=name, partitions=[partition])
    return DeleteRecordsRequest(topics=[topic], timeout_ms=1000)


async def init_producer_id(world: World, version: int) -> Message:
    return InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000)


async def offset_for_leader_epoch(world: World, version: int) -> Message:
    name, _ = await world.topic()
    partition = OffsetForLeaderEpochRequest.OffsetForLeaderPartition(partition=0, leader_epoch=0)
    return OffsetForLeaderEpochRequest(
        topics=[OffsetForLeaderEpochRequest.OffsetForLeaderTopic(topic=name, partitions=[partition])]
    )


async def sasl_handshake(world: World, version: int) -> Message:
    return SaslHandshakeRequest(mechanism="PLAIN")


async def sasl_authenticate(world: World, version: int) -> Message:
    return SaslAuthenticateRequest(auth_bytes=b"x")


async def api_versions(world: World, version: int) -> Message:
    if version < 3:
        return ApiVersionsRequest()
    return ApiVersionsRequest(client_software_name="test", client_software_version="1")


async def describe_acls(world: World, version: int) -> Message:
    return DescribeAclsRequest(resource_type_filter=2, pattern_type_filter=3, operation=3, permission_type=3)


async def create_acls(world: World, version: int) -> Message:
    creation = CreateAclsRequest.AclCreation(
        resource_type=2, resource_name="t", principal="User:a", host="*", operation=3, permission_type=3
    )
    return CreateAclsRequest(creations=[creation])


async def delete_acls(world: World, version: int) -> Message:
    chosen = DeleteAclsRequest.DeleteAclsFilter(
        resource_type_filter=2, pattern_type_filter=3, operation=3, permission_type=3
    )
    return DeleteAclsRequest(filters=[chosen])


async def describe_configs(world: World, version: int) -> Message:
    name, _ = await world.topic()
    asked = DescribeConfigsRequest.DescribeConfigsResource
    return DescribeConfigsRequest(
        resources=[
            asked(resource_type=TOPIC_CONFIG, resource_name=name, configuration_keys=None),
            asked(resource_type=BROKER_CONFIG, resource_name="1", configuration_keys=None),
        ],
        include_synonyms=True,
        include_documentation=version >= 3,
    )


async def alter_configs(world: World, version: int) -> Message:
    name, _ = await world.topic()
    setting = AlterConfigsRequest.AlterableConfig(name="retention.ms", value="5000")
    changed = AlterConfigsRequest.AlterConfigsResource(
        resource_type=TOPIC_CONFIG, resource_name=name, configs=[setting]
    )
    return AlterConfigsRequest(resources=[changed])


async def incremental_alter_configs(world: World, version: int) -> Message:
    name, _ = await world.topic()
    setting = IncrementalAlterConfigsRequest.AlterableConfig(name="retention.ms", config_operation=0, value="5000")
    changed = IncrementalAlterConfigsRequest.AlterConfigsResource(
        resource_type=TOPIC_CONFIG, resource_name=name, configs=[setting]
    )
    return IncrementalAlterConfigsRequest(resources=[changed])


async def describe_log_dirs(world: World, version: int) -> Message:
    await world.topic()
    return DescribeLogDirsRequest(topics=None)


async def create_partitions(world: World, version: int) -> Message:
    name, _ = await world.topic()
    wanted = CreatePartitionsRequest.CreatePartitionsTopic(name=name, count=3, assignments=None)
    return CreatePartitionsRequest(topics=[wanted], timeout_ms=1000)


async def create_delegation_token(world: World, version: int) -> Message:
    return CreateDelegationTokenRequest(max_lifetime_ms=-1)


async def renew_delegation_token(world: World, version: int) -> Message:
    return RenewDelegationTokenRequest(hmac=b"x")


async def expire_delegation_token(world: World, version: int) -> Message:
    return ExpireDelegationTokenRequest(hmac=b"x")


async def describe_delegation_token(world: World, version: int) -> Message:
    return DescribeDelegationTokenRequest(owners=None)


async def delete_groups(world: World, version: int) -> Message:
    group, _, _ = await world.committed()
    return DeleteGroupsRequest(groups_names=[group])


async def offset_delete(world: World, version: int) -> Message:
    group, name, _ = await world.committed()
    partition = OffsetDeleteRequest.OffsetDeleteRequestPartition(partition_index=0)
    topic = OffsetDeleteRequest.OffsetDeleteRequestTopic(name=name, partitions=[partition])
    return OffsetDeleteRequest(group_id=group, topics=[topic])


async def consumer_group_heartbeat(world: World, version: int) -> Message:
    name, _ = await world.topic()
    request = ConsumerGroupHeartbeatRequest(
        group_id=world.group(), member_id="member", rebalance_timeout_ms=1000, topic_partitions=[],
        subscribed_topic_names=[name],
    )  # fmt: skip
    if not world.exists:
        request.member_epoch = 7
    elif version >= 1:
        request.subscribed_topic_regex = "topic-.*"
    return request


async def consumer_group_describe(world: World, version: int) -> Message:
    request = await consumer_group_heartbeat(world, version)
    assert isinstance(request, ConsumerGroupHeartbeatRequest)
    if world.exists:
        await world.ask(request, version)
    return ConsumerGroupDescribeRequest(group_ids=[request.group_id], include_authorized_operations=True)


async def describe_cluster(world: World, version: int) -> Message:
    return DescribeClusterRequest(include_cluster_authorized_operations=True)


async def describe_producers(world: World, version: int) -> Message:
    name, _ = await world.topic()
    return DescribeProducersRequest(topics=[DescribeProducersRequest.TopicRequest(name=name, partition_indexes=[0, 1])])


async def list_config_resources(world: World, version: int) -> Message:
    await world.topic()
    return ListConfigResourcesRequest()


async def describe_topic_partitions(world: World, version: int) -> Message:
    name, _ = await world.topic()
    return DescribeTopicPartitionsRequest(topics=[DescribeTopicPartitionsRequest.TopicRequest(name=name)])


async def alter_replica_log_dirs(world: World, version: int) -> Message:
    name, _ = await world.topic()
    named = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name=name, partitions=[0])
    return AlterReplicaLogDirsRequest(dirs=[AlterReplicaLogDirsRequest.AlterReplicaLogDir(path=DATA, topics=[named])])


async def elect_leaders(world: World, version: int) -> Message:
    name, _ = await world.topic()
    return ElectLeadersRequest(
        topic_partitions=[ElectLeadersRequest.TopicPartitions(topic=name, partitions=[0])], timeout_ms=1000
    )


async def alter_partition_reassignments(world: World, version: int) -> Message:
    name, _ = await world.topic()
    wanted = AlterPartitionReassignmentsRequest.ReassignablePartition(partition_index=0, replicas=[1])
    topic = AlterPartitionReassignmentsRequest.ReassignableTopic(name=name, partitions=[wanted])
    return AlterPartitionReassignmentsRequest(topics=[topic])


async def list_partition_reassignments(world: World, version: int) -> Message:
    name, _ = await world.topic()
    topic = ListPartitionReassignmentsRequest.ListPartitionReassignmentsTopics(name=name, partition_indexes=[0, 1])
    return ListPartitionReassignmentsRequest(topics=[topic])


async def alter_client_quotas(world: World, version: int) -> Message:
    part = AlterClientQuotasRequest.EntityData(entity_type="user" if world.exists else "planet", entity_name="a")
    op = AlterClientQuotasRequest.OpData(key="producer_byte_rate", value=1000.0 + version)
    return AlterClientQuotasRequest(entries=[AlterClientQuotasRequest.EntryData(entity=[part], ops=[op])])


async def describe_client_quotas(world: World, version: int) -> Message:
    await world.ask(await alter_client_quotas(world, version), 1)
    component = DescribeClientQuotasRequest.ComponentData(
        entity_type="user" if world.exists else "planet", match_type=2, match=None
    )
    return DescribeClientQuotasRequest(components=[component])


async def alter_user_scram_credentials(world: World, version: int) -> Message:
    change = AlterUserScramCredentialsRequest.ScramCredentialUpsertion(
        name="a", mechanism=1 if world.exists else 9, iterations=4096, salt=b"salt", salted_password=b"x" * 32
    )
    return AlterUserScramCredentialsRequest(deletions=[], upsertions=[change])


async def describe_user_scram_credentials(world: World, version: int) -> Message:
    await world.ask(await alter_user_scram_credentials(world, version), 0)
    users = [DescribeUserScramCredentialsRequest.UserName(name="a")]
    return DescribeUserScramCredentialsRequest(users=users)


async def describe_quorum(world: World, version: int) -> Message:
    topic = DescribeQuorumRequest.TopicData(
        topic_name="__cluster_metadata",
        partitions=[DescribeQuorumRequest.PartitionData(partition_index=0 if world.exists else 1)],
    )
    return DescribeQuorumRequest(topics=[topic])


async def update_features(world: World, version: int) -> Message:
    update = UpdateFeaturesRequest.FeatureUpdateKey(
        feature="metadata.version" if world.exists else "planet.version", max_version_level=30
    )
    return UpdateFeaturesRequest(feature_updates=[update])


async def unregister_broker(world: World, version: int) -> Message:
    return UnregisterBrokerRequest(broker_id=77)


async def add_raft_voter(world: World, version: int) -> Message:
    listener = AddRaftVoterRequest.Listener(name="PLAINTEXT", host="127.0.0.1", port=9093)
    return AddRaftVoterRequest(
        cluster_id=None if world.exists else "elsewhere", voter_id=2, voter_directory_id=VOTER, listeners=[listener]
    )


async def remove_raft_voter(world: World, version: int) -> Message:
    return RemoveRaftVoterRequest(
        cluster_id=None if world.exists else "elsewhere", voter_id=2, voter_directory_id=VOTER
    )


async def add_partitions_to_txn(world: World, version: int) -> Message:
    transactional_id, producer_id, epoch, name = await world.transaction()
    if version < 4:
        return adding(transactional_id, producer_id, epoch, name)
    topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic
    one = AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction
    transactions = [
        one(transactional_id=transactional_id, producer_id=producer_id, producer_epoch=epoch, verify_only=verify,
            topics=[topic(name=name, partitions=[1])])
        for verify in (False, True)
    ]  # fmt: skip
    return AddPartitionsToTxnRequest(transactions=transactions)


async def add_offsets_to_txn(world: World, version: int) -> Message:
    transactional_id, producer_id, epoch, _ = await world.transaction()
    return AddOffsetsToTxnRequest(
        transactional_id=transactional_id, producer_id=producer_id, producer_epoch=epoch, group_id=world.group()
    )


async def end_txn(world: World, version: int) -> Message:
    transactional_id, producer_id, epoch, _ = await world.transaction()
    return EndTxnRequest(
        transactional_id=transactional_id, producer_id=producer_id, producer_epoch=epoch, committed=True
    )


async def write_txn_markers(world: World, version: int) -> Message:
    _, producer_id, epoch, name = await world.transaction()
    topic = WriteTxnMarkersRequest.WritableTxnMarkerTopic(name=name, partition_indexes=[1])
    marker = WriteTxnMarkersRequest.WritableTxnMarker(
        producer_id=producer_id, producer_epoch=epoch, transaction_result=True, topics=[topic]
    )
    return WriteTxnMarkersRequest(markers=[marker])


async def txn_offset_commit(world: World, version: int) -> Message:
    transactional_id, producer_id, epoch, name = await world.transaction()
    group = world.group()
    if world.exists:
        await world.ask(
            AddOffsetsToTxnRequest(
                transactional_id=transactional_id, producer_id=producer_id, producer_epoch=epoch, group_id=group
            ),
            4,
        )
    asked = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(partition_index=0, committed_offset=1)
    return TxnOffsetCommitRequest(
        transactional_id=transactional_id, group_id=group, producer_id=producer_id, producer_epoch=epoch,
        topics=[TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(name=name, partitions=[asked])],
    )  # fmt: skip


async def describe_transactions(world: World, version: int) -> Message:
    transactional_id, _, _, _ = await world.transaction()
    return DescribeTransactionsRequest(transactional_ids=[transactional_id])


async def list_transactions(world: World, version: int) -> Message:
    _, producer_id, _, _ = await world.transaction()
    return ListTransactionsRequest(producer_id_filters=[producer_id], state_filters=["Ongoing"])


def request_for(row: Row) -> Callable[[World, int], Awaitable[Message]]:
    name = row.handler.partition(":")[2]
    found = globals().get(name)
    assert found is not None, f"write a function {name} with a good request for API {row.key}, in each of its versions"
    return found  # type: ignore[no-any-return]


def error_codes(answer: Any) -> Iterator[int]:
    """All of them, however deep."""
    if isinstance(answer, list):
        for one in answer:
            yield from error_codes(one)
    elif isinstance(answer, Message) or hasattr(answer, "__slots__"):
        for name in type(answer).__slots__:
            value = getattr(answer, name, None)
            if name.endswith("error_code"):
                yield int(value or 0)
            elif isinstance(value, list) or hasattr(value, "__slots__"):
                yield from error_codes(value)


def on_world(play: Callable[[World, SimCluster], Awaitable[None]]) -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {"auto.create.topics.enable": "false"})
        await cluster.start()
        world = World(await open_connection("broker-1", PORT))
        await world.ask(FindCoordinatorRequest(key="warm-up"), 3)
        await play(world, cluster)
        assert not [line for line in cluster.log if "request.failed" in line or "connection.closed" in line]
        world.connection.close()

    run_simulation(1, main)


@pytest.mark.parametrize("row", CLIENT_ROWS, ids=[row.handler for row in CLIENT_ROWS])
def test_a_good_request_is_answered_without_an_error_in_every_version(row: Row) -> None:
    async def play(world: World, cluster: SimCluster) -> None:
        for version in range(row.oldest, row.newest + 1):
            answer = await world.ask(await request_for(row)(world, version), version)
            codes = set(error_codes(answer))
            assert codes - {0} == {NOT_CONFIGURED.get(row.key, 0)} - {0}, f"v{version}: {answer}"

    on_world(play)


@pytest.mark.parametrize("row", CLIENT_ROWS, ids=[row.handler for row in CLIENT_ROWS])
def test_a_request_about_what_does_not_exist_is_answered_in_every_version(row: Row) -> None:
    """Errors have fields of their own (messages, leader hints, default values), which old versions lack as well."""

    async def play(world: World, cluster: SimCluster) -> None:
        world.exists = False
        for version in range(row.oldest, row.newest + 1):
            assert await world.ask(await request_for(row)(world, version), version) is not None
            assert world.connection.is_open

    on_world(play)
