"""The receiver of client metrics: every push becomes a record of a topic, for whoever wants to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.client_metrics import INSTANCES_MAX, ClientMetrics
from ottla.common.errors import InvalidRecord, KafkaError, TopicAlreadyExists, error_for
from ottla.common.names import coordinator_partition
from ottla.metadata.image import CLIENT_METRICS_CONFIG
from ottla.protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.produce import ProduceRequest, ProduceResponse
from ottla.records.record import BatchBuilder

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.metadata.delta import Delta

_TIMEOUT_MS = 30_000
_BY_NAME = 12

Headers = list[tuple[str, bytes | None]]


class Telemetry:
    """Exists where `ottla.client.metrics.topic` names a topic; only then are the two APIs advertised.

    A record: key the client instance id as text, value the metrics as pushed (OTLP, compressed as the header
    `compression.type` says), headers that tell of the client.
    """

    def __init__(self, node: Node, topic: str) -> None:
        self._node = node
        self.topic = topic
        self.clients = ClientMetrics(node.settings.telemetry_max_bytes)
        count, gauge = node.metrics.counter, node.metrics.gauge
        self.pushes = count("ottla_client_metrics_pushes_total", "Pushes of client metrics that were taken")
        self.pushed_bytes = count("ottla_client_metrics_bytes_total", "Bytes of client metrics that were taken")
        self.failures = count(
            "ottla_client_metrics_export_failures_total", "Pushes of client metrics that could not be written"
        )
        gauge("ottla_client_metrics_clients", "Clients that push or may push", lambda: len(self.clients.instances))
        gauge("ottla_client_metrics_clients_limit", "Most clients that push or may push", lambda: INSTANCES_MAX)

    def load(self) -> None:
        """All subscriptions that there are."""
        for (kind, name), texts in self._node.image.configs.items():
            if kind == CLIENT_METRICS_CONFIG:
                self.clients.subscribe(name, texts)

    def apply(self, delta: Delta) -> None:
        for kind, name in delta.changed_configs:
            if kind == CLIENT_METRICS_CONFIG:
                self.clients.subscribe(name, self._node.image.config(kind, name))

    async def export(self, key: str, metrics: bytes, headers: Headers) -> None:
        """Raises InvalidRecord where the metrics could not be written, as Kafka answers for a failed plug-in."""
        try:
            if self.topic not in self._node.image.topics:
                await self._create()
            await self._produce(key, metrics, headers)
        except KafkaError as error:
            self.failures.value += 1
            self._node.log_failure("client_metrics.export_failed", error)
            raise InvalidRecord("the metrics could not be exported") from error
        self.pushes.value += 1
        self.pushed_bytes.value += len(metrics)

    async def _create(self) -> None:
        wanted = CreateTopicsRequest.CreatableTopic(name=self.topic, num_partitions=-1, replication_factor=-1)
        request = CreateTopicsRequest(topics=[wanted], timeout_ms=_TIMEOUT_MS)
        answer: CreateTopicsResponse = await self._node.peers.forward_as_broker(request)
        result = answer.topics[0]
        if result.error_code not in (0, TopicAlreadyExists.code):
            raise error_for(result.error_code, result.error_message)

    async def _produce(self, key: str, metrics: bytes, headers: Headers) -> None:
        node = self._node
        partitions = node.image.topics[self.topic].partitions
        index = coordinator_partition(key, len(partitions))
        builder = BatchBuilder()
        builder.append(node.clock.now_ms(), key.encode(), metrics, headers)
        data = ProduceRequest.PartitionProduceData(index=index, records=builder.build())
        topic = ProduceRequest.TopicProduceData(name=self.topic, partition_data=[data])
        request = ProduceRequest(acks=1, timeout_ms=_TIMEOUT_MS, topic_data=[topic])
        answer: ProduceResponse = await node.peers.send(partitions[index].leader, request, _BY_NAME)
        appended = answer.responses[0].partition_responses[0]
        if appended.error_code:
            raise error_for(appended.error_code, appended.error_message)
