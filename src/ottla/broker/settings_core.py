"""Broker settings about connections, requests and quotas."""

# A table: one setting is one line, however long its sentence.
# ruff: noqa: E501
from __future__ import annotations

from ottla.common.settings import CLASS, CLUSTER, INT, INT_MAX, LIST, LONG, PER_BROKER, STRING, Settings, setting


class CoreBrokerSettings(Settings):
    """How requests are taken in."""

    # fmt: off
    advertised_listeners: tuple[str, ...] | None = setting("advertised.listeners", LIST, None, filled=True, doc="The addresses that clients are told to use, where they differ from what the broker binds to.")
    background_threads: int = setting("background.threads", INT, 10, at_least=1, dynamic=CLUSTER, doc="Threads for background work in Kafka; Ottla has one event loop.")
    client_quota_callback_class: str | None = setting("client.quota.callback.class", CLASS, None, doc="A Java class that decides on quotas; kept for compatibility, without effect.")
    config_providers: tuple[str, ...] = setting("config.providers", LIST, (), dynamic=CLUSTER, doc="Names of providers for values outside the file; kept for compatibility, without effect.")
    connections_max_idle_ms: int = setting("connections.max.idle.ms", LONG, 600000, doc="After how long without a request a connection is closed.")
    delete_records_purgatory_purge_interval_requests: int = setting("delete.records.purgatory.purge.interval.requests", INT, 1, doc="After how many finished requests waiting DeleteRecords are tidied up in Kafka.")
    fetch_max_bytes: int = setting("fetch.max.bytes", INT, 57671680, at_least=1024, doc="The most bytes that one fetch answer holds, a first larger batch apart.")
    fetch_purgatory_purge_interval_requests: int = setting("fetch.purgatory.purge.interval.requests", INT, 1000, doc="After how many finished requests waiting fetches are tidied up in Kafka.")
    inter_broker_listener_name: str | None = setting("inter.broker.listener.name", STRING, None, doc="The listener that brokers use among themselves.")
    listener_security_protocol_map: str = setting("listener.security.protocol.map", STRING, "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", dynamic=PER_BROKER, doc="The security protocol of each listener name.")
    listeners: tuple[str, ...] = setting("listeners", LIST, ("PLAINTEXT://:9092",), dynamic=PER_BROKER, filled=True, doc="What the broker binds to: NAME://host:port, one or more.")
    max_connection_creation_rate: int = setting("max.connection.creation.rate", INT, INT_MAX, at_least=0, dynamic=CLUSTER, doc="How many connections per second the broker accepts.")
    max_connections: int = setting("max.connections", INT, INT_MAX, at_least=0, dynamic=CLUSTER, doc="How many connections the broker holds at once.")
    max_connections_per_ip: int = setting("max.connections.per.ip", INT, INT_MAX, at_least=0, dynamic=CLUSTER, doc="How many connections the broker holds from one address.")
    max_connections_per_ip_overrides: str = setting("max.connections.per.ip.overrides", STRING, "", dynamic=CLUSTER, doc="Other limits for single addresses: host:limit, one or more. The addresses of a name are those that it has when the broker starts; each of them has the limit.")
    max_incremental_fetch_session_cache_slots: int = setting("max.incremental.fetch.session.cache.slots", INT, 1000, at_least=0, doc="How many fetch sessions the broker keeps.")
    max_request_partition_size_limit: int = setting("max.request.partition.size.limit", INT, 2000, at_least=1, doc="How many partitions one DescribeTopicPartitions answers.")
    num_io_threads: int = setting("num.io.threads", INT, 8, at_least=1, dynamic=CLUSTER, doc="Request threads of Kafka; Ottla has one event loop.")
    num_network_threads: int = setting("num.network.threads", INT, 3, at_least=1, dynamic=CLUSTER, doc="Network threads of Kafka; Ottla has one event loop.")
    producer_purgatory_purge_interval_requests: int = setting("producer.purgatory.purge.interval.requests", INT, 1000, doc="After how many finished requests waiting produce requests are tidied up in Kafka.")
    queued_max_request_bytes: int = setting("queued.max.request.bytes", LONG, -1, doc="How many bytes of requests may wait; -1 is without limit.")
    queued_max_requests: int = setting("queued.max.requests", INT, 500, at_least=1, doc="How many requests may wait before the network is read no further.")
    quota_window_num: int = setting("quota.window.num", INT, 11, at_least=1, doc="How many samples a client quota remembers.")
    quota_window_size_seconds: int = setting("quota.window.size.seconds", INT, 1, at_least=1, doc="The length of one sample of a client quota.")
    request_timeout_ms: int = setting("request.timeout.ms", INT, 30000, doc="How long a request between brokers may take.")
    socket_connection_setup_timeout_max_ms: int = setting("socket.connection.setup.timeout.max.ms", LONG, 30000, doc="The longest time that setting up a connection may take.")
    socket_connection_setup_timeout_ms: int = setting("socket.connection.setup.timeout.ms", LONG, 10000, doc="How long setting up a connection may take at first; it grows with failures.")
    socket_listen_backlog_size: int = setting("socket.listen.backlog.size", INT, 50, at_least=1, doc="How many connections may wait to be accepted.")
    socket_receive_buffer_bytes: int = setting("socket.receive.buffer.bytes", INT, 102400, doc="The receive buffer of a client's socket; -1 is the system's default.")
    socket_request_max_bytes: int = setting("socket.request.max.bytes", INT, 104857600, at_least=1, doc="The largest request.")
    socket_send_buffer_bytes: int = setting("socket.send.buffer.bytes", INT, 102400, doc="The send buffer of a client's socket; -1 is the system's default.")
    telemetry_max_bytes: int = setting("telemetry.max.bytes", INT, 1048576, at_least=1, doc="The largest telemetry push of a client.")
    # fmt: on
