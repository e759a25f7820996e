"""The admin commands against a real broker process."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cluster.cli_calls import Cli
from tests.conformance.ottla_broker import ROOT, OttlaBroker

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """One broker for all tests of this file; each uses topics and groups of its own."""
    with OttlaBroker(tmp_path_factory.mktemp("cli")) as broker:
        yield Cli(broker.address)


def test_a_topic_from_its_creation_to_its_end(cli: Cli) -> None:
    assert cli.text("topic", "create", "life", "-p", "3") == "Created topic life with 3 partitions, 1 replica each.\n"
    assert "already exists" in cli.error("topic", "create", "life")
    assert cli.text("topic", "create", "life", "--if-not-exists") == ""
    assert cli.text("topic", "alter", "life", "-p", "4", "-c", "retention.ms=5000") == "Altered topic life.\n"
    (described,) = cli.json("topic", "describe", "life")
    assert described["configs"]["retention.ms"] == "5000"
    assert [row["leader"] for row in described["partitions"]] == [1, 1, 1, 1]
    assert "partition" in cli.error("topic", "alter", "life", "-p", "2").lower()
    assert cli.error("topic", "delete", "life").endswith("repeat with --yes to do it")
    assert cli.text("topic", "delete", "life", "--yes") == "Deleted topic life.\n"
    assert cli.error("topic", "delete", "life", "-y").startswith("there is no topic 'life'")
    assert cli.text("topic", "delete", "life", "-y", "--if-exists") == ""


def test_the_list_of_topics_as_table_names_and_json(cli: Cli) -> None:
    cli.text("topic", "create", "listed", "-p", "2")
    lines = cli.text("topic", "list").splitlines()
    assert lines[0].split() == ["TOPIC", "PARTITIONS", "REPLICAS", "STATE"]
    assert ["listed", "2", "1", "ok"] in [line.split() for line in lines]
    assert "listed" in cli.text("topic", "list", "-q").splitlines()
    (row,) = [row for row in cli.json("topic", "list") if row["name"] == "listed"]
    assert set(row) == {
        "name", "id", "internal", "partition_count", "replication_factor", "without_leader", "under_replicated",
    }  # fmt: skip
    assert (row["partition_count"], row["without_leader"], row["internal"]) == (2, 0, False)


def test_a_missing_topic_is_answered_with_the_nearest(cli: Cli) -> None:
    cli.text("topic", "create", "payments")
    assert cli.error("topic", "describe", "payment") == "there is no topic 'payment'; did you mean 'payments'?"
    assert cli.error("topic", "offsets", "payments:3") == "topic payments has no partition 3; it has 0 to 0"


def test_offsets_at_the_ends_and_at_a_time_and_records_deleted(cli: Cli) -> None:
    cli.text("topic", "create", "timed")
    lines = b"".join(b'{"key":null,"payload":"%d","ts":%d}\n' % (number, 10**12 + number) for number in range(10))
    cli.text("produce", "timed", "-J", stdin=lines)
    assert cli.json("topic", "offsets", "timed") == [{"topic": "timed", "partition": 0, "start": 0, "end": 10}]
    assert cli.json("topic", "offsets", "timed", "--at", f"{10**12 + 4}") == [
        {"topic": "timed", "partition": 0, "offset": 4, "timestamp": 10**12 + 4}
    ]
    assert cli.json("topic", "offsets", "timed:0", "--at", "max-timestamp")[0]["timestamp"] == 10**12 + 9
    assert cli.json("topic", "offsets", "timed", "--at", "2030-01-01")[0]["offset"] is None
    assert cli.json("topic", "delete-records", "timed", "--before", "7", "-y")[0]["start"] == 7
    assert cli.text("consume", "timed", "-e") == "7\n8\n9\n"


def test_settings_are_set_shown_with_their_source_and_unset(cli: Cli) -> None:
    cli.text("topic", "create", "configured")
    assert cli.text("config", "set", "topic", "configured", "retention.ms=77", "cleanup.policy=compact,delete") == (
        "topic configured: retention.ms = 77\ntopic configured: cleanup.policy = compact,delete\n"
    )
    rows = {row["name"]: row for row in cli.json("config", "describe", "topic", "configured")}
    assert (rows["retention.ms"]["value"], rows["retention.ms"]["from"]) == ("77", "topic")
    assert cli.text("config", "unset", "topic", "configured", "retention.ms").endswith("back to its default\n")
    names = [row["name"] for row in cli.json("config", "describe", "topic", "configured")]
    assert "retention.ms" not in names and "cleanup.policy" in names
    everything = {row["name"]: row["from"] for row in cli.json("config", "describe", "topic", "configured", "--all")}
    assert everything["retention.ms"] == "default" and len(everything) > 25
    assert cli.error("config", "set", "topic", "configured", "fooo=1") == "a topic has no setting 'fooo'"
    assert {"kind": "topic", "name": "configured"} in cli.json("config", "list", "-k", "topic")


def test_settings_of_all_brokers_and_of_one(cli: Cli) -> None:
    cli.text("config", "set", "broker", "default", "log.cleaner.threads=2")
    rows = {row["name"]: row for row in cli.json("config", "describe", "broker", "1")}
    assert (rows["log.cleaner.threads"]["value"], rows["log.cleaner.threads"]["from"]) == ("2", "all brokers")
    assert "named by its id" in cli.error("config", "describe", "broker", "one", code=2)


def test_a_group_is_described_with_its_lag_reset_and_deleted(cli: Cli) -> None:
    cli.text("topic", "create", "read", "-p", "2")
    cli.text("produce", "read", "-p", "1", stdin=b"a\nb\nc\nd\n")
    assert sorted(cli.text("consume", "read", "-g", "readers", "-e").split()) == ["a", "b", "c", "d"]
    cli.text("produce", "read", "-p", "1", stdin=b"e\n")
    assert {"group": "readers", "type": "Classic", "protocol": "consumer", "state": "Empty"} in cli.json(
        "group", "list"
    )
    (described,) = cli.json("group", "describe", "readers")
    assert (described["state"], described["members"], described["lag"]) == ("Empty", [], 1)
    (offsets,) = [row for row in described["offsets"] if row["partition"] == 1]
    assert offsets == {"topic": "read", "partition": 1, "committed": 4, "end": 5, "lag": 1, "member": None}

    planned = cli.json("group", "reset", "readers", "-t", "read:1", "--shift-by", "-2")
    assert planned["committed"] is False
    assert planned["offsets"] == [{"topic": "read", "partition": 1, "committed": 4, "new": 2, "start": 0, "end": 5}]
    assert cli.json("group", "describe", "readers")[0]["lag"] == 1, "a plan changes nothing"
    assert cli.json("group", "reset", "readers", "-t", "read:1", "--shift-by", "-2", "--yes")["committed"] is True
    assert cli.text("consume", "read", "-g", "readers", "-e") == "c\nd\ne\n"
    cli.text("group", "reset", "readers", "--to-earliest", "-y")
    assert cli.json("group", "describe", "readers")[0]["lag"] == 5
    cli.text("group", "reset", "readers", "--by-duration", "1h", "-y")
    assert cli.json("group", "describe", "readers")[0]["lag"] == 5

    cli.text("group", "delete-offsets", "readers", "-t", "read:1", "-y")
    assert [row["partition"] for row in cli.json("group", "describe", "readers")[0]["offsets"]] in ([], [0])
    assert cli.text("group", "delete", "readers", "-y") == "Deleted group readers.\n"
    assert cli.error("group", "describe", "readers") == "there is no group 'readers'"


def test_a_group_with_members_shows_them_and_is_not_reset(cli: Cli) -> None:
    from confluent_kafka import Consumer

    cli.text("topic", "create", "busy", "-p", "2")
    cli.text("produce", "busy", stdin=b"a\n")
    consumer = Consumer({
        "bootstrap.servers": cli.address, "group.id": "live", "client.id": "worker", "auto.offset.reset": "earliest",
    })  # fmt: skip
    consumer.subscribe(["busy"])
    try:
        message = consumer.poll(30)
        assert message is not None and message.value() == b"a"
        consumer.commit(message, asynchronous=False)
        (described,) = cli.json("group", "describe", "live")
        (member,) = described["members"]
        assert (described["state"], member["client"]) == ("Stable", "worker")
        assert member["assigned"] == ["busy-0", "busy-1"]
        assert {row["member"] for row in described["offsets"]} == {member["member"]}
        assert "has 1 member; stop them first" in cli.error("group", "reset", "live", "--to-latest", "-y")
        assert "still has members" in cli.error("group", "delete", "live", "-y").lower()
    finally:
        consumer.close()


def test_the_cluster_shows_its_brokers_apis_features_and_folders(cli: Cli) -> None:
    info = cli.json("cluster", "info")
    assert (info["controller"], info["brokers"]) == (1, 1)
    host, port = cli.address.split(":")
    (broker,) = cli.json("cluster", "brokers")
    assert broker == {"id": 1, "host": host, "port": int(port), "rack": None, "controller": True, "fenced": False}
    apis = {row["api"]: row for row in cli.json("cluster", "apis")}
    assert (apis["Produce"]["key"], apis["Produce"]["newest"]) == (0, 13)
    assert {"feature", "oldest", "newest", "level"} == set(cli.json("cluster", "features")[0])
    (folder,) = cli.json("cluster", "log-dirs")
    assert folder["offline"] is False and folder["usable_bytes"] > 0


def test_the_files_of_a_running_broker_can_be_checked(cli: Cli) -> None:
    cli.text("topic", "create", "checked")
    cli.text("produce", "checked", "-z", "zstd", stdin=b"a\nb\n")
    (folder,) = cli.json("cluster", "log-dirs")
    (report,) = cli.json("log", "check", f"{folder['directory']}/checked-0")
    assert (report["records"], report["end_offset"], report["findings"]) == (2, 2, [])


def test_transactions_are_shown_and_one_that_hangs_is_aborted(cli: Cli) -> None:
    from confluent_kafka import Producer

    cli.text("topic", "create", "paid")
    producer = Producer({"bootstrap.servers": cli.address, "transactional.id": "till"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce("paid", b"x")
    producer.flush(30)
    assert {"transactional_id": "till", "state": "Ongoing"}.items() <= cli.json("transaction", "list")[0].items()
    described = cli.json("transaction", "describe", "till")
    assert (described["state"], described["partitions"]) == ("Ongoing", ["paid-0"])
    assert "paid-0" in cli.text("transaction", "describe", "till")
    (row,) = cli.json("transaction", "producers", "paid", "0")
    assert row["open_since_offset"] == 0
    assert cli.error("transaction", "abort", "paid", "0", "0").endswith("repeat with --yes to do it")
    assert "no open transaction of paid-0 begins at offset 7" in cli.error(
        "transaction", "abort", "paid", "0", "7", "-y"
    )
    assert cli.text("transaction", "abort", "paid", "0", "0", "-y").startswith("Aborted the transaction of producer ")
    (row,) = cli.json("transaction", "producers", "paid", "0")
    assert row["open_since_offset"] is None
    assert cli.error("transaction", "describe", "nosuch") == "there is no transactional id 'nosuch'"


def test_a_new_topic_shows_no_setting_that_nobody_has_set(cli: Cli) -> None:
    cli.text("topic", "create", "plain")
    assert cli.json("config", "describe", "topic", "plain") == []
    assert cli.json("topic", "describe", "plain")[0]["configs"] == {}


def test_an_unknown_setting_is_not_given_back_to_its_default(cli: Cli) -> None:
    cli.text("topic", "create", "unset")
    assert cli.error("config", "unset", "topic", "unset", "retention.mss") == (
        "a topic has no setting 'retention.mss'; did you mean 'retention.ms'?"
    )
    assert cli.error("config", "unset", "broker", "1", "log.retention.mss") == (
        "a broker has no setting 'log.retention.mss'; did you mean 'log.retention.ms'?"
    )
    assert cli.error("config", "unset", "broker", "default", "nosuch.setting") == (
        "a broker has no setting 'nosuch.setting'"
    )
    assert "did you mean 'retention.ms'?" in cli.error("topic", "alter", "unset", "-c", "retention.mss=5")
    assert "did you mean 'retention.ms'?" in cli.error("topic", "create", "t2", "-c", "retention.mss=5")
    assert "did you mean 'consumer.session.timeout.ms'?" in cli.error(
        "config", "set", "group", "g", "consumer.session.timeout=5"
    )


def test_a_setting_without_effect_says_so(cli: Cli) -> None:
    done = cli.call("config", "set", "broker", "1", "sasl.enabled.mechanisms=PLAIN")
    assert done.returncode == 0
    assert b"stores sasl.enabled.mechanisms without effect: there is no authentication yet" in done.stderr
    cli.text("config", "unset", "broker", "1", "sasl.enabled.mechanisms")


def test_no_setting_is_shown_as_none(cli: Cli) -> None:
    assert "None" not in cli.text("config", "describe", "broker", "1", "--all", "--doc")


def test_more_replicas_than_brokers_are_refused_with_how_many_there_are(cli: Cli) -> None:
    assert cli.error("topic", "create", "many", "-r", "3") == (
        "-r 3 asks for 3 brokers, each with a copy, and this cluster has 1; use -r 1, or leave it out"
    )


def test_looking_at_transactions_makes_no_topic(cli: Cli) -> None:
    before = cli.text("topic", "list", "-a", "-q")
    assert cli.error("transaction", "describe", "nosuch").startswith("there is no transactional id 'nosuch'")
    assert cli.text("topic", "list", "-a", "-q") == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("transaction", "list"), "There are no transactional ids."),
        (("config", "list", "-k", "client-metrics"), "Nothing of this kind has settings of its own."),
    ],
)
def test_an_empty_list_says_so(cli: Cli, words: tuple[str, ...], sentence: str) -> None:
    if cli.json(*words) == []:
        assert cli.text(*words) == f"{sentence}\n"


def test_the_shell_is_offered_names_of_topics_and_groups(cli: Cli) -> None:
    cli.text("topic", "create", "offered-topic")
    cli.text("produce", "offered-topic", stdin=b"x\n")
    cli.text("consume", "offered-topic", "-g", "offered-group", "-c", "1")
    for line, name in (
        ("ottla topic describe off", "offered-topic"),
        ("ottla consume offered-t", "offered-topic"),
        ("ottla group describe off", "offered-group"),
        ("ottla config describe topic off", "offered-topic"),
        ("ottla config describe broker ", "1"),
    ):
        words = line.split(" ")
        done = subprocess.run(
            [sys.executable, "-m", "ottla"], capture_output=True, text=True, timeout=60,
            env={
                **os.environ, "PYTHONPATH": str(ROOT / "src"), "OTTLA_BOOTSTRAP": cli.address,
                "_OTTLA_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1),
            },
        )  # fmt: skip
        assert f"plain,{name}" in done.stdout.splitlines(), (line, done.stdout, done.stderr)


@pytest.mark.parametrize("columns", [60, 80])
def test_a_terminal_shows_no_line_that_is_wider_than_it(cli: Cli, columns: int) -> None:
    """Asked through a pseudo terminal, as a person sees it."""
    cli.text("topic", "create", "wide-" + "w" * 70, "--if-not-exists")
    cli.text("topic", "create", "a-topic-of-thirty-letters-long", "--if-not-exists")
    for words in (
        ["topic", "list"],
        ["topic", "describe", "a-topic-of-thirty-letters-long"],
        ["config", "describe", "broker", "1", "--all"],
        ["cluster", "log-dirs"],
    ):
        lines = on_terminal(cli, columns, *words).splitlines()
        assert max(len(re.sub(r"\x1b\[\d*m", "", line)) for line in lines) <= columns, words


def on_terminal(cli: Cli, columns: int, *words: str) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ottla", *words], stdin=theirs, stdout=theirs, stderr=theirs,
        env={
            **os.environ, "PYTHONPATH": str(ROOT / "src"), "OTTLA_BOOTSTRAP": cli.address, "COLUMNS": str(columns),
            "TERM": "xterm",
        },
    )  # fmt: skip
    os.close(theirs)
    pieces = []
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # the other side has ended
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(ours)
    assert process.wait(60) == 0
    return b"".join(pieces).decode()
