"""Admin requests about the cluster itself: voters, features, moves between log directories."""

from __future__ import annotations

from typing import Any

import pytest

from ottla.common.errors import InvalidRequest, InvalidUpdateVersion, LogDirNotFound, UnsupportedVersion
from ottla.common.names import Uuid
from ottla.protocol.messages.features import UpdateFeaturesRequest
from ottla.protocol.messages.log_dirs import AlterReplicaLogDirsRequest
from ottla.protocol.messages.voters import AddRaftVoterRequest, RemoveRaftVoterRequest
from tests.unit.broker.handlers.support import Asking, on_broker

DIRECTORY = Uuid(b"0123456789abcdef")


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({}, UnsupportedVersion.code, "kraft.version feature is 0"),
        ({"voter_id": -1}, InvalidRequest.code, "didn't include a valid voter"),
        ({"voter_directory_id": Uuid(bytes(16))}, InvalidRequest.code, "didn't include a valid voter"),
        ({"listeners": []}, InvalidRequest.code, "the endpoint (Endpoints(endpoints={}))"),
        ({"listeners": ["OTHER"]}, InvalidRequest.code, "ListenerName(OTHER)=localhost/<unresolved>:9999"),
    ],
)
def test_a_voter_is_looked_at_before_it_is_refused(changes: dict[str, Any], code: int, text: str) -> None:
    fields: dict[str, Any] = {"voter_id": 2, "voter_directory_id": DIRECTORY, "listeners": ["PLAINTEXT"], **changes}
    fields["listeners"] = [
        AddRaftVoterRequest.Listener(name=name, host="localhost", port=9999) for name in fields["listeners"]
    ]

    async def scenario(broker: Asking) -> None:
        answer = await broker.ask(AddRaftVoterRequest(cluster_id=None, timeout_ms=1000, **fields), 1)
        assert answer.error_code == code
        assert text in answer.error_message

    on_broker(scenario)


@pytest.mark.parametrize(("voter", "code"), [(7, UnsupportedVersion.code), (-1, InvalidRequest.code)])
def test_a_voter_that_cannot_be_is_not_removed(voter: int, code: int) -> None:
    async def scenario(broker: Asking) -> None:
        request = RemoveRaftVoterRequest(cluster_id=None, voter_id=voter, voter_directory_id=DIRECTORY)
        assert (await broker.ask(request, 0)).error_code == code

    on_broker(scenario)


def test_the_oldest_version_cannot_lower_a_level() -> None:
    """Its flag counts for nothing in Kafka either; a request that has it is answered all the same."""

    async def scenario(broker: Asking) -> None:
        update = UpdateFeaturesRequest.FeatureUpdateKey(
            feature="transaction.version", max_version_level=1, allow_downgrade=True
        )
        answer = await broker.ask(UpdateFeaturesRequest(feature_updates=[update]), 0)
        assert answer.error_code == InvalidUpdateVersion.code
        assert "without setting the upgrade type" in answer.error_message

    on_broker(scenario)


def test_the_directory_is_looked_for_before_the_partition() -> None:
    async def scenario(broker: Asking) -> None:
        topics = [
            AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name="nosuch", partitions=[0]),
            AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name="empty", partitions=[]),
        ]
        wanted = [AlterReplicaLogDirsRequest.AlterReplicaLogDir(path="/no/such", topics=topics)]
        answer = await broker.ask(AlterReplicaLogDirsRequest(dirs=wanted), 2)
        assert [topic.topic_name for topic in answer.results] == ["nosuch"]  # none that names no partition
        assert answer.results[0].partitions[0].error_code == LogDirNotFound.code

    on_broker(scenario)
