"""IncrementalAlterConfigs of brokers, groups and client metrics: value by value, what a running broker refuses."""

from __future__ import annotations

from tests.conformance.differential.cases.configs import (
    APPEND,
    BROKER,
    CLIENT_METRICS,
    DELETE,
    GROUP,
    SET,
    SUBTRACT,
    change,
    describe,
)
from tests.conformance.differential.steps import Ask, Named, case

LISTENER = "listener.name.plaintext"


def _tried(*rows: tuple[str, str, str]) -> list[Ask]:
    """Broker, setting and value; checked only."""
    return [
        change(f"{name}={text} of {broker!r}", BROKER, broker, (name, SET, text), validate=True)
        for broker, name, text in rows
    ]


def _of_a_group(*rows: tuple[str, str]) -> list[Ask]:
    return [change(f"{name}={text}", GROUP, Named("h"), (name, SET, text), validate=True) for name, text in rows]


def _of_metrics(*rows: tuple[str, int, str | None]) -> list[Ask]:
    return [
        change(f"{name} {operation} {text}", CLIENT_METRICS, Named("n"), (name, operation, text))
        for name, operation, text in rows
    ]


CASES = [
    case(
        "broker-configs-of-pools",
        *_tried(
            ("1", "num.io.threads", "1000"),
            ("1", "num.io.threads", "1"),
            ("", "num.io.threads", "1000"),
            ("1", "num.io.threads", "16"),
            ("1", "num.io.threads", "4"),
            ("1", "num.network.threads", "7"),
            ("1", "num.network.threads", "1"),
            ("1", "listener.name.plaintext.num.network.threads", "100"),
            ("1", "background.threads", "21"),
            ("1", "num.replica.fetchers", "3"),
            ("1", "num.recovery.threads.per.data.dir", "0"),
            ("1", "num.recovery.threads.per.data.dir", "5"),
            ("1", "log.cleaner.threads", "3"),
            ("1", "log.cleaner.threads", "2"),
            ("1", "log.cleaner.dedupe.buffer.size", "10"),
            ("1", "log.cleaner.dedupe.buffer.size", "1048576"),
            ("1", "log.cleaner.io.buffer.size", "-1"),
            ("1", "log.cleaner.io.max.bytes.per.second", "x"),
            ("1", "max.connections", "-1"),
            ("1", "max.connections.per.ip", "0"),
            ("1", "max.connection.creation.rate", "0"),
            ("1", "listener.name.plaintext.max.connections", "5"),
        ),
        vary="IncrementalAlterConfigs",
    ),
    case(
        "broker-configs-of-logs",
        *_tried(
            ("1", "message.max.bytes", "-1"),
            ("1", "log.segment.bytes", "10"),
            ("1", "log.retention.hours", "1"),
            ("1", "log.retention.ms", "0"),
            ("1", "log.retention.ms", "-1"),
            ("1", "log.retention.bytes", "-5"),
            ("1", "log.roll.ms", "0"),
            ("1", "log.roll.jitter.ms", "-1"),
            ("1", "log.cleanup.policy", ""),
            ("1", "log.local.retention.ms", "-3"),
            ("1", "log.local.retention.ms", "1209600000"),
            ("1", "log.local.retention.bytes", "1209600000"),
            ("1", "log.index.size.max.bytes", "1"),
            ("1", "log.message.timestamp.type", "x"),
            ("1", "log.message.timestamp.before.max.ms", "-1"),
            ("1", "log.flush.interval.messages", "0"),
            ("1", "compression.type", "zip"),
            ("1", "cordoned.log.dirs", "/x"),
            ("1", "cordoned.log.dirs", "*"),
            ("", "cordoned.log.dirs", "*"),
        ),
        change("append", BROKER, "1", ("log.cleanup.policy", APPEND, "compact"), validate=True),
        change("subtract", BROKER, "1", ("log.cleanup.policy", SUBTRACT, "delete"), validate=True),
        vary="IncrementalAlterConfigs",
    ),
    case(
        "broker-configs-of-names",
        *_tried(
            ("1", "no.such.key", "x"),
            ("", "no.such.key", "x"),
            ("1", "node.id", "3"),
            ("1", "sasl.jaas.config", "x"),
            ("1", "ssl.truststore.location", "/x"),
            ("1", "ssl.client.auth", "bogus"),
            ("", "ssl.keystore.location", "/x"),
            ("", "listener.name.plaintext.ssl.keystore.location", "/x"),
            ("", "listeners", "PLAINTEXT://:1"),
            ("", "listener.security.protocol.map", "PLAINTEXT:PLAINTEXT"),
            ("1", "advertised.listeners", "NOPE://h:1"),
            ("1", "controller.quorum.voters", "x"),
            ("1", "listener.name.nope.max.connections", "5"),
            ("1", "listener.name.plaintext.no.such", "5"),
            ("+1", "num.io.threads", "9"),
            ("01", "num.io.threads", "9"),
            (" 1", "num.io.threads", "9"),
            ("-1", "num.io.threads", "9"),
            ("99999999999", "num.io.threads", "9"),
        ),
        change("delete of a fixed one", BROKER, "1", ("node.id", DELETE, None), validate=True),
        change("delete of a broker's own", BROKER, "", ("listeners", DELETE, None), validate=True),
        vary="IncrementalAlterConfigs",
    ),
    case(
        "client-metrics-configs",
        change(
            "set",
            CLIENT_METRICS,
            Named("m"),
            ("interval.ms", SET, "1000"),
            ("metrics", SET, "a.b,c"),
            ("match", SET, "client_id=x.*,client_software_name=y"),
        ),
        describe("all", CLIENT_METRICS, Named("m"), everything=True, include_synonyms=True, _={"until": ("1000",)}),
        describe("some", CLIENT_METRICS, Named("m"), "metrics", "no.such"),
        *_of_metrics(
            ("interval.ms", SET, "99"),
            ("interval.ms", SET, "3600001"),
            ("interval.ms", SET, "x"),
            ("interval.ms", SET, ""),
            ("match", SET, "x"),
            ("match", SET, "nope=x"),
            ("match", SET, "client_id=("),
            ("match", SET, "client_id="),
            ("match", SET, ""),
            ("match", SET, "client_id=a=b"),
            ("match", SET, "client_id=a="),
            ("metrics", APPEND, "z"),
            ("metrics", SUBTRACT, "z"),
            ("metrics", SET, ""),
            ("metrics", SET, "*"),
            ("match", APPEND, "client_instance_id=z"),
            ("match", SET, "client_source_port=12,client_id=a,client_id=b"),
            ("metrics", DELETE, None),
            ("nope", DELETE, None),
        ),
        change("no name", CLIENT_METRICS, "", ("interval.ms", SET, "1000")),
        change(
            "deleted",
            CLIENT_METRICS,
            Named("m"),
            *((name, DELETE, None) for name in ("interval.ms", "metrics", "match")),
        ),
        vary=["IncrementalAlterConfigs", "DescribeConfigs"],
    ),
    case(
        "group-configs-one-by-one",
        *_of_a_group(
            ("consumer.heartbeat.interval.ms", "1"),
            ("consumer.heartbeat.interval.ms", "60000"),
            ("consumer.session.timeout.ms", "60001"),
            ("consumer.session.timeout.ms", "x"),
            ("consumer.assignment.interval.ms", "-1"),
            ("share.session.timeout.ms", "1"),
            ("share.record.lock.duration.ms", "1"),
            ("share.auto.offset.reset", "x"),
            ("share.auto.offset.reset", "by_duration:PT1H"),
            ("share.auto.offset.reset", "by_duration:x"),
            ("share.isolation.level", "x"),
            ("share.delivery.count.limit", "1"),
            ("streams.heartbeat.interval.ms", "1"),
            ("streams.session.timeout.ms", "1"),
            ("streams.num.standby.replicas", "9"),
            ("streams.initial.rebalance.delay.ms", "-1"),
        ),
        change(
            "two",
            GROUP,
            Named("h"),
            ("consumer.session.timeout.ms", SET, "45000"),
            ("consumer.heartbeat.interval.ms", SET, "15000"),
            validate=True,
        ),
        change("append", GROUP, Named("h"), ("consumer.session.timeout.ms", APPEND, "1"), validate=True),
        vary="IncrementalAlterConfigs",
    ),
    case(
        "broker-configs-of-a-listener",
        change(
            "set",
            BROKER,
            "1",
            ("my.plugin.key", SET, "v"),
            (f"{LISTENER}.my.key", SET, "w"),
            (f"{LISTENER}.max.connections", SET, "500000"),
        ),
        describe(
            "described",
            BROKER,
            "1",
            "my.plugin.key",
            f"{LISTENER}.my.key",
            f"{LISTENER}.max.connections",
            "max.connections",
            include_synonyms=True,
            _={"version": 4, "until": ("500000",)},
        ),
        *(
            change(f"append to {name}", BROKER, "1", (name, APPEND, "x"), validate=True)
            for name in ("my.plugin.key", f"{LISTENER}.ssl.cipher.suites", "max.connections")
        ),
        change(
            "deleted",
            BROKER,
            "1",
            *((name, DELETE, None) for name in ("my.plugin.key", f"{LISTENER}.my.key", f"{LISTENER}.max.connections")),
        ),
        describe(
            "gone",
            BROKER,
            "1",
            f"{LISTENER}.max.connections",
            "max.connections",
            include_synonyms=True,
            _={"version": 4, "unless": ("500000",)},
        ),
        vary="IncrementalAlterConfigs",
        alone=True,
    ),
]
