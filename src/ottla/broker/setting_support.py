"""What becomes of each broker setting here: it works, it is harmless without effect, or some values are refused.

Every known name stands in exactly one of the three tables. `tests/unit/broker/test_setting_support.py` compares them
with what the code really reads; `docs/settings.md` is made from them.
"""

from __future__ import annotations

from typing import NamedTuple

from ottla.broker.refusals import REFUSALS

WORKING, HARMLESS, REFUSED = "works", "harmless", "refused"


class Support(NamedTuple):
    """`kind` is one of the three; `reason` says why a setting without effect does no harm, or what is refused."""

    kind: str
    reason: str


_WORKS = """
    advertised.listeners connections.max.idle.ms fetch.max.bytes inter.broker.listener.name
    listener.security.protocol.map listeners max.connections max.connections.per.ip max.connections.per.ip.overrides
    max.incremental.fetch.session.cache.slots max.request.partition.size.limit queued.max.request.bytes
    socket.listen.backlog.size socket.request.max.bytes telemetry.max.bytes

    auto.create.topics.enable compression.gzip.level compression.lz4.level compression.type compression.zstd.level
    default.replication.factor delete.topic.enable log.cleaner.backoff.ms log.cleaner.dedupe.buffer.size
    log.cleaner.delete.retention.ms log.cleaner.enable log.cleaner.io.buffer.load.factor log.cleaner.io.buffer.size
    log.cleaner.io.max.bytes.per.second log.cleaner.max.compaction.lag.ms log.cleaner.min.cleanable.ratio
    log.cleaner.min.compaction.lag.ms log.cleanup.policy log.dir log.dirs log.flush.interval.messages
    log.flush.interval.ms log.flush.offset.checkpoint.interval.ms log.flush.scheduler.interval.ms
    log.index.interval.bytes log.index.size.max.bytes log.initial.task.delay.ms log.message.timestamp.after.max.ms
    log.message.timestamp.before.max.ms log.message.timestamp.type log.preallocate log.retention.bytes
    log.retention.check.interval.ms log.retention.hours log.retention.minutes log.retention.ms log.roll.hours
    log.roll.jitter.hours log.roll.jitter.ms log.roll.ms log.segment.bytes log.segment.delete.delay.ms
    message.max.bytes min.insync.replicas num.partitions producer.id.expiration.check.interval.ms
    producer.id.expiration.ms unclean.leader.election.enable

    add.partitions.to.txn.retry.backoff.max.ms add.partitions.to.txn.retry.backoff.ms
    group.consumer.assignment.interval.ms group.consumer.assignors group.consumer.heartbeat.interval.ms
    group.consumer.max.assignment.interval.ms group.consumer.max.heartbeat.interval.ms
    group.consumer.max.session.timeout.ms group.consumer.max.size group.consumer.migration.policy
    group.consumer.min.assignment.interval.ms group.consumer.min.heartbeat.interval.ms
    group.consumer.min.session.timeout.ms group.consumer.regex.refresh.interval.ms group.consumer.session.timeout.ms
    group.coordinator.rebalance.protocols group.initial.rebalance.delay.ms group.max.session.timeout.ms group.max.size
    group.min.session.timeout.ms offset.metadata.max.bytes offsets.retention.check.interval.ms
    offsets.retention.minutes offsets.topic.num.partitions offsets.topic.replication.factor
    offsets.topic.segment.bytes transaction.abort.timed.out.transaction.cleanup.interval.ms
    transaction.max.timeout.ms transaction.partition.verification.enable
    transaction.remove.expired.transaction.cleanup.interval.ms transaction.state.log.min.isr
    transaction.state.log.num.partitions transaction.state.log.replication.factor
    transaction.state.log.segment.bytes transactional.id.expiration.ms

    broker.id broker.rack broker.session.timeout.ms controller.listener.names node.id
    replica.alter.log.dirs.io.max.bytes.per.second replica.high.watermark.checkpoint.interval.ms

    ottla.client.metrics.topic ottla.forget.directories ottla.http.listener ottla.log.format ottla.log.level
    ottla.max.fetch.session.partitions ottla.max.group.bytes ottla.max.groups ottla.max.offset.bytes
    ottla.max.open.files ottla.max.producer.ids ottla.max.received.bytes ottla.max.request.elements
    ottla.max.transactional.id.bytes ottla.max.unsent.bytes ottla.metadata.folder ottla.metadata.store
    ottla.metrics.kafka.names ottla.metrics.max.rows ottla.validate.records
    """
WORKS = frozenset(_WORKS.split())
"""The names of the settings that work."""

_HARMLESS: dict[str, str] = {
    "one event loop does the work of Kafka's pools of threads; only speed depends on it": """
        background.threads group.coordinator.background.threads group.coordinator.threads log.cleaner.threads
        num.io.threads num.network.threads num.recovery.threads.per.data.dir num.replica.alter.log.dirs.threads
        share.coordinator.threads
        """,
    "a wait ends with its request; there is nothing to tidy up later": """
        delete.records.purgatory.purge.interval.requests fetch.purgatory.purge.interval.requests
        producer.purgatory.purge.interval.requests share.fetch.purgatory.purge.interval.requests
        """,
    "only speed depends on it; the system and the broker find the size themselves": """
        offsets.load.buffer.size socket.receive.buffer.bytes socket.send.buffer.bytes
        transaction.state.log.load.buffer.size group.coordinator.cached.buffer.max.bytes
        """,
    "a request is served when it is read, so none waits in a queue; ottla.max.received.bytes bounds their memory": """
        queued.max.requests
        """,
    "quotas are stored and not enforced, and whoever sets one is told so": """
        alter.log.dirs.replication.quota.window.num alter.log.dirs.replication.quota.window.size.seconds
        controller.quota.window.num controller.quota.window.size.seconds quota.window.num quota.window.size.seconds
        replication.quota.window.num replication.quota.window.size.seconds
        """,
    "the coordinator writes at once, so there is nothing to wait for": """
        group.coordinator.append.linger.ms share.coordinator.append.linger.ms
        """,
    "one node has no replica to wait for, to copy from, to throttle or to hand leadership to": """
        auto.leader.rebalance.enable broker.heartbeat.interval.ms controlled.shutdown.enable
        controller.socket.timeout.ms follower.fetch.last.tiered.offset.enable follower.replication.throttled.rate
        initial.broker.registration.timeout.ms leader.imbalance.check.interval.seconds
        leader.replication.throttled.rate log.dir.failure.timeout.ms num.replica.fetchers offsets.commit.timeout.ms
        replica.fetch.backoff.ms replica.fetch.max.bytes replica.fetch.min.bytes replica.fetch.response.max.bytes
        replica.fetch.wait.max.ms replica.lag.time.max.ms replica.socket.receive.buffer.bytes
        replica.socket.timeout.ms request.timeout.ms socket.connection.setup.timeout.max.ms
        socket.connection.setup.timeout.ms unclean.leader.election.interval.ms
        """,
    "the controller is elected through the metadata store, not by Kafka's quorum": """
        controller.quorum.append.linger.ms controller.quorum.election.backoff.max.ms
        controller.quorum.election.timeout.ms controller.quorum.fetch.max.bytes
        controller.quorum.fetch.snapshot.max.bytes controller.quorum.fetch.timeout.ms
        controller.quorum.request.timeout.ms controller.quorum.retry.backoff.ms
        """,
    "the metadata lies in Ottla's own store, which keeps it small by itself": """
        internal.metadata.delete.delay.millis internal.metadata.log.segment.bytes
        internal.metadata.max.batch.size.in.bytes metadata.log.max.record.bytes.between.snapshots
        metadata.log.max.snapshot.interval.ms metadata.log.segment.bytes metadata.log.segment.ms
        metadata.max.idle.interval.ms metadata.max.retention.bytes metadata.max.retention.ms ottla.metadata.poll.ms
        """,
    "Kafka's metrics and their samples do not exist here; /metrics counts": """
        controller.performance.always.log.threshold.ms controller.performance.sample.period.ms
        kafka.metrics.polling.interval.secs metrics.num.samples metrics.recording.level metrics.sample.window.ms
        """,
    "a start takes as long as it takes, and says what it does": "server.max.startup.time.ms",
    "no version under development exists here": "unstable.api.versions.enable unstable.feature.versions.enable",
    "listeners open together, and no authoriser is waited for": "early.start.listeners",
    "where a log starts is written down at each change": "log.flush.start.offset.checkpoint.interval.ms",
    "only the size of an internal topic depends on it": """
        offsets.topic.compression.codec share.coordinator.state.topic.compression.codec
        """,
    "share groups are not offered yet; a client that asks for one is told so": """
        group.share.assignment.interval.ms group.share.assignors group.share.delivery.count.limit
        group.share.heartbeat.interval.ms group.share.initialize.retry.interval.ms
        group.share.max.assignment.interval.ms group.share.max.delivery.count.limit
        group.share.max.heartbeat.interval.ms group.share.max.partition.max.record.locks
        group.share.max.record.lock.duration.ms group.share.max.session.timeout.ms group.share.max.share.sessions
        group.share.max.size group.share.min.assignment.interval.ms group.share.min.delivery.count.limit
        group.share.min.heartbeat.interval.ms group.share.min.partition.max.record.locks
        group.share.min.record.lock.duration.ms group.share.min.session.timeout.ms
        group.share.partition.max.record.locks group.share.persister.class.name group.share.record.lock.duration.ms
        group.share.session.timeout.ms share.coordinator.cached.buffer.max.bytes
        share.coordinator.cold.partition.snapshot.interval.ms share.coordinator.load.buffer.size
        share.coordinator.snapshot.update.records.per.snapshot share.coordinator.state.topic.min.isr
        share.coordinator.state.topic.num.partitions share.coordinator.state.topic.prune.interval.ms
        share.coordinator.state.topic.replication.factor share.coordinator.state.topic.segment.bytes
        share.coordinator.write.timeout.ms
        """,
    "streams groups are not offered yet; a client that asks for one is told so": """
        group.streams.assignment.interval.ms group.streams.heartbeat.interval.ms
        group.streams.initial.rebalance.delay.ms group.streams.max.assignment.interval.ms
        group.streams.max.heartbeat.interval.ms group.streams.max.session.timeout.ms group.streams.max.size
        group.streams.max.standby.replicas group.streams.min.assignment.interval.ms
        group.streams.min.heartbeat.interval.ms group.streams.min.session.timeout.ms
        group.streams.num.standby.replicas group.streams.session.timeout.ms
        """,
    "only tiered storage reads it, and remote.log.storage.system.enable=true is refused": """
        log.local.retention.bytes log.local.retention.ms remote.fetch.max.wait.ms
        remote.list.offsets.request.timeout.ms remote.log.index.file.cache.total.size.bytes
        remote.log.index.file.cache.ttl.ms remote.log.manager.copier.thread.pool.size
        remote.log.manager.copy.max.bytes.per.second remote.log.manager.copy.quota.window.num
        remote.log.manager.copy.quota.window.size.seconds remote.log.manager.expiration.thread.pool.size
        remote.log.manager.fetch.max.bytes.per.second remote.log.manager.fetch.quota.window.num
        remote.log.manager.fetch.quota.window.size.seconds remote.log.manager.follower.thread.pool.size
        remote.log.manager.task.interval.ms remote.log.manager.task.retry.backoff.max.ms
        remote.log.manager.task.retry.backoff.ms remote.log.manager.task.retry.jitter
        remote.log.manager.thread.pool.size remote.log.metadata.custom.metadata.max.bytes
        remote.log.metadata.manager.class.name remote.log.metadata.manager.class.path
        remote.log.metadata.manager.impl.prefix remote.log.metadata.manager.listener.name
        remote.log.reader.max.pending.tasks remote.log.reader.threads remote.log.storage.manager.class.name
        remote.log.storage.manager.class.path remote.log.storage.manager.impl.prefix
        """,
    "only delegation tokens read it, and delegation.token.secret.key is refused": """
        delegation.token.expiry.check.interval.ms delegation.token.expiry.time.ms delegation.token.max.lifetime.ms
        """,
    "only a SASL listener reads it, and such a listener is refused": """
        connection.failed.authentication.delay.ms sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin
        sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor sasl.login.connect.timeout.ms
        sasl.login.read.timeout.ms sasl.login.refresh.buffer.seconds sasl.login.refresh.min.period.seconds
        sasl.login.refresh.window.factor sasl.login.refresh.window.jitter sasl.login.retry.backoff.max.ms
        sasl.login.retry.backoff.ms sasl.oauthbearer.assertion.algorithm sasl.oauthbearer.assertion.claim.aud
        sasl.oauthbearer.assertion.claim.exp.seconds sasl.oauthbearer.assertion.claim.iss
        sasl.oauthbearer.assertion.claim.jti.include sasl.oauthbearer.assertion.claim.nbf.seconds
        sasl.oauthbearer.assertion.claim.sub sasl.oauthbearer.assertion.private.key.passphrase
        sasl.oauthbearer.assertion.template.file sasl.oauthbearer.clock.skew.seconds
        sasl.oauthbearer.jwks.endpoint.refresh.ms sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms
        sasl.oauthbearer.jwks.endpoint.retry.backoff.ms sasl.oauthbearer.jwt.retriever.class
        sasl.oauthbearer.jwt.validator.class sasl.oauthbearer.scope sasl.oauthbearer.scope.claim.name
        sasl.oauthbearer.sub.claim.name sasl.server.max.receive.size
        """,
    "only an SSL listener reads it, and such a listener is refused": """
        ssl.allow.dn.changes ssl.allow.san.changes ssl.endpoint.identification.algorithm ssl.keymanager.algorithm
        ssl.keystore.type ssl.protocol ssl.secure.random.implementation ssl.trustmanager.algorithm
        ssl.truststore.type
        """,
}
HARMLESS_BECAUSE: dict[str, str] = {name: reason for reason, names in _HARMLESS.items() for name in names.split()}
"""The reason by the name of the setting."""

_TIERED = "only tiered storage reads it, and remote.storage.enable=true is refused"
_ONE_NODE = "one node has no replica whose traffic could be throttled"
OF_TOPICS: dict[str, Support] = {
    "follower.replication.throttled.replicas": Support(HARMLESS, _ONE_NODE),
    "leader.replication.throttled.replicas": Support(HARMLESS, _ONE_NODE),
    "local.retention.bytes": Support(HARMLESS, _TIERED),
    "local.retention.ms": Support(HARMLESS, _TIERED),
    "remote.log.copy.disable": Support(HARMLESS, _TIERED),
    "remote.log.delete.on.disable": Support(HARMLESS, _TIERED),
    "remote.storage.enable": Support(REFUSED, "there is no tiered storage; error 40, as on a Kafka without it"),
}
"""The settings of topics that do not simply work."""

PLUGIN_PREFIXES = {
    "rlmm.config.": "only tiered storage reads it, and remote.log.storage.system.enable=true is refused",
    "rsm.config.": "only tiered storage reads it, and remote.log.storage.system.enable=true is refused",
    "ottla.plugin.": "it is for plug-ins, of which there are none yet",
}
"""What the settings of plug-ins begin with, and why they do no harm."""


def group_support(name: str) -> Support:
    """What becomes of a setting of groups: those of consumer groups work."""
    kind = name.partition(".")[0]
    if kind == "consumer":
        return Support(WORKING, "")
    return Support(HARMLESS, f"{kind} groups are not offered yet; a client that asks for one is told so")


def support(name: str) -> Support:
    """What becomes of the known setting `name`. Raises KeyError for any other."""
    if name in WORKS:
        return Support(WORKING, "")
    if name in HARMLESS_BECAUSE:
        return Support(HARMLESS, HARMLESS_BECAUSE[name])
    rule = REFUSALS[name]
    return Support(REFUSED, f"{rule.lacks}; {rule.instead}")
