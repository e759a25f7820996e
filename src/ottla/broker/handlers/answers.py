"""What the answers of many handlers share."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ottla.common.names import TopicPartition

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


class TopicAnswer(Protocol):
    """The partitions of one topic, each with its `partition_index`."""

    name: str
    partitions: list[Any]


T = TypeVar("T", bound=TopicAnswer)


def refused_first(topics: Sequence[T], decided: Container[TopicPartition]) -> list[T]:
    """The order of Kafka's answers: what was refused at once, then what a group decided on; topics, and in each its
    partitions. What was asked for first stays first."""

    def was_decided(topic: T, partition: Any) -> bool:
        return TopicPartition(topic.name, partition.partition_index) in decided

    for topic in topics:
        topic.partitions.sort(key=lambda one: was_decided(topic, one))
    return sorted(topics, key=lambda topic: any(was_decided(topic, one) for one in topic.partitions[:1]))
