"""The composition root of one broker: makes its parts, starts them in order, stops them without losing anything."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import ottla
from ottla.broker import gauges
from ottla.broker.addresses import addresses_of
from ottla.broker.apis import ROWS, TELEMETRY_ROWS
from ottla.broker.cleaning import Cleaning
from ottla.broker.crowd import Crowd, Resolve, no_names
from ottla.broker.descriptors import share
from ottla.broker.directories import Directories
from ottla.broker.elements import Elements
from ottla.broker.fetch_sessions import FetchSessions
from ottla.broker.groups import Groups
from ottla.broker.hosting import Hosting
from ottla.broker.housekeeping import Housekeeping
from ottla.broker.http import Http, HttpLimits, Unhealthy
from ottla.broker.intake import Budget
from ottla.broker.listeners import Listener, receive_buffer
from ottla.broker.measures.latency import Latencies
from ottla.broker.measures.page import MetricsPage
from ottla.broker.measures.traffic import Traffics
from ottla.broker.membership import Membership, StartError
from ottla.broker.memory import Memory
from ottla.broker.moves import Moves
from ottla.broker.opening import Opening
from ottla.broker.peers import Peers
from ottla.broker.producer_ids import ProducerIds
from ottla.broker.producer_limit import ProducerLimit
from ottla.broker.replicas import Replicas
from ottla.broker.router import Router
from ottla.broker.session import Session
from ottla.broker.setting_forms import http_address
from ottla.broker.stalled import Stalled
from ottla.broker.syncing import Syncing
from ottla.broker.transactions import Transactions
from ottla.broker.turns import Openings, Turns
from ottla.broker.unsent import Unsent
from ottla.broker.verification import Verification
from ottla.broker.waits import give_way
from ottla.broker.wall import Wall
from ottla.common.clock import SteadyClock
from ottla.common.errors import KafkaError, KafkaStorageError
from ottla.common.metrics import Registry
from ottla.metadata.store import StoreError
from ottla.security.authorizer import AllowAll, Authorizer
from ottla.security.principal import ANONYMOUS

if TYPE_CHECKING:
    from ottla.broker.measures.process import Process
    from ottla.broker.settings import BrokerSettings
    from ottla.broker.telemetry import Telemetry
    from ottla.common.clock import Clock, Random
    from ottla.common.log import Log
    from ottla.controller.shell import ControllerShell
    from ottla.metadata.image import ClusterImage
    from ottla.metadata.parts import PartitionImage
    from ottla.metadata.store import MetadataStore
    from ottla.storage.directory import LogDirectory
    from ottla.storage.files import Files, Offload
    from ottla.storage.settings import TopicSettings

DRAIN_TIMEOUT_S = 10.0
_UNLIMITED = 1 << 32
_SLICE_S = 0.004

__all__ = ["Node", "NodeEndpoint", "StartError"]


class NodeEndpoint(NamedTuple):
    """A broker as clients of one listener reach it."""

    node_id: int
    host: str
    port: int
    rack: str | None


class Node:
    """One broker. Everything outside it comes in as a port, so that the simulator can run it unchanged.

    `store` None: the one that ottla.metadata.store names. `host_name`: what clients are told of a listener that has
    no host of its own.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        loop: asyncio.AbstractEventLoop,
        files: Files,
        clock: Clock,
        random: Random,
        offload: Offload,
        log: Log,
        store: MetadataStore | None = None,
        authorizer: Authorizer | None = None,
        host_name: str = "localhost",
        descriptors: int | None = None,
        process: Process | None = None,
        resolve: Resolve = no_names,
    ) -> None:
        """`descriptors`: how many the process may have, if there is a limit. `process`: the one that runs this.

        `resolve` looks up host names in settings. Raises InvalidConfig for one that has no address.
        """
        self.settings = settings
        self.node_id: int = settings.node_id
        self.loop = loop
        self.files = files
        self.clock = clock
        self.steady = SteadyClock(clock)
        """For durations: it never jumps."""
        self.random = random
        self.offload = offload
        self.log = log
        self.metrics = Registry()
        self.latencies = Latencies()
        self.traffics = Traffics(settings.ottla_metrics_max_rows)
        self.authorizer: Authorizer = authorizer or AllowAll()
        self.allows_everything = isinstance(self.authorizer, AllowAll)
        self.fetch_max_bytes = settings.fetch_max_bytes
        self.receive_buffer = receive_buffer()
        self.budget = Budget(settings.received_bytes_limit)
        self.stalled = Stalled(self.budget, lambda: (one for each in self.listeners for one in each.connections))
        self.unsent = Unsent(settings.ottla_max_unsent_bytes)
        self.turns = Turns(loop)
        self.elements = Elements(settings.ottla_max_request_elements, self.turns)
        self.openings = Openings(loop, self.turns, offload)
        self.replicas = Replicas()
        self.fetch_sessions = FetchSessions(
            random,
            settings.max_incremental_fetch_session_cache_slots,
            settings.ottla_max_fetch_session_partitions,
        )
        self.directories: list[LogDirectory] = []
        self.listeners = [Listener(bind, advertised) for bind, advertised in addresses_of(settings, host_name)]
        self.descriptors = share(descriptors or _UNLIMITED, settings.ottla_max_open_files)
        self.wall = Wall(clock, log, self.metrics, settings.log_retention_check_interval_ms)
        self.crowd = Crowd(settings, self.descriptors, resolve)
        self.router = Router(self)
        self.peers = Peers(self, Session(Listener.internal_one(), ANONYMOUS, "local"))
        self.disks = Directories(self)
        self.syncing = Syncing(self)
        self.hosting = Hosting(self)
        self.groups = Groups(self)
        self.transactions = Transactions(self)
        self.verification = Verification(self)
        self.producer_ids = ProducerIds(self)
        self.producer_limit = ProducerLimit(self)
        self.membership = Membership(self, store)
        self.cleaning = Cleaning(self)
        self.moves = Moves(self)
        self.memory = Memory(self)
        self.housekeeping = Housekeeping(self)
        self.telemetry = self._telemetry(settings.ottla_client_metrics_topic)
        left_out = () if self.telemetry is not None else TELEMETRY_ROWS
        self.apis = {key: row for key, row in ROWS.items() if row not in left_out}
        """The APIs that this broker serves, by key."""
        self.ended: asyncio.Future[str] = loop.create_future()
        """Why the broker cannot go on, once that is so."""
        self.http_limits = HttpLimits(loop)
        self._http: asyncio.AbstractServer | None = None
        self._started = False
        gauges.publish(self)
        self._metrics_page = MetricsPage(loop, self.turns, gauges.sources(self, process))

    def _telemetry(self, topic: str | None) -> Telemetry | None:
        if not topic:
            return None
        from ottla.broker.telemetry import Telemetry  # most brokers never need it

        return Telemetry(self, topic)

    # --- short cuts

    @property
    def image(self) -> ClusterImage:
        return self.membership.image

    @property
    def cluster_id(self) -> str:
        return self.membership.cluster_id

    @property
    def controller(self) -> ControllerShell:
        return self.membership.controller

    def controller_id(self) -> int:
        return self.membership.controller_id()

    def topic_settings(self, topic: str) -> TopicSettings:
        return self.membership.configs.topic(topic)

    def endpoints(self, listener: str) -> list[NodeEndpoint]:
        """The live brokers of the cluster, as clients of the listener of this name reach them."""
        found = []
        for broker in self.image.brokers.values():
            endpoint = broker.endpoint(listener)
            if not broker.fenced and endpoint is not None:
                found.append(NodeEndpoint(broker.id, endpoint.host, endpoint.port, broker.rack))
        return found

    def offline_replicas(self, state: PartitionImage) -> list[int]:
        brokers = self.image.brokers
        return [one for one in state.replicas if one not in brokers or brokers[one].fenced]

    def log_failure(self, event: str, error: BaseException) -> None:
        """A failure that should not happen, with its trace; the broker goes on."""
        trace = "".join(traceback.format_exception(error)).rstrip()
        self.log.error(event, error=repr(error), trace=trace)

    # --- life

    async def start(self) -> None:
        """Ready when it returns. Raises StartError, and OSError for what the operating system refuses."""
        volatile = self.membership.volatile
        open_files = max(self.descriptors.open_files // len(self.settings.directories), 1)
        opening = Opening(self.settings, self.files, self.random, self.clock, self.log, open_files)
        opened = opening.open(await self.membership.peek(), volatile=volatile)
        self._take(opened.directories)
        self.disks.watch()
        try:
            await self.membership.join(opened.cluster_id)
        except StoreError as error:
            raise StartError(str(error)) from error
        self.memory.begin(opened.lost)
        if self.memory.incomplete:
            self.hosting.note_missing()
        self.moves.restore()
        self.hosting.settle_folders()
        self.membership.follow(self.hosting.apply)  # coordinators load: all folders must be where they belong
        wrong = self.crowd.settle()
        if wrong is not None:
            self.log.error("config.not_in_force", error=wrong)
        if self.telemetry is not None:
            self.telemetry.load()
        self.membership.listen(self.groups.apply)
        await self._recover()
        for listener in self.listeners:
            await listener.bind_address(self, self.router, self.budget)
        await self.membership.register()
        for listener in self.listeners:
            await listener.start()
        await self._start_http()
        self.housekeeping.start()
        self.cleaning.start()
        self.moves.resume()
        await self.memory.write()
        self.membership.standing.start()
        self._started = True
        self._say_started()

    def _say_started(self) -> None:
        """The facts of this start that somebody asks for when it went wrong later."""
        for directory in self.directories:
            if not directory.offline:
                self.log.info("log_directory.opened", folder=directory.path, clean=directory.clean)
        self.log.info(
            "broker.started",
            version=ottla.__version__,
            node_id=self.node_id,
            cluster_id=self.cluster_id,
            listeners=",".join(f"{one.name}://{one.bind.text}" for one in self.listeners),
            advertised=",".join(one.advertised.text for one in self.listeners),
            directories=",".join(self.settings.directories),
            topics=len(self.image.topics),
        )

    def _take(self, directories: list[LogDirectory]) -> None:
        for directory in directories:
            directory.validate_records = self.settings.ottla_validate_records
            directory.producer_tally = self.producer_limit.tally
            directory.on_repair = self.hosting.opening.mended
        self.directories = directories

    async def _recover(self) -> None:
        """After a crash every log that may have a torn tail is opened now, before a client can see it."""
        recovered = 0
        started = self.loop.time()
        for partition in self.replicas:
            directory = self.hosting.directory_of(partition.topic_partition)
            if directory is not None and not directory.clean and partition.leads:
                try:
                    partition.leader_log()
                except KafkaError:  # what is wrong with one partition is that partition's, and was told
                    continue
                recovered += 1
            if self.loop.time() - started > _SLICE_S:
                await give_way()
                started = self.loop.time()
        if recovered:
            self.log.info("logs.recovered", partitions=recovered)

    async def _start_http(self) -> None:
        address = http_address(self.settings)
        if address is None:
            return
        host, port = address
        pages = {"/metrics": self.metrics_page, "/health": self._health}
        self._http = await self.loop.create_server(lambda: Http(pages, self.http_limits, self.log_failure), host, port)

    async def metrics_page(self) -> bytes:
        """All metrics in Prometheus' text format, made in slices."""
        return await self._metrics_page.text()

    async def _health(self) -> bytes:
        if self.disks.problem is not None:
            raise Unhealthy(self.disks.problem)
        return b"ok\n"

    async def stop(self) -> None:
        """Finishes what is at work, writes what a clean start needs, and gives everything back. Idempotent."""
        self.housekeeping.stop()
        for listener in self.listeners:
            listener.stop_accepting()
        if self._http is not None:
            self._http.close()
        self.groups.stop()
        self.transactions.stop()
        for listener in self.listeners:
            listener.drain()
        deadline = self.loop.time() + DRAIN_TIMEOUT_S
        while any(listener.connections for listener in self.listeners) and self.loop.time() < deadline:
            await asyncio.sleep(0.005)
            for listener in self.listeners:
                listener.drain()
        for listener in self.listeners:
            listener.abort()
        await self.moves.stop()
        await self.cleaning.stop()
        for directory in self.usable_directories() if self._started else ():
            with suppress(KafkaStorageError):  # said; an older high watermark is only lower
                await self.disks.checkpoint_high_watermarks(directory)
        directories = self.directories
        if self._started:
            await self.memory.write()
        for directory in directories:
            if self._started:
                await self.disks.close(directory, self.membership.broker_epoch)
            else:
                directory.release()
        self.directories = []
        await self.membership.leave()
        self.log.info("broker.stopped", node_id=self.node_id)

    def usable_directories(self) -> list[LogDirectory]:
        return [directory for directory in self.directories if not directory.offline]

    def end(self, sentence: str) -> None:
        """Nothing is left to serve from: whoever runs this broker ends the process with this sentence."""
        if not self.ended.done():
            self.log.error("broker.ended", reason=sentence)
            self.ended.set_result(sentence)
