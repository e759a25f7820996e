"""What the answers of many handlers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from ottla.broker.context import Context


class Answer(Protocol):
    """One entry of a response, with the code of its own error."""

    error_code: int


A = TypeVar("A", bound=Answer)


def counted(ctx: Context, answers: list[A]) -> list[A]:
    """The same answers, their errors counted: for what a machine has answered already."""
    for answer in answers:
        if answer.error_code:
            ctx.count_code(answer.error_code)
    return answers
