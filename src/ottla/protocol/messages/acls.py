"""Access rules: describe, create, delete."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int8, Int16, Int32, String


class DescribeAclsRequest(Message, api=29, versions=(1, 3), flexible=2):
    """Ask for the access rules that match a filter."""

    resource_type_filter: Int8 = 0
    resource_name_filter: String | None = ""
    pattern_type_filter: Int8 = 3
    principal_filter: String | None = ""
    host_filter: String | None = ""
    operation: Int8 = 0
    permission_type: Int8 = 0


class DescribeAclsResponse(Message, api=29, versions=(1, 3), flexible=2):
    """The rules, grouped by resource."""

    class AclDescription(Struct):
        principal: String = ""
        host: String = ""
        operation: Int8 = 0
        permission_type: Int8 = 0

    class DescribeAclsResource(Struct):
        resource_type: Int8 = 0
        resource_name: String = ""
        pattern_type: Int8 = 3
        acls: list[DescribeAclsResponse.AclDescription] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = ""
    resources: list[DescribeAclsResource] = field()


class CreateAclsRequest(Message, api=30, versions=(1, 3), flexible=2):
    """Add access rules."""

    class AclCreation(Struct):
        resource_type: Int8 = 0
        resource_name: String = ""
        resource_pattern_type: Int8 = 3
        principal: String = ""
        host: String = ""
        operation: Int8 = 0
        permission_type: Int8 = 0

    creations: list[AclCreation] = field()


class CreateAclsResponse(Message, api=30, versions=(1, 3), flexible=2):
    """For each rule, whether it was added."""

    class AclCreationResult(Struct):
        error_code: Int16 = 0
        error_message: String | None = ""

    throttle_time_ms: Int32 = 0
    results: list[AclCreationResult] = field()


class DeleteAclsRequest(Message, api=31, versions=(1, 3), flexible=2):
    """Delete all access rules that match any of the filters."""

    class DeleteAclsFilter(Struct):
        resource_type_filter: Int8 = 0
        resource_name_filter: String | None = ""
        pattern_type_filter: Int8 = 3
        principal_filter: String | None = ""
        host_filter: String | None = ""
        operation: Int8 = 0
        permission_type: Int8 = 0

    filters: list[DeleteAclsFilter] = field()


class DeleteAclsResponse(Message, api=31, versions=(1, 3), flexible=2):
    """For each filter, the rules that it removed."""

    class DeleteAclsMatchingAcl(Struct):
        error_code: Int16 = 0
        error_message: String | None = ""
        resource_type: Int8 = 0
        resource_name: String = ""
        pattern_type: Int8 = 3
        principal: String = ""
        host: String = ""
        operation: Int8 = 0
        permission_type: Int8 = 0

    class DeleteAclsFilterResult(Struct):
        error_code: Int16 = 0
        error_message: String | None = ""
        matching_acls: list[DeleteAclsResponse.DeleteAclsMatchingAcl] = field()

    throttle_time_ms: Int32 = 0
    filter_results: list[DeleteAclsFilterResult] = field()
