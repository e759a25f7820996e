"""DescribeUserScramCredentials and AlterUserScramCredentials (KIP-554)."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bytes, Int8, Int16, Int32, String


class DescribeUserScramCredentialsRequest(Message, api=50, versions=(0, 0), flexible=0):
    """Ask which users have SCRAM credentials; null or no users mean all."""

    class UserName(Struct):
        name: String = ""

    users: list[UserName] | None = field()


class DescribeUserScramCredentialsResponse(Message, api=50, versions=(0, 0), flexible=0):
    """Mechanism and iterations of each; never the secrets."""

    class CredentialInfo(Struct):
        mechanism: Int8 = 0
        iterations: Int32 = 0

    class DescribeUserScramCredentialsResult(Struct):
        user: String = ""
        error_code: Int16 = 0
        error_message: String | None = ""
        credential_infos: list[DescribeUserScramCredentialsResponse.CredentialInfo] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = ""
    results: list[DescribeUserScramCredentialsResult] = field()


class AlterUserScramCredentialsRequest(Message, api=51, versions=(0, 0), flexible=0):
    """Delete and upsert SCRAM credentials, salted by the client."""

    class ScramCredentialDeletion(Struct):
        name: String = ""
        mechanism: Int8 = 0

    class ScramCredentialUpsertion(Struct):
        name: String = ""
        mechanism: Int8 = 0
        iterations: Int32 = 0
        salt: Bytes = b""
        salted_password: Bytes = b""

    deletions: list[ScramCredentialDeletion] = field()
    upsertions: list[ScramCredentialUpsertion] = field()


class AlterUserScramCredentialsResponse(Message, api=51, versions=(0, 0), flexible=0):
    """For each user, whether it was changed."""

    class AlterUserScramCredentialsResult(Struct):
        user: String = ""
        error_code: Int16 = 0
        error_message: String | None = ""

    throttle_time_ms: Int32 = 0
    results: list[AlterUserScramCredentialsResult] = field()
