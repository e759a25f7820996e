"""What became of names that this broker does not know: of older Kafkas, of other programs, or mistyped."""

from __future__ import annotations

from collections.abc import Iterable

from ottla.common.settings import nearest_name
from ottla.storage.settings import TopicSettings

_ZOOKEEPER = "Kafka 4 and Ottla have no ZooKeeper; remove the line"
_LISTENERS = "listeners=PLAINTEXT://HOST:PORT says it since Kafka 3"
_ADVERTISED = "advertised.listeners=PLAINTEXT://HOST:PORT says it since Kafka 3"
_FORMAT = "there is one record format since Kafka 4; remove the line"
_QUOTA = "quotas are set for users and clients since Kafka 3, and are not enforced here yet; remove the line"
_COMMITS = "offset commits wait for all in-sync replicas since Kafka 4; remove the line"
_GONE = "it was removed from Kafka; remove the line"
_PASSWORDS = "passwords are no longer encoded in ZooKeeper; remove the line"

_REMOVED = {
    "port": _LISTENERS,
    "host.name": _LISTENERS,
    "advertised.port": _ADVERTISED,
    "advertised.host.name": _ADVERTISED,
    "control.plane.listener.name": "controller.listener.names has taken its place; remove the line",
    "broker.id.generation.enable": "node.id says who a broker is; remove the line",
    "reserved.broker.max.id": "node.id says who a broker is; remove the line",
    "inter.broker.protocol.version": "metadata.version, a feature of the cluster, has taken its place; remove the line",
    "log.message.format.version": _FORMAT,
    "message.format.version": _FORMAT,
    "log.message.downconversion.enable": _FORMAT,
    "log.message.timestamp.difference.max.ms": (
        "log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms have taken its place"
    ),
    "delegation.token.master.key": "delegation.token.secret.key has taken its place, and is not supported yet",
    "quota.producer.default": _QUOTA,
    "quota.consumer.default": _QUOTA,
    "offsets.commit.required.acks": _COMMITS,
    "offsets.topic.retention.minutes": "offsets.retention.minutes says it",
    "group.coordinator.new.enable": "there is one group coordinator since Kafka 4; remove the line",
    "auto.include.jmx.reporter": "there is no JMX without a JVM; ottla.http.listener serves /metrics; remove the line",
    "leader.imbalance.per.broker.percentage": "any imbalance is mended since Kafka 4; remove the line",
    "controlled.shutdown.max.retries": _GONE,
    "controlled.shutdown.retry.backoff.ms": _GONE,
    "log.cleaner.min.cleanable.dirty.ratio": "log.cleaner.min.cleanable.ratio says it",
    "log.delete.delay.ms": "log.segment.delete.delay.ms says it",
    "log.roll.minutes": "log.roll.ms or log.roll.hours says it",
    "log.retention.size": "log.retention.bytes says it",
    "zookeeper.metadata.migration.enable": _ZOOKEEPER,
    "metadata.migration.enable": _ZOOKEEPER,
    "enable.zookeeper": _ZOOKEEPER,
}
_PREFIXES = {
    "zookeeper.": _ZOOKEEPER,
    "password.encoder.": _PASSWORDS,
    "config.providers.": "config providers are not supported; write the values into the file, and remove the line",
    "confluent.": "it belongs to Confluent's server; remove the line",
    "metrics.jmx.": "there is no JMX without a JVM; remove the line",
    "schema.registry.": "it belongs to a schema registry; remove the line",
    "plugin.": "it belongs to Kafka Connect; remove the line",
    "producer.": "it belongs to a producer, not to a broker; remove the line",
    "consumer.": "it belongs to a consumer, not to a broker; remove the line",
}
_CLIENTS = frozenset(
    (
        "acks", "auto.offset.reset", "batch.size", "bootstrap.servers", "buffer.memory", "client.id",
        "enable.auto.commit", "enable.idempotence", "group.id", "isolation.level", "key.deserializer",
        "key.serializer", "linger.ms", "max.poll.interval.ms", "max.poll.records", "retries", "sasl.mechanism",
        "security.protocol", "session.timeout.ms", "value.deserializer", "value.serializer",
    )
)  # fmt: skip


def unknown_setting(name: str, known: Iterable[str]) -> str:
    """The sentence that refuses an unknown name: what became of it, whose it is, or the nearest known name."""
    start = f'unknown broker setting "{name}"'
    said = _REMOVED.get(name) or next((what for prefix, what in _PREFIXES.items() if name.startswith(prefix)), None)
    if said is not None:
        return f"{start}: {said}"
    topic = TopicSettings.definitions.get(name)
    if topic is not None:
        where = f"; the default of all topics is {topic.synonyms[0]}" if topic.synonyms else ""
        return f"{start}: it is a setting of topics{where}"
    if name in _CLIENTS:
        return f"{start}: it belongs to clients, not to a broker; remove the line"
    nearest = nearest_name(name, known)
    if nearest is not None:
        return f'{start}; did you mean "{nearest}"?'
    plain = name.lower().replace("_", ".").removeprefix("kafka.")
    nearest = nearest_name(plain, known)
    return f'{start}; did you mean "{nearest}"?' if nearest is not None else start
