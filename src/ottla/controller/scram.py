"""SCRAM credentials as metadata (KIP-554): stored as what a server needs to check a proof, never as a password."""

from __future__ import annotations

import hashlib
import hmac

from ottla.common.errors import (
    DuplicateResource,
    KafkaError,
    ResourceNotFound,
    UnacceptableCredential,
    UnsupportedSaslMechanism,
)
from ottla.controller.outcome import Outcome
from ottla.metadata.image import ClusterImage
from ottla.protocol.logs.cluster_metadata import RemoveUserScramCredentialRecord, UserScramCredentialRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.scram import AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse

HASHES = {1: "sha256", 2: "sha512"}
"""By mechanism: SCRAM-SHA-256 and SCRAM-SHA-512."""

ITERATIONS_MIN, ITERATIONS_MAX = 4096, 16384

Deletion = AlterUserScramCredentialsRequest.ScramCredentialDeletion
Upsertion = AlterUserScramCredentialsRequest.ScramCredentialUpsertion
Result = AlterUserScramCredentialsResponse.AlterUserScramCredentialsResult


def alter_user_scram_credentials(image: ClusterImage, request: Message) -> Outcome:
    """One change for each user; a user who is named twice is not changed."""
    assert isinstance(request, AlterUserScramCredentialsRequest)
    decided: dict[str, Message | KafkaError] = {}
    changes: list[Deletion | Upsertion] = [*request.deletions, *request.upsertions]
    for change in changes:
        before = decided.get(change.name)
        if before is None:
            decided[change.name] = _decide(image, change)
        elif not isinstance(before, KafkaError):
            decided[change.name] = DuplicateResource("A user credential cannot be altered twice in the same request")
    return Outcome(
        [record for record in decided.values() if not isinstance(record, KafkaError)],
        AlterUserScramCredentialsResponse(results=[_result(user, each) for user, each in decided.items()]),
    )


def _result(user: str, decided: Message | KafkaError) -> Result:
    if isinstance(decided, KafkaError):
        return Result(user=user, error_code=decided.code, error_message=decided.message)
    return Result(user=user, error_message=None)


def _decide(image: ClusterImage, change: Deletion | Upsertion) -> Message | KafkaError:
    try:
        if not change.name:
            raise UnacceptableCredential("Username must not be empty")
        if change.mechanism not in HASHES:
            raise UnsupportedSaslMechanism("Unknown SCRAM mechanism")
        if isinstance(change, Upsertion):
            return _upsert(change)
        if (change.name, change.mechanism) not in image.scram:
            raise ResourceNotFound("Attempt to delete a user credential that does not exist")
        return RemoveUserScramCredentialRecord(name=change.name, mechanism=change.mechanism)
    except KafkaError as error:
        return error


def _upsert(change: Upsertion) -> Message:
    if change.iterations < ITERATIONS_MIN:
        raise UnacceptableCredential("Too few iterations")
    if change.iterations > ITERATIONS_MAX:
        raise UnacceptableCredential("Too many iterations")
    salted = bytes(change.salted_password)
    if not salted:
        raise UnacceptableCredential("The salted password must not be empty")  # Kafka: UNKNOWN_SERVER_ERROR
    name = HASHES[change.mechanism]
    client_key = hmac.digest(salted, b"Client Key", name)
    return UserScramCredentialRecord(
        name=change.name,
        mechanism=change.mechanism,
        salt=bytes(change.salt),
        stored_key=hashlib.new(name, client_key).digest(),
        server_key=hmac.digest(salted, b"Server Key", name),
        iterations=change.iterations,
    )
