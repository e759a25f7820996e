"""The entry point: `ottla NOUN VERB`, each noun in a module of its own that is imported only when it is called.

Every error that can be foreseen ends here as one sentence on the standard error: exit code 2 for a command that is
typed wrongly, 1 for one that failed, 130 after Ctrl-C, 141 when the reader of a pipe has gone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

import ottla
from ottla.cli.complete import profiles
from ottla.cli.nouns import SuggestingGroup
from ottla.cli.options import name_cluster
from ottla.cli.terminal import bold
from ottla.common.errors import KafkaError

_COMPLETION = "_OTTLA_COMPLETE"
FAILED, MISTYPED, INTERRUPTED, READER_GONE = 1, 2, 130, 141

_COMMANDS = {
    "A broker": {
        "up": ("ottla.cli.up:up", "Start a broker for development; ready in a third of a second."),
        "start": ("ottla.cli.start:start", "Start a broker from a server.properties file."),
        "demo": ("ottla.cli.demo:demo", "See it work: real flights, a group, a killed member."),
    },
    "Records": {
        "produce": ("ottla.cli.produce:produce", "Write lines, files or JSON to a topic."),
        "consume": ("ottla.cli.consume:consume", "Read topics to the standard output."),
    },
    "The cluster": {
        "topic": ("ottla.cli.topic:topic", "List, describe, create, alter, delete; offsets, delete-records."),
        "group": ("ottla.cli.group:group", "List, describe with lag, reset, delete, delete-offsets."),
        "transaction": (
            "ottla.cli.transaction:transaction",
            "List, describe, producers of a partition, abort one that hangs.",
        ),
        "config": ("ottla.cli.config:config", "Show and change settings of topics, brokers and groups."),
        "cluster": ("ottla.cli.cluster:cluster", "Brokers, features, API versions, log directories."),
        "profile": ("ottla.cli.profile:profile", "Names for clusters: add, list, use, remove."),
    },
    "Files": {
        "log": ("ottla.cli.log:log", "Look into files, check them; adopt a folder; strays, damage."),
    },
    "The shell": {
        "completion": ("ottla.cli.completion:completion", "Completion for bash, zsh and fish: names as well."),
    },
}

_EXAMPLES = (
    "ottla up",
    "echo hello | ottla produce greetings",
    "ottla consume greetings",
    "ottla group describe my-group -b broker-1:9092",
)


class LazyGroup(SuggestingGroup):
    """Knows its commands by name and one line; imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in _COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for section in _COMMANDS.values():
            if cmd_name in section:
                module, _, name = section[cmd_name][0].partition(":")
                command = getattr(import_module(module), name)
                assert isinstance(command, click.Command)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for section in _COMMANDS.values() for name in section)
        for title, section in _COMMANDS.items():
            with formatter.section(bold(title)):
                formatter.write_dl([(name.ljust(width), line) for name, (_, line) in section.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(bold("Examples")):
            for line in _EXAMPLES:
                formatter.write_text(line)
        formatter.write_paragraph()
        formatter.write_text("`ottla COMMAND --help` tells more about each.")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-c", "--cluster", metavar="NAME", expose_value=False, callback=name_cluster, shell_complete=profiles,
              help="Ask this cluster: see `ottla profile`.")  # fmt: skip
@click.version_option(ottla.__version__, "-V", "--version", message="%(prog)s %(version)s")
def root() -> None:
    """Kafka, in Python: a broker that every Kafka client can use, and the tools to work with it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The `ottla` command; ends the process, also where a thread was left behind in a call that does not end."""
    code = run(arguments)
    waiting = sys.modules.get("ottla.cli.waiting")
    if waiting is not None and waiting.Abandoned.left:
        _flush()
        os._exit(code)
    sys.exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            pass  # its reader has gone


def run(arguments: Sequence[str] | None = None) -> int:
    """One command; its exit code."""
    try:
        if _COMPLETION in os.environ:
            root.main(arguments, prog_name="ottla", complete_var=_COMPLETION)
        # Not root.main: it answers a broken pipe, and an error in a callback, in its own way.
        with root.make_context("ottla", list(sys.argv[1:] if arguments is None else arguments)) as context:
            root.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        sys.stdout.flush()
        return end.exit_code
    except click.UsageError as error:
        return _mistyped(error)
    except click.ClickException as error:
        return _failed(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        print(file=sys.stderr)
        return INTERRUPTED
    except KafkaError as error:
        return _failed(error.message)
    except BrokenPipeError:
        # The interpreter flushes at its end; what is left has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except OSError as error:
        return _failed(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 0


def _mistyped(error: click.UsageError) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        print(error.format_message())
        return MISTYPED
    text = error.format_message().rstrip(".?")
    mark = "?" if "did you mean" in text.lower() else "."
    path = error.ctx.command_path if error.ctx is not None else "ottla"
    print(f"ottla: {text[:1].lower()}{text[1:]}{mark} See `{path} --help`.", file=sys.stderr)
    return MISTYPED


def _failed(sentence: str) -> int:
    print(f"ottla: {sentence}", file=sys.stderr)
    return FAILED
