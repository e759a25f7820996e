"""Options that several commands share, and the reading of words: `key=value`, `topic:0,1`, times and durations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from ottla.cli.complete import profiles
from ottla.cli.nouns import did_you_mean

Command = TypeVar("Command", bound=Callable[..., Any])

BOOTSTRAP = "127.0.0.1:9092"
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


CLUSTER = "ottla.cluster"
"""Under this name the context knows which profile was named."""


def name_cluster(ctx: click.Context, _param: click.Parameter, name: str | None) -> None:
    """The callback of -c and --cluster; the one nearest to the command counts."""
    if name is not None:
        ctx.meta[CLUSTER] = name


def bootstrap_of(ctx: click.Context, given: str | None) -> str:
    """Whom to ask: -b, the profile of -c or --cluster, OTTLA_BOOTSTRAP, the profile in use, 127.0.0.1:9092.

    Raises UsageError where -b and a profile are named, ClickException for a profile that does not exist.
    """
    from ottla.cli.profiles import Profiles

    name = ctx.meta.get(CLUSTER)
    by_hand = ctx.get_parameter_source("bootstrap") is ParameterSource.COMMANDLINE
    if name is not None and by_hand:
        raise click.UsageError(f"-b and the profile {name!r} both say whom to ask; give one of them")
    if name is not None:
        return Profiles.load().bootstrap(name)
    if given is not None:
        return given
    held = Profiles.load()
    return held.clusters[held.current] if held.current is not None else BOOTSTRAP


def _bootstrap(ctx: click.Context, _param: click.Parameter, given: str | None) -> str:
    return bootstrap_of(ctx, given)


def bootstrap_option(command: Command) -> Command:
    by_address = click.option(
        "-b",
        "--bootstrap-server",
        "bootstrap",
        metavar="HOST:PORT",
        envvar="OTTLA_BOOTSTRAP",
        callback=_bootstrap,
        help=f"One or more brokers, separated by commas.  [env: OTTLA_BOOTSTRAP; default: {BOOTSTRAP}]",
    )
    by_name = click.option(
        "--cluster",
        metavar="NAME",
        is_eager=True,
        expose_value=False,
        callback=name_cluster,
        shell_complete=profiles,
        help="A cluster by its name: see `ottla profile`.",
    )
    return by_address(by_name(command))


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="For programs: JSON instead of a table.")(command)


def cluster_options(command: Command) -> Command:
    """-b and --json: what every command that asks a cluster has."""
    return json_option(bootstrap_option(command))


def yes_option(command: Command) -> Command:
    return click.option("-y", "--yes", is_flag=True, help="Do it without asking.")(command)


def confirm(question: str, yes: bool) -> None:
    """Asks on a terminal. Raises Abort for a no, ClickException where nobody can answer and --yes is absent."""
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException(f"{question} Nobody is here to answer: repeat with --yes to do it")
    if not click.confirm(question, err=True):
        raise click.ClickException("nothing was changed")


def parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """`KEY=VALUE` words as a dict; the last of equal keys wins. Raises UsageError for a word without `=`."""
    result: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"{pair!r} is not of the form KEY=VALUE")
        result[key.strip()] = value
    return result


def parse_topic(word: str) -> tuple[str, list[int] | None]:
    """`orders` or `orders:0,2` as the topic and its partitions (None: all). Raises UsageError."""
    topic, colon, numbers = word.partition(":")
    if not colon:
        return topic, None
    parts = numbers.split(",")
    if not topic or not all(part.isascii() and part.isdigit() for part in parts):
        raise click.UsageError(f"{word!r} is not of the form TOPIC or TOPIC:PARTITION,PARTITION")
    return topic, sorted({int(part) for part in parts})


def parse_duration_ms(text: str) -> int:
    """`90s`, `15m`, `1h30m`, `7d`, or ISO 8601 as Kafka's tools want it (`P1DT2H`). Raises UsageError."""
    word = text.strip()
    if word[:1] in "Pp":
        word = re.sub(r"[pt]", "", word.lower())
    if not re.fullmatch(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+", word.lower()):
        raise click.UsageError(f"{text!r} is no duration; write 90s, 15m, 1h30m or 7d")
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdw])", word.lower())
    return round(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))


def parse_time_ms(text: str) -> int:
    """ISO 8601 (UTC unless it says otherwise) or milliseconds since 1970. Raises UsageError."""
    from datetime import UTC, datetime

    if text.isascii() and text.isdigit() and len(text) > 8:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{text!r} is no time; write 2026-11-23T06:30:00 (UTC), 2026-11-23T06:30+01:00 or milliseconds"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def missing(noun: str, name: str, known: Iterable[str]) -> click.ClickException:
    """`there is no topic 'ordrs'; did you mean 'orders'?`"""
    return click.ClickException(f"there is no {noun} {name!r}{did_you_mean(name, known)}")
