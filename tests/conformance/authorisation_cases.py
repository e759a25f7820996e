"""The requests of the authorisation table, one or more for each API, and what denying them comes to."""

# A table: one case is one entry, however long its line.
# ruff: noqa: E501
from __future__ import annotations

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
from ottla.security.operations import Operation, ResourceType
from ottla.testing.authorizers import Check
from tests.conformance.authorisation_table import (
    CLUSTER_DENIED,
    GROUP,
    GROUP_DENIED,
    TOPIC,
    TOPIC_DENIED,
    TRANSACTIONAL_ID,
    TRANSACTIONAL_ID_DENIED,
    Case,
    always,
    cluster,
    group,
    only,
    since,
    topic,
    transactional_id,
)

NO_SASL_HERE, NOT_FOR_TOKENS = 34, 64
TOPIC_CONFIG, BROKER_CONFIG, GROUP_CONFIG = 2, 4, 32
VOTER = Uuid(b"0123456789abcdef")
VOTERS_PLACE = AddRaftVoterRequest.Listener(name="PLAINTEXT", host="127.0.0.1", port=9093)
NEW_TOPIC = "orders-of-tomorrow"


def cases(topic_id: Uuid) -> list[Case]:
    """All of them, for a broker whose topic `TOPIC` has this id."""
    return [
        *records(topic_id),
        *topics(topic_id),
        *groups(topic_id),
        *transactions(),
        *administration(),
        *cluster_administration(),
    ]


def records(topic_id: Uuid) -> list[Case]:
    def produce(version: int, transactional: bool = False) -> Message:
        producer_id, sequence = (7, 0) if transactional else (-1, -1)
        builder = BatchBuilder(
            producer_id=producer_id, producer_epoch=sequence, base_sequence=sequence, transactional=transactional
        )
        builder.append(1_700_000_000_000, b"key", b"value")
        data = ProduceRequest.PartitionProduceData(index=0, records=builder.build())
        named = ProduceRequest.TopicProduceData(name=TOPIC, topic_id=topic_id, partition_data=[data])
        return ProduceRequest(acks=1, timeout_ms=1000, topic_data=[named])

    def produce_transactional(version: int) -> Message:
        request = produce(version, transactional=True)  # else nobody asks about the id: as in Kafka
        assert isinstance(request, ProduceRequest)
        request.transactional_id = TRANSACTIONAL_ID
        return request

    def fetch(version: int) -> FetchRequest:
        partition = FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1024)
        return FetchRequest(
            max_wait_ms=10,
            min_bytes=0,
            topics=[FetchRequest.FetchTopic(topic=TOPIC, topic_id=topic_id, partitions=[partition])],
        )

    def fetch_as_replica(version: int) -> Message:
        request = fetch(version)
        if version >= 15:
            request.replica_state = FetchRequest.ReplicaState(replica_id=1)
        else:
            request.replica_id = 1
        return request

    def list_offsets(version: int) -> Message:
        partition = ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=-1)
        return ListOffsetsRequest(
            replica_id=-1, topics=[ListOffsetsRequest.ListOffsetsTopic(name=TOPIC, partitions=[partition])]
        )

    def offset_for_leader_epoch(version: int) -> Message:
        partition = OffsetForLeaderEpochRequest.OffsetForLeaderPartition(partition=0, leader_epoch=0)
        return OffsetForLeaderEpochRequest(
            topics=[OffsetForLeaderEpochRequest.OffsetForLeaderTopic(topic=TOPIC, partitions=[partition])]
        )

    def delete_records(version: int) -> Message:
        partition = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=0)
        return DeleteRecordsRequest(
            topics=[DeleteRecordsRequest.DeleteRecordsTopic(name=TOPIC, partitions=[partition])], timeout_ms=1000
        )

    def describe_producers(version: int) -> Message:
        return DescribeProducersRequest(
            topics=[DescribeProducersRequest.TopicRequest(name=TOPIC, partition_indexes=[0])]
        )

    def init_producer_id(version: int) -> Message:
        return InitProducerIdRequest(transactional_id=None)

    def init_transactional(version: int) -> Message:
        return InitProducerIdRequest(transactional_id=TRANSACTIONAL_ID, transaction_timeout_ms=1000)

    write, any_topic = topic(Operation.WRITE), Check(Operation.WRITE, ResourceType.TOPIC)
    idempotent, transaction = cluster(Operation.IDEMPOTENT_WRITE), transactional_id(Operation.WRITE)
    by_broker, describe = cluster(Operation.CLUSTER_ACTION), topic(Operation.DESCRIBE)
    return [
        Case("Produce", 0, produce, always(TOPIC_DENIED), (only(write, TOPIC_DENIED),)),
        Case(
            "Produce, transactional", 0, produce_transactional, always(TRANSACTIONAL_ID_DENIED),
            (only(transaction, TRANSACTIONAL_ID_DENIED),),
        ),
        Case("Fetch", 1, fetch, always(TOPIC_DENIED), (only(topic(Operation.READ), TOPIC_DENIED), only(by_broker))),
        Case(
            "Fetch of a replica", 1, fetch_as_replica, always(TOPIC_DENIED),
            (only(by_broker, TOPIC_DENIED), only(topic(Operation.READ))),
        ),
        Case("ListOffsets", 2, list_offsets, always(TOPIC_DENIED), (only(describe, TOPIC_DENIED),)),
        Case(
            "OffsetForLeaderEpoch", 23, offset_for_leader_epoch, always(TOPIC_DENIED),
            (only(describe), only(by_broker), ((describe, by_broker), [TOPIC_DENIED])),
        ),
        Case("DeleteRecords", 21, delete_records, always(TOPIC_DENIED), (only(topic(Operation.DELETE), TOPIC_DENIED),)),
        Case("DescribeProducers", 61, describe_producers, always(TOPIC_DENIED), (only(topic(Operation.READ), TOPIC_DENIED),)),
        Case(
            "InitProducerId", 22, init_producer_id, always(CLUSTER_DENIED),
            (only(idempotent), only(any_topic), ((idempotent, any_topic), [CLUSTER_DENIED])),
        ),
        Case(
            "InitProducerId, transactional", 22, init_transactional, always(TRANSACTIONAL_ID_DENIED),
            (only(transaction, TRANSACTIONAL_ID_DENIED),),
        ),
    ]  # fmt: skip


def transactions() -> list[Case]:
    def add_partitions(version: int) -> Message:
        asked = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name=TOPIC, partitions=[0])
        if version < 4:
            return AddPartitionsToTxnRequest(
                v3_and_below_transactional_id=TRANSACTIONAL_ID, v3_and_below_topics=[asked]
            )
        one = AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction(transactional_id=TRANSACTIONAL_ID, topics=[asked])
        return AddPartitionsToTxnRequest(transactions=[one])

    def add_offsets(version: int) -> Message:
        return AddOffsetsToTxnRequest(transactional_id=TRANSACTIONAL_ID, group_id=GROUP)

    def end(version: int) -> Message:
        return EndTxnRequest(transactional_id=TRANSACTIONAL_ID)

    def write_markers(version: int) -> Message:
        asked = WriteTxnMarkersRequest.WritableTxnMarkerTopic(name=TOPIC, partition_indexes=[0])
        return WriteTxnMarkersRequest(markers=[WriteTxnMarkersRequest.WritableTxnMarker(topics=[asked])])

    def commit(version: int) -> Message:
        asked = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(partition_index=0)
        return TxnOffsetCommitRequest(
            transactional_id=TRANSACTIONAL_ID, group_id=GROUP,
            topics=[TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(name=TOPIC, partitions=[asked])],
        )  # fmt: skip

    def describe(version: int) -> Message:
        return DescribeTransactionsRequest(transactional_ids=[TRANSACTIONAL_ID])

    def list_all(version: int) -> Message:
        return ListTransactionsRequest()

    write = transactional_id(Operation.WRITE)
    by_broker, alter = cluster(Operation.CLUSTER_ACTION), cluster(Operation.ALTER)
    return [
        Case(
            "AddPartitionsToTxn", 24, add_partitions,
            lambda version: [TRANSACTIONAL_ID_DENIED if version < 4 else CLUSTER_DENIED],
            (only(by_broker, CLUSTER_DENIED),),
        ),
        Case(
            "AddOffsetsToTxn", 25, add_offsets, always(TRANSACTIONAL_ID_DENIED),
            (only(write, TRANSACTIONAL_ID_DENIED), only(group(Operation.READ), GROUP_DENIED)),
        ),
        Case("EndTxn", 26, end, always(TRANSACTIONAL_ID_DENIED), (only(write, TRANSACTIONAL_ID_DENIED),)),
        Case(
            "WriteTxnMarkers", 27, write_markers, always(CLUSTER_DENIED),
            (only(by_broker), only(alter), ((by_broker, alter), [CLUSTER_DENIED])),
        ),
        Case(
            "TxnOffsetCommit", 28, commit, always(TRANSACTIONAL_ID_DENIED),
            (
                only(write, TRANSACTIONAL_ID_DENIED), only(group(Operation.READ), GROUP_DENIED),
                only(topic(Operation.READ), TOPIC_DENIED),
            ),
        ),
        Case(
            "DescribeTransactions", 65, describe, always(TRANSACTIONAL_ID_DENIED),
            (only(transactional_id(Operation.DESCRIBE), TRANSACTIONAL_ID_DENIED),),
        ),
        Case(
            "ListTransactions", 66, list_all, always(), shown=lambda answer: answer.transaction_states,
        ),
    ]  # fmt: skip


def topics(topic_id: Uuid) -> list[Case]:
    def metadata(version: int) -> Message:
        return MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=TOPIC)])

    def metadata_by_id(version: int) -> Message:
        return MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=None, topic_id=topic_id)])

    def metadata_of_all(version: int) -> Message:
        return MetadataRequest(topics=[] if version == 0 else None)

    def metadata_creating(version: int) -> Message:
        return MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=NEW_TOPIC)])

    def describe_topic_partitions(version: int) -> Message:
        return DescribeTopicPartitionsRequest(topics=[DescribeTopicPartitionsRequest.TopicRequest(name=TOPIC)])

    def describe_all_topic_partitions(version: int) -> Message:
        return DescribeTopicPartitionsRequest()

    def create_topics(version: int) -> Message:
        wanted = CreateTopicsRequest.CreatableTopic(name=NEW_TOPIC, num_partitions=1, replication_factor=1)
        return CreateTopicsRequest(topics=[wanted], validate_only=True)

    def delete_topics(version: int) -> Message:
        if version < 6:
            return DeleteTopicsRequest(timeout_ms=1000, topic_names=[TOPIC])
        return DeleteTopicsRequest(timeout_ms=1000, topics=[DeleteTopicsRequest.DeleteTopicState(name=TOPIC)])

    def delete_topics_by_id(version: int) -> Message:
        return DeleteTopicsRequest(timeout_ms=1000, topics=[DeleteTopicsRequest.DeleteTopicState(topic_id=topic_id)])

    def create_partitions(version: int) -> Message:
        wanted = CreatePartitionsRequest.CreatePartitionsTopic(name=TOPIC, count=3, assignments=None)
        return CreatePartitionsRequest(timeout_ms=1000, topics=[wanted], validate_only=True)

    describe, create = topic(Operation.DESCRIBE), Check(Operation.CREATE, ResourceType.TOPIC)
    create_any = cluster(Operation.CREATE)
    return [
        Case("Metadata", 3, metadata, always(TOPIC_DENIED), (only(describe, TOPIC_DENIED),)),
        Case("Metadata by id", 3, metadata_by_id, always(TOPIC_DENIED), (only(describe, TOPIC_DENIED),), oldest=12),
        Case("Metadata of all", 3, metadata_of_all, always(), (only(describe),), lambda answer: [one for one in answer.topics if one.name == TOPIC]),
        Case(
            "Metadata, creating", 3, metadata_creating, always(TOPIC_DENIED),
            (((create, create_any), [TOPIC_DENIED]),), oldest=4,
        ),
        Case("DescribeTopicPartitions", 75, describe_topic_partitions, always(TOPIC_DENIED), (only(describe, TOPIC_DENIED),)),
        Case(
            "DescribeTopicPartitions of all", 75, describe_all_topic_partitions, always(), (only(describe),),
            lambda answer: [one for one in answer.topics if one.name == TOPIC],
        ),
        Case(
            "CreateTopics", 19, create_topics, always(TOPIC_DENIED),
            (
                only(create_any),
                only(create),
                ((create, create_any), [TOPIC_DENIED]),
                only(Check(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC), TOPIC_DENIED),  # topic_config_error_code
            ),
        ),
        Case(
            "DeleteTopics", 20, delete_topics, always(TOPIC_DENIED),
            (only(describe, TOPIC_DENIED), only(topic(Operation.DELETE), TOPIC_DENIED)),
        ),
        Case(
            "DeleteTopics by id", 20, delete_topics_by_id, always(TOPIC_DENIED),
            (only(describe, TOPIC_DENIED), only(topic(Operation.DELETE), TOPIC_DENIED)), oldest=6,
        ),
        Case("CreatePartitions", 37, create_partitions, always(TOPIC_DENIED), (only(topic(Operation.ALTER), TOPIC_DENIED),)),
    ]  # fmt: skip


def groups(topic_id: Uuid) -> list[Case]:
    def find_coordinator(key: str, key_type: int) -> Message:
        return FindCoordinatorRequest(key=key, key_type=key_type)

    def coordinators(key: str, key_type: int, version: int) -> Message:
        if version < 4:
            return find_coordinator(key, key_type)
        return FindCoordinatorRequest(coordinator_keys=[key], key_type=key_type)

    def join_group(version: int) -> Message:
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")
        return JoinGroupRequest(
            group_id=GROUP, session_timeout_ms=10_000, rebalance_timeout_ms=10_000, member_id="",
            protocol_type="consumer", protocols=[protocol],
        )  # fmt: skip

    def leave_group(version: int) -> Message:
        if version < 3:
            return LeaveGroupRequest(group_id=GROUP, member_id="m")
        return LeaveGroupRequest(group_id=GROUP, members=[LeaveGroupRequest.MemberIdentity(member_id="m")])

    def offset_commit(version: int) -> Message:
        partition = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=0)
        named = OffsetCommitRequest.OffsetCommitRequestTopic(name=TOPIC, topic_id=topic_id, partitions=[partition])
        return OffsetCommitRequest(group_id=GROUP, topics=[named])

    def offset_fetch(version: int) -> Message:
        if version < 8:
            asked = OffsetFetchRequest.OffsetFetchRequestTopic(name=TOPIC, partition_indexes=[0])
            return OffsetFetchRequest(group_id=GROUP, topics=[asked])
        named = OffsetFetchRequest.OffsetFetchRequestTopics(name=TOPIC, topic_id=topic_id, partition_indexes=[0])
        return OffsetFetchRequest(groups=[OffsetFetchRequest.OffsetFetchRequestGroup(group_id=GROUP, topics=[named])])

    def offset_fetch_all(version: int) -> Message:
        if version < 8:
            return OffsetFetchRequest(group_id=GROUP, topics=None)
        return OffsetFetchRequest(groups=[OffsetFetchRequest.OffsetFetchRequestGroup(group_id=GROUP, topics=None)])

    def offset_delete(version: int) -> Message:
        partition = OffsetDeleteRequest.OffsetDeleteRequestPartition(partition_index=0)
        return OffsetDeleteRequest(
            group_id=GROUP, topics=[OffsetDeleteRequest.OffsetDeleteRequestTopic(name=TOPIC, partitions=[partition])]
        )

    def consumer_heartbeat(version: int) -> Message:
        return ConsumerGroupHeartbeatRequest(
            group_id=GROUP,
            member_id="m",
            rebalance_timeout_ms=1000,
            topic_partitions=[],
            subscribed_topic_names=[TOPIC],
        )

    read, describe, delete = group(Operation.READ), group(Operation.DESCRIBE), group(Operation.DELETE)
    transaction, by_broker = transactional_id(Operation.DESCRIBE), cluster(Operation.CLUSTER_ACTION)
    read_topic, describe_cluster = topic(Operation.READ), cluster(Operation.DESCRIBE)
    denied = always(GROUP_DENIED)
    reading = (only(read, GROUP_DENIED),)
    return [
        Case("FindCoordinator", 10, lambda v: coordinators(GROUP, 0, v), denied, (only(describe, GROUP_DENIED),)),
        Case(
            "FindCoordinator, transaction", 10, lambda v: coordinators(TRANSACTIONAL_ID, 1, v),
            always(TRANSACTIONAL_ID_DENIED), (only(transaction, TRANSACTIONAL_ID_DENIED),), oldest=1,
        ),
        Case(
            "FindCoordinator, share", 10, lambda v: coordinators(f"{GROUP}:AAAAAAAAAAAAAAAAAAAAAQ:0", 2, v),
            always(CLUSTER_DENIED), (only(by_broker, CLUSTER_DENIED),), oldest=6,
        ),
        Case("JoinGroup", 11, join_group, denied, reading),
        Case("SyncGroup", 14, lambda v: SyncGroupRequest(group_id=GROUP, generation_id=1, member_id="m"), denied, reading),
        Case("Heartbeat", 12, lambda v: HeartbeatRequest(group_id=GROUP, generation_id=1, member_id="m"), denied, reading),
        Case("LeaveGroup", 13, leave_group, denied, reading),
        Case(
            "OffsetCommit", 8, offset_commit, denied,
            (
                only(read, GROUP_DENIED),
                only(read_topic, TOPIC_DENIED),
                ((read, read_topic), [GROUP_DENIED]),
            ),
        ),
        Case(
            "OffsetFetch", 9, offset_fetch, denied,
            (only(describe, GROUP_DENIED), only(topic(Operation.DESCRIBE), TOPIC_DENIED)),
        ),
        Case(
            "OffsetFetch of all", 9, offset_fetch_all, denied,
            (only(describe, GROUP_DENIED), only(topic(Operation.DESCRIBE))),
            lambda answer: [one.topics for one in answer.groups if one.topics] + answer.topics, oldest=2,
        ),
        Case(
            "OffsetDelete", 47, offset_delete, denied,
            (
                only(delete, GROUP_DENIED),
                only(read_topic, TOPIC_DENIED),
                ((delete, read_topic), [GROUP_DENIED]),
            ),
        ),
        Case(
            "ConsumerGroupHeartbeat", 68, consumer_heartbeat, denied,
            (only(read, GROUP_DENIED), only(topic(Operation.DESCRIBE), TOPIC_DENIED)),
        ),
        Case(
            "ConsumerGroupDescribe", 69, lambda v: ConsumerGroupDescribeRequest(group_ids=[GROUP]), denied,
            (only(describe, GROUP_DENIED),),
        ),
        Case("DescribeGroups", 15, lambda v: DescribeGroupsRequest(groups=[GROUP]), denied, (only(describe, GROUP_DENIED),)),
        Case("DeleteGroups", 42, lambda v: DeleteGroupsRequest(groups_names=[GROUP]), denied, (only(delete, GROUP_DENIED),)),
        Case(
            "ListGroups", 16, lambda v: ListGroupsRequest(), always(), (((describe, describe_cluster), []),),
            lambda answer: answer.groups,
        ),
    ]  # fmt: skip


def administration() -> list[Case]:
    resources = ((TOPIC_CONFIG, TOPIC), (GROUP_CONFIG, GROUP), (BROKER_CONFIG, "1"))

    def describe_configs(version: int) -> Message:
        asked = DescribeConfigsRequest.DescribeConfigsResource
        return DescribeConfigsRequest(
            resources=[
                asked(resource_type=kind, resource_name=name, configuration_keys=None) for kind, name in resources
            ]
        )

    def alter_configs(version: int) -> Message:
        changed = AlterConfigsRequest.AlterConfigsResource
        return AlterConfigsRequest(
            resources=[changed(resource_type=kind, resource_name=name) for kind, name in resources], validate_only=True
        )

    def incremental_alter_configs(version: int) -> Message:
        changed = IncrementalAlterConfigsRequest.AlterConfigsResource
        return IncrementalAlterConfigsRequest(
            resources=[changed(resource_type=kind, resource_name=name) for kind, name in resources], validate_only=True
        )

    def create_acls(version: int) -> Message:
        creation = CreateAclsRequest.AclCreation(
            resource_type=2, resource_name=TOPIC, principal="User:a", host="*", operation=3, permission_type=3
        )
        return CreateAclsRequest(creations=[creation, creation])

    def describe_acls(version: int) -> Message:
        return DescribeAclsRequest(resource_type_filter=2, pattern_type_filter=3, operation=3, permission_type=3)

    def delete_acls(version: int) -> Message:
        chosen = DeleteAclsRequest.DeleteAclsFilter(
            resource_type_filter=2, pattern_type_filter=3, operation=3, permission_type=3
        )
        return DeleteAclsRequest(filters=[chosen])

    def alter_replica_log_dirs(version: int) -> Message:
        named = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name=TOPIC, partitions=[0])
        wanted = AlterReplicaLogDirsRequest.AlterReplicaLogDir(path="/elsewhere", topics=[named])
        return AlterReplicaLogDirsRequest(dirs=[wanted])

    all_three = always(TOPIC_DENIED, GROUP_DENIED, CLUSTER_DENIED)
    describe, alter = cluster(Operation.DESCRIBE), cluster(Operation.ALTER)
    no_acls, no_such_directory = 54, 57
    return [
        Case(
            "DescribeConfigs", 32, describe_configs, all_three,
            (
                only(topic(Operation.DESCRIBE_CONFIGS), TOPIC_DENIED),
                only(group(Operation.DESCRIBE_CONFIGS), GROUP_DENIED),
                only(cluster(Operation.DESCRIBE_CONFIGS), CLUSTER_DENIED),
            ),
        ),
        *[
            Case(
                what, key, request, all_three,
                (
                    only(topic(Operation.ALTER_CONFIGS), TOPIC_DENIED),
                    only(group(Operation.ALTER_CONFIGS), GROUP_DENIED),
                    only(cluster(Operation.ALTER_CONFIGS), CLUSTER_DENIED),
                ),
            )
            for what, key, request in (
                ("AlterConfigs", 33, alter_configs),
                ("IncrementalAlterConfigs", 44, incremental_alter_configs),
            )
        ],
        Case(
            "ListConfigResources", 74, lambda v: ListConfigResourcesRequest(), always(CLUSTER_DENIED),
            (only(cluster(Operation.DESCRIBE_CONFIGS), CLUSTER_DENIED),), lambda answer: answer.config_resources,
        ),
        Case(
            "DescribeLogDirs", 35, lambda v: DescribeLogDirsRequest(topics=None), since(3, CLUSTER_DENIED),
            (only(describe, CLUSTER_DENIED),), lambda answer: answer.results,
        ),
        Case(
            "AlterReplicaLogDirs", 34, alter_replica_log_dirs, always(CLUSTER_DENIED),
            (only(alter, CLUSTER_DENIED), only(describe, no_such_directory)),
        ),
        Case(
            "DescribeAcls", 29, describe_acls, always(CLUSTER_DENIED),
            (only(describe, CLUSTER_DENIED), only(alter, no_acls)),
        ),
        Case(
            "CreateAcls", 30, create_acls, always(CLUSTER_DENIED, CLUSTER_DENIED),
            (only(alter, CLUSTER_DENIED, CLUSTER_DENIED), only(describe, no_acls, no_acls)),
        ),
        Case(
            "DeleteAcls", 31, delete_acls, always(CLUSTER_DENIED),
            (only(alter, CLUSTER_DENIED), only(describe, no_acls)),
        ),
        Case(
            "DescribeCluster", 60, lambda v: DescribeClusterRequest(include_cluster_authorized_operations=True),
            always(), (only(describe),), lambda answer: answer.cluster_authorized_operations,
        ),
        Case("ApiVersions", 18, lambda v: _api_versions(v), always()),
        Case("SaslHandshake", 17, lambda v: SaslHandshakeRequest(mechanism="PLAIN"), always(NO_SASL_HERE)),
        Case("SaslAuthenticate", 36, lambda v: SaslAuthenticateRequest(auth_bytes=b"x"), always(NO_SASL_HERE)),
        Case("CreateDelegationToken", 38, lambda v: CreateDelegationTokenRequest(max_lifetime_ms=-1), always(NOT_FOR_TOKENS)),
        Case("RenewDelegationToken", 39, lambda v: RenewDelegationTokenRequest(hmac=b"x"), always(NOT_FOR_TOKENS)),
        Case("ExpireDelegationToken", 40, lambda v: ExpireDelegationTokenRequest(hmac=b"x"), always(NOT_FOR_TOKENS)),
        Case("DescribeDelegationToken", 41, lambda v: DescribeDelegationTokenRequest(owners=None), always(NOT_FOR_TOKENS)),
    ]  # fmt: skip


def cluster_administration() -> list[Case]:
    """Elections, moves, quotas, credentials, features, voters: all of them ask for something on the cluster."""
    election = ElectLeadersRequest.TopicPartitions(topic=TOPIC, partitions=[0])
    quota = AlterClientQuotasRequest.EntryData(
        entity=[AlterClientQuotasRequest.EntityData(entity_type="user", entity_name="a")], ops=[]
    )
    deletion = AlterUserScramCredentialsRequest.ScramCredentialDeletion(name="nobody", mechanism=1)
    describe, alter = cluster(Operation.DESCRIBE), cluster(Operation.ALTER)
    not_needed, not_found, unknown_broker, no_voters = 84, 91, 102, 35
    return [
        Case(
            "ElectLeaders", 43, lambda v: ElectLeadersRequest(topic_partitions=[election]),
            lambda v: [CLUSTER_DENIED] * (2 if v >= 1 else 1),
            (only(describe, not_needed),),
        ),
        Case(
            "AlterPartitionReassignments", 45, lambda v: AlterPartitionReassignmentsRequest(topics=[]),
            always(CLUSTER_DENIED), (only(alter, CLUSTER_DENIED), only(describe)),
        ),
        Case(
            "ListPartitionReassignments", 46, lambda v: ListPartitionReassignmentsRequest(topics=None),
            always(CLUSTER_DENIED), (only(describe, CLUSTER_DENIED), only(alter)),
        ),
        Case(
            "DescribeClientQuotas", 48, lambda v: DescribeClientQuotasRequest(components=[]), always(CLUSTER_DENIED),
            (only(cluster(Operation.DESCRIBE_CONFIGS), CLUSTER_DENIED),),
        ),
        Case(
            "AlterClientQuotas", 49, lambda v: AlterClientQuotasRequest(entries=[quota]), always(CLUSTER_DENIED),
            (only(cluster(Operation.ALTER_CONFIGS), CLUSTER_DENIED),),
        ),
        Case(
            "DescribeUserScramCredentials", 50, lambda v: DescribeUserScramCredentialsRequest(users=None),
            always(CLUSTER_DENIED), (only(describe, CLUSTER_DENIED),),
        ),
        Case(
            "AlterUserScramCredentials", 51,
            lambda v: AlterUserScramCredentialsRequest(deletions=[deletion], upsertions=[]),
            always(CLUSTER_DENIED), (only(alter, CLUSTER_DENIED), only(describe, not_found)),
        ),
        Case(
            "DescribeQuorum", 55, lambda v: DescribeQuorumRequest(topics=[]), always(CLUSTER_DENIED),
            (only(describe, CLUSTER_DENIED),),
        ),
        Case(
            "UpdateFeatures", 57, lambda v: UpdateFeaturesRequest(feature_updates=[]), always(CLUSTER_DENIED),
            (only(alter, CLUSTER_DENIED),),
        ),
        Case(
            "UnregisterBroker", 64, lambda v: UnregisterBrokerRequest(broker_id=77), always(CLUSTER_DENIED),
            (only(alter, CLUSTER_DENIED), only(describe, unknown_broker)),
        ),
        Case(
            "AddRaftVoter", 80, lambda v: AddRaftVoterRequest(cluster_id=None, voter_id=2, voter_directory_id=VOTER, listeners=[VOTERS_PLACE]), always(CLUSTER_DENIED),
            (only(alter, CLUSTER_DENIED), only(describe, no_voters)),
        ),
        Case(
            "RemoveRaftVoter", 81, lambda v: RemoveRaftVoterRequest(cluster_id=None, voter_id=2, voter_directory_id=VOTER), always(CLUSTER_DENIED),
            (only(alter, CLUSTER_DENIED), only(describe, no_voters)),
        ),
    ]  # fmt: skip


def _api_versions(version: int) -> Message:
    if version < 3:
        return ApiVersionsRequest()
    return ApiVersionsRequest(client_software_name="test", client_software_version="1")
