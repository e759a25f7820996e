"""A real process under a real Prometheus' tools: the page, the process' own metrics, the alert rules."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer

from tests.conformance.ottla_broker import ROOT, OttlaBroker
from tests.unit.exposition import Page

pytestmark = pytest.mark.process

RECORDS = 500
_LINTED = {
    "kafka_consumergroup_current_offset_sum",
    "kafka_consumergroup_lag_sum",
    "kafka_server_socket_server_metrics_connection_count",
}
"""promtool would end names otherwise; the exporters of Kafka call them so."""


@pytest.fixture
def promtool() -> str:
    """Of Debian's package prometheus; CI requires it."""
    found = shutil.which("promtool")
    if found is None:
        if "prometheus" in os.environ.get("OTTLA_REQUIRE", "").split(","):
            pytest.fail("promtool is not there, and OTTLA_REQUIRE names prometheus")
        pytest.skip("needs promtool (Debian's package prometheus), not on this machine")
    return found


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[OttlaBroker]:
    """A broker that has taken records, and given some of them to a group."""
    with OttlaBroker(tmp_path / "ottla") as broker:
        producer = Producer({"bootstrap.servers": broker.address})
        for number in range(RECORDS):
            producer.produce("orders", str(number).encode())
        assert producer.flush(30) == 0
        options = {"bootstrap.servers": broker.address, "group.id": "readers", "auto.offset.reset": "earliest"}
        consumer = Consumer({**options, "enable.auto.commit": False})
        consumer.subscribe(["orders"])
        read = consumer.consume(100, 30)
        assert len(read) == 100
        consumer.commit(message=read[-1], asynchronous=False)
        yield broker
        consumer.close()


def test_the_page_of_a_process_tells_of_its_work_and_of_itself(busy: OttlaBroker) -> None:
    page = Page(busy.metrics())
    assert page.value("ottla_topic_records_in_total", topic="orders") == RECORDS
    assert page.value("ottla_consumer_group_lag", group="readers", topic="orders", partition="0") == RECORDS - 100
    assert page.value("kafka_consumergroup_members", consumergroup="readers") == 1
    process = psutil.Process(busy.pid)
    memory = page.value("process_resident_memory_bytes")
    assert memory == pytest.approx(process.memory_info().rss, rel=0.2)
    assert page.value("process_start_time_seconds") == pytest.approx(process.create_time(), abs=2)
    assert page.value("process_open_fds") == pytest.approx(process.num_fds(), abs=5)
    assert page.value("process_max_fds") == process.rlimit(psutil.RLIMIT_NOFILE)[0]
    used = process.cpu_times()
    assert 0 < page.value("process_cpu_seconds_total") <= used.user + used.system + 0.1
    assert page.value("process_start_time_seconds") < time.time()
    assert [name for name in page.families if name.startswith("python_gc_")]
    assert page.families["ottla_build_info"].label_names() == ["python", "version"]


def test_promtool_finds_nothing_but_the_names_that_are_kafkas(busy: OttlaBroker, promtool: str) -> None:
    text = busy.metrics()
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    complaints = (checked.stdout + checked.stderr).splitlines()
    assert {line.split(" ")[0] for line in complaints} == _LINTED, complaints


def test_promtool_takes_the_alert_rules_and_their_tests_pass(promtool: str) -> None:
    folder = ROOT / "docs" / "grafana"
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_that_would_not_fire_is_found(promtool: str, tmp_path: Path) -> None:
    folder = ROOT / "docs" / "grafana"
    rules = (folder / "alerts.yml").read_text(encoding="utf-8")
    (tmp_path / "alerts.yml").write_text(rules.replace("ottla_clock_jumps_total[10m]", "ottla_clock_jumps[10m]"))
    shutil.copy(folder / "alerts_test.yml", tmp_path)
    done = subprocess.run(
        [promtool, "test", "rules", "alerts_test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "OttlaClockJumped" in done.stdout + done.stderr


def test_promtool_takes_every_query_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    dashboard = json.loads((ROOT / "docs/grafana/ottla.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(queries) > 20
    filled = [re.sub(r"\$\w+", "5m", query) for query in queries]  # a duration, and a pattern of names
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(filled)]
    file = tmp_path / "queries.json"  # which is YAML as well
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
