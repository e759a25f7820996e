"""Moving replicas, as far as the machine decides: begin, cancel, and what is done at once."""

from __future__ import annotations

from ottla.protocol.logs.cluster_metadata import PartitionChangeRecord
from ottla.protocol.messages.reassignments import AlterPartitionReassignmentsRequest
from tests.unit.controller.support import Controller, topic

OK, UNKNOWN, BAD_FACTOR, BAD_ASSIGNMENT, NOTHING_MOVES = 0, 3, 38, 39, 85


def moving(replicas: list[int] = [1, 2], brokers: int = 4) -> Controller:  # noqa: B006
    controller = Controller(brokers=brokers)
    controller.create(topic("orders", assignments=[(0, replicas)]))
    return controller


def move(
    controller: Controller, replicas: list[int] | None, *, name: str = "orders", other_factor: bool = True
) -> tuple[int, str | None]:
    wanted = AlterPartitionReassignmentsRequest.ReassignablePartition(partition_index=0, replicas=replicas)
    of_topic = AlterPartitionReassignmentsRequest.ReassignableTopic(name=name, partitions=[wanted])
    answer = controller.ask(
        AlterPartitionReassignmentsRequest(topics=[of_topic], allow_replication_factor_change=other_factor)
    )
    (result,) = answer.responses[0].partitions
    return result.error_code, result.error_message


def state(controller: Controller) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    partition = controller.image.topics["orders"].partitions[0]
    return partition.replicas, partition.adding_replicas, partition.removing_replicas


def test_new_replicas_join_the_old_ones_first() -> None:
    controller = moving()
    assert move(controller, [3, 1]) == (OK, None)
    assert state(controller) == ((3, 1, 2), (3,), (2,))


def test_a_move_to_replicas_in_sync_is_done_at_once() -> None:
    controller = moving()
    assert move(controller, [2]) == (OK, None)
    partition = controller.image.topics["orders"].partitions[0]
    assert (state(controller), partition.isr, partition.leader) == (((2,), (), ()), (2,), 2)


def test_the_present_replicas_change_nothing() -> None:
    controller = moving()
    assert move(controller, [1, 2]) == (OK, None)
    assert controller.records == []


def test_another_order_is_a_change_of_the_preferred_leader_alone() -> None:
    controller = moving()
    assert move(controller, [2, 1]) == (OK, None)
    assert state(controller) == ((2, 1), (), ())
    assert controller.image.topics["orders"].partitions[0].leader == 1


def test_a_move_is_cancelled_to_what_was_before() -> None:
    controller = moving()
    assert move(controller, None) == (NOTHING_MOVES, None)
    move(controller, [3, 4])
    assert move(controller, None) == (OK, None)
    assert state(controller) == ((1, 2), (), ())


def test_a_move_that_only_the_new_replicas_follow_is_not_cancelled_uncleanly() -> None:
    controller = moving([1])
    move(controller, [3])
    controller.replay(
        [PartitionChangeRecord(partition_id=0, topic_id=controller.image.topics["orders"].id, isr=[3], leader=3)]
    )
    code, message = move(controller, None)
    assert code == BAD_ASSIGNMENT
    assert message is not None and "unclean leader election" in message


def test_a_second_move_replaces_the_first() -> None:
    controller = moving()
    move(controller, [3, 1])
    assert move(controller, [1, 4]) == (OK, None)
    assert state(controller) == ((1, 4, 2), (4,), (2,))


def test_impossible_replicas_are_refused() -> None:
    controller = moving()
    assert move(controller, [9])[0] == BAD_ASSIGNMENT
    assert move(controller, [1, 1])[0] == BAD_ASSIGNMENT
    assert move(controller, [])[0] == BAD_ASSIGNMENT
    assert move(controller, [1], name="nosuch")[0] == UNKNOWN
    assert move(controller, [1], other_factor=False) == (BAD_FACTOR, "The replication factor is changed from 2 to 1")
