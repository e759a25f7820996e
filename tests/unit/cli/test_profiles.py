"""Names for clusters: which one a command asks, and where they are kept."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ottla.cli.main import FAILED, MISTYPED, run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("OTTLA_BOOTSTRAP", raising=False)
    return tmp_path / "ottla" / "profiles.json"


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The address that a command asked: each of them is one where nothing answers."""
    assert run(list(words)) == FAILED
    error = capsys.readouterr().err
    assert " answers at " in error, error
    return error.split(" answers at ")[1].split(" ")[0]


def test_the_nearest_name_counts_and_b_is_stronger_than_the_one_in_use(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, port in (("one", 1), ("two", 2)):
        assert run(["profile", "add", name, "-b", f"127.0.0.1:{port}"]) == 0
    capsys.readouterr()
    assert asked(capsys, "-c", "one", "topic", "list") == "127.0.0.1:1"
    assert asked(capsys, "topic", "list", "--cluster", "two") == "127.0.0.1:2"
    assert asked(capsys, "-c", "one", "topic", "list", "--cluster", "two") == "127.0.0.1:2"
    assert run(["profile", "use", "two"]) == 0
    capsys.readouterr()
    assert asked(capsys, "topic", "list") == "127.0.0.1:2"
    assert asked(capsys, "topic", "list", "-b", "127.0.0.1:3") == "127.0.0.1:3"
    monkeypatch.setenv("OTTLA_BOOTSTRAP", "127.0.0.1:4")
    assert asked(capsys, "topic", "list") == "127.0.0.1:4"
    assert asked(capsys, "-c", "one", "topic", "list") == "127.0.0.1:1"
    assert run(["-c", "one", "topic", "list", "-b", "127.0.0.1:3"]) == MISTYPED
    assert "both say whom to ask; give one of them" in capsys.readouterr().err


def test_only_the_owner_may_read_the_file(home: Path) -> None:
    assert run(["profile", "add", "prod", "-b", "broker.example:9092"]) == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    assert json.loads(home.read_text())["clusters"] == {"prod": {"bootstrap": "broker.example:9092"}}


def test_an_unknown_name_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    run(["profile", "add", "production", "-b", "h:1"])
    capsys.readouterr()
    assert run(["-c", "prodution", "topic", "list"]) == FAILED
    assert capsys.readouterr().err == "ottla: there is no profile 'prodution'; did you mean 'production'?\n"
    assert run(["profile", "remove", "nosuch"]) == FAILED
    assert "`ottla profile list` shows them" in capsys.readouterr().err


def test_a_removed_profile_is_not_in_use_any_more(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["add", "one", "-b", "h:1"], ["use", "one"], ["remove", "one"], ["list"]):
        assert run(["profile", *words]) == 0
    assert "There are no profiles yet" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "{", "[]", '{"clusters": {"a": {}}}', '{"clusters": 5}'])
def test_a_damaged_file_is_one_sentence(home: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    home.parent.mkdir(parents=True)
    home.write_text(text)
    assert run(["profile", "list"]) == FAILED
    assert capsys.readouterr().err == f"ottla: {home} is damaged; repair or remove it\n"


def test_an_address_that_cannot_be_is_refused_when_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "add", "one", "-b", "localhost"]) == MISTYPED
    assert "has no port" in capsys.readouterr().err
