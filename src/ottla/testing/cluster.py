"""`SimCluster`: real brokers on simulated machines, and clients beside them.

Each broker runs unchanged as the program of its own machine, reachable as `broker-<id>:9092`. The metadata log is in
memory and outlives the brokers. Clients run on the host of the test (`localhost`) unless given another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ottla.client.bootstrap import Address
from ottla.client.cluster import Cluster
from ottla.client.connection import ConnectionOptions
from ottla.testing.files import CrashMode
from ottla.testing.machine import SimMachine
from ottla.testing.simulation import Simulation

if TYPE_CHECKING:
    from ottla.broker.measures.process import Process
    from ottla.broker.node import Node
    from ottla.metadata.stores.memory import Faults

PORT = 9092
DATA = "/data"
SETTINGS = {
    "process.roles": "broker,controller",
    "log.dirs": DATA,
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
}
"""What differs from Kafka's defaults, so that one broker is enough."""


class SimCluster:
    """See the module's text.

    machines: by broker id. nodes: the brokers that run. settings: for all brokers, over `SETTINGS`.
    log: what the brokers logged, a line each, prefixed with the host.
    process: what brokers take for the process that runs them, if they are to have one.
    metadata_faults: of the metadata stores of brokers that start from now on.
    """

    def __init__(
        self, simulation: Simulation, settings: Mapping[str, str] | None = None, process: Process | None = None
    ) -> None:
        from ottla.metadata.stores.memory import MemoryLog

        self.simulation = simulation
        self.settings = {**SETTINGS, **(settings or {})}
        self.machines: dict[int, SimMachine] = {}
        self.nodes: dict[int, Node] = {}
        self.metadata = MemoryLog()
        self.metadata_faults: Faults | None = None
        self.log: list[str] = []
        self._process = process
        self._clients = 0

    async def start(self, broker: int = 1) -> Node:
        """Starts a broker, on a new machine or on the one that it had before; it answers when this returns.

        Raises what the broker's start raises.
        """
        machine = self.machines.get(broker)
        if machine is None:
            machine = self.machines[broker] = SimMachine(self.simulation, f"broker-{broker}")
        machine.restore_power()
        node: Node = await machine.start(lambda machine: self._run(machine, broker))
        self.nodes[broker] = node
        return node

    async def _run(self, machine: SimMachine, broker: int) -> Node:
        """The broker's program; what it leaves running belongs to the machine's process."""
        from ottla.broker.node import Node
        from ottla.broker.settings import BrokerSettings
        from ottla.common.log import Log
        from ottla.metadata.stores.memory import MemoryStore

        own = {
            "node.id": str(broker),
            "listeners": f"PLAINTEXT://0.0.0.0:{PORT}",
            "advertised.listeners": f"PLAINTEXT://{machine.host}:{PORT}",
        }
        node = Node(
            BrokerSettings.load({**own, **self.settings}),
            loop=self.simulation.loop,
            files=machine.files,
            clock=machine.clock,
            random=machine.random,
            offload=machine.offload,
            log=Log(machine.clock, lambda line: self.log.append(f"{machine.host} {line.rstrip()}")),
            store=MemoryStore(machine.clock, self.metadata, self.metadata_faults),
            process=self._process,
        )
        await node.start()
        return node

    async def stop(self, broker: int = 1) -> None:
        """A clean shutdown: everything is written, and the program ends."""
        node = self.nodes.pop(broker)
        machine = self.machines[broker]
        assert machine.process is not None, f"broker {broker} does not run"
        await machine.process.run(self.simulation.loop.create_task, node.stop())
        machine.kill()

    def kill(self, broker: int = 1) -> None:
        """As `kill -9`. Its lease is given up at once, as a file lock would show."""
        self._forget(broker)
        self.machines[broker].kill()

    def cut_power(self, broker: int = 1, mode: CrashMode = CrashMode.SCATTERED) -> None:
        """The machine is off until `start`; what was not fsynced may be lost."""
        self._forget(broker)
        self.machines[broker].cut_power(mode)

    def _forget(self, broker: int) -> None:
        self.nodes.pop(broker, None)
        self.metadata.leases.pop(broker, None)

    def client(self, options: ConnectionOptions | None = None, *, timeout_ms: int = 60_000) -> Cluster:
        """A client that begins at every broker made so far. Close it at the end."""
        addresses = [Address(machine.host, PORT) for machine in self.machines.values()]
        self._clients += 1
        random = self.simulation.random.fork(f"client-{self._clients}", traced=False)
        return Cluster(addresses, random, options, timeout_ms=timeout_ms)
