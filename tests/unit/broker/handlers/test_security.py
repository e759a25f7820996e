"""InitProducerId, ACLs, SASL and delegation tokens on a plain listener (compared with Kafka 4.3.1)."""

from __future__ import annotations

import pytest

from ottla.protocol.messages.acls import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest
from ottla.protocol.messages.delegation_tokens import (
    CreateDelegationTokenRequest,
    DescribeDelegationTokenRequest,
    RenewDelegationTokenRequest,
)
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.protocol.messages.sasl import SaslAuthenticateRequest, SaslHandshakeRequest
from tests.unit.broker.handlers.support import Asking, on_broker


def test_every_idempotent_producer_gets_an_id_of_its_own() -> None:
    async def scenario(broker: Asking) -> None:
        answers = [await broker.ask(InitProducerIdRequest(transactional_id=None), version) for version in range(6)]
        assert [(one.error_code, one.producer_epoch) for one in answers] == [(0, 0)] * 6
        assert len({one.producer_id for one in answers}) == 6
        # An id and epoch that the client brings along are not continued: a new id, not a higher epoch.
        again = InitProducerIdRequest(transactional_id=None, producer_id=answers[0].producer_id, producer_epoch=0)
        renewed = await broker.ask(again, 3)
        assert (renewed.producer_id > answers[-1].producer_id, renewed.producer_epoch) == (True, 0)

    on_broker(scenario)


def test_blocks_of_producer_ids_follow_each_other() -> None:
    async def scenario(broker: Asking) -> list[int]:
        request = InitProducerIdRequest(transactional_id=None)
        return [(await broker.ask(request, 5)).producer_id for _ in range(1002)]

    assert on_broker(scenario) == list(range(1002))


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (InitProducerIdRequest(transactional_id=None, producer_id=5), 42),
        (InitProducerIdRequest(transactional_id=None, producer_epoch=3), 42),
        (InitProducerIdRequest(transactional_id="", transaction_timeout_ms=1000), 42),
        (InitProducerIdRequest(transactional_id="t", transaction_timeout_ms=0), 50),
        (InitProducerIdRequest(transactional_id="t", transaction_timeout_ms=900_001), 50),
        (InitProducerIdRequest(transactional_id="t", transaction_timeout_ms=900_000), 16),  # nobody coordinates yet
    ],
    ids=["id without epoch", "epoch without id", "empty", "no timeout", "long timeout", "no coordinator"],
)
def test_what_cannot_be_granted_gets_no_id(request_: InitProducerIdRequest, code: int) -> None:
    async def scenario(broker: Asking) -> None:
        answer = await broker.ask(request_, 5)
        assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (code, -1, -1)

    on_broker(scenario)


def test_acls_are_disabled_without_an_authoriser() -> None:
    async def scenario(broker: Asking) -> None:
        for version in (1, 2, 3):
            described = await broker.ask(
                DescribeAclsRequest(resource_type_filter=1, pattern_type_filter=1, operation=1, permission_type=1),
                version,
            )
            assert (described.error_code, described.resources) == (54, [])
            created = await broker.ask(CreateAclsRequest(creations=[CreateAclsRequest.AclCreation()] * 2), version)
            assert [one.error_code for one in created.results] == [54, 54]
            deleted = await broker.ask(DeleteAclsRequest(filters=[DeleteAclsRequest.DeleteAclsFilter()]), version)
            assert [one.error_code for one in deleted.filter_results] == [54]

    on_broker(scenario)


def test_sasl_is_refused_and_the_connection_stays_open() -> None:
    async def scenario(broker: Asking) -> None:
        for version in (0, 1):
            answer = await broker.ask(SaslHandshakeRequest(mechanism="PLAIN"), version)
            assert (answer.error_code, answer.mechanisms) == (34, [])
        refused = await broker.ask(SaslAuthenticateRequest(auth_bytes=b"x"), 2)
        assert refused.error_code == 34
        assert refused.error_message == "SaslAuthenticate request received after successful authentication"
        assert (await broker.ask(MetadataRequest(topics=[]), 1)).brokers

    on_broker(scenario)


def test_delegation_tokens_are_not_given_to_who_is_not_authenticated() -> None:
    async def scenario(broker: Asking) -> None:
        mine = await broker.ask(CreateDelegationTokenRequest(max_lifetime_ms=-1), 1)
        assert (mine.error_code, mine.principal_name, mine.expiry_timestamp_ms) == (64, "ANONYMOUS", -1)
        for_bob = CreateDelegationTokenRequest(
            max_lifetime_ms=-1, owner_principal_type="User", owner_principal_name="bob"
        )
        his = await broker.ask(for_bob, 3)
        assert (his.error_code, his.principal_name, his.token_requester_principal_name) == (64, "bob", "ANONYMOUS")
        assert (await broker.ask(RenewDelegationTokenRequest(hmac=b"x"), 2)).error_code == 64
        assert (await broker.ask(DescribeDelegationTokenRequest(owners=None), 3)).error_code == 64

    on_broker(scenario)
