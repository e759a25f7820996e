"""Brokers come, go, and say how they are."""

from __future__ import annotations

from collections.abc import Sequence

from ottla.common.errors import (
    BrokerIdNotRegistered,
    InconsistentClusterId,
    InvalidRegistration,
    KafkaError,
    StaleBrokerEpoch,
)
from ottla.controller.leadership import broker_came, broker_left, broker_restarted, leads_with_followers
from ottla.controller.outcome import Outcome
from ottla.controller.rules import ControllerRules
from ottla.metadata.image import ClusterImage
from ottla.metadata.parts import BrokerImage
from ottla.metadata.store import Holder
from ottla.protocol.logs.cluster_metadata import (
    BrokerRegistrationChangeRecord,
    FenceBrokerRecord,
    RegisterBrokerRecord,
    UnregisterBrokerRecord,
)
from ottla.protocol.message import Message
from ottla.protocol.messages.cluster import UnregisterBrokerRequest, UnregisterBrokerResponse
from ottla.protocol.messages.inter_broker import (
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
)


def check_epoch(image: ClusterImage, broker: int, epoch: int) -> None:
    """Raises StaleBrokerEpoch unless `broker` is registered with this epoch (KIP-380)."""
    registered = image.brokers.get(broker)
    if registered is None:
        raise StaleBrokerEpoch(f"No broker registration found for broker id {broker}")
    if registered.epoch != epoch:
        raise StaleBrokerEpoch(f"Expected broker epoch {registered.epoch}, but got broker epoch {epoch}")


def register_broker(image: ClusterImage, rules: ControllerRules, request: Message) -> Outcome:
    """Registers a broker that has started. Its epoch is the offset of its record.

    The only broker of a cluster may serve at once; any other stays fenced until it has caught up with the metadata.
    """
    assert isinstance(request, BrokerRegistrationRequest)
    try:
        _check_registration(rules, request)
    except KafkaError as error:
        return Outcome([], BrokerRegistrationResponse(error_code=error.code))
    present = image.brokers.get(request.broker_id)
    if present is not None and present.incarnation == request.incarnation_id:
        return Outcome([], BrokerRegistrationResponse(broker_epoch=present.epoch))
    records = broker_restarted(image, rules, request.broker_id) if present is not None else []
    alone = all(broker == request.broker_id for broker in image.brokers)
    epoch = image.end_offset + len(records)
    fenced = not alone or bool(records)
    records.append(_registration(request, epoch, fenced=fenced))
    if not fenced:  # what was left without a leader while it was away or unregistered
        records += broker_came(image, rules, request.broker_id)
    return Outcome(records, BrokerRegistrationResponse(broker_epoch=epoch))


def _check_registration(rules: ControllerRules, request: BrokerRegistrationRequest) -> None:
    if request.cluster_id != rules.cluster_id:
        raise InconsistentClusterId(f"Expected cluster ID {rules.cluster_id}, but got cluster ID {request.cluster_id}")
    if not request.listeners:
        raise InvalidRegistration("A broker registers with at least one listener.")


def _registration(request: BrokerRegistrationRequest, epoch: int, *, fenced: bool) -> RegisterBrokerRecord:
    return RegisterBrokerRecord(
        broker_id=request.broker_id,
        incarnation_id=request.incarnation_id,
        broker_epoch=epoch,
        end_points=[
            RegisterBrokerRecord.BrokerEndpoint(
                name=each.name, host=each.host, port=each.port, security_protocol=each.security_protocol
            )
            for each in request.listeners
        ],
        features=[
            RegisterBrokerRecord.BrokerFeature(
                name=each.name,
                min_supported_version=each.min_supported_version,
                max_supported_version=each.max_supported_version,
            )
            for each in request.features
        ],
        rack=request.rack,
        fenced=fenced,
        log_dirs=list(request.log_dirs),
    )


def heartbeat(image: ClusterImage, rules: ControllerRules, request: Message) -> Outcome:
    """Unfences a broker that has caught up, fences one that asks for it, and empties one that wants to stop."""
    assert isinstance(request, BrokerHeartbeatRequest)
    try:
        check_epoch(image, request.broker_id, request.broker_epoch)
    except KafkaError as error:
        return Outcome([], BrokerHeartbeatResponse(error_code=error.code))
    broker = image.brokers[request.broker_id]
    caught_up = request.current_metadata_offset >= broker.epoch
    if request.want_shut_down:
        return _shut_down(image, rules, broker, caught_up=caught_up)
    records: list[Message] = []
    fenced = broker.fenced
    if request.want_fence and not fenced:
        records, fenced = fence(image, rules, broker), True
    elif fenced and not request.want_fence and caught_up:
        change = BrokerRegistrationChangeRecord(broker_id=broker.id, broker_epoch=broker.epoch, fenced=-1)
        records, fenced = [change, *broker_came(image, rules, broker.id)], False
    return Outcome(records, BrokerHeartbeatResponse(is_caught_up=caught_up, is_fenced=fenced))


def _shut_down(image: ClusterImage, rules: ControllerRules, broker: BrokerImage, *, caught_up: bool) -> Outcome:
    """A broker may stop once it leads nothing that another could lead. What nobody else has, it goes on leading."""
    records: list[Message] = []
    if not broker.in_controlled_shutdown and leads_with_followers(image, broker.id):
        records = [
            BrokerRegistrationChangeRecord(broker_id=broker.id, broker_epoch=broker.epoch, in_controlled_shutdown=1),
            *broker_restarted(image, rules, broker.id),
        ]
    answer = BrokerHeartbeatResponse(is_caught_up=caught_up, is_fenced=broker.fenced, should_shut_down=not records)
    return Outcome(records, answer)


def fence(image: ClusterImage, rules: ControllerRules, broker: BrokerImage) -> list[Message]:
    """Takes everything from a broker that is dead or must not serve."""
    return [FenceBrokerRecord(id=broker.id, epoch=broker.epoch), *broker_left(image, rules, broker.id)]


def fence_lost(image: ClusterImage, rules: ControllerRules, live: Sequence[Holder]) -> list[Message]:
    """Fences the first registered broker whose lease has ended; call again until nothing comes.

    One at a time, because each moves leaderships that the next one's must take into account.
    """
    holders = {holder.broker: holder.incarnation for holder in live}
    for broker in image.brokers.values():
        if not broker.fenced and holders.get(broker.id) != broker.incarnation:
            return fence(image, rules, broker)
    return []


def unregister_broker(image: ClusterImage, rules: ControllerRules, request: Message) -> Outcome:
    """Forgets a broker. Its replicas stay assigned to it."""
    assert isinstance(request, UnregisterBrokerRequest)
    broker = image.brokers.get(request.broker_id)
    if broker is None:
        message = f"Broker ID {request.broker_id} is not currently registered"
        return Outcome([], UnregisterBrokerResponse(error_code=BrokerIdNotRegistered.code, error_message=message))
    records = [] if broker.fenced else fence(image, rules, broker)
    records.append(UnregisterBrokerRecord(broker_id=broker.id, broker_epoch=broker.epoch))
    return Outcome(records, UnregisterBrokerResponse())
