"""The consumer group protocol (KIP-848): heartbeats that join, keep alive, report and leave, and what the clock does.

A heartbeat goes through three steps, each with its records: the member as it describes itself now, and with it the
group's epoch; the target assignment of that epoch; and one step of this member towards its target. Each member
converges alone; the group never stops.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ottla.common.clock import Random, random_uuid
from ottla.common.errors import (
    FencedInstanceId,
    FencedMemberEpoch,
    GroupMaxSizeReached,
    InvalidRequest,
    UnknownMemberId,
    UnreleasedInstanceId,
    UnsupportedAssignor,
)
from ottla.common.names import Uuid, uuid_text
from ottla.coordinator.group.assignors import ASSIGNORS, Wants
from ottla.coordinator.group.assignors.member import names_in_java_order
from ottla.coordinator.group.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer_member import LEFT_FOR_A_WHILE, Member, MemberState, Target
from ottla.coordinator.group.consumer_records import (
    forget_member,
    write_assignment,
    write_epoch,
    write_member,
    write_pattern,
    write_target,
    write_target_epoch,
)
from ottla.coordinator.group.consumer_watch import REVOKE, Watch
from ottla.coordinator.group.group_configs import GroupConfigs
from ottla.coordinator.group.limits import Caller, GroupLimits
from ottla.coordinator.group.patterns import compile_pattern
from ottla.coordinator.group.reconciliation import Reported, owned_assignment, reconcile
from ottla.coordinator.group.subscription import Change, MayDescribe, must_resolve, resolve
from ottla.coordinator.group.topics import Topics, metadata_hash
from ottla.coordinator.outcome import Outcome
from ottla.protocol.messages.consumer_group import ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse

JOIN, LEAVE = 0, -1
_CLIENT_MAKES_IDS_SINCE = 1
_UNSET = -1


class Step(NamedTuple):
    """The group as it is after the records of the steps so far: they are written, not replayed yet."""

    epoch: int
    target_epoch: int
    target: Target
    member: Member


class Subscribed(NamedTuple):
    """Does the member subscribe to something else now (`is_new`), and is it known what (`is_known`)?

    The topics of a pattern that was not looked up yet come later, and with them the group's next epoch.
    """

    is_new: bool
    is_known: bool


class Advanced(NamedTuple):
    """The member after a request. `stale`: it was to go to the known target only, and that is of an earlier epoch."""

    member: Member
    stale: bool = False


class Consumer:
    """The rules. Holds no group: each call is given one, which it leaves as it is, and the outcome that it fills."""

    def __init__(self, limits: GroupLimits, configs: GroupConfigs, topics: Topics, random: Random) -> None:
        self.limits = limits
        self.configs = configs
        self.topics = topics
        self.topics_came_at = 0
        """The metadata offset of the last new topic that this machine heard of."""
        self._random = random

    # --- heartbeats

    def check(self, request: ConsumerGroupHeartbeatRequest, version: int) -> None:
        """What can be refused without looking at the group; in Kafka's order and words."""
        epoch = request.member_epoch
        if version >= _CLIENT_MAKES_IDS_SINCE or epoch != JOIN:
            _not_blank(request.member_id, "MemberId")
        _not_blank(request.group_id, "GroupId")
        _not_blank(request.instance_id, "InstanceId")
        _not_blank(request.rack_id, "RackId")
        if epoch == JOIN:
            if request.rebalance_timeout_ms == _UNSET:
                raise InvalidRequest("RebalanceTimeoutMs must be provided in first request.")
            if request.topic_partitions is None or request.topic_partitions:
                raise InvalidRequest("TopicPartitions must be empty when (re-)joining.")
            if request.subscribed_topic_names is None and request.subscribed_topic_regex is None:
                raise InvalidRequest(
                    "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
                )
        elif epoch == LEFT_FOR_A_WHILE:
            if request.instance_id is None:
                raise InvalidRequest("InstanceId can't be null.")
        elif epoch < LEFT_FOR_A_WHILE:
            raise InvalidRequest("MemberEpoch is invalid.")
        if request.server_assignor is not None and request.server_assignor not in self._assignors():
            raise UnsupportedAssignor(
                f"ServerAssignor {request.server_assignor} is not supported. Supported assignors: "
                f"{', '.join(self._assignors())}."
            )

    def heartbeat(
        self,
        group: ConsumerGroup,
        watch: Watch,
        request: ConsumerGroupHeartbeatRequest,
        caller: Caller,
        may_describe: MayDescribe,
        now_ms: int,
        out: Outcome,
    ) -> ConsumerGroupHeartbeatResponse:
        """Join, rejoin or an ordinary heartbeat. Raises what the member is answered; `out` is void then."""
        self.check_room(group, request.member_id)
        member_id = request.member_id or uuid_text(random_uuid(self._random))
        reported = _reported(request)
        joins = request.member_epoch == JOIN
        if request.instance_id is None:
            before = self._dynamic(group, member_id, request.member_epoch, reported)
        else:
            before = self._static(group, member_id, request.member_epoch, request.instance_id, reported, out)
        after = self.advance(
            group, watch, before, _described(before, request, caller), reported, may_describe, now_ms, out
        ).member
        config = self.configs.consumer(group.group_id)
        watch.alive(member_id, config.session_timeout_ms, now_ms, out)
        answer = ConsumerGroupHeartbeatResponse(
            member_id=member_id, member_epoch=after.epoch, heartbeat_interval_ms=config.heartbeat_interval_ms
        )
        held = owned_assignment(after.assigned)
        if joins or _is_full(request) or held != owned_assignment(before.assigned):
            answer.assignment = ConsumerGroupHeartbeatResponse.Assignment(
                topic_partitions=[
                    ConsumerGroupHeartbeatResponse.TopicPartitions(topic_id=Uuid(topic_id), partitions=partitions)
                    for topic_id, partitions in held.items()
                ]
            )
        return answer

    def check_room(self, group: ConsumerGroup, member_id: str) -> None:
        most = self.limits.group_consumer_max_size
        if len(group.members) >= most and member_id not in group.members:
            raise GroupMaxSizeReached(f"The consumer group has reached its maximum capacity of {most} members.")

    def _dynamic(self, group: ConsumerGroup, member_id: str, epoch: int, reported: Reported | None) -> Member:
        member = group.members.get(member_id)
        if member is None:
            if epoch != JOIN:
                raise UnknownMemberId(f"Member {member_id} is not a member of group {group.group_id}.")
            return Member(member_id)
        _check_epoch(member, epoch, reported)
        return member

    def _static(
        self,
        group: ConsumerGroup,
        member_id: str,
        epoch: int,
        instance_id: str,
        reported: Reported | None,
        out: Outcome,
    ) -> Member:
        current = group.static_member(instance_id)
        if epoch == JOIN:
            if current is None:
                return group.members.get(member_id) or Member(member_id)  # it may have been a dynamic one so far
            if current.classic is None and current.epoch != LEFT_FOR_A_WHILE:
                raise UnreleasedInstanceId(
                    f"Static member {member_id} with instance id {instance_id} cannot join the group because the "
                    f"instance id is owned by {current.member_id} member."
                )
            return self.replace_static(group, current, member_id, out)
        current = known_static(current, member_id, instance_id)
        _check_epoch(current, epoch, reported)
        return current

    def replace_static(self, group: ConsumerGroup, old: Member, member_id: str, out: Outcome) -> Member:
        """The next life of a static member: under a new id, with what the last one had."""
        new = replace(old, member_id=member_id, epoch=JOIN, previous_epoch=JOIN)
        forget_member(out, group.group_id, old.member_id)
        write_member(out, group.group_id, new)
        write_target(out, group.group_id, member_id, group.target.get(old.member_id, {}))
        write_assignment(out, group.group_id, new)
        return new

    # --- the three steps

    def advance(
        self,
        group: ConsumerGroup,
        watch: Watch,
        before: Member,
        after: Member,
        reported: Reported | None,
        may_describe: MayDescribe | None,
        now_ms: int,
        out: Outcome,
        only_to_the_target: bool = False,
    ) -> Advanced:
        """From the member as it was to the member after this request; the records in between go to `out`.

        Without `may_describe` no pattern is resolved: that is done for a member that subscribes by one, as it may see.
        `only_to_the_target`: no new target is computed, and a member does not move towards one that is out of date.
        """
        registered = group.members.get(after.member_id)
        if registered is None and after.instance_id is not None:
            registered = group.static_member(after.instance_id)
        change = Change(group, registered, after)
        changed = self._describe(change, before, out)
        epoch = self._bump(change, watch, changed.is_known, out)
        if only_to_the_target and epoch > group.target_epoch:
            return Advanced(after, stale=True)
        step = self._assign(change, Step(epoch, group.target_epoch, group.target_of(after), after), now_ms, out)
        after = self._reconcile(group, watch, before, step, changed.is_new, reported, now_ms, out)
        self._resolve_patterns(change, step.epoch, may_describe, now_ms, out)
        return Advanced(after)

    def _describe(self, change: Change, before: Member, out: Outcome) -> Subscribed:
        """Writes the member down if it is another."""
        group, after = change.group, change.new
        assert after is not None
        another_pattern = after.pattern != before.pattern
        is_first = after.pattern not in group.pattern_counts
        if after.pattern and another_pattern and is_first:
            compile_pattern(after.pattern)  # a wrong one is refused before anything is written
        if after == before:
            return Subscribed(is_new=False, is_known=False)
        write_member(out, group.group_id, after)
        if before.epoch == JOIN:
            out.note(
                "group.member_joined", group=group.group_id, member=after.member_id, client_id=after.client_id,
                address=after.client_host,
            )  # fmt: skip
        for pattern in change.unused_patterns():
            write_pattern(out, group.group_id, pattern, None)
        is_resolved = not after.pattern or (after.pattern in group.patterns and not is_first)
        other_names = after.topics != before.topics
        return Subscribed(
            is_new=other_names or another_pattern, is_known=other_names or (another_pattern and is_resolved)
        )

    def _bump(self, change: Change, watch: Watch, changed: bool, out: Outcome) -> int:
        """The group's epoch: the next one if subscriptions or their topics are not what they were."""
        group = change.group
        if not changed and not watch.topics_changed:
            return group.epoch
        watch.topics_changed = False
        hash_now = metadata_hash(self.topics, change.topic_names(group.patterns))
        if not changed and hash_now == group.metadata_hash:
            return group.epoch
        write_epoch(out, group.group_id, group.epoch + 1, hash_now)
        why = f"{change.new.member_id} joined or changed" if changed and change.new is not None else "topics changed"
        out.note("group.rebalancing", group=group.group_id, epoch=group.epoch + 1, reason=why)
        return group.epoch + 1

    def _assign(self, change: Change, step: Step, now_ms: int, out: Outcome) -> Step:
        """A target for the epoch, unless the last one is too young (group.consumer.assignment.interval.ms)."""
        group = change.group
        interval_ms = self.configs.consumer(group.group_id).assignment_interval_ms
        if step.epoch <= group.target_epoch or 0 <= now_ms - group.target_ms < interval_ms:
            return step
        targets = self._targets(change)
        for member_id, target in targets.items():
            known = group.target.get(member_id)
            if member_id == step.member.member_id and known is None:
                known = group.target_of(step.member) or None
            if target != known:
                write_target(out, group.group_id, member_id, target)
        write_target_epoch(out, group.group_id, step.epoch, now_ms)
        return step._replace(target_epoch=step.epoch, target=targets[step.member.member_id])

    def _targets(self, change: Change) -> dict[str, Target]:
        group = change.group
        subscriptions = [(member, group.topics_of(member)) for member in change.members()]
        topics = {
            name: topic
            for name in names_in_java_order({name for _, names in subscriptions for name in names})
            if (topic := self.topics.named(name)) is not None
        }
        wants = [
            Wants(
                member.member_id,
                member.instance_id,
                frozenset(topics[name].topic_id for name in names if name in topics),
                group.target_of(member),
            )
            for member, names in subscriptions
        ]
        counts = {topic.topic_id: topic.partitions for topic in topics.values()}
        return ASSIGNORS[self.assignor(change)](wants, counts)

    def assignor(self, change: Change) -> str:
        """The one that most members ask for; the first that the broker has where none does."""
        known = self._assignors()
        votes = dict.fromkeys(known, 0)
        for member in change.members():
            if member.assignor in votes:
                votes[member.assignor] += 1
        return max(known, key=lambda name: votes[name])

    def _assignors(self) -> tuple[str, ...]:
        return tuple(name for name in self.limits.group_consumer_assignors if name in ASSIGNORS) or ("uniform",)

    def _reconcile(
        self,
        group: ConsumerGroup,
        watch: Watch,
        before: Member,
        step: Step,
        changed: bool,
        reported: Reported | None,
        now_ms: int,
        out: Outcome,
    ) -> Member:
        member = step.member
        if not changed and member.reconciled_to(step.target_epoch):
            return member
        after = reconcile(
            member,
            target_epoch=step.target_epoch,
            target=step.target,
            subscribed=self._ids(group.topics_of(member)),
            subscription_changed=changed,
            reported=reported,
            is_owned=group.owned,
        )
        if after == member:
            return member
        write_assignment(out, group.group_id, after)
        if after.classic is None:
            if after.state == MemberState.UNREVOKED:
                watch.expect(REVOKE, after.member_id, after.rebalance_timeout_ms, after.epoch, now_ms, out)
            else:
                watch.done(REVOKE, after.member_id, out)
        return after

    def _ids(self, names: set[str]) -> set[bytes]:
        return {topic.topic_id for name in names if (topic := self.topics.named(name)) is not None}

    def _resolve_patterns(
        self, change: Change, epoch: int, may_describe: MayDescribe | None, now_ms: int, out: Outcome
    ) -> None:
        """Looks up what the patterns match. The member hears of it with its next heartbeat, as with Kafka."""
        group = change.group
        interval_ms = self.limits.group_consumer_regex_refresh_interval_ms
        if may_describe is None or not must_resolve(change, self.topics_came_at, interval_ms, now_ms):
            return
        resolved = resolve(change.patterns(), self.topics, may_describe, now_ms)
        for pattern, found in resolved.items():
            write_pattern(out, group.group_id, pattern, found)
        if any(found.topics != _matched_before(group, pattern) for pattern, found in resolved.items()):
            write_epoch(out, group.group_id, epoch + 1, metadata_hash(self.topics, change.topic_names(resolved)))

    # --- leaving

    def check_leaver(self, group: ConsumerGroup, member_id: str, instance_id: str | None) -> Member:
        """The member that says that it leaves. Raises UnknownMemberId, FencedInstanceId."""
        if instance_id is not None:
            return known_static(group.static_member(instance_id), member_id, instance_id)
        member = group.members.get(member_id)
        if member is None:
            raise UnknownMemberId(f"Member {member_id} is not a member of group {group.group_id}.")
        return member

    def pause(self, group: ConsumerGroup, member: Member, out: Outcome) -> None:
        """A static member goes and will be back: its partitions wait for it until its session ends."""
        write_assignment(out, group.group_id, member.gone_for_a_while())

    def remove(self, group: ConsumerGroup, watch: Watch, members: list[Member], out: Outcome, reason: str) -> None:
        """Members that left, or that were fenced."""
        names: set[str] = set()
        gone = {member.member_id for member in members}
        for member in members:
            forget_member(out, group.group_id, member.member_id)
            watch.forget(member.member_id, out)
            out.note("group.member_left", group=group.group_id, member=member.member_id, reason=reason)
        out.note("group.rebalancing", group=group.group_id, epoch=group.epoch + 1, reason="members left")
        for member in group.members.values():
            if member.member_id not in gone:
                names |= group.topics_of(member)
        used = {member.pattern for member in group.members.values() if member.member_id not in gone}
        for pattern in group.patterns:
            if pattern not in used:
                write_pattern(out, group.group_id, pattern, None)
        write_epoch(out, group.group_id, group.epoch + 1, metadata_hash(self.topics, names))

    def resume(self, group: ConsumerGroup, watch: Watch, now_ms: int, out: Outcome) -> None:
        """Sets the timers of a group that was just loaded."""
        timeout_ms = self.configs.consumer(group.group_id).session_timeout_ms
        for member in group.members.values():
            own_ms = timeout_ms if member.classic is None else member.classic.session_timeout_ms
            watch.alive(member.member_id, own_ms, now_ms, out)
            if member.state == MemberState.UNREVOKED and member.classic is None:
                watch.expect(REVOKE, member.member_id, member.rebalance_timeout_ms, member.epoch, now_ms, out)


def _matched_before(group: ConsumerGroup, pattern: str) -> tuple[str, ...]:
    """One that was never looked up matched nothing: if it does so now, nothing has changed."""
    known = group.patterns.get(pattern)
    return () if known is None else known.topics


def known_static(member: Member | None, member_id: str, instance_id: str) -> Member:
    """Raises UnknownMemberId, and FencedInstanceId when the instance id belongs to another member now."""
    if member is None:
        raise UnknownMemberId(f"Instance id {instance_id} is unknown.")
    if member.member_id != member_id:
        raise FencedInstanceId(
            f"Static member {member_id} with instance id {instance_id} was fenced by member {member.member_id}."
        )
    return member


def _check_epoch(member: Member, epoch: int, reported: Reported | None) -> None:
    """Raises FencedMemberEpoch. A member may come with the epoch before: then our answer to it was lost.

    That is believed only if it reports no more than it has now: whoever missed a revocation must start anew.
    """
    if epoch == JOIN or epoch == member.epoch:
        return
    if epoch > member.epoch:
        raise FencedMemberEpoch(
            f"The consumer group member has a greater member epoch ({epoch}) than the one known by the group "
            f"coordinator ({member.epoch}). The member must abandon all its partitions and rejoin."
        )
    if epoch != member.previous_epoch or not _is_part(reported, member):
        raise FencedMemberEpoch(
            f"The consumer group member has a smaller member epoch ({epoch}) than the one known by the group "
            f"coordinator ({member.epoch}). The member must abandon all its partitions and rejoin."
        )


def _is_part(reported: Reported | None, member: Member) -> bool:
    if reported is None:
        return False
    return all(
        member.holds(topic_id, partition)
        for topic_id, partitions in reported.items()
        for partition in partitions  # type: ignore[attr-defined]
    )


def _reported(request: ConsumerGroupHeartbeatRequest) -> Reported | None:
    if request.topic_partitions is None:
        return None
    return {bytes(topic.topic_id): frozenset(topic.partitions) for topic in request.topic_partitions}


def _described(member: Member, request: ConsumerGroupHeartbeatRequest, caller: Caller) -> Member:
    """The member with what the request tells anew; null fields have not changed."""
    names, pattern = request.subscribed_topic_names, request.subscribed_topic_regex
    after = replace(
        member,
        instance_id=member.instance_id if request.instance_id is None else request.instance_id,
        rack_id=member.rack_id if request.rack_id is None else request.rack_id,
        client_id=caller.client_id,
        client_host=caller.client_host,
        topics=member.topics if names is None else tuple(sorted(set(names))),
        pattern=member.pattern if pattern is None else pattern,
        rebalance_timeout_ms=member.rebalance_timeout_ms
        if request.rebalance_timeout_ms == _UNSET
        else request.rebalance_timeout_ms,
        assignor=member.assignor if request.server_assignor is None else request.server_assignor,
        classic=None,
    )
    return member if after == member else after


def _is_full(request: ConsumerGroupHeartbeatRequest) -> bool:
    """A member that says everything wants to hear everything."""
    return (
        request.rebalance_timeout_ms != _UNSET
        and (request.subscribed_topic_names is not None or request.subscribed_topic_regex is not None)
        and request.topic_partitions is not None
    )


def _not_blank(text: str | None, name: str) -> None:
    if text is not None and not text.strip():
        raise InvalidRequest(f"{name} can't be empty.")
