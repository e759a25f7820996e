"""Broker settings about security: TLS, SASL, tokens, the authoriser."""

# A table: one setting is one line, however long its sentence.
# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable

from ottla.common.settings import (
    BOOLEAN,
    CLASS,
    DOUBLE,
    INT,
    LIST,
    LONG,
    PASSWORD,
    PER_BROKER,
    SHORT,
    STRING,
    Settings,
    setting,
)


def _any_case(*choices: str) -> Callable[[str, str | None], str | None]:
    """A check: one of these words, in capitals or not."""

    def check(_: str, value: str | None) -> str | None:
        if value is not None and value.upper() in choices:
            return None
        return f"String must be one of (case insensitive): {', '.join(choices)}"

    return check


class SecurityBrokerSettings(Settings):
    """Who may connect and do what."""

    # fmt: off
    authorizer_class_name: str = setting("authorizer.class.name", STRING, "", doc="Which authoriser decides on access; empty allows everything.")
    connection_failed_authentication_delay_ms: int = setting("connection.failed.authentication.delay.ms", INT, 100, at_least=0, doc="How long a failed authentication waits for its answer, to slow down guessing.")
    connections_max_reauth_ms: int = setting("connections.max.reauth.ms", LONG, 0, doc="How long an authentication holds before the client must authenticate again; 0 is for ever.")
    delegation_token_expiry_check_interval_ms: int = setting("delegation.token.expiry.check.interval.ms", LONG, 3600000, at_least=1, doc="How often expired delegation tokens are looked for.")
    delegation_token_expiry_time_ms: int = setting("delegation.token.expiry.time.ms", LONG, 86400000, at_least=1, doc="How long a delegation token is valid unless renewed.")
    delegation_token_max_lifetime_ms: int = setting("delegation.token.max.lifetime.ms", LONG, 604800000, at_least=1, doc="How long a delegation token can be valid at most.")
    delegation_token_secret_key: str | None = setting("delegation.token.secret.key", PASSWORD, None, doc="The secret that signs delegation tokens; the same on all brokers.")
    principal_builder_class: str = setting("principal.builder.class", CLASS, "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", dynamic=PER_BROKER, doc="The Java class that names principals; kept for compatibility, without effect.")
    sasl_client_callback_handler_class: str | None = setting("sasl.client.callback.handler.class", CLASS, None, doc="A Java callback class of SASL clients.")
    sasl_enabled_mechanisms: tuple[str, ...] = setting("sasl.enabled.mechanisms", LIST, ("GSSAPI",), dynamic=PER_BROKER, doc="The SASL mechanisms that clients may use.")
    sasl_jaas_config: str | None = setting("sasl.jaas.config", PASSWORD, None, dynamic=PER_BROKER, doc="The JAAS line of a listener's mechanism.")
    sasl_kerberos_kinit_cmd: str = setting("sasl.kerberos.kinit.cmd", STRING, "/usr/bin/kinit", dynamic=PER_BROKER, doc="The path of kinit.")
    sasl_kerberos_min_time_before_relogin: int = setting("sasl.kerberos.min.time.before.relogin", LONG, 60000, dynamic=PER_BROKER, doc="The shortest pause between two Kerberos logins.")
    sasl_kerberos_principal_to_local_rules: tuple[str, ...] = setting("sasl.kerberos.principal.to.local.rules", LIST, ("DEFAULT",), dynamic=PER_BROKER, doc="Rules that turn Kerberos names into short ones.")
    sasl_kerberos_service_name: str | None = setting("sasl.kerberos.service.name", STRING, None, dynamic=PER_BROKER, doc="The Kerberos name of the brokers.")
    sasl_kerberos_ticket_renew_jitter: float = setting("sasl.kerberos.ticket.renew.jitter", DOUBLE, 0.05, dynamic=PER_BROKER, doc="By which share the renewal of a ticket varies at random.")
    sasl_kerberos_ticket_renew_window_factor: float = setting("sasl.kerberos.ticket.renew.window.factor", DOUBLE, 0.8, dynamic=PER_BROKER, doc="At which share of its life a ticket is renewed.")
    sasl_login_callback_handler_class: str | None = setting("sasl.login.callback.handler.class", CLASS, None, doc="A Java callback class of SASL logins.")
    sasl_login_class: str | None = setting("sasl.login.class", CLASS, None, doc="A Java login class.")
    sasl_login_connect_timeout_ms: int | None = setting("sasl.login.connect.timeout.ms", INT, None, doc="How long connecting to the token provider may take.")
    sasl_login_read_timeout_ms: int | None = setting("sasl.login.read.timeout.ms", INT, None, doc="How long the token provider's answer may take.")
    sasl_login_refresh_buffer_seconds: int = setting("sasl.login.refresh.buffer.seconds", SHORT, 300, dynamic=PER_BROKER, doc="How long before its end a token is refreshed at the latest.")
    sasl_login_refresh_min_period_seconds: int = setting("sasl.login.refresh.min.period.seconds", SHORT, 60, dynamic=PER_BROKER, doc="The shortest time before a token is refreshed.")
    sasl_login_refresh_window_factor: float = setting("sasl.login.refresh.window.factor", DOUBLE, 0.8, dynamic=PER_BROKER, doc="At which share of its life a token is refreshed.")
    sasl_login_refresh_window_jitter: float = setting("sasl.login.refresh.window.jitter", DOUBLE, 0.05, dynamic=PER_BROKER, doc="By which share that time varies at random.")
    sasl_login_retry_backoff_max_ms: int = setting("sasl.login.retry.backoff.max.ms", LONG, 10000, doc="The longest pause before a login is tried again.")
    sasl_login_retry_backoff_ms: int = setting("sasl.login.retry.backoff.ms", LONG, 100, doc="The first pause before a login is tried again.")
    sasl_mechanism_controller_protocol: str = setting("sasl.mechanism.controller.protocol", STRING, "GSSAPI", doc="The SASL mechanism towards controllers.")
    sasl_mechanism_inter_broker_protocol: str = setting("sasl.mechanism.inter.broker.protocol", STRING, "GSSAPI", dynamic=PER_BROKER, doc="The SASL mechanism among brokers.")
    sasl_oauthbearer_assertion_algorithm: str = setting("sasl.oauthbearer.assertion.algorithm", STRING, "RS256", check=_any_case("ES256", "RS256"), doc="The algorithm that signs an OAuth assertion.")
    sasl_oauthbearer_assertion_claim_aud: str | None = setting("sasl.oauthbearer.assertion.claim.aud", STRING, None, doc="The audience of an OAuth assertion.")
    sasl_oauthbearer_assertion_claim_exp_seconds: int = setting("sasl.oauthbearer.assertion.claim.exp.seconds", INT, 300, at_least=0, at_most=86400, doc="How long an OAuth assertion is valid.")
    sasl_oauthbearer_assertion_claim_iss: str | None = setting("sasl.oauthbearer.assertion.claim.iss", STRING, None, doc="The issuer of an OAuth assertion.")
    sasl_oauthbearer_assertion_claim_jti_include: bool = setting("sasl.oauthbearer.assertion.claim.jti.include", BOOLEAN, False, doc="Whether an OAuth assertion has an id of its own.")
    sasl_oauthbearer_assertion_claim_nbf_seconds: int = setting("sasl.oauthbearer.assertion.claim.nbf.seconds", INT, 60, at_least=0, at_most=3600, doc="How far before now an OAuth assertion begins to be valid.")
    sasl_oauthbearer_assertion_claim_sub: str | None = setting("sasl.oauthbearer.assertion.claim.sub", STRING, None, doc="The subject of an OAuth assertion.")
    sasl_oauthbearer_assertion_file: str | None = setting("sasl.oauthbearer.assertion.file", STRING, None, doc="A file with a ready OAuth assertion.")
    sasl_oauthbearer_assertion_private_key_file: str | None = setting("sasl.oauthbearer.assertion.private.key.file", STRING, None, doc="The file of the key that signs an OAuth assertion.")
    sasl_oauthbearer_assertion_private_key_passphrase: str | None = setting("sasl.oauthbearer.assertion.private.key.passphrase", PASSWORD, None, doc="The passphrase of that key.")
    sasl_oauthbearer_assertion_template_file: str | None = setting("sasl.oauthbearer.assertion.template.file", STRING, None, doc="A file with the fixed parts of an OAuth assertion.")
    sasl_oauthbearer_client_credentials_client_id: str | None = setting("sasl.oauthbearer.client.credentials.client.id", STRING, None, doc="The client id of the OAuth client credentials grant.")
    sasl_oauthbearer_client_credentials_client_secret: str | None = setting("sasl.oauthbearer.client.credentials.client.secret", PASSWORD, None, doc="The secret of the OAuth client credentials grant.")
    sasl_oauthbearer_clock_skew_seconds: int = setting("sasl.oauthbearer.clock.skew.seconds", INT, 30, doc="By how much the clocks of broker and token provider may differ.")
    sasl_oauthbearer_expected_audience: tuple[str, ...] = setting("sasl.oauthbearer.expected.audience", LIST, (), doc="Audiences one of which a token must name.")
    sasl_oauthbearer_expected_issuer: str | None = setting("sasl.oauthbearer.expected.issuer", STRING, None, doc="The issuer that a token must name.")
    sasl_oauthbearer_jwks_endpoint_refresh_ms: int = setting("sasl.oauthbearer.jwks.endpoint.refresh.ms", LONG, 3600000, doc="How often the keys of the token provider are fetched anew.")
    sasl_oauthbearer_jwks_endpoint_retry_backoff_max_ms: int = setting("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", LONG, 10000, doc="The longest pause before its keys are asked for again.")
    sasl_oauthbearer_jwks_endpoint_retry_backoff_ms: int = setting("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", LONG, 100, doc="The first pause before its keys are asked for again.")
    sasl_oauthbearer_jwks_endpoint_url: str | None = setting("sasl.oauthbearer.jwks.endpoint.url", STRING, None, doc="Where the keys of the token provider are found.")
    sasl_oauthbearer_jwt_retriever_class: str = setting("sasl.oauthbearer.jwt.retriever.class", CLASS, "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", doc="The Java class that fetches tokens.")
    sasl_oauthbearer_jwt_validator_class: str = setting("sasl.oauthbearer.jwt.validator.class", CLASS, "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", doc="The Java class that checks tokens.")
    sasl_oauthbearer_scope: str | None = setting("sasl.oauthbearer.scope", STRING, None, doc="The scope that is asked for.")
    sasl_oauthbearer_scope_claim_name: str = setting("sasl.oauthbearer.scope.claim.name", STRING, "scope", doc="The claim that holds the scope.")
    sasl_oauthbearer_sub_claim_name: str = setting("sasl.oauthbearer.sub.claim.name", STRING, "sub", doc="The claim that holds the subject.")
    sasl_oauthbearer_token_endpoint_url: str | None = setting("sasl.oauthbearer.token.endpoint.url", STRING, None, doc="Where tokens are fetched.")
    sasl_server_callback_handler_class: str | None = setting("sasl.server.callback.handler.class", CLASS, None, doc="A Java callback class of SASL servers.")
    sasl_server_max_receive_size: int = setting("sasl.server.max.receive.size", INT, 524288, doc="The largest SASL message before authentication.")
    security_inter_broker_protocol: str = setting("security.inter.broker.protocol", STRING, "PLAINTEXT", one_of=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"), doc="The security protocol among brokers, if no listener is named for it.")
    security_providers: str | None = setting("security.providers", STRING, None, doc="Java security providers; kept for compatibility, without effect.")
    ssl_allow_dn_changes: bool = setting("ssl.allow.dn.changes", BOOLEAN, False, doc="Whether a new certificate may name another subject.")
    ssl_allow_san_changes: bool = setting("ssl.allow.san.changes", BOOLEAN, False, doc="Whether a new certificate may drop alternative names.")
    ssl_cipher_suites: tuple[str, ...] = setting("ssl.cipher.suites", LIST, (), dynamic=PER_BROKER, doc="The cipher suites that may be used; empty means all that are enabled.")
    ssl_client_auth: str = setting("ssl.client.auth", STRING, "none", one_of=("required", "requested", "none"), dynamic=PER_BROKER, doc="Whether clients must, may or need not show a certificate.")
    ssl_enabled_protocols: tuple[str, ...] = setting("ssl.enabled.protocols", LIST, ("TLSv1.2", "TLSv1.3"), dynamic=PER_BROKER, doc="The TLS versions that may be used.")
    ssl_endpoint_identification_algorithm: str = setting("ssl.endpoint.identification.algorithm", STRING, "https", dynamic=PER_BROKER, doc="How a server's name is checked; empty does not check it.")
    ssl_engine_factory_class: str | None = setting("ssl.engine.factory.class", CLASS, None, dynamic=PER_BROKER, doc="A Java class that makes TLS engines.")
    ssl_key_password: str | None = setting("ssl.key.password", PASSWORD, None, dynamic=PER_BROKER, doc="The password of the private key.")
    ssl_keymanager_algorithm: str = setting("ssl.keymanager.algorithm", STRING, "SunX509", dynamic=PER_BROKER, doc="The Java key manager.")
    ssl_keystore_certificate_chain: str | None = setting("ssl.keystore.certificate.chain", PASSWORD, None, dynamic=PER_BROKER, doc="The broker's certificate chain, as PEM text.")
    ssl_keystore_key: str | None = setting("ssl.keystore.key", PASSWORD, None, dynamic=PER_BROKER, doc="The broker's private key, as PEM text.")
    ssl_keystore_location: str | None = setting("ssl.keystore.location", STRING, None, dynamic=PER_BROKER, doc="The file of the key and certificate.")
    ssl_keystore_password: str | None = setting("ssl.keystore.password", PASSWORD, None, dynamic=PER_BROKER, doc="The password of that file.")
    ssl_keystore_type: str = setting("ssl.keystore.type", STRING, "JKS", dynamic=PER_BROKER, doc="The form of that file: JKS, PKCS12 or PEM.")
    ssl_principal_mapping_rules: str = setting("ssl.principal.mapping.rules", STRING, "DEFAULT", doc="Rules that turn a certificate's subject into a user name.")
    ssl_protocol: str = setting("ssl.protocol", STRING, "TLSv1.3", dynamic=PER_BROKER, doc="The preferred TLS version.")
    ssl_provider: str | None = setting("ssl.provider", STRING, None, dynamic=PER_BROKER, doc="The Java security provider of TLS.")
    ssl_secure_random_implementation: str | None = setting("ssl.secure.random.implementation", STRING, None, dynamic=PER_BROKER, doc="The Java source of randomness of TLS.")
    ssl_trustmanager_algorithm: str = setting("ssl.trustmanager.algorithm", STRING, "PKIX", dynamic=PER_BROKER, doc="The Java trust manager.")
    ssl_truststore_certificates: str | None = setting("ssl.truststore.certificates", PASSWORD, None, dynamic=PER_BROKER, doc="The certificates that are trusted, as PEM text.")
    ssl_truststore_location: str | None = setting("ssl.truststore.location", STRING, None, dynamic=PER_BROKER, doc="The file of the certificates that are trusted.")
    ssl_truststore_password: str | None = setting("ssl.truststore.password", PASSWORD, None, dynamic=PER_BROKER, doc="The password of that file.")
    ssl_truststore_type: str = setting("ssl.truststore.type", STRING, "JKS", dynamic=PER_BROKER, doc="The form of that file: JKS, PKCS12 or PEM.")
    # fmt: on
