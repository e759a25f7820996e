"""One fetch's looks at partitions: what each has to answer, within the byte limits of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.fetch_sessions import Interest
from ottla.broker.isolation import READ_COMMITTED
from ottla.broker.partition import NO_LEADER_EPOCH
from ottla.common.errors import (
    InconsistentTopicId,
    KafkaError,
    NotLeaderOrFollower,
    OffsetOutOfRange,
    TopicAuthorizationFailed,
    UnknownServerError,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.broker.partition import Partition
    from ottla.storage.log import PartitionLog

PartitionData = FetchResponse.PartitionData
EMPTY = b""

_LEADER_HINT = 16  # KIP-951; the field is older, and Kafka leaves it empty in versions 12 to 15


class Look:
    """Answers so far, by interest in the order of the looks; a later look at the same interest replaces the earlier."""

    def __init__(self, ctx: Context, request: FetchRequest, by_id: bool) -> None:
        self._ctx = ctx
        self._by_id = by_id
        replica = request.replica_id if request.replica_state is None else request.replica_state.replica_id
        self._by_replica = replica >= 0
        self._replica = replica
        self._committed = request.isolation_level == READ_COMMITTED
        self.most_bytes = self._left_bytes = min(request.max_bytes, ctx.node.fetch_max_bytes)
        self.read_bytes = 0
        self.failed = False
        """Reading brought an error or a diverging epoch: answer at once."""
        self.answers: dict[Interest, PartitionData] = {}
        self.refused: dict[Interest, None] = {}
        """Turned away before anything was read (no such partition, not authorised): the others decide the wait."""
        self._denied: dict[str, bool] = {}

    @property
    def found_any(self) -> bool:
        """Some partition is there to be read, whether that went well or not."""
        return any(interest.partition is not None for interest in self.answers)

    def find(self, interest: Interest) -> Partition:
        """The partition that an interest stands for now. Raises when there is none, or the client may not read it."""
        topic, index = interest.key
        replicas = self._ctx.node.replicas
        if self._by_id:
            known = replicas.by_id.get(topic)  # type: ignore[arg-type]
            if known is None:
                raise self._lost(interest)
            name = interest.name = known.name
        else:
            known = replicas.by_name.get(topic)  # type: ignore[arg-type]
            assert isinstance(topic, str)
            name = topic
        denied = self._denied.get(name)
        if denied is None:
            denied = self._denied[name] = not self._may_read(name)
        if denied:
            raise TopicAuthorizationFailed
        partition = None if known is None else known.partitions.get(index)
        if partition is None:
            raise UnknownTopicOrPartition
        return partition

    def _lost(self, interest: Interest) -> KafkaError:
        """No topic has this id. A session goes on with the name that the id had when it was found (KIP-516)."""
        if interest.name is None:
            return UnknownTopicId()
        again = self._ctx.node.replicas.by_name.get(interest.name)
        if again is not None and interest.key[1] in again.partitions:
            return InconsistentTopicId()
        return UnknownTopicOrPartition()

    def _may_read(self, topic: str) -> bool:
        """Consumers need READ on the topic; followers CLUSTER_ACTION, and have it for all topics."""
        if self._by_replica:
            return self._ctx.allows(Operation.CLUSTER_ACTION, ResourceType.CLUSTER, CLUSTER_NAME)
        return self._ctx.allows(Operation.READ, ResourceType.TOPIC, topic)

    def at(self, interest: Interest) -> PartitionData:
        """Looks, and keeps the answer. The records are a pinned file range until it is sent or replaced."""
        before = self.answers.get(interest)
        if before is not None:
            size = len(before.records or EMPTY)
            self._left_bytes += size
            self.read_bytes -= size
            release(before)
        try:
            interest.partition = None
            interest.partition = self.find(interest)
            answer = self._read(interest.want, interest.partition)
        except KafkaError as error:
            answer = self._failure(interest, error, was_read=before is not None and not before.error_code)
        self.answers[interest] = answer
        return answer

    def count(self) -> None:
        """The traffic of the answer, once it is certain: each partition that it looked at."""
        unserved = self._ctx.node.traffics.unserved
        for interest, answer in self.answers.items():
            partition = interest.partition
            traffic = unserved if partition is None else partition.traffic or partition.counted()
            if answer.error_code:
                traffic.fetches_failed += 1
            else:
                traffic.fetches += 1
                records = answer.records
                if records is not EMPTY:
                    traffic.bytes_out += len(records)  # type: ignore[arg-type]

    def _failure(self, interest: Interest, error: KafkaError, was_read: bool) -> PartitionData:
        """An error of reading, or a refusal. What this fetch has read before, and is gone, is an error of reading."""
        refused = interest.partition is None and not was_read and not isinstance(error, InconsistentTopicId)
        if refused:
            self.refused[interest] = None
        else:
            self.failed = True
        answer = PartitionData(
            partition_index=interest.key[1],
            error_code=self._ctx.count_error(error),
            high_watermark=-1,
            last_stable_offset=-1,
            log_start_offset=-1,
            aborted_transactions=[] if refused else None,  # as in Kafka
            records=EMPTY,
        )
        self._hint(answer, interest.partition)
        return answer

    def is_unread(self, interest: Interest, answer: PartitionData) -> bool:
        """There is something that this reader may have, whether the answer brings it or had no room for it."""
        end = answer.last_stable_offset if self._committed else answer.high_watermark
        return interest.want.fetch_offset < end

    def _read(self, want: FetchRequest.FetchPartition, partition: Partition) -> PartitionData:
        log = partition.leader_log(max(want.current_leader_epoch, NO_LEADER_EPOCH))  # any below is none, in Fetch alone
        if self._by_replica and (self._replica == self._ctx.node.node_id or self._replica not in partition.replicas):
            raise NotLeaderOrFollower  # no follower of this leader
        high_watermark = partition.high_watermark
        stable = partition.last_stable_offset
        answer = PartitionData(
            partition_index=want.partition,
            error_code=0,
            high_watermark=high_watermark,
            last_stable_offset=stable,
            log_start_offset=log.log_start_offset,
            aborted_transactions=None,
            preferred_read_replica=-1,
            records=EMPTY,
        )
        if self._committed:
            answer.aborted_transactions = []
        offset = want.fetch_offset
        if want.last_fetched_epoch >= 0 and self._diverges(want, log, answer):
            self.failed = True
            return answer
        if not log.log_start_offset <= offset <= log.log_end_offset:
            raise OffsetOutOfRange
        end = stable if self._committed else high_watermark
        if offset < end:
            self._read_records(want, log, end, answer)
        return answer

    def _read_records(
        self, want: FetchRequest.FetchPartition, log: PartitionLog, end: int, answer: PartitionData
    ) -> None:
        first = self.read_bytes == 0
        room = min(want.partition_max_bytes, self._left_bytes)
        if room < 0:
            room = self._negative_room(want)
        if room <= 0 and not first:
            return
        found = log.read(want.fetch_offset, room, up_to=end, at_least_one=first)
        size = len(found)
        if not size:
            found.release()
            if room and self._committed:
                answer.aborted_transactions = None  # as in Kafka, where a part of a batch was read and thrown away
            return
        answer.records = found
        self.read_bytes += size
        self._left_bytes -= size
        if self._committed:
            answer.aborted_transactions = [
                FetchResponse.AbortedTransaction(producer_id=producer_id, first_offset=first_offset)
                for producer_id, first_offset in log.aborted_transactions(want.fetch_offset, found.end_offset)
            ]

    def _negative_room(self, want: FetchRequest.FetchPartition) -> int:
        """As in Kafka: a negative limit is an error where there is something to read; that of the request counts for
        the first partition alone."""
        if want.partition_max_bytes < 0 or len(self.answers) == len(self.refused):
            raise UnknownServerError
        return 0

    def _diverges(self, want: FetchRequest.FetchPartition, log: PartitionLog, answer: PartitionData) -> bool:
        """KIP-595/KIP-320: does the reader's last epoch end before where it wants to go on?"""
        epoch, end = log.end_offset_for_epoch(want.last_fetched_epoch)
        if epoch < 0:
            raise OffsetOutOfRange
        if epoch >= want.last_fetched_epoch and end >= want.fetch_offset:
            return False
        answer.aborted_transactions = None
        answer.diverging_epoch = FetchResponse.EpochEndOffset(epoch=epoch, end_offset=end)
        return True

    def _hint(self, answer: PartitionData, partition: Partition | None) -> None:
        if partition is not None and answer.error_code in (6, 74) and self._ctx.version >= _LEADER_HINT:
            answer.current_leader = FetchResponse.LeaderIdAndEpoch(
                leader_id=partition.leader_id, leader_epoch=partition.leader_epoch
            )


def release(answer: PartitionData) -> None:
    """Gives the file range of an answer back when it is not sent."""
    if answer.records is not EMPTY:
        answer.records.release()  # type: ignore[union-attr]
        answer.records = EMPTY
