"""`ottla completion`: the lines that make a shell complete commands, options, topics, groups and settings."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_OTTLA_COMPLETE"
_WHERE = {
    "bash": 'eval "$(ottla completion bash)"       in ~/.bashrc',
    "zsh": 'eval "$(ottla completion zsh)"        in ~/.zshrc, after compinit',
    "fish": "ottla completion fish | source        in ~/.config/fish/config.fish",
}


@click.command(epilog="\b\n" + "\n".join(_WHERE.values()))
@click.argument("shell", type=click.Choice(list(_WHERE)))
def completion(shell: str) -> None:
    """Print the lines that teach a shell to complete.

    It offers names of topics, groups and settings as well; without a cluster that answers within a second it offers
    none of these, and says nothing.
    """
    from ottla.cli.main import root

    found = get_completion_class(shell)
    assert found is not None
    completer = found(root, {}, "ottla", VARIABLE)
    print(completer.source_template % completer.source_vars())
