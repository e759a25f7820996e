from __future__ import annotations

import pytest

from ottla.broker.settings import BrokerSettings
from ottla.common.errors import InvalidConfig
from ottla.common.settings import DOUBLE, INT, LIST, PASSWORD, Settings, nearest_name, setting
from ottla.storage.settings import TopicSettings


class Example(Settings):
    noun = "example"

    size: int = setting("size.bytes", INT, 10, at_least=1, doc="A size.")
    words: tuple[str, ...] = setting("words", LIST, ("a",), doc="Some words.")
    ratio: float = setting("ratio", DOUBLE, 0.5, doc="A ratio.")
    secret: str | None = setting("secret", PASSWORD, None, doc="A secret.")


class Larger(Example):
    more: int = setting("more", INT, 1, doc="More.")


def test_a_class_holds_the_defaults_and_an_instance_only_what_was_given() -> None:
    plain, given = Example(), Example.parse({"size.bytes": "7"})
    assert (plain.size, given.size, given.words) == (10, 7, ("a",))
    assert plain.given() == {} and given.given() == {"size.bytes": 7}
    assert given.value("size.bytes") == 7


def test_a_class_inherits_settings() -> None:
    assert list(Larger.definitions) == ["size.bytes", "words", "ratio", "secret", "more"]
    assert "more" not in Example.definitions


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"^Unknown example: sise$"):
        Example.parse({"sise": "1"})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("retention.ms", "-5", "Invalid value -5 for configuration retention.ms: Value must be at least -1"),
        ("retention.ms", "abc", "Invalid value abc for configuration retention.ms: Not a number of type LONG"),
        ("retention.ms", "", "Invalid value  for configuration retention.ms: Not a number of type LONG"),
        (
            "retention.ms",
            "9223372036854775808",
            "Invalid value 9223372036854775808 for configuration retention.ms: Not a number of type LONG",
        ),
        (
            "segment.bytes",
            "2147483648",
            "Invalid value 2147483648 for configuration segment.bytes: Not a number of type INT",
        ),
        (
            "preallocate",
            "x",
            "Invalid value x for configuration preallocate: Expected value to be either true or false",
        ),
        (
            "cleanup.policy",
            "foo",
            "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete",
        ),
        ("cleanup.policy", "delete,", "Configuration 'cleanup.policy' values must not be empty."),
        (
            "compression.type",
            "lzma",
            "Invalid value lzma for configuration compression.type: String must be one of: uncompressed, zstd, lz4, "
            "snappy, gzip, producer",
        ),
        (
            "compression.lz4.level",
            "18",
            "Invalid value 18 for configuration compression.lz4.level: Value must be no more than 17",
        ),
        (
            "compression.gzip.level",
            "0",
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
        ),
        (
            "min.cleanable.dirty.ratio",
            "1.5",
            "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
        ),
        (
            "min.cleanable.dirty.ratio",
            "x",
            "Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE",
        ),
        (
            "leader.replication.throttled.replicas",
            "x",
            "Invalid value [x] for configuration leader.replication.throttled.replicas: "
            "leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following "
            "format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
        ),
        ("message.format.version", "3.0", "Unknown topic config name: message.format.version"),
    ],
)
def test_wrong_values_are_refused_in_kafkas_words(name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        TopicSettings.parse({name: text})
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "text", "rendered"),
    [
        ("retention.ms", " 100 ", "100"),
        ("retention.ms", "+5", "5"),
        ("preallocate", "TRUE", "true"),
        ("cleanup.policy", "", ""),
        ("cleanup.policy", "delete, compact", "delete,compact"),
        ("cleanup.policy", "delete,delete", "delete"),
        ("leader.replication.throttled.replicas", "*", "*"),
        ("leader.replication.throttled.replicas", "0:1,1:2", "0:1,1:2"),
        ("compression.gzip.level", "-1", "-1"),
        ("retention.bytes", "-7", "-7"),
        ("min.cleanable.dirty.ratio", "1", "1.0"),
        ("min.cleanable.dirty.ratio", "1e-5", "1.0E-5"),
        ("internal.segment.bytes", "100", "100"),
    ],
)
def test_values_are_shown_as_kafka_shows_them(name: str, text: str, rendered: str) -> None:
    settings = TopicSettings.parse({name: text})
    definition = TopicSettings.definitions[name]
    assert definition.render(settings.value(name)) == rendered
    assert definition.parse(rendered) == settings.value(name)


def test_the_largest_double_is_shown_as_java_does() -> None:
    definition = BrokerSettings.definitions["log.cleaner.io.max.bytes.per.second"]
    assert definition.render(definition.default) == "1.7976931348623157E308"


def test_null_is_a_value_only_where_it_is_the_default() -> None:
    assert Example.parse({"secret": None}).secret is None
    with pytest.raises(InvalidConfig):
        Example.parse({"size.bytes": None})


def test_the_nearest_known_name_is_found() -> None:
    assert nearest_name("retension.ms", TopicSettings.definitions) == "retention.ms"
    assert nearest_name("something else", TopicSettings.definitions) is None


def test_every_setting_has_a_sentence_and_a_valid_default() -> None:
    for owner in (TopicSettings, BrokerSettings):
        for name, definition in owner.definitions.items():
            assert definition.doc.endswith("."), name
            assert definition.parse(definition.render(definition.default)) == definition.default, name
