"""Which value holds: the topic's own, the broker's dynamic one, the cluster's dynamic one, the file's, or Kafka's.

`EffectiveConfigs` answers for one broker, from the image and from what that broker's file says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ottla.common.settings import READ_ONLY, Setting, Settings, Value
from ottla.metadata.image import BROKER_CONFIG, TOPIC_CONFIG, ClusterImage
from ottla.storage.settings import TopicSettings, topic_value

UNKNOWN_SOURCE, TOPIC, DYNAMIC_BROKER, DYNAMIC_DEFAULT, STATIC, DEFAULT, LOGGER, CLIENT_METRICS, GROUP = range(9)
"""Sources of a value, with the codes of DescribeConfigs."""

UNKNOWN_TYPE = 0

_FAMILIES = (
    ("log.roll.ms", "log.roll.hours"),
    ("log.roll.jitter.ms", "log.roll.jitter.hours"),
    ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
)
_SYNONYMS = {name: family for family in _FAMILIES for name in family}
_SYNONYMS["log.flush.interval.ms"] = ("log.flush.interval.ms", "log.flush.scheduler.interval.ms")
"""Broker settings that mean the same in several units, the strongest first."""

_REQUIRED = ("node.id", "process.roles", "controller.listener.names")
"""Settings that have no default in Kafka, so nobody is told of ours."""


class Synonym(NamedTuple):
    """One place that gives a value, in force or overridden. `value` is None where it is secret."""

    name: str
    value: str | None
    source: int


class Entry(NamedTuple):
    """One setting of a resource as DescribeConfigs shows it. `kind` is its type code, `doc` its sentence."""

    name: str
    value: str | None
    source: int
    read_only: bool
    sensitive: bool
    kind: int
    doc: str
    synonyms: tuple[Synonym, ...]


class EffectiveConfigs:
    """The settings in force on one broker. `static` is the text of its file, `definitions` every broker setting.

    Holds computed topic defaults; call `forget` when a broker's or the cluster's dynamic config changed.
    """

    def __init__(
        self, image: ClusterImage, broker: int, definitions: Mapping[str, Setting], static: Mapping[str, str]
    ) -> None:
        self._image = image
        self._broker = str(broker)
        self._definitions = definitions
        self._static = static
        self._defaults: dict[str, tuple[Value, int]] | None = None
        self._shared: TopicSettings | None = None

    def forget(self) -> None:
        """The next question computes the defaults anew."""
        self._defaults = None
        self._shared = None

    # values in force

    def broker_texts(self) -> dict[str, str]:
        """The broker's texts in force by name: its file, the cluster's dynamic defaults over it, its own over both."""
        texts = dict(self._static)
        texts.update(self._image.config(BROKER_CONFIG, ""))
        texts.update(self._image.config(BROKER_CONFIG, self._broker))
        return texts

    def topic(self, name: str) -> TopicSettings:
        """The settings in force for a topic. Topics without a setting of their own share one object."""
        overrides = self._image.config(TOPIC_CONFIG, name)
        if not overrides:
            if self._shared is None:
                self._shared = TopicSettings.of({key: value for key, (value, _) in self._changed_defaults().items()})
            return self._shared
        return self.topic_with(overrides)

    def topic_with(self, overrides: Mapping[str, str]) -> TopicSettings:
        """The settings that a topic with these texts of its own has. They must be valid."""
        values = {key: value for key, (value, _) in self._changed_defaults().items()}
        known = TopicSettings.definitions
        values.update((key, known[key].parse(text)) for key, text in overrides.items() if key in known)
        return TopicSettings.of(values)

    def topic_default(self, name: str) -> tuple[Value, int]:
        """What a topic setting is for topics that do not set it, and where that comes from."""
        found = self._changed_defaults().get(name)
        return found if found is not None else (TopicSettings.definitions[name].default, DEFAULT)

    def _changed_defaults(self) -> dict[str, tuple[Value, int]]:
        """The topic settings whose default is not Kafka's own, with its source."""
        if self._defaults is None:
            self._defaults = {}
            for setting in TopicSettings.definitions.values():
                found = self._given(setting.synonyms)
                if found is not None:
                    name, text, source = found
                    value = topic_value(setting, name, self._definitions[name].parse(text))
                    self._defaults[setting.name] = (value, source)
        return self._defaults

    def _given(self, names: Iterable[str]) -> tuple[str, str, int] | None:
        """The strongest of these broker settings that anybody gave: its name, text and source."""
        for texts, source in self._layers():
            for name in names:
                text = texts.get(name)
                if text is not None:
                    return name, text, source
        return None

    def _layers(self) -> tuple[tuple[Mapping[str, str], int], ...]:
        return (
            (self._image.config(BROKER_CONFIG, self._broker), DYNAMIC_BROKER),
            (self._image.config(BROKER_CONFIG, ""), DYNAMIC_DEFAULT),
            (self._static, STATIC),
        )

    # what CreateTopics and DescribeConfigs show

    def topic_entries(self, overrides: Mapping[str, str]) -> list[Entry]:
        """All settings of a topic that has these texts of its own, in the order of their names, without synonyms."""
        entries = []
        for name in sorted(TopicSettings.definitions):
            setting = TopicSettings.definitions[name]
            if setting.internal and name not in overrides:
                continue
            if name in overrides:
                value, source = setting.parse(overrides[name]), TOPIC
            else:
                value, source = self.topic_default(name)
            entries.append(_entry(setting, setting.render(value), source, ()))
        return entries

    def describe_topic(self, topic: str) -> list[Entry]:
        """What DescribeConfigs shows of a topic.

        As Kafka does, the source is that of the first synonym shown, and synonyms in other units that stand before the
        main one are left out: retention.ms from log.retention.hours has neither a synonym nor a source but DEFAULT.
        """
        overrides = self._image.config(TOPIC_CONFIG, topic)
        entries = []
        for entry in self.topic_entries(overrides):
            setting = TopicSettings.definitions[entry.name]
            synonyms = self._synonyms(setting.synonyms[0]) if setting.synonyms else []
            if entry.name in overrides:
                synonyms.insert(0, Synonym(entry.name, entry.value, TOPIC))
            source = synonyms[0].source if synonyms else DEFAULT
            entries.append(entry._replace(source=source, synonyms=tuple(synonyms)))
        return entries

    def describe_broker(self) -> list[Entry]:
        """What DescribeConfigs shows of this broker: every setting, and the names it does not know, as secrets."""
        texts = self.broker_texts()
        entries = []
        for name, setting in self._definitions.items():
            if setting.internal and name not in texts:
                continue
            synonyms = self._synonyms(name)
            value = setting.parse(texts[name]) if name in texts else setting.default
            source = synonyms[0].source if synonyms else DEFAULT
            read_only = setting.dynamic == READ_ONLY
            entries.append(_entry(setting, setting.render(value), source, tuple(synonyms), read_only=read_only))
        for name in texts:
            if name not in self._definitions:
                entries.append(self._unlisted(name, self._synonyms(name)))
        return entries

    def describe_cluster(self) -> list[Entry]:
        """What DescribeConfigs shows of the broker with the empty name: the cluster-wide dynamic defaults."""
        entries = []
        for name, text in self._image.config(BROKER_CONFIG, "").items():
            setting = self._definitions.get(name)
            if setting is None:
                entries.append(self._unlisted(name, [Synonym(name, self._shown(name, text), DYNAMIC_DEFAULT)]))
                continue
            value = None if setting.sensitive else setting.render(setting.parse(text))
            synonyms = (Synonym(name, value, DYNAMIC_DEFAULT),)
            read_only = setting.dynamic == READ_ONLY
            entries.append(_entry(setting, value, DYNAMIC_DEFAULT, synonyms, read_only=read_only))
        return entries

    def describe_group(self, resource_type: int, name: str, settings: type[Settings]) -> list[Entry]:
        """What DescribeConfigs shows of a group or of client metrics, whether it exists or not."""
        own_source = CLIENT_METRICS if resource_type == 16 else GROUP
        overrides = self._image.config(resource_type, name)
        entries = []
        for setting in settings.definitions.values():
            synonyms = self._group_synonyms(setting, own_source)
            if setting.name in overrides:
                text = overrides[setting.name]
                own = Synonym(setting.name, text, own_source)
                entries.append(_entry(setting, text, own_source, (own, *synonyms)))
                continue
            default = synonyms[0] if synonyms else Synonym(setting.name, setting.render(setting.default), DEFAULT)
            entries.append(_entry(setting, default.value, default.source, tuple(synonyms)))
        return entries

    def _group_synonyms(self, setting: Setting, own_source: int) -> list[Synonym]:
        if setting.synonyms:
            return self._synonyms(setting.synonyms[0])
        if own_source == CLIENT_METRICS:
            return []
        return [Synonym(setting.name, setting.render(setting.default), DEFAULT)]

    def _synonyms(self, name: str) -> list[Synonym]:
        """Everything that could give the broker setting `name` its value, first what does."""
        family = _SYNONYMS.get(name, (name,))
        general = general_setting(self._definitions, name)
        if general is not None and general.name != name:
            family = (name, general.name)
        found = []
        for texts, source in self._layers():
            for each in family:
                if each in texts:
                    found.append(Synonym(each, self._shown(each, texts[each]), source))
        for each in family:
            setting = self._definitions.get(each)
            if setting is not None and setting.default is not None and each not in _REQUIRED:
                found.append(Synonym(each, setting.render(setting.default), DEFAULT))
        while found and found[0].name != name:
            del found[0]
        return found

    def _shown(self, name: str, text: str) -> str | None:
        setting = general_setting(self._definitions, name)
        return None if setting is None or setting.sensitive else setting.render(setting.parse(text))

    def _unlisted(self, name: str, synonyms: list[Synonym]) -> Entry:
        """A setting that is not ours. Its text may be a secret of some plug-in; a listener's own setting has a type.

        Both are shown as read-only: the names that Kafka calls dynamic are those of the broker's own settings.
        """
        setting = general_setting(self._definitions, name)
        kind = UNKNOWN_TYPE if setting is None else setting.kind
        value = synonyms[0].value if synonyms and setting is not None and not setting.sensitive else None
        source = synonyms[0].source if synonyms else DEFAULT
        return Entry(name, value, source, True, value is None, kind, "", tuple(synonyms))


def general_setting(known: Mapping[str, Setting], name: str) -> Setting | None:
    """The definition of `name`, also of a listener's own setting, whose name may hold a mechanism."""
    base = base_name(name)
    return known.get(base) or (known.get(base.partition(".")[2]) if base != name else None)


def base_name(name: str) -> str:
    """The setting that `listener.name.<listener>.<setting>` sets for one listener; any other name is its own."""
    parts = name.split(".", 3)
    return parts[3] if len(parts) == 4 and parts[:2] == ["listener", "name"] else name


def _entry(
    setting: Setting, value: str | None, source: int, synonyms: tuple[Synonym, ...], *, read_only: bool = False
) -> Entry:
    shown = None if setting.sensitive else value
    return Entry(setting.name, shown, source, read_only, setting.sensitive, setting.kind, setting.doc, synonyms)
