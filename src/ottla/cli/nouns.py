"""What the groups of commands have in common: the nearest command for a typing error."""

from __future__ import annotations

from collections.abc import Iterable

import click


class SuggestingGroup(click.Group):
    """A group whose unknown command is answered with the nearest known one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            near = did_you_mean(args[0], known) or f"; there are {', '.join(known)}"
            raise click.UsageError(f"there is no command {args[0]!r}{near}", ctx)
        return super().resolve_command(ctx, args)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'topic'?` for a word that is near a known one, else nothing."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
