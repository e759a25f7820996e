"""ApiVersions: what a server understands; the first request on most connections."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int16, Int32, Int64, String


class ApiVersionsRequest(Message, api=18, versions=(0, 4), flexible=3):
    """Ask which APIs and versions the server has. It is answered whatever its version: in version 0 if unknown."""

    client_software_name: String = field(default="", since=3, ignorable=True)
    client_software_version: String = field(default="", since=3, ignorable=True)


class ApiVersionsResponse(Message, api=18, versions=(0, 4), flexible=3):
    """The versions of each API, and from version 3 the features. Its header is always version 0."""

    class ApiVersion(Struct):
        api_key: Int16 = 0
        min_version: Int16 = 0
        max_version: Int16 = 0

    class SupportedFeatureKey(Struct):
        name: String = field(default="", since=3)
        min_version: Int16 = field(default=0, since=3)
        max_version: Int16 = field(default=0, since=3)

    class FinalizedFeatureKey(Struct):
        name: String = field(default="", since=3)
        max_version_level: Int16 = field(default=0, since=3)
        min_version_level: Int16 = field(default=0, since=3)

    error_code: Int16 = 0
    api_keys: list[ApiVersion] = field()
    throttle_time_ms: Int32 = field(default=0, since=1, ignorable=True)
    supported_features: list[SupportedFeatureKey] = field(since=3, tag=0, ignorable=True)
    finalized_features_epoch: Int64 = field(default=-1, since=3, tag=1, ignorable=True)
    finalized_features: list[FinalizedFeatureKey] = field(since=3, tag=2, ignorable=True)
    zk_migration_ready: Bool = field(default=False, since=3, tag=3, ignorable=True)
