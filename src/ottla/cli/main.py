"""The entry point: `ottla NOUN VERB`, each noun in a module of its own that is imported only when it is called."""

from __future__ import annotations

from importlib import import_module

import click

import ottla

_COMMANDS = {
    "up": ("ottla.cli.up:up", "Start a broker for development; ready in a third of a second."),
    "start": ("ottla.cli.start:start", "Start a broker from a server.properties file."),
    "topic": ("ottla.cli.topic:topic", "List, describe, create, change and delete topics."),
    "produce": ("ottla.cli.produce:produce", "Write records from the standard input or a file to a topic."),
    "consume": ("ottla.cli.consume:consume", "Read records of a topic to the standard output."),
    "group": ("ottla.cli.group:group", "List, describe, reset and delete consumer groups."),
    "config": ("ottla.cli.config:config", "Show and change the settings of topics, brokers and groups."),
    "cluster": ("ottla.cli.cluster:cluster", "Show the cluster: brokers, features, API versions, log directories."),
    "log": ("ottla.cli.log:log", "Look into the files of a partition."),
    "demo": ("ottla.cli.demo:demo", "See it work: 336,776 real flights through a topic and a consumer group."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and one line; imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint} See `ottla --help`.", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ottla.__version__, prog_name="ottla")
def main() -> None:
    """Ottla: Kafka, in Python. `ottla up` starts a broker; every Kafka client can use it."""
