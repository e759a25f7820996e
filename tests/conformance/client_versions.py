"""Which version of each API every client uses against Ottla, as the broker sees it; the same as with Kafka 4.3.1.

Heartbeats are left out: a quick scenario may end before the first one.
"""

from __future__ import annotations

from tests.conformance.ottla_broker import OttlaBroker

_BETWEEN_BROKERS = ("AllocateProducerIds", "BrokerRegistration", "Envelope")
_BY_CHANCE = ("Heartbeat",)

VERSIONS: dict[str, dict[str, int]] = {
    "confluent-kafka": {
        "ApiVersions": 3,
        "CreateTopics": 4,
        "DeleteGroups": 2,
        "DeleteTopics": 4,
        "Fetch": 16,
        "FindCoordinator": 2,
        "JoinGroup": 5,
        "LeaveGroup": 1,
        "ListOffsets": 7,
        "Metadata": 13,
        "OffsetCommit": 9,
        "OffsetFetch": 9,
        "Produce": 10,
        "SyncGroup": 3,
    },
    "aiokafka": {
        "ApiVersions": 0,
        "CreateTopics": 3,
        "DeleteTopics": 3,
        "Fetch": 11,
        "FindCoordinator": 1,
        "JoinGroup": 5,
        "LeaveGroup": 1,
        "ListOffsets": 3,
        "Metadata": 5,
        "OffsetCommit": 3,
        "OffsetFetch": 3,
        "Produce": 7,
        "SyncGroup": 3,
    },
    "kafka-python": {
        "ApiVersions": 4,
        "CreateTopics": 7,
        "DeleteGroups": 2,
        "DeleteTopics": 6,
        "Fetch": 12,
        "FindCoordinator": 6,
        "InitProducerId": 4,
        "JoinGroup": 7,
        "LeaveGroup": 5,
        "ListOffsets": 11,
        "Metadata": 13,
        "OffsetCommit": 8,
        "OffsetFetch": 8,
        "Produce": 9,
        "SyncGroup": 5,
    },
    "kafkajs": {
        "ApiVersions": 2,
        "CreateTopics": 3,
        "DeleteGroups": 1,
        "DeleteTopics": 1,
        "Fetch": 11,
        "FindCoordinator": 2,
        "InitProducerId": 1,
        "JoinGroup": 5,
        "LeaveGroup": 3,
        "ListOffsets": 3,
        "Metadata": 6,
        "OffsetCommit": 5,
        "OffsetFetch": 4,
        "Produce": 7,
        "SyncGroup": 3,
    },
    "java": {
        "ApiVersions": 4,
        "ConsumerGroupDescribe": 1,
        "CreatePartitions": 3,
        "CreateTopics": 7,
        "DeleteGroups": 2,
        "DeleteTopics": 6,
        "DescribeCluster": 2,
        "DescribeConfigs": 4,
        "DescribeGroups": 6,
        "DescribeLogDirs": 5,
        "DescribeTopicPartitions": 0,
        "Fetch": 18,
        "FindCoordinator": 6,
        "IncrementalAlterConfigs": 1,
        "InitProducerId": 5,
        "JoinGroup": 9,
        "LeaveGroup": 5,
        "ListOffsets": 11,
        "ListPartitionReassignments": 0,
        "Metadata": 13,
        "OffsetCommit": 9,
        "OffsetFetch": 9,
        "Produce": 13,
        "SyncGroup": 5,
    },
    "franz-go": {
        "ApiVersions": 4,
        "CreateTopics": 7,
        "DeleteGroups": 2,
        "DeleteTopics": 6,
        "Fetch": 17,
        "FindCoordinator": 6,
        "InitProducerId": 5,
        "JoinGroup": 9,
        "LeaveGroup": 5,
        "ListOffsets": 10,
        "Metadata": 13,
        "OffsetCommit": 9,
        "OffsetFetch": 9,
        "Produce": 12,
        "SyncGroup": 5,
    },
    "sarama": {
        "ApiVersions": 3,
        "CreateTopics": 3,
        "DeleteGroups": 1,
        "DeleteTopics": 3,
        "DescribeConfigs": 2,
        "Fetch": 10,
        "FindCoordinator": 2,
        "JoinGroup": 3,
        "LeaveGroup": 2,
        "ListOffsets": 4,
        "Metadata": 7,
        "OffsetCommit": 6,
        "OffsetFetch": 5,
        "Produce": 7,
        "SyncGroup": 2,
    },
}


def check_versions(broker: OttlaBroker, client: str) -> None:
    """The broker saw exactly the versions that the table names, of some or all of its APIs."""
    used = {
        api: versions
        for api, versions in broker.versions_used().items()
        if api not in _BETWEEN_BROKERS and api not in _BY_CHANCE
    }
    print(f"API versions used by {client}: {used}")
    assert used == {api: [VERSIONS[client][api]] for api in used}
    assert {"ApiVersions", "Metadata", "CreateTopics"} <= set(used)


def table() -> str:
    """The table as Markdown, for the documentation."""
    clients = list(VERSIONS)
    apis = sorted({api for used in VERSIONS.values() for api in used})
    rows = [f"| API | {' | '.join(clients)} |", f"|---|{'---|' * len(clients)}"]
    for api in apis:
        cells = [str(VERSIONS[client].get(api, "")) for client in clients]
        rows.append(f"| {api} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"
