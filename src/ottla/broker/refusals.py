"""Settings whose value asks for something that this broker does not do, and could hurt whoever relies on it.

Each has the values that ask for nothing; any other one keeps the broker from starting, with a sentence that says what
would be missing and what to do. Kafka lets most of these be changed while a broker runs; then they are stored, as in
Kafka, and the log says that they have no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ottla.common.settings import PASSWORD, Setting, Value


class Refusal(NamedTuple):
    """`lets(value)` is True for a value that asks for nothing. `lacks`: what is missing; `instead`: what to do."""

    lets: Callable[[Value], bool]
    lacks: str
    instead: str


def _only(*values: Value) -> Callable[[Value], bool]:
    return lambda value: value in values


def _empty(value: Value) -> bool:
    return value is None or value in ("", (), ("",))


_NOTHING_SECURE = "put the broker where only trusted clients reach it"
_AUTHORIZATION = Refusal(
    _empty,
    "there is no authorisation yet, and every client could do everything",
    f"remove the line, and {_NOTHING_SECURE}",
)
_SASL = Refusal(
    _empty,
    "there is no authentication yet, and every client would be let in without a password",
    f"remove the line, and {_NOTHING_SECURE}",
)
_TLS = Refusal(
    _empty,
    "there is no TLS yet, and everything would travel in clear text",
    f"remove the line, and {_NOTHING_SECURE} or put a TLS proxy in front of it",
)
_POLICY = Refusal(
    _empty,
    "Java classes are not run, and the rules of this one would not hold",
    "remove the line, or check topics and settings before they reach the broker",
)
_REPORTER = Refusal(
    _only((), ("",), ("org.apache.kafka.common.metrics.JmxReporter",)),
    "Java classes are not run, and nobody would get these metrics",
    "remove the line; ottla.http.listener=HOST:PORT serves /metrics for Prometheus",
)

REFUSALS: dict[str, Refusal] = {
    # Who may do what.
    "authorizer.class.name": _AUTHORIZATION,
    "super.users": _AUTHORIZATION,
    "allow.everyone.if.no.acl.found": _AUTHORIZATION._replace(lets=_only(None, "", "true")),
    "principal.builder.class": _AUTHORIZATION._replace(
        lets=_only("", "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"),
        lacks="Java classes are not run, and every client would be ANONYMOUS",
    ),
    "delegation.token.secret.key": _SASL._replace(lacks="delegation tokens are not issued"),
    "create.topic.policy.class.name": _POLICY,
    "alter.config.policy.class.name": _POLICY,
    "client.quota.callback.class": _POLICY._replace(instead="remove the line; quotas are not enforced yet"),
    # Who is who.
    "sasl.enabled.mechanisms": _SASL,
    "sasl.jaas.config": _SASL,
    "sasl.mechanism.inter.broker.protocol": _SASL._replace(lets=_only("", "GSSAPI")),
    "sasl.mechanism.controller.protocol": _SASL._replace(lets=_only("", "GSSAPI")),
    "sasl.kerberos.service.name": _SASL,
    "sasl.kerberos.principal.to.local.rules": _SASL._replace(lets=_only((), ("DEFAULT",))),
    "sasl.client.callback.handler.class": _SASL,
    "sasl.login.callback.handler.class": _SASL,
    "sasl.login.class": _SASL,
    "sasl.server.callback.handler.class": _SASL,
    "sasl.oauthbearer.expected.audience": _SASL,
    "sasl.oauthbearer.expected.issuer": _SASL,
    "sasl.oauthbearer.jwks.endpoint.url": _SASL,
    "sasl.oauthbearer.token.endpoint.url": _SASL,
    "sasl.oauthbearer.assertion.file": _SASL,
    "sasl.oauthbearer.assertion.private.key.file": _SASL,
    "sasl.oauthbearer.client.credentials.client.id": _SASL,
    "sasl.oauthbearer.client.credentials.client.secret": _SASL,
    "connections.max.reauth.ms": _SASL._replace(lets=_only(0)),
    # What others can read.
    "ssl.client.auth": _TLS._replace(lets=_only("none")),
    "ssl.cipher.suites": _TLS,
    "ssl.enabled.protocols": _TLS._replace(lets=_only((), ("TLSv1.2", "TLSv1.3"))),
    "ssl.engine.factory.class": _TLS,
    "ssl.key.password": _TLS,
    "ssl.keystore.certificate.chain": _TLS,
    "ssl.keystore.key": _TLS,
    "ssl.keystore.location": _TLS,
    "ssl.keystore.password": _TLS,
    "ssl.principal.mapping.rules": _TLS._replace(lets=_only("", "DEFAULT")),
    "ssl.provider": _TLS,
    "ssl.truststore.certificates": _TLS,
    "ssl.truststore.location": _TLS,
    "ssl.truststore.password": _TLS,
    "security.providers": _TLS._replace(lacks="Java security providers are not loaded"),
    "security.inter.broker.protocol": _TLS._replace(
        lets=_only("PLAINTEXT"), lacks="there is neither TLS nor authentication among brokers yet"
    ),
    # Which part of a cluster this is.
    "process.roles": Refusal(
        lambda value: isinstance(value, tuple) and set(value) == {"broker", "controller"},
        "this version is a cluster of one node, which is broker and controller, and joins no other",
        "write process.roles=broker,controller",
    ),
    "controller.quorum.voters": Refusal(
        lambda value: not isinstance(value, tuple) or len(value) <= 1,
        "this version is a cluster of one node, and each of these would be a cluster of its own",
        "name this node alone, or remove the line",
    ),
    "controller.quorum.bootstrap.servers": Refusal(
        lambda value: not isinstance(value, tuple) or len(value) <= 1,
        "this version is a cluster of one node, and each of these would be a cluster of its own",
        "name this node alone, or remove the line",
    ),
    "controller.quorum.auto.join.enable": Refusal(
        _only(False), "this version is a cluster of one node, and joins no other", "remove the line"
    ),
    # Where data lies and what may happen to it.
    "cordoned.log.dirs": Refusal(
        _empty, "new partitions would still be placed in these folders", "remove the folder from log.dirs, or the line"
    ),
    "metadata.log.dir": Refusal(
        lambda value: True,  # the settings compare it with log.dirs, whose first folder it may name
        "the metadata lies in the first folder of log.dirs",
        "remove the line, or name its folder with ottla.metadata.folder",
    ),
    "remote.log.storage.system.enable": Refusal(
        _only(False),
        "there is no tiered storage, and segments would be deleted by retention without a copy",
        "remove the line",
    ),
    "transaction.two.phase.commit.enable": Refusal(
        _only(False),
        "prepared transactions are not kept, and their timeout would abort them",
        "remove the line",
    ),
    # What is set from outside, and what is shown outside.
    "config.providers": Refusal(
        _empty,
        "values such as ${file:/path:key} are not looked up, and would be taken as they are written",
        "write the values into the file, and remove the line",
    ),
    "metric.reporters": _REPORTER,
    "kafka.metrics.reporters": _REPORTER,
    "replica.selector.class": Refusal(
        _only(None, "", "org.apache.kafka.common.replica.RackAwareReplicaSelector"),
        "Java classes are not run, and clients would not be told the replicas that this one chooses",
        "remove the line",
    ),
    "max.connection.creation.rate": Refusal(
        _only((1 << 31) - 1),
        "connections are not slowed down, and the limit would not hold",
        "remove the line; max.connections and max.connections.per.ip hold",
    ),
}
"""By the setting's name; one that is set for a listener (`listener.name.x.`) has the refusal of its base."""

FOREIGN = ("super.users", "allow.everyone.if.no.acl.found")
"""Names of the standard authoriser, which no table of Kafka's lists. Their texts are their values."""


def refusal(name: str, base: str, definition: Setting | None, text: str) -> str | None:
    """Why `name=text` keeps the broker from starting, or None. `base` is the name without a listener's prefix."""
    rule = REFUSALS.get(base)
    value = text.strip() if definition is None else definition.parse(text)
    if rule is None or rule.lets(value):
        return None
    shown = "[hidden]" if definition is not None and definition.kind == PASSWORD else text.strip()
    return f"{name}={shown} is refused: {rule.lacks}; {rule.instead}"


def without_effect(names: Iterable[str], known: Mapping[str, Setting]) -> list[str]:
    """Those of the names whose change while the broker runs is stored and does nothing."""
    return [name for name in names if name in REFUSALS and name in known]
