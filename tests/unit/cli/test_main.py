from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from ottla.cli.main import FAILED, MISTYPED, root, run

MODULES_AT_START = "import sys; import ottla.cli.main; print(*sorted(sys.modules))"


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tpic"], "ottla: there is no command 'tpic'; did you mean 'topic'? See `ottla --help`.\n"),
        (["topic", "lst"], "ottla: there is no command 'lst'; did you mean 'list'? See `ottla topic --help`.\n"),
        (
            ["topic", "list", "--jsn"],
            "ottla: no such option '--jsn'. Did you mean '--json'? See `ottla topic list --help`.\n",
        ),
        (
            ["group", "reset", "g"],
            "ottla: say where to with one of --to-earliest, --to-latest, --to-offset, --shift-by, --to-datetime, "
            "--by-duration. See `ottla group reset --help`.\n",
        ),
        (
            ["topic", "list", "-b", "localhost"],
            "ottla: bootstrap server 'localhost' has no port; did you mean localhost:9092? "
            "See `ottla topic list --help`.\n",
        ),
    ],
)
def test_a_typing_error_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == MISTYPED
    assert error_of(capsys) == sentence


@pytest.mark.parametrize(
    "command", [["topic", "list"], ["group", "describe", "g"], ["cluster", "info"], ["consume", "t"]]
)
def test_no_broker_is_one_sentence_that_says_what_to_do(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nothing answers, and nobody else can take it
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert run([*command, "-b", address]) == FAILED
    assert error_of(capsys) == (
        f"ottla: no Kafka broker answers at {address} (Connection refused); start one with `ottla up`, "
        f"or name another with -b\n"
    )


def test_the_bootstrap_server_may_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTTLA_BOOTSTRAP", "nowhere")
    assert run(["topic", "list"]) == MISTYPED
    assert "'nowhere' has no port" in error_of(capsys)


def test_every_command_has_help_that_fits_100_columns(capsys: pytest.CaptureFixture[str]) -> None:
    context = root.make_context("ottla", ["up"])
    paths = [[name] for name in root.list_commands(context)]
    for path in paths:
        command = root.get_command(context, path[0])
        if len(path) == 1 and command is not None and hasattr(command, "commands"):
            paths += [[*path, verb] for verb in command.commands]
    assert len(paths) > 30
    for path in [[], *paths]:
        assert run([*path, "--help"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith(f"Usage: {' '.join(['ottla', *path])}")
        assert max(map(len, lines)) <= 100, path
        commands = lines[lines.index("Commands:") :] if "Commands:" in lines else []
        assert not any(line.endswith("...") for line in commands), f"a sentence about a command is cut off: {path}"


def test_starting_the_command_loads_neither_asyncio_nor_the_broker_nor_a_client() -> None:
    done = subprocess.run([sys.executable, "-c", MODULES_AT_START], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert not {"asyncio", "rich", "confluent_kafka", "ottla.broker", "ottla.protocol", "json"} & {*loaded}
