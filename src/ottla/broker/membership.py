"""This broker as a member of its cluster: the metadata log and its image, the lease, the controller, registration."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ottla.broker.standing import Standing
from ottla.common.clock import random_uuid
from ottla.common.errors import BrokerNotAvailable, KafkaError, NotController
from ottla.common.names import Uuid
from ottla.controller.machine import ControllerMachine
from ottla.controller.rules import ControllerRules
from ottla.controller.shell import ControllerShell
from ottla.metadata.delta import Delta
from ottla.metadata.effective import EffectiveConfigs
from ottla.metadata.follower import ImageFollower
from ottla.metadata.image import BROKER_CONFIG
from ottla.metadata.store import ControllerEpoch, Lease, MetadataStore, StoredCluster, StoreError
from ottla.protocol.messages.inter_broker import BrokerRegistrationRequest, BrokerRegistrationResponse

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.metadata.image import ClusterImage


class Feature(NamedTuple):
    """A feature that this software supports, and the level that a new cluster is finalised at."""

    name: str
    oldest: int
    newest: int
    level: int


FEATURES = (
    Feature("group.version", 0, 1, 1),
    Feature("metadata.version", 7, 30, 30),
    Feature("transaction.version", 0, 2, 2),
)
"""Only what works is listed (KIP-584)."""
KRAFT_VERSION = ("kraft.version", (0, 0))
"""The controller knows it, at the level of a quorum whose voters are fixed; it is not announced."""


class Features(NamedTuple):
    """What ApiVersions tells of features. `epoch` is the metadata offset at which `finalized` was read."""

    supported: tuple[Feature, ...]
    finalized: tuple[tuple[str, int], ...]
    epoch: int


_PLAINTEXT = 0


class StartError(Exception):
    """The broker cannot start; the text says why and what to do, for the person who started it."""


class Membership:
    """Joins, stays and leaves. The image never becomes another object."""

    def __init__(self, node: Node, store: MetadataStore | None) -> None:
        self._node = node
        self._store = store
        self.cluster_id = ""
        self.broker_epoch = -1
        self.incarnation = Uuid(random_uuid(node.random))
        self._lease: Lease | None = None
        self._follower: ImageFollower | None = None
        self._controller: ControllerShell | None = None
        self._configs: EffectiveConfigs | None = None
        self.removed_topics: dict[bytes, None] = {}
        """Ids of topics whose removal is in the part of the metadata log that this process has replayed."""
        self._leaving = False
        self.standing = Standing(node, self)

    @property
    def image(self) -> ClusterImage:
        assert self._follower is not None
        return self._follower.image

    @property
    def configs(self) -> EffectiveConfigs:
        assert self._configs is not None
        return self._configs

    @property
    def controller(self) -> ControllerShell:
        assert self._controller is not None
        return self._controller

    @property
    def leads(self) -> bool:
        """This broker is the controller."""
        return self._controller is not None and self._controller.active

    async def campaign(self) -> bool:
        """Raises StoreError."""
        return await self.controller.campaign()

    def _on_reign(self, epoch: ControllerEpoch | None) -> None:
        if epoch is None and not self._leaving:
            self.standing.lost_control()

    async def renew(self) -> bool:
        """False: the lease is lost. Raises StoreError."""
        return self._lease is None or await self._lease.renew()

    async def lease_again(self) -> bool:
        """Raises StoreError. Where another process holds the lease now, this one ends."""
        node = self._node
        assert self._store is not None
        lease = await self._store.lease(node.node_id, self.incarnation, node.settings.broker_session_timeout_ms)
        if lease is None:
            node.end(f"another broker with node.id={node.node_id} is running on this cluster; stop one of them")
            return True
        self._lease = lease
        return True

    async def register_again(self) -> bool:
        """Raises KafkaError where the controller cannot take it now."""
        try:
            await self.register()
        except StartError as error:
            raise BrokerNotAvailable(str(error)) from error
        return True

    def controller_id(self) -> int:
        return self._node.node_id if self._controller is not None and self._controller.active else -1

    @property
    def volatile(self) -> bool:
        """The store is one in memory that knows nothing yet."""
        return self._store is None and self._node.settings.ottla_metadata_store == "memory"

    async def peek(self) -> StoredCluster | None:
        """What the store holds before anything is opened. Raises StartError."""
        self._store = self._store or self._configured_store()
        try:
            return await self._store.peek()
        except StoreError as error:
            raise StartError(str(error)) from error

    async def join(self, cluster_id: str) -> None:
        """Opens the store, takes the lease, loads the image, and becomes the controller if there is none."""
        node = self._node
        store = self._store = self._store or self._configured_store()
        try:
            await store.open(cluster_id)
        except StoreError as error:
            raise StartError(str(error)) from error
        self.cluster_id = cluster_id
        self._lease = await store.lease(node.node_id, self.incarnation, node.settings.broker_session_timeout_ms)
        if self._lease is None:
            raise StartError(f"another broker with node.id={node.node_id} is running on this cluster")
        self._follower = ImageFollower(store)
        self._follower.listen(self._note_removed)
        await self._load_image(self._follower)
        self._configs = EffectiveConfigs(
            self._follower.image, node.node_id, type(node.settings).definitions, node.settings.texts
        )
        rules = ControllerRules(
            configs=self._configs,
            checks=node.settings.config_checks(self._follower.image),
            default_partitions=node.settings.num_partitions,
            default_replication_factor=node.settings.default_replication_factor,
            delete_topics=node.settings.delete_topic_enable,
            cluster_id=cluster_id,
            broker=node.node_id,
            features={one.name: (one.oldest, one.newest) for one in FEATURES} | dict([KRAFT_VERSION]),
        )
        self._controller = ControllerShell(
            node.node_id,
            self.incarnation,
            store,
            self._follower,
            ControllerMachine(self._follower.image, rules, node.random),
            node.random,
            node.log,
            {one.name: one.level for one in FEATURES},
            self._on_reign,
        )
        if not await self._controller.campaign():
            raise StartError("the cluster has a controller in another process; joining it is not supported yet")

    async def _load_image(self, follower: ImageFollower) -> None:
        """Bytes that came from a disk may be anything: what cannot be read is the file's fault and not a defect."""
        try:
            await follower.load()
        except (StoreError, OSError):
            raise
        except Exception as error:
            raise StoreError(
                f"the metadata cannot be read: {error!r}. It was left as it is; put back a copy"
            ) from error

    def _configured_store(self) -> MetadataStore:
        settings = self._node.settings
        if settings.ottla_metadata_store == "memory":
            from ottla.metadata.stores.memory import MemoryStore

            return MemoryStore(self._node.clock)
        from ottla.metadata.stores.sqlite import SqliteStore

        return SqliteStore(settings.ottla_metadata_folder or settings.directories[0], self._node.clock)

    def features(self) -> Features:
        known = {one.name for one in FEATURES}
        finalized = tuple((name, level) for name, level in self.image.features.items() if name in known)
        return Features(FEATURES, finalized, self.image.end_offset - 1)

    def follow(self, apply: Callable[[Delta], None]) -> None:
        """Applies the whole image once, then every change."""
        assert self._follower is not None
        everything = Delta()
        for topic in self.image.topics.values():
            for index in topic.partitions:
                everything.changed_partition(topic, index)
        self._node.settings.adopt(self.configs.broker_texts())
        apply(everything)
        self._follower.listen(self._on_delta)
        self._follower.listen(apply)

    def _note_removed(self, delta: Delta) -> None:
        for topic_id in delta.deleted_topics:
            self.removed_topics[topic_id] = None

    def listen(self, apply: Callable[[Delta], None]) -> None:
        """Calls with every change from now on."""
        assert self._follower is not None
        self._follower.listen(apply)

    def _on_delta(self, delta: Delta) -> None:
        if self.broker_epoch >= 0 and self._node.node_id not in self.image.brokers:
            self.standing.lost_registration()
        if delta.changed_configs:
            self.configs.forget()
        if any(kind == BROKER_CONFIG for kind, _ in delta.changed_configs):
            self._node.settings.adopt(self.configs.broker_texts())

    async def register(self) -> None:
        """Makes this broker known to the cluster, with the addresses that its listeners have now."""
        node = self._node
        request = BrokerRegistrationRequest(
            broker_id=node.node_id,
            cluster_id=self.cluster_id,
            incarnation_id=self.incarnation,
            listeners=[
                BrokerRegistrationRequest.Listener(
                    name=one.name, host=one.advertised.host, port=one.advertised.port, security_protocol=_PLAINTEXT
                )
                for one in node.listeners
            ],
            features=[
                BrokerRegistrationRequest.Feature(
                    name=one.name, min_supported_version=one.oldest, max_supported_version=one.newest
                )
                for one in FEATURES
            ],
            rack=node.settings.broker_rack,
            log_dirs=[Uuid(directory.directory_id) for directory in node.directories if not directory.offline],
        )
        try:
            answer: BrokerRegistrationResponse = await node.peers.send(node.node_id, request)
        except KafkaError as error:
            raise StartError(f"the controller refused this broker: {error.message}") from error
        if answer.error_code == NotController.code:
            raise StartError(
                "the metadata store did not take the registration of this broker: the lines before this one say why. "
                "Put it right (a full disk is the usual cause), and start again"
            )
        if answer.error_code:
            raise StartError(f"the controller refused this broker: error {answer.error_code}")
        self.broker_epoch = answer.broker_epoch

    async def leave(self) -> None:
        """Gives up what it is. A store that fails now is left as it is: the next start takes all of it again."""
        self._leaving = True
        self.standing.stop()
        try:
            if self._controller is not None and self._controller.active:
                await self._controller.resign()
            if self._lease is not None:
                await self._lease.release()
                self._lease = None
        except StoreError as error:
            self._node.log.warn("metadata.store_failed", wanted="leave", error=str(error))
        finally:
            if self._store is not None:
                await self._store.close()
