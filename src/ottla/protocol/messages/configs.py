"""Settings of topics, brokers, groups and client metrics: describe, alter, list who has any."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int8, Int16, Int32, String


class DescribeConfigsRequest(Message, api=32, versions=(1, 4), flexible=4):
    """Ask for the settings of resources; null keys mean all of them."""

    class DescribeConfigsResource(Struct):
        resource_type: Int8 = 0
        resource_name: String = ""
        configuration_keys: list[String] | None = field()

    resources: list[DescribeConfigsResource] = field()
    include_synonyms: Bool = False
    include_documentation: Bool = field(default=False, since=3)


class DescribeConfigsResponse(Message, api=32, versions=(1, 4), flexible=4):
    """The settings with their source, type and synonyms."""

    class DescribeConfigsSynonym(Struct):
        name: String = ""
        value: String | None = ""
        source: Int8 = 0

    class DescribeConfigsResourceResult(Struct):
        name: String = ""
        value: String | None = ""
        read_only: Bool = False
        config_source: Int8 = -1
        is_sensitive: Bool = False
        synonyms: list[DescribeConfigsResponse.DescribeConfigsSynonym] = field()
        config_type: Int8 = field(default=0, since=3, ignorable=True)
        documentation: String | None = field(default="", since=3, ignorable=True)

    class DescribeConfigsResult(Struct):
        error_code: Int16 = 0
        error_message: String | None = ""
        resource_type: Int8 = 0
        resource_name: String = ""
        configs: list[DescribeConfigsResponse.DescribeConfigsResourceResult] = field()

    throttle_time_ms: Int32 = 0
    results: list[DescribeConfigsResult] = field()


class AlterConfigsRequest(Message, api=33, versions=(0, 2), flexible=2):
    """Replace all settings of resources: what is not named falls back to its default."""

    class AlterableConfig(Struct):
        name: String = ""
        value: String | None = ""

    class AlterConfigsResource(Struct):
        resource_type: Int8 = 0
        resource_name: String = ""
        configs: list[AlterConfigsRequest.AlterableConfig] = field()

    resources: list[AlterConfigsResource] = field()
    validate_only: Bool = False


class AlterConfigsResponse(Message, api=33, versions=(0, 2), flexible=2):
    """For each resource, whether it was changed."""

    class AlterConfigsResourceResponse(Struct):
        error_code: Int16 = 0
        error_message: String | None = ""
        resource_type: Int8 = 0
        resource_name: String = ""

    throttle_time_ms: Int32 = 0
    responses: list[AlterConfigsResourceResponse] = field()


class IncrementalAlterConfigsRequest(Message, api=44, versions=(0, 1), flexible=1):
    """Set, delete, append to or subtract from single settings (KIP-339)."""

    class AlterableConfig(Struct):
        name: String = ""
        config_operation: Int8 = 0
        value: String | None = ""

    class AlterConfigsResource(Struct):
        resource_type: Int8 = 0
        resource_name: String = ""
        configs: list[IncrementalAlterConfigsRequest.AlterableConfig] = field()

    resources: list[AlterConfigsResource] = field()
    validate_only: Bool = False


class IncrementalAlterConfigsResponse(Message, api=44, versions=(0, 1), flexible=1):
    """For each resource, whether it was changed."""

    class AlterConfigsResourceResponse(Struct):
        error_code: Int16 = 0
        error_message: String | None = ""
        resource_type: Int8 = 0
        resource_name: String = ""

    throttle_time_ms: Int32 = 0
    responses: list[AlterConfigsResourceResponse] = field()


class ListConfigResourcesRequest(Message, api=74, versions=(0, 1), flexible=0):
    """Ask which resources have settings of their own. Version 0 lists only client metrics."""

    resource_types: list[Int8] = field(since=1)


class ListConfigResourcesResponse(Message, api=74, versions=(0, 1), flexible=0):
    """The names of the resources, with their types."""

    class ConfigResource(Struct):
        resource_name: String = ""
        resource_type: Int8 = field(default=16, since=1, ignorable=True)

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    config_resources: list[ConfigResource] = field()
