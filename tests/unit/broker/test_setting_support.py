"""Each broker setting works, is harmless, or is refused: the tables are compared with what the code reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import ottla
from ottla.broker.refusals import FOREIGN, REFUSALS
from ottla.broker.setting_support import HARMLESS_BECAUSE, OF_TOPICS, WORKS
from ottla.broker.settings import BrokerSettings
from ottla.coordinator.group.settings import GroupSettings
from ottla.storage.settings import TopicSettings
from tests.unit.broker.settings_page import PAGE, page

SOURCE = Path(ottla.__file__).parent
HOLDERS = ("settings", "current", "proposed", "self")
"""What the code calls an object with settings, where it reads one."""
WITHOUT_EFFECT = {
    "broker.heartbeat.interval.ms": "only compared with the session timeout",
    "log.cleaner.threads": "only compared with the memory of compaction",
    "log.local.retention.bytes": "only compared with the retention",
    "log.local.retention.ms": "only compared with the retention",
    "offsets.topic.compression.codec": "only checked",
    "controller.quorum.voters": "only checked",
    "controller.quorum.bootstrap.servers": "only checked",
    "cordoned.log.dirs": "only checked",
    "metadata.log.dir": "only checked",
    "security.inter.broker.protocol": "only checked",
}
"""What the code reads for a check alone."""


def test_every_known_setting_is_in_exactly_one_table() -> None:
    tables = [set(WORKS), set(HARMLESS_BECAUSE), set(REFUSALS)]
    assert set().union(*tables) == {*BrokerSettings.definitions, *FOREIGN}
    assert sum(len(table) for table in tables) == len(set().union(*tables))


def read_by_the_code() -> Iterator[str]:
    """The settings whose attribute is read of an object with settings, or that give a topic or a group its default."""
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for path in SOURCE.rglob("*.py")
        if not path.is_relative_to(SOURCE / "testing")
    )  # fmt: skip
    for kind in (TopicSettings, GroupSettings):
        for definition in kind.definitions.values():
            if definition.attribute.startswith(("share_", "streams_")):
                continue
            yield from definition.synonyms
    read = set(re.findall(rf"\b(?:{'|'.join(HOLDERS)})(?:\(\))?(?=\.(\w+))", text))
    yield from (name for name, definition in BrokerSettings.definitions.items() if definition.attribute in read)
    for limit in ("assignment.interval.ms", "heartbeat.interval.ms", "session.timeout.ms"):
        yield from (f"group.consumer.{end}.{limit}" for end in ("min", "max"))  # by a name that is put together


def test_what_works_is_read_and_what_is_read_works() -> None:
    read = set(read_by_the_code()) - set(WITHOUT_EFFECT)
    assert WORKS - read == {"broker.id"}  # another name of node.id
    assert read - WORKS == set()


def test_only_known_settings_of_topics_are_said_not_to_work() -> None:
    assert set(OF_TOPICS) <= set(TopicSettings.definitions)


def test_the_page_of_settings_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.unit.broker.settings_page"
