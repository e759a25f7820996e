"""SCRAM credentials: stored so that a server can check a proof."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from ottla.protocol.messages.scram import AlterUserScramCredentialsRequest
from tests.unit.controller.support import Controller

Upsertion = AlterUserScramCredentialsRequest.ScramCredentialUpsertion
Deletion = AlterUserScramCredentialsRequest.ScramCredentialDeletion
NOT_FOUND, DUPLICATE, UNACCEPTABLE, NO_MECHANISM = 91, 92, 93, 33


def upsert(name: str = "alice", mechanism: int = 1, iterations: int = 4096, salted: bytes = b"x" * 32) -> Upsertion:
    return Upsertion(name=name, mechanism=mechanism, iterations=iterations, salt=b"salt", salted_password=salted)


def alter(controller: Controller, *changes: Upsertion | Deletion) -> dict[str, int]:
    request = AlterUserScramCredentialsRequest(
        deletions=[one for one in changes if isinstance(one, Deletion)],
        upsertions=[one for one in changes if isinstance(one, Upsertion)],
    )
    return {result.user: result.error_code for result in controller.ask(request).results}


def test_the_keys_are_those_of_the_published_example() -> None:
    """RFC 7677, section 3: the stored keys must check the client's proof and give the server's signature."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", salt, 4096)
    controller = Controller()
    controller.ask(
        AlterUserScramCredentialsRequest(
            deletions=[],
            upsertions=[Upsertion(name="user", mechanism=1, iterations=4096, salt=salt, salted_password=salted)],
        )
    )
    stored = controller.image.scram["user", 1]
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    signature = hmac_sha256(stored.stored_key, message)
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored.stored_key
    assert hmac_sha256(stored.server_key, message) == base64.b64decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def test_credentials_are_replaced_and_deleted() -> None:
    controller = Controller()
    assert alter(controller, upsert(), upsert("bob", mechanism=2, salted=b"y" * 64)) == {"alice": 0, "bob": 0}
    assert alter(controller, upsert(iterations=5000)) == {"alice": 0}
    assert controller.image.scram["alice", 1].iterations == 5000
    assert alter(controller, Deletion(name="alice", mechanism=1)) == {"alice": 0}
    assert list(controller.image.scram) == [("bob", 2)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (upsert(""), UNACCEPTABLE),
        (upsert(iterations=4095), UNACCEPTABLE),
        (upsert(iterations=16385), UNACCEPTABLE),
        (upsert(salted=b""), UNACCEPTABLE),
        (upsert(mechanism=3), NO_MECHANISM),
        (Deletion(name="", mechanism=1), UNACCEPTABLE),
        (Deletion(name="alice", mechanism=1), NOT_FOUND),
        (Deletion(name="alice", mechanism=9), NO_MECHANISM),
    ],
)
def test_what_cannot_be_a_credential_is_refused(change: Upsertion | Deletion, code: int) -> None:
    controller = Controller()
    assert list(alter(controller, change).values()) == [code]
    assert controller.image.scram == {}


def test_a_user_who_is_named_twice_is_not_changed() -> None:
    controller = Controller()
    assert alter(controller, upsert(), upsert(mechanism=2)) == {"alice": DUPLICATE}
    assert controller.image.scram == {}
