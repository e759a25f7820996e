"""`docs/metrics.md`, made from the page `/metrics` of a broker at work: `python -m tests.unit.broker.metrics_page`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ottla.broker.measures.process import Collections, Vitals
from ottla.protocol.messages.api_versions import ApiVersionsRequest
from tests.unit.broker.handlers.support import Asking, on_coordinator
from tests.unit.broker.measures.support import commit, fetch, page_of
from tests.unit.exposition import Family, Page

FOLDER = Path(__file__).parents[3] / "docs"
PAGE = FOLDER / "metrics.md"
MARK = "<!-- what follows is made by python -m tests.unit.broker.metrics_page -->\n"
SETTINGS = {"ottla.client.metrics.topic": "client-metrics"}
ONLY_IN_A_PROCESS = {
    "ottla_log_lines_dropped_total": Family(
        "ottla_log_lines_dropped_total", "Log lines that could not be written", "counter"
    )
}
"""What `broker/serve.py` adds, which no simulated broker runs."""

_UNITS = ("seconds", "bytes", "percent", "ratio", "ms")
_CHAPTERS = (
    ("ottla_", "Ottla's own"),
    ("process_", "The process"),
    ("python_", "Python"),
    ("kafka_server_ kafka_network_ kafka_controller_ kafka_coordinator_ kafka_log_", "As the JMX exporter names them"),
    ("kafka_", "As kafka_exporter names them"),
)


class SomeProcess:
    """What the operating system might say."""

    def vitals(self) -> Vitals:
        generations = (Collections(3, 2, 0),) * 3
        return Vitals(1.5, 1 << 25, 1 << 28, 20, 1024, 1_700_000_000.25, generations, "3.11.0", "CPython")


@cache
def families() -> dict[str, Family]:
    """Every family of a broker that has had something to do."""

    async def scenario(broker: Asking) -> Page:
        await broker.topic("a")
        await broker.produce("a")
        await fetch(broker, "a")
        await fetch(broker, "absent")
        await broker.ask(ApiVersionsRequest(), 0)
        await commit(broker, "g", "a", (0, 0))
        return await page_of(broker)

    return on_coordinator(scenario, SETTINGS, SomeProcess()).families | ONLY_IN_A_PROCESS


def tables() -> str:
    """All of the page that is made."""
    left = dict(families())
    parts = []
    for prefixes, title in _CHAPTERS:
        names = sorted(name for name in left if name.startswith(tuple(prefixes.split())))
        rows = [_row(left.pop(name)) for name in names]
        head = f"## {title}\n\n| metric | type | labels | unit | meaning |\n|---|---|---|---|---|\n"
        parts.append(head + "\n".join(rows) + "\n")
    assert not left, f"no chapter for {sorted(left)}"
    return "\n".join(parts)


def _row(family: Family) -> str:
    labels = ", ".join(f"`{name}`" for name in family.label_names())
    return f"| `{family.name}` | {family.kind} | {labels} | {_unit(family.name)} | {family.help_text} |"


def _unit(name: str) -> str:
    words = name.removesuffix("_total").split("_")
    if words[-1].endswith("timems"):
        return "ms"
    return next((unit for unit in _UNITS if unit in (words[-1], words[-2])), "")


if __name__ == "__main__":
    introduction, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(introduction + MARK + "\n" + tables(), encoding="utf-8")
