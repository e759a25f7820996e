"""Dynamic broker settings take effect while the broker runs, and after it was started again."""

from __future__ import annotations

from ottla.broker.node import Node
from ottla.client.connection import open_connection
from ottla.protocol.messages.configs import IncrementalAlterConfigsRequest
from ottla.testing.cluster import PORT, SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.unit.broker.handlers.support import Asking

BROKER, SET, DELETE = 4, 0, 1


async def alter(asking: Asking, broker: str, name: str, value: str | None) -> None:
    config = IncrementalAlterConfigsRequest.AlterableConfig(
        name=name, config_operation=DELETE if value is None else SET, value=value
    )
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
        resource_type=BROKER, resource_name=broker, configs=[config]
    )
    answer = await asking.ask(IncrementalAlterConfigsRequest(resources=[resource]), 1)
    assert answer.responses[0].error_code == 0, answer


def test_a_brokers_own_value_is_stronger_than_the_clusters_and_both_than_the_file() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {"max.connections.per.ip": "100"})
        node = await cluster.start()
        asking = Asking(node, await open_connection("broker-1", PORT))

        def limit(of: Node = node) -> int:
            return of.settings.max_connections_per_ip

        assert limit() == 100
        await alter(asking, "", "max.connections.per.ip", "50")
        assert limit() == 50
        await alter(asking, "1", "max.connections.per.ip", "20")
        assert limit() == 20
        asking.connection.close()
        await cluster.stop()
        again = await cluster.start()
        assert limit(again) == 20
        asking = Asking(again, await open_connection("broker-1", PORT))
        await alter(asking, "1", "max.connections.per.ip", None)
        assert limit(again) == 50
        await alter(asking, "", "max.connections.per.ip", None)
        assert limit(again) == 100
        asking.connection.close()

    run_simulation(1, main)
