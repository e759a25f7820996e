"""What a classic client is answered when it is refused, and how the forms of LeaveGroup differ by version."""

from __future__ import annotations

from ottla.common.errors import InconsistentGroupProtocol, KafkaError
from ottla.protocol.messages.join_group import JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

_LEAVE_BATCH_SINCE = 3
_PROTOCOL_NAMES_SINCE = 5


def asked_to_leave(request: LeaveGroupRequest, version: int) -> list[LeaveGroupRequest.MemberIdentity]:
    """Below v3 a request names one member."""
    if version < _LEAVE_BATCH_SINCE:
        return [LeaveGroupRequest.MemberIdentity(member_id=request.member_id)]
    return list(request.members)


def leave_answer(answers: list[LeaveGroupResponse.MemberResponse], version: int) -> LeaveGroupResponse:
    """Below v3 the one member's error stands at the top."""
    if version < _LEAVE_BATCH_SINCE:
        return LeaveGroupResponse(error_code=answers[0].error_code)
    return LeaveGroupResponse(members=answers)


def join_refused(error: KafkaError, member_id: str) -> JoinGroupResponse:
    return JoinGroupResponse(
        error_code=error.code, generation_id=-1, protocol_type=None, protocol_name=None, leader="", member_id=member_id
    )


def check_sync(request: SyncGroupRequest, version: int) -> None:
    """KIP-559: from version 5 on a member says what it was told of the protocol. Raises InconsistentGroupProtocol."""
    if version >= _PROTOCOL_NAMES_SINCE and None in (request.protocol_type, request.protocol_name):
        raise InconsistentGroupProtocol


def sync_refused(error: KafkaError) -> SyncGroupResponse:
    return SyncGroupResponse(error_code=error.code, protocol_type=None, protocol_name=None)
