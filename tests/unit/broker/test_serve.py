"""What a person reads when a broker does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from ottla.broker import serve
from ottla.broker.settings import BrokerSettings


def test_a_host_name_without_an_address_refuses_the_start_in_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def nobody(_name: str) -> list[str]:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(serve, "addresses_of_host", nobody)
    folder = tmp_path / "data"
    texts = {"node.id": "1", "log.dirs": str(folder), "max.connections.per.ip.overrides": "nowhere.example:2"}
    settings = BrokerSettings.load({**texts, "listeners": "PLAINTEXT://127.0.0.1:0"})
    assert serve.serve(settings, ready=lambda _: None) == serve.FAILED
    assert capfd.readouterr().err == (
        "ottla: max.connections.per.ip.overrides: the address of nowhere.example cannot be found "
        "(Name or service not known)\n"
    )
    assert not folder.exists()


def test_every_address_of_a_host_is_found_once() -> None:
    assert serve.addresses_of_host("127.0.0.1") == ["127.0.0.1"]
