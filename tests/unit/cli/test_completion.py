"""What the shell offers, asked as the shell asks."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from ottla.cli.main import root, run


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("OTTLA_BOOTSTRAP", "127.0.0.1:1")


def offered(*words: str) -> list[str]:
    completer = ShellComplete(root, {}, "ottla", "_OTTLA_COMPLETE")
    return [item.value for item in completer.get_completions(list(words[:-1]), words[-1])]


def test_commands_and_options_are_offered() -> None:
    assert {"topic", "profile", "completion"} <= {*offered("")}
    assert offered("topic", "des") == ["describe"]
    assert "--json" in offered("topic", "list", "--")


def test_names_of_settings_are_offered_by_kind_without_a_broker() -> None:
    assert offered("config", "set", "topic", "t", "retention.") == ["retention.bytes=", "retention.ms="]
    assert offered("config", "unset", "topic", "t", "retention.m") == ["retention.ms"]
    assert "num.io.threads=" in offered("config", "set", "broker", "1", "num.io")
    assert offered("config", "set", "group", "g", "consumer.s") == ["consumer.session.timeout.ms="]
    assert offered("topic", "create", "t", "-c", "clean") == ["cleanup.policy="]


def test_values_are_offered_where_they_are_few() -> None:
    assert offered("config", "set", "topic", "t", "compression.type=z") == ["compression.type=zstd"]
    assert offered("config", "set", "topic", "t", "preallocate=") == ["preallocate=true", "preallocate=false"]


def test_without_a_cluster_nothing_is_offered_and_nothing_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert offered("topic", "describe", "") == []
    assert offered("group", "describe", "") == []
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never answers
        assert offered("consume", "-b", f"127.0.0.1:{silent.getsockname()[1]}", "") == []
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_profiles_are_offered(capsys: pytest.CaptureFixture[str]) -> None:
    run(["profile", "add", "prod", "-b", "h:1"])
    assert offered("-c", "p") == ["prod"]
    assert offered("topic", "list", "--cluster", "") == ["prod"]
    assert offered("profile", "remove", "") == ["prod"]


@pytest.mark.parametrize(("shell", "words"), [("bash", "complete -o"), ("zsh", "#compdef ottla"), ("fish", "complete")])
def test_each_shell_gets_its_lines(shell: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert words in said
    assert "_OTTLA_COMPLETE" in said
