"""ApiVersions tells exactly what has a handler, and what is told has Kafka 4.3.1's own range of versions."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

from ottla.broker.apis import (
    CLIENT_ROWS,
    INTER_BROKER_ROWS,
    PRODUCE,
    PRODUCE_ADVERTISED_FROM,
    ROWS,
    TELEMETRY_ROWS,
    Row,
    handler_of,
)
from ottla.client.connection import open_connection
from ottla.common.errors import NetworkException
from ottla.protocol.api import APIS, BY_NAME
from ottla.protocol.messages.api_versions import ApiVersionsResponse
from ottla.protocol.messages.inter_broker import BrokerHeartbeatRequest
from ottla.testing.cluster import PORT, SimCluster
from ottla.testing.simulation import Simulation, run_simulation

NOT_YET = (
    "AlterShareGroupOffsets", "DeleteShareGroupOffsets", "DeleteShareGroupState",
    "DescribeShareGroupOffsets", "InitializeShareGroupState",
    "ReadShareGroupState", "ReadShareGroupStateSummary", "ShareAcknowledge", "ShareFetch",
    "ShareGroupDescribe", "ShareGroupHeartbeat", "StreamsGroupDescribe", "StreamsGroupHeartbeat",
    "WriteShareGroupState",
)  # fmt: skip
"""What Kafka 4.3.1 advertises to clients and this broker does not serve: a handler removes its name from here."""


def test_a_running_broker_lists_the_table_and_nothing_else() -> None:
    async def main(simulation: Simulation) -> list[ApiVersionsResponse.ApiVersion]:
        await SimCluster(simulation).start()
        connection = await open_connection("broker-1", PORT)
        listed = [
            ApiVersionsResponse.ApiVersion(api_key=key, min_version=oldest, max_version=newest)
            for key, (oldest, newest) in connection.versions.items()
        ]
        connection.close()
        return listed

    listed = run_simulation(1, main).value
    assert {one.api_key: (one.min_version, one.max_version) for one in listed} == {
        row.key: (PRODUCE_ADVERTISED_FROM if row.key == PRODUCE else row.oldest, row.newest) for row in CLIENT_ROWS
    }
    assert [one.api_key for one in listed] == sorted(one.api_key for one in listed)


def test_every_row_has_the_whole_range_of_kafka() -> None:
    for row in CLIENT_ROWS:
        advertised = APIS[row.key].advertised
        assert advertised is not None, f"{APIS[row.key].name} is not for clients"
        oldest = PRODUCE_ADVERTISED_FROM if row.key == PRODUCE else row.oldest
        assert (oldest, row.newest) == advertised, APIS[row.key].name
    for row in INTER_BROKER_ROWS:
        assert (row.oldest, row.newest) == APIS[row.key].versions, APIS[row.key].name


def test_what_is_not_served_is_known() -> None:
    missing = {api.name for api in APIS.values() if api.advertised is not None and api.key not in ROWS}
    assert missing == set(NOT_YET)
    assert all(name in BY_NAME for name in NOT_YET)


@pytest.mark.parametrize("row", ROWS.values(), ids=[APIS[key].name for key in ROWS])
def test_every_row_names_a_handler_of_its_messages(row: Row) -> None:
    module, _, name = handler_of(row).partition(":")
    handler = getattr(import_module(module), name)
    assert inspect.iscoroutinefunction(handler)
    annotations = inspect.get_annotations(handler)
    assert annotations["request"] == f"{APIS[row.key].name}Request"
    assert f"{APIS[row.key].name}Response" in annotations["return"]


def test_inter_broker_requests_are_not_for_clients() -> None:
    """Kafka closes the connection of who asks for what its listener does not serve."""

    async def main(simulation: Simulation) -> None:
        await SimCluster(simulation).start()
        connection = await open_connection("broker-1", PORT)
        with pytest.raises(NetworkException):
            await connection.send(BrokerHeartbeatRequest(broker_id=1, broker_epoch=0), version=0)

    run_simulation(1, main)


def test_keys_are_unique() -> None:
    assert len(ROWS) == len(CLIENT_ROWS) + len(TELEMETRY_ROWS) + len(INTER_BROKER_ROWS)
