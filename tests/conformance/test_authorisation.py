"""Every API asks the authoriser, and answers a denial as Kafka's table says (behaviour of 4.3.1, observed)."""

from __future__ import annotations

import pytest

from ottla.broker.apis import CLIENT_ROWS, ROWS
from ottla.client.connection import Connection, open_connection
from ottla.client.operations import create_topic
from ottla.common.names import Uuid
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest
from ottla.testing.authorizers import DenyAll, DenyOnly, guard
from ottla.testing.cluster import PORT, SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.conformance.authorisation_cases import cases
from tests.conformance.authorisation_table import GROUP, TOPIC, Case, codes

NAMES = [case.what for case in cases(Uuid(bytes(16)))]


async def commit_something(connection: Connection) -> None:
    """So that the group exists and has an offset to hide."""
    await connection.send(FindCoordinatorRequest(coordinator_keys=[GROUP]), version=4)
    partition = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=0)
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(name=TOPIC, partitions=[partition])
    answer = await connection.send(OffsetCommitRequest(group_id=GROUP, topics=[topic]), version=9)
    assert not codes(answer)


async def prepared(cluster: SimCluster) -> tuple[list[Case], Connection]:
    """A running broker with a topic and a group, all cases for it, and a connection to it."""
    await cluster.start()
    async with cluster.client() as client:
        topic_id = await create_topic(client, TOPIC)
    connection = await open_connection("broker-1", PORT)
    await commit_something(connection)
    return cases(topic_id), connection


def test_every_advertised_api_is_in_the_table() -> None:
    covered = {case.key for case in cases(Uuid(bytes(16)))}
    assert covered == {row.key for row in CLIENT_ROWS}


def test_every_version_of_every_api_is_denied_as_kafka_denies_it() -> None:
    wrong: list[str] = []
    answered: list[tuple[int, int]] = []

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        table, connection = await prepared(cluster)
        guard(cluster.nodes[1], DenyAll())
        for case in table:
            row = ROWS[case.key]
            for version in range(max(row.oldest, case.oldest), row.newest + 1):
                answer = await connection.send(case.request(version), version=version)
                answered.append((case.key, version))
                found = codes(answer)
                if found != case.expected(version):
                    wrong.append(f"{case.what} v{version}: {found} instead of {case.expected(version)}")
                if case.shown(answer):
                    wrong.append(f"{case.what} v{version} shows {case.shown(answer)}")
        connection.close()

    run_simulation(1, main)
    assert not wrong, "\n".join(wrong)
    assert set(answered) >= {(row.key, version) for row in CLIENT_ROWS for version in range(row.oldest, row.newest + 1)}


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_the_first_denied_check_decides(number: int) -> None:
    """Each check denied alone, in the newest version; and nothing is denied when nothing is."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        table, connection = await prepared(cluster)
        case = table[number]
        version = ROWS[case.key].newest
        for denied, expected in case.denials:
            authorizer = DenyOnly(*denied)
            guard(cluster.nodes[1], authorizer)
            answer = await connection.send(case.request(version), version=version)
            assert [code for code in codes(answer) if code in DENIALS or code in expected] == expected, denied
            assert not case.shown(answer), f"{denied} hides nothing"
            if not authorizer.refused:
                assert not any(code in DENIALS for code in expected), f"{denied} was never asked for"
        connection.close()

    run_simulation(1, main)


DENIALS = (29, 30, 31, 53)
"""What only a denial is answered with; other errors may come of a request that is allowed."""
