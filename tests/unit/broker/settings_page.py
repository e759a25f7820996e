"""`docs/settings.md`, made from the settings and what becomes of each: `python -m tests.unit.broker.settings_page`."""

from __future__ import annotations

from pathlib import Path

from ottla.broker.refusals import FOREIGN, REFUSALS
from ottla.broker.setting_support import OF_TOPICS, PLUGIN_PREFIXES, WORKING, Support, group_support, support
from ottla.broker.settings import BrokerSettings
from ottla.common.settings import PASSWORD, Setting
from ottla.coordinator.group.settings import GroupSettings
from ottla.storage.settings import TopicSettings

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"

_INTRODUCTION = """\
# Broker settings

Every setting of an Apache Kafka 4.3 broker, and Ottla's own, with what becomes of it here. This page is made from the
code (`python -m tests.unit.broker.settings_page`), and a test holds it.

- **works**: as Kafka documents it.
- **harmless**: it is taken and checked, has no effect, and nobody is hurt by that; the reason stands beside it.
- **refused**: a value that asks for something which this broker does not do keeps it from starting, with a sentence.
  The default, and whatever asks for nothing, is taken. Where Kafka lets such a setting be changed while a broker runs,
  the change is stored, as in Kafka, and the log warns with `config.not_enforced`.

A name that is not known is an error too, with the nearest known one or with what became of it; all faults of a file are
told at once. `listener.name.<listener>.<setting>` is refused where the setting works for the whole broker only. Which
settings can be changed while the broker runs, and what is in force: `ottla config describe broker 1 --all --doc`.

Host names in `max.connections.per.ip.overrides` are looked up when the broker starts, and each of their addresses has
the limit (Kafka takes the first); one that has no address keeps the broker from starting. A change while the broker
runs takes addresses only, since to look a name up could hold up who connects meanwhile.

Listeners are explained in [listeners.md](listeners.md), the log in [logging.md](logging.md).

| setting | default | here | why |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [_row(name) for name in sorted({*BrokerSettings.definitions, *FOREIGN})]
    rows += [f"| `{prefix}*` | | harmless | {reason} |" for prefix, reason in PLUGIN_PREFIXES.items()]
    topics = [_plain(each, OF_TOPICS.get(name, _WORKS)) for name, each in sorted(TopicSettings.definitions.items())]
    groups = [_plain(each, group_support(name)) for name, each in sorted(GroupSettings.definitions.items())]
    parts = [_INTRODUCTION + "\n".join(rows)]
    parts += [_CHAPTER.format(what) + "\n".join(lines) for what, lines in (("topics", topics), ("groups", groups))]
    return "\n\n".join(parts) + "\n"


_WORKS = Support(WORKING, "")
_CHAPTER = "## Settings of {}\n\n| setting | default | here | why |\n|---|---|---|---|\n"


def _plain(definition: Setting, here: Support) -> str:
    default = definition.render(definition.default)
    return f"| `{definition.name}` | {f'`{default}`' if default else ''} | {here.kind} | {here.reason} |"


def _row(name: str) -> str:
    kind, reason = support(name)
    definition = BrokerSettings.definitions.get(name)
    default = None
    if definition is not None and definition.kind != PASSWORD:
        default = definition.render(definition.default)
    if kind == "refused":
        kind = f"refused {_which(name)}"
    shown = f"`{default}`" if default else ""
    return f"| `{name}` | {shown} | {kind} | {reason.replace('|', chr(92) + '|')} |"


def _which(name: str) -> str:
    rule, definition = REFUSALS[name], BrokerSettings.definitions.get(name)
    if name == "sasl.enabled.mechanisms":
        return "where it is given"
    if name in ("controller.quorum.voters", "controller.quorum.bootstrap.servers"):
        return "beyond this node itself"
    if name == "process.roles":
        return "unless it is both"
    if name == "metadata.log.dir":
        return "unless it is the first of log.dirs"
    default = None if definition is None else definition.default
    if default is None or default in ("", (), False):
        return "where it asks for something" if rule.lets(default) else "where it is given"
    return "for other values"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
