"""`ottla start`: a broker from a server.properties file, with Kafka's own setting names."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ottla.cli.options import parse_pairs
from ottla.cli.up import announce, told


@click.command()
@click.option("--config", "path", type=click.Path(), required=True, help="A file of Kafka's broker settings.")
@click.option("--override", "pairs", multiple=True, metavar="KEY=VALUE", help="Replaces a setting; repeatable.")
def start(path: str, pairs: tuple[str, ...]) -> None:
    """Start a broker from a server.properties file and run it until SIGTERM or Ctrl-C."""
    from ottla.broker.serve import sentence, serve
    from ottla.broker.settings import BrokerSettings
    from ottla.common.errors import InvalidConfig
    from ottla.common.properties import parse_properties

    try:
        text = Path(path).read_text(encoding="latin-1")  # as Java reads properties
        settings = BrokerSettings.load(parse_properties(text), parse_pairs(pairs))
        code = serve(settings, ready=announce)
    except FileNotFoundError:
        raise click.ClickException(f"there is no file {path}; `ottla up` needs none") from None
    except OSError as error:
        raise click.ClickException(sentence(error)) from None
    except InvalidConfig as error:
        raise click.ClickException(told(error.message, path)) from None
    except ValueError as error:
        raise click.ClickException(f"{path}: {error}") from None
    sys.exit(code)
