"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.steps import Ask, Named, Topic, ask, case, with_options

TOPIC, BROKER, LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)
T = Topic("t", configs={"retention.ms": "5000", "cleanup.policy": "compact,delete"})


def describe(
    name: str, kind: int, resource: Any, *keys: str, everything: bool = False, _: Any = None, **fields: Any
) -> Ask:
    rows = [
        {"resource_type": kind, "resource_name": resource, "configuration_keys": None if everything else list(keys)}
    ]
    return ask(name, "DescribeConfigs", _=_, resources=rows, **fields)


def alter(name: str, kind: int, resource: Any, validate: bool = False, **values: str | None) -> Ask:
    rows = [{"name": key.replace("_", "."), "value": value} for key, value in values.items()]
    return ask(
        name,
        "AlterConfigs",
        resources=[{"resource_type": kind, "resource_name": resource, "configs": rows}],
        validate_only=validate,
    )


def change(name: str, kind: int, resource: Any, *ops: tuple[str, int, str | None], validate: bool = False) -> Ask:
    rows = [{"name": key, "config_operation": op, "value": value} for key, op, value in ops]
    return ask(
        name,
        "IncrementalAlterConfigs",
        validate_only=validate,
        resources=[{"resource_type": kind, "resource_name": resource, "configs": rows}],
    )


def _t(name: str, *until: str) -> Ask:
    """The two settings of the topic. `until`: their values once the broker has heard of the change."""
    step = describe(name, TOPIC, Named("t"), "retention.ms", "cleanup.policy", include_synonyms=True)
    return with_options(step, until=until)


SECURITY = {
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.jaas.config": "a",
    "sasl.kerberos.kinit.cmd": "/bin/true",
    "sasl.kerberos.min.time.before.relogin": "58000",
    "sasl.kerberos.principal.to.local.rules": "DEFAULT",
    "sasl.kerberos.service.name": "kafka",
    "sasl.kerberos.ticket.renew.jitter": "0.1",
    "sasl.kerberos.ticket.renew.window.factor": "0.5",
    "sasl.login.class": "a.b.C",
    "sasl.login.refresh.buffer.seconds": "300",
    "sasl.login.refresh.min.period.seconds": "60",
    "sasl.login.refresh.window.factor": "0.8",
    "sasl.login.refresh.window.jitter": "0.05",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "sasl.server.max.receive.size": "1000",
    "ssl.allow.dn.changes": "true",
    "ssl.cipher.suites": "TLS_AES_128_GCM_SHA256",
    "ssl.client.auth": "required",
    "ssl.enabled.protocols": "TLSv1.3",
    "ssl.endpoint.identification.algorithm": "",
    "ssl.key.password": "a",
    "ssl.keymanager.algorithm": "PKIX",
    "ssl.keystore.certificate.chain": "a",
    "ssl.keystore.key": "a",
    "ssl.keystore.location": "/x",
    "ssl.keystore.password": "a",
    "ssl.keystore.type": "PEM",
    "ssl.principal.mapping.rules": "DEFAULT",
    "ssl.protocol": "TLSv1.3",
    "ssl.provider": "a",
    "ssl.secure.random.implementation": "a",
    "ssl.trustmanager.algorithm": "PKIX",
    "ssl.truststore.certificates": "a",
    "ssl.truststore.location": "/x",
    "ssl.truststore.password": "a",
    "ssl.truststore.type": "PEM",
}
"""Settings of security with a value that parses: which of them may change without a listener's prefix?"""


def _unknown(name: str) -> Ask:
    """What broker 1 says of a setting that nobody knows, and of two that tell whether it has heard of a change."""
    return describe(
        name, BROKER, "1", "no.such.setting", "log.cleaner.backoff.ms", "compression.type", include_synonyms=True
    )


CASES = [
    case(
        "configs-of-security",
        *(
            change(f"{key} of {broker or 'all'}", BROKER, broker, (key, SET, value), validate=True)
            for key, value in SECURITY.items()
            for broker in ("1", "")
        ),
        change("not a number", BROKER, "1", ("sasl.kerberos.min.time.before.relogin", SET, "x"), validate=True),
        *(
            change(f"{key} of {broker or 'all'} deleted", BROKER, broker, (key, DELETE, None), validate=True)
            for key in ("ssl.keystore.location", "sasl.jaas.config", "broker.id", "listeners", "log.retention.hours")
            for broker in ("1", "")
        ),
    ),
    case(
        "configs-described",
        _t("two"),
        describe("all", TOPIC, Named("t"), everything=True),
        describe("all with synonyms", TOPIC, Named("t"), everything=True, include_synonyms=True),
        describe("none", TOPIC, Named("t")),
        describe("unknown key", TOPIC, Named("t"), "no.such", "retention.ms"),
        describe("unknown topic", TOPIC, Named("nosuch"), "retention.ms"),
        describe("bad topic", TOPIC, "a b", "retention.ms"),
        describe("no name", TOPIC, "", "retention.ms"),
        describe("unknown type", 77, "x", "retention.ms"),
        describe("type 0", 0, "x"),
        describe("type any", 1, "x"),
        ask(
            "several",
            "DescribeConfigs",
            resources=[
                {"resource_type": TOPIC, "resource_name": Named("t"), "configuration_keys": ["retention.ms"]},
                {"resource_type": TOPIC, "resource_name": Named("nosuch"), "configuration_keys": ["retention.ms"]},
                {"resource_type": BROKER, "resource_name": "1", "configuration_keys": ["log.retention.ms"]},
            ],
        ),
        ask(
            "twice",
            "DescribeConfigs",
            resources=[
                {"resource_type": TOPIC, "resource_name": Named("t"), "configuration_keys": ["retention.ms"]},
                {"resource_type": TOPIC, "resource_name": Named("t"), "configuration_keys": ["cleanup.policy"]},
            ],
        ),
        ask("nothing", "DescribeConfigs", resources=[]),
        topics=[T],
    ),
    case(
        "configs-of-brokers",
        describe(
            "one key", BROKER, "1", "log.retention.hours", "num.partitions", "log.cleanup.policy", include_synonyms=True
        ),
        describe("default", BROKER, "", everything=True),
        describe("other broker", BROKER, "7", "num.partitions"),
        describe("no number", BROKER, "one", "num.partitions"),
        describe("sensitive", BROKER, "1", "ssl.keystore.password"),
        describe("all", BROKER, "1", everything=True, include_synonyms=True),
    ),
    case(
        "configs-documented",
        describe("topic", TOPIC, Named("t"), everything=True, include_documentation=True, _={"since": 3}),
        topics=[T],
    ),
    case(
        "configs-of-groups",
        describe("group", GROUP, Named("g"), everything=True, include_synonyms=True),
        describe("no name", GROUP, "", everything=True),
        describe("client metrics", CLIENT_METRICS, Named("m"), everything=True),
        describe("client metrics, no name", CLIENT_METRICS, ""),
        describe("loggers", LOGGER, "1", "root"),
        describe("loggers of another", LOGGER, "9", "root"),
        describe("loggers, no name", LOGGER, "", "root"),
    ),
    case(
        "configs-altered",
        alter("set", TOPIC, Named("t"), retention_ms="7000"),
        _t("after", "7000"),
        alter("checked only", TOPIC, Named("t"), validate=True, retention_ms="1"),
        _t("unchanged", "7000"),
        alter("unknown key", TOPIC, Named("t"), no_such="1"),
        alter("bad value", TOPIC, Named("t"), retention_ms="x"),
        alter("null", TOPIC, Named("t"), retention_ms=None),
        alter("unknown topic", TOPIC, Named("nosuch"), retention_ms="1"),
        alter("no name", TOPIC, "", retention_ms="1"),
        alter("bad topic", TOPIC, "a b", retention_ms="1"),
        alter("unknown type", 99, "x", a="1"),
        alter("clear", TOPIC, Named("t")),
        _t("cleared", "604800000"),
        alter("other broker", BROKER, "8", num_io_threads="4"),
        alter("read-only", BROKER, "1", validate=True, broker_id="4"),
        alter("unknown broker key", BROKER, "1", validate=True, no_such_key="4"),
        ask(
            "twice",
            "AlterConfigs",
            _={"timeout_s": 2},
            resources=[
                {
                    "resource_type": TOPIC,
                    "resource_name": Named("t"),
                    "configs": [{"name": "retention.ms", "value": "1"}],
                }
            ]
            * 2,
        ),
        ask(
            "key twice",
            "AlterConfigs",
            resources=[
                {
                    "resource_type": TOPIC,
                    "resource_name": Named("t"),
                    "configs": [{"name": "retention.ms", "value": "1"}, {"name": "retention.ms", "value": "2"}],
                }
            ],
        ),
        ask("nothing", "AlterConfigs", resources=[]),
        vary=["AlterConfigs", "DescribeConfigs"],
        topics=[T],
    ),
    case(
        "configs-changed",
        change("set", TOPIC, Named("t"), ("retention.ms", SET, "7000")),
        _t("after", "7000", "compact,delete"),
        change("append", TOPIC, Named("t"), ("cleanup.policy", SUBTRACT, "delete")),
        _t("subtracted", "compact"),
        change("append again", TOPIC, Named("t"), ("cleanup.policy", APPEND, "compact,delete")),
        _t("appended", "compact,delete"),
        change("append to a number", TOPIC, Named("t"), ("retention.ms", APPEND, "1")),
        change("subtract from a number", TOPIC, Named("t"), ("retention.ms", SUBTRACT, "1")),
        change("bad op", TOPIC, Named("t"), ("retention.ms", 9, "1")),
        change("null", TOPIC, Named("t"), ("retention.ms", SET, None)),
        change("delete", TOPIC, Named("t"), ("retention.ms", DELETE, None)),
        change("delete with a value", TOPIC, Named("t"), ("retention.ms", DELETE, "4")),
        change("delete unknown", TOPIC, Named("t"), ("no.such", DELETE, None)),
        _t("deleted", "604800000"),
        change("unknown key", TOPIC, Named("t"), ("no.such", SET, "1")),
        change("bad value", TOPIC, Named("t"), ("retention.ms", SET, "x")),
        change("bad choice", TOPIC, Named("t"), ("compression.type", SET, "zip")),
        change("out of range", TOPIC, Named("t"), ("retention.ms", SET, "-9")),
        change("empty policy", TOPIC, Named("t"), ("cleanup.policy", SET, "")),
        change("boolean", TOPIC, Named("t"), ("preallocate", SET, "maybe")),
        change("double", TOPIC, Named("t"), ("min.cleanable.dirty.ratio", SET, "2")),
        change("unknown topic", TOPIC, Named("nosuch"), ("retention.ms", SET, "1")),
        change("no name", TOPIC, "", ("retention.ms", SET, "1")),
        change("twice the key", TOPIC, Named("t"), ("retention.ms", SET, "1"), ("retention.ms", SET, "2")),
        change("checked only", TOPIC, Named("t"), ("retention.ms", SET, "1"), validate=True),
        change("checked badly", TOPIC, Named("t"), ("retention.ms", SET, "q"), validate=True),
        change("no ops", TOPIC, Named("t")),
        change("other broker", BROKER, "9", ("num.io.threads", SET, "4")),
        change("read-only", BROKER, "1", ("broker.id", SET, "4")),
        change("read-only default", BROKER, "", ("log.dirs", SET, "/tmp")),
        change("not a number", BROKER, "x", ("num.io.threads", SET, "4")),
        change("bad threads", BROKER, "1", ("num.io.threads", SET, "x")),
        change("unknown type", 99, "x", ("a", SET, "1")),
        change("logger", LOGGER, "1", ("no.such.logger.at.all", SET, "LOUD")),
        change("logger of another", LOGGER, "5", ("root", SET, "INFO")),
        change("group", GROUP, Named("g"), ("no.such", SET, "1")),
        change("group no name", GROUP, "", ("consumer.session.timeout.ms", SET, "50000")),
        change("group out of bounds", GROUP, Named("g"), ("consumer.session.timeout.ms", SET, "1")),
        change("client metrics", CLIENT_METRICS, Named("m"), ("no.such", SET, "1")),
        ask(
            "resource twice",
            "IncrementalAlterConfigs",
            resources=[
                {
                    "resource_type": TOPIC,
                    "resource_name": Named("t"),
                    "configs": [{"name": "retention.ms", "config_operation": SET, "value": "1"}],
                }
            ]
            * 2,
        ),
        ask("nothing", "IncrementalAlterConfigs", resources=[]),
        _t("at last"),
        vary=["IncrementalAlterConfigs"],
        topics=[T],
    ),
    case(
        "configs-of-loggers",
        change("append", LOGGER, "1", ("root", SET, "INFO"), ("root", APPEND, "ERROR")),
        change("append alone", LOGGER, "1", ("root", APPEND, "ERROR")),
        change("subtract", LOGGER, "1", ("root", SUBTRACT, "ERROR")),
        change("off", LOGGER, "1", ("root", SET, "OFF")),
        change("lower case", LOGGER, "1", ("root", SET, "warn"), validate=True),
        change("no level", LOGGER, "1", ("root", SET, None)),
        change("delete the root", LOGGER, "1", ("root", DELETE, None)),
        change("delete unknown", LOGGER, "1", ("no.such.logger", DELETE, None)),
        change("unknown first", LOGGER, "1", ("no.such.logger", SET, "INFO"), ("root", APPEND, "INFO")),
        change("no name", LOGGER, "", ("root", SET, "INFO")),
        change("not a number", LOGGER, "x", ("root", SET, "INFO")),
        alter("the old way", LOGGER, "1", root="INFO"),
    ),
    case(
        "configs-unknown-of-a-broker",
        change("set", BROKER, "1", ("no.such.setting", SET, "3"), ("log.cleaner.backoff.ms", SET, "14001")),
        with_options(_unknown("set"), until=("14001",)),
        change("of all", BROKER, "", ("no.such.setting", SET, "2"), ("compression.type", SET, "lz4")),
        with_options(describe("of all", BROKER, "", "no.such.setting", "compression.type"), until=("lz4",)),
        _unknown("both"),
        change("delete", BROKER, "1", ("no.such.setting", DELETE, None), ("log.cleaner.backoff.ms", SET, "14002")),
        with_options(_unknown("of all alone"), until=("14002",)),
        change("delete of all", BROKER, "", ("no.such.setting", DELETE, None), ("compression.type", DELETE, None)),
        change("last", BROKER, "1", ("log.cleaner.backoff.ms", SET, "14003")),
        with_options(_unknown("none"), until=("14003",)),
        change("as before", BROKER, "1", ("log.cleaner.backoff.ms", DELETE, None)),
        vary=[],
        alone=True,
    ),
    case(
        "configs-of-a-group",
        change("set", GROUP, Named("g"), ("consumer.session.timeout.ms", SET, "50000")),
        describe(
            "described",
            GROUP,
            Named("g"),
            everything=True,
            include_synonyms=True,
            _={"version": 4, "until": ("50000",)},
        ),
        ask("listed", "ListConfigResources", resource_types=[GROUP], _={"mine": True, "since": 1}),
        change("delete", GROUP, Named("g"), ("consumer.session.timeout.ms", DELETE, None)),
        vary=["IncrementalAlterConfigs", "ListConfigResources"],
    ),
    case(
        "configs-of-the-broker",
        change("set", BROKER, "1", ("log.retention.ms", SET, "86400000")),
        describe(
            "described",
            BROKER,
            "1",
            "log.retention.ms",
            include_synonyms=True,
            _={"version": 4, "until": ("86400000",)},
        ),
        describe(
            "topic",
            TOPIC,
            Named("t"),
            "retention.ms",
            "segment.ms",
            include_synonyms=True,
            _={"version": 4, "until": ("86400000",)},
        ),
        change("default", BROKER, "", ("log.roll.ms", SET, "7200000")),
        describe(
            "default described",
            BROKER,
            "",
            everything=True,
            include_synonyms=True,
            _={"version": 4, "until": ("7200000",)},
        ),
        describe(
            "topic again",
            TOPIC,
            Named("t"),
            "retention.ms",
            "segment.ms",
            include_synonyms=True,
            _={"version": 4, "until": ("7200000",)},
        ),
        change("delete default", BROKER, "", ("log.roll.ms", DELETE, None)),
        change("delete", BROKER, "1", ("log.retention.ms", DELETE, None)),
        describe("gone", BROKER, "1", "log.retention.ms", include_synonyms=True, _={"version": 4, "until": (None,)}),
        topics=["t"],
        alone=True,
    ),
    case(
        "config-resources",
        ask("all", "ListConfigResources", resource_types=[], _={"mine": True}),
        ask("topics", "ListConfigResources", resource_types=[TOPIC], _={"mine": True, "since": 1}),
        *(
            ask(f"type {kind}", "ListConfigResources", resource_types=[kind], _={"since": 1})
            for kind in (BROKER, LOGGER, CLIENT_METRICS, 0, 1, 99)
        ),
        topics=["t"],
    ),
]
