"""What is written about metrics holds: the page of all metrics, the dashboard, the alert rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.unit.broker.metrics_page import FOLDER, MARK, PAGE, families, tables

DASHBOARD = FOLDER / "grafana" / "ottla.json"
ALERTS = FOLDER / "grafana" / "alerts.yml"
_METRIC = re.compile(r"\b(?:ottla|kafka|process|python)_[a-z0-9_]+\b")
_SETTING = re.compile(r"ottla\.[a-z.]+")


def unknown(text: str) -> set[str]:
    """Metrics that a text names and no broker has."""
    known = set(families())
    known |= {
        f"{name}{end}"
        for name, one in families().items()
        if one.kind != "gauge"
        for end in ("_bucket", "_count", "_sum")
    }
    return {name for name in _METRIC.findall(text) if name not in known and not name.endswith("_")}


def test_the_page_of_metrics_is_up_to_date() -> None:
    made = PAGE.read_text(encoding="utf-8").partition(MARK)[2]
    assert made == "\n" + tables(), "run python -m tests.unit.broker.metrics_page"


def test_what_the_page_says_in_words_names_only_metrics_that_there_are() -> None:
    words = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    assert unknown(words.replace("kafka_exporter", "")) == set()


def expressions(value: Any) -> Iterator[str]:
    """Of panels, and of variables: those are asked with `query`; `definition` is what the page of settings shows."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key in ("expr", "definition") or (key == "query" and str(one).startswith("label_values(")):
                yield one
            else:
                yield from expressions(one)
    elif isinstance(value, list):
        for one in value:
            yield from expressions(one)


def test_the_dashboard_asks_only_for_metrics_that_there_are() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = list(expressions(dashboard))
    assert len(asked) > 25
    assert [(query, unknown(query)) for query in asked if unknown(query)] == []
    assert all(_METRIC.search(query) or "up{" in query for query in asked)


def test_the_labels_that_the_dashboard_groups_by_are_there() -> None:
    scraped = {"job", "instance", "le"}
    for query in expressions(json.loads(DASHBOARD.read_text(encoding="utf-8"))):
        names = [name.removesuffix("_bucket") for name in _METRIC.findall(query)]
        labels = {label for name in names if name in families() for label in families()[name].label_names()} | scraped
        grouped = [label.strip() for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(",")]
        assert set(grouped) <= labels, query


def test_no_two_panels_lie_upon_each_other() -> None:
    places = [panel["gridPos"] for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_the_alert_rules_name_only_metrics_that_there_are() -> None:
    text = ALERTS.read_text(encoding="utf-8")
    rules = re.findall(r"expr: (.*(?:\n          .*)*)", text)
    assert len(rules) == text.count("- alert: ") > 15
    assert unknown("\n".join(rules)) == set()


def test_every_alert_has_a_test() -> None:
    tests = (FOLDER / "grafana" / "alerts_test.yml").read_text(encoding="utf-8")
    for alert in re.findall(r"- alert: (\w+)", ALERTS.read_text(encoding="utf-8")):
        assert f'alertname="{alert}"' in tests, alert
