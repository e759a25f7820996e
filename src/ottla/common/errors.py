"""Every Kafka error code as a class: raise it deep, map it to its code once, at the edge.

The codes and names are those of Apache Kafka 4.3.1. `retriable` says whether a client library tries again by itself;
`refreshes_metadata` that it asks for new metadata first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

NONE = 0


class KafkaError(Exception):
    """A failure that the protocol can express: a class, a code and one sentence.

    `message` is what a response with an error_message field carries; without one it is the class's own sentence.
    """

    code: ClassVar[int] = -1
    name: ClassVar[str] = "UNKNOWN_SERVER_ERROR"
    retriable: ClassVar[bool] = False
    refreshes_metadata: ClassVar[bool] = False
    sentence: ClassVar[str] = ""
    record_errors: Sequence[tuple[int, str]] = ()
    """Where a produced batch is refused for single records: their index in the batch, and why."""

    def __init_subclass__(cls, *, code: int, retriable: bool = False, refreshes_metadata: bool = False) -> None:
        cls.code = code
        cls.name = _code_name(cls.__name__)
        cls.retriable = retriable or refreshes_metadata
        cls.refreshes_metadata = refreshes_metadata
        cls.sentence = " ".join((cls.__doc__ or "").split())
        assert code not in BY_CODE, f"error code {code} is declared twice"
        BY_CODE[code] = cls

    def __init__(self, message: str | None = None) -> None:
        self.message = message if message is not None else self.sentence
        super().__init__(self.message)


BY_CODE: dict[int, type[KafkaError]] = {}
"""The class of each code but 0."""


def _code_name(class_name: str) -> str:
    """`NotLeaderOrFollower` to `NOT_LEADER_OR_FOLLOWER`, Kafka's own spelling."""
    letters = []
    for index, letter in enumerate(class_name):
        if letter.isupper() and index:
            letters.append("_")
        letters.append(letter.upper())
    return "".join(letters)


def error_for(code: int, message: str | None = None) -> KafkaError:
    """The exception of a code that a server answered; an unknown code becomes UnknownServerError."""
    return BY_CODE.get(code, UnknownServerError)(message)


def code_name(code: int) -> str:
    """`NONE`, `UNKNOWN_TOPIC_OR_PARTITION`, ...: what tools print."""
    return "NONE" if code == NONE else BY_CODE[code].name if code in BY_CODE else f"UNKNOWN({code})"


class UnknownServerError(KafkaError, code=-1):
    """The server failed in a way that it could not name; its log says more."""


class OffsetOutOfRange(KafkaError, code=1):
    """The offset lies outside the log; reset it to the earliest or the latest."""


class CorruptMessage(KafkaError, code=2, retriable=True):
    """The record batch failed its CRC or is malformed."""


class UnknownTopicOrPartition(KafkaError, code=3, refreshes_metadata=True):
    """This server does not host this topic-partition."""


class InvalidFetchSize(KafkaError, code=4):
    """The fetch size is invalid."""


class LeaderNotAvailable(KafkaError, code=5, refreshes_metadata=True):
    """The partition has no leader at the moment; try again."""


class NotLeaderOrFollower(KafkaError, code=6, refreshes_metadata=True):
    """This broker does not lead the partition; the client must refresh its metadata."""


class RequestTimedOut(KafkaError, code=7, retriable=True):
    """The request was not finished within its time limit."""


class BrokerNotAvailable(KafkaError, code=8):
    """The broker is not available."""


class ReplicaNotAvailable(KafkaError, code=9, refreshes_metadata=True):
    """The replica is not available on this broker."""


class MessageTooLarge(KafkaError, code=10):
    """The batch is larger than max.message.bytes allows."""


class StaleControllerEpoch(KafkaError, code=11):
    """The controller moved to another broker."""


class OffsetMetadataTooLarge(KafkaError, code=12):
    """The offset metadata is longer than offset.metadata.max.bytes."""


class NetworkException(KafkaError, code=13, refreshes_metadata=True):
    """The server disconnected before it answered."""


class CoordinatorLoadInProgress(KafkaError, code=14, retriable=True):
    """The coordinator is loading its state; try again."""


class CoordinatorNotAvailable(KafkaError, code=15, retriable=True):
    """The coordinator is not available."""


class NotCoordinator(KafkaError, code=16, retriable=True):
    """This broker does not coordinate this group or transactional id."""


class InvalidTopicException(KafkaError, code=17):
    """The topic name is not valid, or the topic may not be written to."""


class RecordListTooLarge(KafkaError, code=18):
    """The batch is larger than a segment may be."""


class NotEnoughReplicas(KafkaError, code=19, retriable=True):
    """Fewer replicas are in sync than min.insync.replicas asks for."""


class NotEnoughReplicasAfterAppend(KafkaError, code=20, retriable=True):
    """The batch is in the log, but fewer replicas than required hold it."""


class InvalidRequiredAcks(KafkaError, code=21):
    """acks must be -1, 0 or 1."""


class IllegalGeneration(KafkaError, code=22):
    """The generation of the member is not the group's."""


class InconsistentGroupProtocol(KafkaError, code=23):
    """The member's protocols do not fit those of the group."""


class InvalidGroupId(KafkaError, code=24):
    """The group id is empty or not valid."""


class UnknownMemberId(KafkaError, code=25):
    """The group does not know this member; it must join again."""


class InvalidSessionTimeout(KafkaError, code=26):
    """The session timeout is outside the range that the broker allows."""


class RebalanceInProgress(KafkaError, code=27):
    """The group is rebalancing; the member must join again."""


class InvalidCommitOffsetSize(KafkaError, code=28):
    """The offset commit is too large to be stored."""


class TopicAuthorizationFailed(KafkaError, code=29):
    """Not authorised for this topic."""


class GroupAuthorizationFailed(KafkaError, code=30):
    """Not authorised for this group."""


class ClusterAuthorizationFailed(KafkaError, code=31):
    """Not authorised for the cluster."""


class InvalidTimestamp(KafkaError, code=32):
    """The timestamp of a record is outside the allowed range."""


class UnsupportedSaslMechanism(KafkaError, code=33):
    """The broker does not offer this SASL mechanism."""


class IllegalSaslState(KafkaError, code=34):
    """The request is not valid in this SASL state."""


class UnsupportedVersion(KafkaError, code=35):
    """The version of the API is not supported."""


class TopicAlreadyExists(KafkaError, code=36):
    """A topic of this name exists already."""


class InvalidPartitions(KafkaError, code=37):
    """The number of partitions is not valid."""


class InvalidReplicationFactor(KafkaError, code=38):
    """The replication factor is below 1 or above the number of brokers."""


class InvalidReplicaAssignment(KafkaError, code=39):
    """The replica assignment is not valid."""


class InvalidConfig(KafkaError, code=40):
    """The configuration is not valid."""


class NotController(KafkaError, code=41, retriable=True):
    """This broker is not the active controller."""


class InvalidRequest(KafkaError, code=42):
    """This most likely occurs because of a request being malformed by the client library or the message was sent to an
    incompatible broker. See the broker logs for more details."""


class UnsupportedForMessageFormat(KafkaError, code=43):
    """The message format does not support this request."""


class PolicyViolation(KafkaError, code=44):
    """The request violates a policy of this cluster."""


class OutOfOrderSequenceNumber(KafkaError, code=45):
    """The producer's sequence number has a gap or goes back."""


class DuplicateSequenceNumber(KafkaError, code=46):
    """The producer sent this sequence number before."""


class InvalidProducerEpoch(KafkaError, code=47):
    """The producer's epoch is older than the current one."""


class InvalidTxnState(KafkaError, code=48):
    """The transaction is not in a state that allows this."""


class InvalidProducerIdMapping(KafkaError, code=49):
    """The producer id does not belong to this transactional id."""


class InvalidTransactionTimeout(KafkaError, code=50):
    """The transaction timeout is not positive or above transaction.max.timeout.ms."""


class ConcurrentTransactions(KafkaError, code=51, retriable=True):
    """Another operation on this transaction is in progress; try again."""


class TransactionCoordinatorFenced(KafkaError, code=52):
    """The transaction coordinator of this marker was replaced."""


class TransactionalIdAuthorizationFailed(KafkaError, code=53):
    """Not authorised for this transactional id."""


class SecurityDisabled(KafkaError, code=54):
    """No authoriser is configured."""


class OperationNotAttempted(KafkaError, code=55):
    """The operation was not attempted because another one in the request failed."""


class KafkaStorageError(KafkaError, code=56, refreshes_metadata=True):
    """The disk failed; the log directory is offline."""


class LogDirNotFound(KafkaError, code=57):
    """The log directory is unknown."""


class SaslAuthenticationFailed(KafkaError, code=58):
    """SASL authentication failed."""


class UnknownProducerId(KafkaError, code=59):
    """The broker no longer knows this producer id."""


class ReassignmentInProgress(KafkaError, code=60):
    """A reassignment of the partition is in progress."""


class DelegationTokenAuthDisabled(KafkaError, code=61):
    """Delegation tokens are not enabled."""


class DelegationTokenNotFound(KafkaError, code=62):
    """The delegation token is not known."""


class DelegationTokenOwnerMismatch(KafkaError, code=63):
    """The principal does not own this delegation token."""


class DelegationTokenRequestNotAllowed(KafkaError, code=64):
    """Delegation tokens cannot be managed on this connection."""


class DelegationTokenAuthorizationFailed(KafkaError, code=65):
    """Not authorised for this delegation token."""


class DelegationTokenExpired(KafkaError, code=66):
    """The delegation token has expired."""


class InvalidPrincipalType(KafkaError, code=67):
    """The principal type is not supported."""


class NonEmptyGroup(KafkaError, code=68):
    """The group still has members."""


class GroupIdNotFound(KafkaError, code=69):
    """The group does not exist."""


class FetchSessionIdNotFound(KafkaError, code=70, retriable=True):
    """The fetch session is not known; open a new one."""


class InvalidFetchSessionEpoch(KafkaError, code=71, retriable=True):
    """The epoch of the fetch session is not the expected one."""


class ListenerNotFound(KafkaError, code=72, refreshes_metadata=True):
    """The leader has no listener of the name that the request came through."""


class TopicDeletionDisabled(KafkaError, code=73):
    """Deleting topics is switched off."""


class FencedLeaderEpoch(KafkaError, code=74, refreshes_metadata=True):
    """The leader epoch of the request is older than the broker's."""


class UnknownLeaderEpoch(KafkaError, code=75, retriable=True):
    """The leader epoch of the request is newer than the broker's."""


class UnsupportedCompressionType(KafkaError, code=76):
    """The client cannot read the compression type of this topic."""


class StaleBrokerEpoch(KafkaError, code=77):
    """The broker epoch has changed."""


class OffsetNotAvailable(KafkaError, code=78, retriable=True):
    """The leader does not know its high watermark yet; try again."""


class MemberIdRequired(KafkaError, code=79):
    """The member must join again with the member id that it was given."""


class PreferredLeaderNotAvailable(KafkaError, code=80, refreshes_metadata=True):
    """The preferred leader is not available."""


class GroupMaxSizeReached(KafkaError, code=81):
    """The group has as many members as group.max.size allows."""


class FencedInstanceId(KafkaError, code=82):
    """Another member has taken over this group instance id."""


class EligibleLeadersNotAvailable(KafkaError, code=83, refreshes_metadata=True):
    """No eligible leader is available."""


class ElectionNotNeeded(KafkaError, code=84, refreshes_metadata=True):
    """The partition needs no election."""


class NoReassignmentInProgress(KafkaError, code=85):
    """No reassignment is in progress for the partition."""


class GroupSubscribedToTopic(KafkaError, code=86):
    """The group is subscribed to the topic."""


class InvalidRecord(KafkaError, code=87):
    """A record of the batch failed validation; the whole batch is refused."""


class UnstableOffsetCommit(KafkaError, code=88, retriable=True):
    """An open transaction holds offsets of this partition."""


class ThrottlingQuotaExceeded(KafkaError, code=89, retriable=True):
    """The quota is exhausted; try later."""


class ProducerFenced(KafkaError, code=90):
    """A newer producer with this transactional id has fenced this one."""


class ResourceNotFound(KafkaError, code=91):
    """The resource does not exist."""


class DuplicateResource(KafkaError, code=92):
    """The resource exists already."""


class UnacceptableCredential(KafkaError, code=93):
    """The credential is not acceptable."""


class InconsistentVoterSet(KafkaError, code=94):
    """The voter set differs from that of the quorum."""


class InvalidUpdateVersion(KafkaError, code=95):
    """The update is based on an outdated version."""


class FeatureUpdateFailed(KafkaError, code=96):
    """The feature could not be updated."""


class PrincipalDeserializationFailure(KafkaError, code=97):
    """The principal of the forwarded request could not be read."""


class SnapshotNotFound(KafkaError, code=98):
    """The snapshot does not exist."""


class PositionOutOfRange(KafkaError, code=99):
    """The position is outside the snapshot."""


class UnknownTopicId(KafkaError, code=100, refreshes_metadata=True):
    """This server knows no topic of this id."""


class DuplicateBrokerRegistration(KafkaError, code=101):
    """The broker id is registered already."""


class BrokerIdNotRegistered(KafkaError, code=102):
    """The broker id is not registered."""


class InconsistentTopicId(KafkaError, code=103, refreshes_metadata=True):
    """The topic id of the log differs from that of the request."""


class InconsistentClusterId(KafkaError, code=104):
    """The cluster id of the request is not this cluster's."""


class TransactionalIdNotFound(KafkaError, code=105):
    """The transactional id is not known."""


class FetchSessionTopicIdError(KafkaError, code=106, retriable=True):
    """The fetch session mixes topic ids and names."""


class IneligibleReplica(KafkaError, code=107):
    """The replica is not eligible for the in-sync set."""


class NewLeaderElected(KafkaError, code=108):
    """The change led to the election of a new leader."""


class OffsetMovedToTieredStorage(KafkaError, code=109):
    """The offset was moved to tiered storage."""


class FencedMemberEpoch(KafkaError, code=110):
    """The member epoch is not the group's; the member must join again."""


class UnreleasedInstanceId(KafkaError, code=111):
    """A live member holds this group instance id."""


class UnsupportedAssignor(KafkaError, code=112):
    """The server does not offer this assignor."""


class StaleMemberEpoch(KafkaError, code=113):
    """The member epoch is outdated; fetch the new one."""


class MismatchedEndpointType(KafkaError, code=114):
    """The request reached an endpoint of the wrong type."""


class UnsupportedEndpointType(KafkaError, code=115):
    """The endpoint type is not supported."""


class UnknownControllerId(KafkaError, code=116):
    """The controller id is not known."""


class UnknownSubscriptionId(KafkaError, code=117):
    """The subscription id of the client is outdated."""


class TelemetryTooLarge(KafkaError, code=118):
    """The telemetry is larger than telemetry.max.bytes."""


class InvalidRegistration(KafkaError, code=119):
    """The registration of the broker is not valid."""


class TransactionAbortable(KafkaError, code=120):
    """The transaction failed in a way that the client should answer by aborting it."""


class InvalidRecordState(KafkaError, code=121):
    """The record is not in a state that allows this acknowledgement."""


class ShareSessionNotFound(KafkaError, code=122, retriable=True):
    """The share session is not known."""


class InvalidShareSessionEpoch(KafkaError, code=123, retriable=True):
    """The epoch of the share session is not the expected one."""


class FencedStateEpoch(KafkaError, code=124):
    """A newer state epoch has fenced this share state request."""


class InvalidVoterKey(KafkaError, code=125):
    """The voter key does not match."""


class DuplicateVoter(KafkaError, code=126):
    """The voter is in the set already."""


class VoterNotFound(KafkaError, code=127):
    """The voter is not in the set."""


class InvalidRegularExpression(KafkaError, code=128):
    """The regular expression is not valid."""


class RebootstrapRequired(KafkaError, code=129):
    """The client must bootstrap again."""


class StreamsInvalidTopology(KafkaError, code=130):
    """The topology of the streams group is not valid."""


class StreamsInvalidTopologyEpoch(KafkaError, code=131):
    """The topology epoch is not valid."""


class StreamsTopologyFenced(KafkaError, code=132):
    """A newer topology has fenced this member."""


class ShareSessionLimitReached(KafkaError, code=133, retriable=True):
    """The broker holds as many share sessions as it may."""
