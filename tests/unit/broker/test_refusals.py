"""A setting that asks for what this broker does not do keeps it from starting, with a sentence."""

from __future__ import annotations

import pytest

from ottla.broker.refusals import REFUSALS
from ottla.broker.setting_forms import http_address
from ottla.broker.settings import BrokerSettings
from ottla.common.errors import InvalidConfig


def faults(*lines: str) -> list[str]:
    """The faults of a file with these lines; none where the broker would start."""
    try:
        BrokerSettings.load(dict(line.split("=", 1) for line in lines))
    except InvalidConfig as error:
        return error.message.split("\n")
    return []


@pytest.mark.parametrize(
    "line",
    [
        "authorizer.class.name=no.such.Authorizer",
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:alice",
        "allow.everyone.if.no.acl.found=false",
        "principal.builder.class=com.example.Builder",
        "delegation.token.secret.key=hunter2",
        "ssl.client.auth=required",
        "ssl.client.auth=requested",
        "ssl.keystore.location=/etc/kafka/keystore.jks",
        "ssl.truststore.location=/etc/kafka/truststore.jks",
        "listener.name.plaintext.ssl.client.auth=required",
        "sasl.enabled.mechanisms=PLAIN",
        "sasl.enabled.mechanisms=GSSAPI",
        "sasl.jaas.config=x required;",
        "listener.name.clients.plain.sasl.jaas.config=x required;",
        "sasl.mechanism.inter.broker.protocol=SCRAM-SHA-256",
        "security.inter.broker.protocol=SASL_SSL",
        "connections.max.reauth.ms=3600000",
        "create.topic.policy.class.name=com.example.Policy",
        "alter.config.policy.class.name=com.example.Policy",
        "client.quota.callback.class=com.example.Callback",
        "process.roles=controller",
        "process.roles=broker",
        "controller.quorum.voters=0@a:9093,1@b:9093,2@c:9093",
        "controller.quorum.bootstrap.servers=a:9093,b:9093",
        "controller.quorum.auto.join.enable=true",
        "cordoned.log.dirs=/tmp/kafka-logs",
        "metadata.log.dir=/fast/metadata",
        "remote.log.storage.system.enable=true",
        "transaction.two.phase.commit.enable=true",
        "config.providers=file",
        "metric.reporters=com.example.Reporter",
        "kafka.metrics.reporters=com.example.Reporter",
        "replica.selector.class=com.example.Selector",
        "security.providers=com.example.Provider",
        "max.connection.creation.rate=10",
    ],
)
def test_what_would_not_hold_is_refused_by_its_name_with_what_to_do(line: str) -> None:
    (fault,) = faults(line)
    name, _, value = line.partition("=")
    secret = name.endswith(("jaas.config", "secret.key"))
    assert fault.startswith(f"{name}={'[hidden]' if secret else value} is refused: ")
    assert "; " in fault
    assert not secret or value not in fault


@pytest.mark.parametrize(
    "line",
    [
        "authorizer.class.name=",
        "super.users=",
        "allow.everyone.if.no.acl.found=true",
        "ssl.client.auth=none",
        "security.inter.broker.protocol=PLAINTEXT",
        "process.roles=controller,broker",
        "controller.quorum.voters=0@localhost:9093",
        "controller.quorum.bootstrap.servers=localhost:9093",
        "metadata.log.dir=/tmp/kafka-logs",
        "metric.reporters=org.apache.kafka.common.metrics.JmxReporter",
        "metric.reporters=",
        "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector",
        "max.connection.creation.rate=2147483647",
        "ssl.keystore.type=PEM",
        "num.io.threads=32",
    ],
)
def test_a_value_that_asks_for_nothing_is_taken(line: str) -> None:
    assert faults(line) == []


def test_no_default_is_refused() -> None:
    """But the mechanisms of SASL: whoever writes them down wants authentication, be it Kafka's default."""
    refused = [
        name
        for name, rule in REFUSALS.items()
        if name in BrokerSettings.definitions and not rule.lets(BrokerSettings.definitions[name].default)
    ]
    assert refused == ["sasl.enabled.mechanisms"]


def test_the_metadata_may_lie_elsewhere_by_ottlas_own_setting() -> None:
    assert faults("metadata.log.dir=/fast", "ottla.metadata.folder=/fast") == []


@pytest.mark.parametrize(
    ("voters", "words"),
    [
        ("2@localhost:9093", "the node id 0 must be included in the set of voters"),
        ("localhost:9093", "Each entry should be in the form `{id}@{host}:{port}`"),
    ],
)
def test_the_only_voter_is_this_node(voters: str, words: str) -> None:
    assert words in faults(f"controller.quorum.voters={voters}")[0]


def test_a_limit_for_one_listener_alone_is_refused() -> None:
    (fault,) = faults("listener.name.plaintext.max.connections=5")
    assert fault == (
        "listener.name.plaintext.max.connections is refused: this broker has max.connections for all its listeners "
        "together; set that"
    )
    assert faults("listener.name.plaintext.num.network.threads=5") == []


def test_all_faults_of_a_file_are_told_at_once_one_a_line() -> None:
    assert [fault.partition(":")[0] for fault in faults(
        "zookeeper.connect=localhost:2181",
        "port=9092",
        "num.partitions=many",
        "log.retention.hour=3",
        "authorizer.class.name=a.B",
        "listeners=ODD://127.0.0.1:9092",
        "broker.session.timeout.ms=10",
    )] == [
        'unknown broker setting "zookeeper.connect"',
        'unknown broker setting "port"',
        "Invalid value many for configuration num.partitions",
        'unknown broker setting "log.retention.hour"; did you mean "log.retention.hours"?',
        "authorizer.class.name=a.B is refused",
        "broker.session.timeout.ms should be greater than or equal to twice broker.heartbeat.interval.ms",
        "No security protocol defined for listener ODD; add ODD",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        *[
            (f"max.connections.per.ip.overrides={text}", f"{item!r} is not of the form host:limit")
            for text, item in [
                ("10.0.0.1", "10.0.0.1"),
                ("10.0.0.1:x", "10.0.0.1:x"),
                ("10.0.0.1:-1", "10.0.0.1:-1"),
                ("a:2, :5", ":5"),
                ("a b:5", "a b:5"),
                ("10.0.0.1:\u00b2", "10.0.0.1:\u00b2"),
                ("10.0.0.1:2147483648", "10.0.0.1:2147483648"),
            ]
        ],
        ("ottla.http.listener=127.0.0.1:99999", "the port is not between 0 and 65535"),
        ("ottla.http.listener=127.0.0.1", "is not of the form host:port"),
        ("ottla.http.listener=:9100", "is not of the form host:port"),
        ("ottla.http.listener=127.0.0.1:-1", "is not of the form host:port"),
        ("ottla.forget.directories=abc", "'abc' is not a uuid in Kafka's text form"),
    ],
)
def test_a_text_that_is_not_of_its_form_is_told_with_the_other_faults(line: str, fault: str) -> None:
    """Each of these was found out only when the broker used it: by a trace, or after folders had been made."""
    name = line.partition("=")[0]
    one, other = faults(line, "no.such.setting=1")
    assert "no.such.setting" in one and other.startswith(name) and other.endswith(fault)


@pytest.mark.parametrize("text", ["", "127.0.0.1:0", "localhost:65535", "[::1]:9100", "::1:9100"])
def test_where_the_http_endpoint_may_be(text: str) -> None:
    assert faults(f"ottla.http.listener={text}") == []
    expected = None if not text else (text.rpartition(":")[0].strip("[]"), int(text.rpartition(":")[2]))
    assert http_address(BrokerSettings.load({"ottla.http.listener": text})) == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("zookeeper.connect", "have no ZooKeeper; remove the line"),
        ("zookeeper.session.timeout.ms", "have no ZooKeeper; remove the line"),
        ("host.name", "listeners=PLAINTEXT://HOST:PORT says it"),
        ("advertised.port", "advertised.listeners=PLAINTEXT://HOST:PORT says it"),
        ("inter.broker.protocol.version", "metadata.version, a feature of the cluster"),
        ("log.message.format.version", "one record format"),
        ("confluent.support.metrics.enable", "Confluent's server"),
        ("retention.ms", "it is a setting of topics; the default of all topics is log.retention.ms"),
        ("remote.storage.enable", "it is a setting of topics"),
        ("bootstrap.servers", "it belongs to clients"),
        ("config.providers.file.class", "config providers are not supported"),
        ("NUM_PARTITIONS", 'did you mean "num.partitions"?'),
        ("KAFKA_LOG_DIRS", 'did you mean "log.dirs"?'),
        ("log.retention.minute", 'did you mean "log.retention.minutes"?'),
    ],
)
def test_an_unknown_name_is_told_what_became_of_it(name: str, words: str) -> None:
    (fault,) = faults(f"{name}=1")
    assert fault.startswith(f'unknown broker setting "{name}"')
    assert words in fault


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("group.coordinator.rebalance.protocols=consumer", "Disabling the 'classic' protocol is not supported."),
        ("offsets.topic.compression.codec=9", "Unknown compression type id: 9"),
    ],
)
def test_kafkas_sentences_about_values_that_cannot_be(line: str, words: str) -> None:
    """Asked of Apache Kafka 4.3.1."""
    assert faults(line) == [words]


def test_the_smaller_of_two_limits_on_received_bytes_holds() -> None:
    assert BrokerSettings.load({"queued.max.request.bytes": "2000000"}).received_bytes_limit == 2_000_000
    assert BrokerSettings.load({}).received_bytes_limit == 256 << 20
