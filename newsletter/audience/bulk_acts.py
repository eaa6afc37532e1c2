"""Bulk acts: tag, untag, unsubscribe or erase the readers of a segment, group by group, by any number of workers.

An act stores the segment's rule as it was at the start, and goes through the readers in the order of their ids. Each
group is committed together with the position reached, so that an interrupted act continues from there and does nothing
twice. What it changed is stored for 30 days, so that it can be undone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from newsletter.audience import consent, privacy, status_transitions, tag_names, tags, unsubscribe
from newsletter.audience.consent import Proof
from newsletter.audience.models import (
    Act,
    BulkAct,
    BulkActRow,
    BulkKind,
    BulkState,
    Channel,
    ConsentEvent,
    Status,
    Subscription,
)
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.conditions import Taking
from newsletter.audience.segments.store import Segment
from newsletter.audience.services import AudienceServices
from newsletter.audience.tags import SubscriptionTag
from newsletter.audience.unsubscribe import Leaver
from newsletter.db import AWAY, UNSYNCED, Sessions
from newsletter.delivery.workers.context import WorkerContext
from newsletter.errors import Conflict, Invalid, NotFound

UNDO = timedelta(days=30)
MAX_REASON = 200
_GROUPS = {BulkKind.TAG: 2_000, BulkKind.UNTAG: 2_000, BulkKind.UNSUBSCRIBE: 100, BulkKind.ERASE: 20}
_LEAVING = (Status.PENDING, Status.ACTIVE, Status.PAUSED)
_UNDER_WAY = (BulkState.RUNNING, BulkState.UNDOING)
_STOPPED = (BulkState.DONE, BulkState.CANCELLED, BulkState.FAILED)
_UNFORESEEN = "the program failed at it, and the worker's log says why; readers already changed stay changed"
_PRUNED = 5_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ActOrder:
    """What is to be done with the readers of a segment."""

    kind: BulkKind
    tag: str = ""
    reason: str = ""


def start_act(
    session: Session, segment: Segment, order: ActOrder, members: int, operator: str, now: datetime
) -> BulkAct:
    """Start an act on the readers of a segment, counted as `members`; Invalid if it lacks a tag or a reason."""
    kind, tag, reason = order.kind, order.tag, order.reason.strip()
    if kind in (BulkKind.TAG, BulkKind.UNTAG):
        tag = tag_names.clean_tag(tag)
    if kind is BulkKind.UNSUBSCRIBE and not 0 < len(reason) <= MAX_REASON:
        raise Invalid(f"say in 1 to {MAX_REASON} characters why they are unsubscribed: it goes into their record")
    last = session.scalar(
        select(func.max(Subscription.id)).where(Subscription.publication_id == segment.publication_id)
    )
    act = BulkAct(
        publication_id=segment.publication_id,
        kind=kind,
        segment_id=segment.id,
        segment=segments.freeze(session, segment),
        tag=tag,
        reason=reason,
        operator=operator,
        at=now,
        members=members,
        last_id=last or 0,
    )
    session.add(act)
    session.flush()
    return act


def find(session: Session, act_id: int) -> BulkAct:
    """The act with that id; NotFound if there is none."""
    found = session.get(BulkAct, act_id)
    if found is None:
        raise NotFound("there is no such act on a segment")
    return found


def latest(session: Session, segment: Segment, most: int) -> list[BulkAct]:
    """The newest acts on a segment."""
    # SQLite gives the id of a segment that was deleted to the next one.
    ours = select(BulkAct).where(BulkAct.segment_id == segment.id, BulkAct.at >= segment.created_at)
    return list(session.scalars(ours.order_by(BulkAct.id.desc()).limit(most)))


def latest_failed(session: Session, publication_id: int) -> BulkAct | None:
    """The newest act of a publication if it failed, and its segment is still there; else None."""
    ours = select(BulkAct).where(BulkAct.publication_id == publication_id)
    newest = session.scalar(ours.order_by(BulkAct.id.desc()).limit(1))
    if newest is None or newest.state is not BulkState.FAILED:
        return None
    segment = session.get(Segment, newest.segment_id)
    return newest if segment and newest.at >= segment.created_at else None


def cancel(session: Session, act: BulkAct, now: datetime) -> None:
    """Stop an act; what it did stays done. Conflict unless it is under way."""
    if not _move(session, act, (BulkState.RUNNING,), state=BulkState.CANCELLED, finished_at=now):
        raise Conflict("it is not under way any more, so there is nothing to stop")


def can_be_undone(act: BulkAct, now: datetime) -> bool:
    """Whether what an act did is still known, and can be undone."""
    is_fresh = act.finished_at is not None and now - act.finished_at <= UNDO
    return act.kind is not BulkKind.ERASE and act.state in _STOPPED and is_fresh and act.changed > 0


def undo(session: Session, act: BulkAct, now: datetime) -> None:
    """Begin to undo an act, for readers who have not changed since; Conflict, saying why, if it cannot be undone."""
    if act.kind is BulkKind.ERASE:
        raise Conflict("erasing cannot be undone")
    begun = {"state": BulkState.UNDOING, "position": 0, "fault": ""}
    if not can_be_undone(act, now) or not _move(session, act, _STOPPED, **begun):
        raise Conflict(f"it can be undone once, within {UNDO.days} days after it has ended")


def work(sessions: Sessions, services: AudienceServices, worker: WorkerContext) -> None:
    """Carry out what is under way. Commits by itself, group by group."""
    with sessions.reading() as session:
        under_way = select(BulkAct.id).where(BulkAct.state.in_(_UNDER_WAY))
        waiting = session.scalars(under_way.order_by(BulkAct.id)).all()
    for act_id in waiting:
        try:
            _carry_out(sessions, services, act_id, worker)
        except AWAY:
            raise
        except Exception:
            # Left as it is, it would be tried for ever, and hold up those behind it.
            log.exception("bulk act failed", act=act_id)
            with sessions.begin() as session:
                _fail(session, find(session, act_id), worker.clock())


def prune(session: Session, now: datetime) -> int:
    """Delete what is kept of some readers to undo acts that can no longer be undone; how many rows."""
    over = select(BulkAct.id).where(BulkAct.finished_at < now - UNDO, BulkAct.state != BulkState.UNDOING)
    some = select(BulkActRow.act_id, BulkActRow.subscription_id).where(BulkActRow.act_id.in_(over)).limit(_PRUNED)
    found = session.execute(some).all()
    for act_id in {row.act_id for row in found}:
        ids = [row.subscription_id for row in found if row.act_id == act_id]
        session.execute(
            delete(BulkActRow).where(BulkActRow.act_id == act_id, BulkActRow.subscription_id.in_(ids)),
            execution_options=UNSYNCED,
        )
    return len(found)


def _carry_out(sessions: Sessions, services: AudienceServices, act_id: int, worker: WorkerContext) -> None:
    is_left, kind = True, None
    while is_left and not worker.is_stopping():
        with sessions.in_turn() as session:
            is_left, kind = _next_group(session, services, act_id, worker.clock())
    if kind is BulkKind.ERASE:
        sessions.checkpoint()


def _fail(session: Session, act: BulkAct, now: datetime) -> None:
    at = act.finished_at or now
    _move(session, act, _UNDER_WAY, state=BulkState.FAILED, finished_at=at, fault=_UNFORESEEN)


def _next_group(
    session: Session, services: AudienceServices, act_id: int, now: datetime
) -> tuple[bool, BulkKind | None]:
    """Do the next readers of an act; returns whether there are more, and what it does."""
    # A worker on another host that has it now goes on with it.
    mine = select(BulkAct).where(BulkAct.id == act_id).with_for_update(key_share=True, skip_locked=True)
    act = session.scalar(mine)
    if act is None or act.state not in _UNDER_WAY:
        return False, None
    return (_undo_some if act.state is BulkState.UNDOING else _do_some)(session, services, act, now), act.kind


def _do_some(session: Session, services: AudienceServices, act: BulkAct, now: datetime) -> bool:
    size = _GROUPS[act.kind]
    try:
        # As of the beginning, so that the same readers belong to it in the last group.
        chosen = segments.frozen_conditions(session, act.publication, act.segment, act.at, taking=Taking.FEW)
    except Invalid as error:
        act.state, act.finished_at, act.fault = BulkState.CANCELLED, now, str(error)
        return False
    some = select(Subscription.id).where(Subscription.publication_id == act.publication_id, *chosen)
    some = some.where(Subscription.id > act.position, Subscription.id <= act.last_id)
    ids = session.scalars(some.order_by(Subscription.id).limit(size)).all()
    act.changed += _DO[act.kind](session, services, act, ids, now) if ids else 0
    if len(ids) == size:
        act.position = ids[-1]
        return True
    act.state, act.finished_at = BulkState.DONE, now
    log.info("bulk act done", act=act.id, kind=act.kind.value, changed=act.changed)
    return False


def _tag(session: Session, _services: AudienceServices, act: BulkAct, ids: Sequence[int], now: datetime) -> int:
    (tag_id,) = tags.ensure_tags(session, act.publication_id, [act.tag]).values()
    have = set(_with_tag(session, tag_id, ids))
    new = [one for one in ids if one not in have]
    tags.add_tags(session, [(one, tag_id) for one in new])
    _keep(session, act, new, now)
    return len(new)


def _untag(session: Session, _services: AudienceServices, act: BulkAct, ids: Sequence[int], now: datetime) -> int:
    (tag_id,) = tags.ensure_tags(session, act.publication_id, [act.tag]).values()
    have = list(_with_tag(session, tag_id, ids))
    tags.remove_tag(session, tag_id, have)
    _keep(session, act, have, now)
    return len(have)


def _unsubscribe(session: Session, _services: AudienceServices, act: BulkAct, ids: Sequence[int], now: datetime) -> int:
    leaving = select(Subscription).where(Subscription.id.in_(ids), Subscription.status.in_(_LEAVING))
    readers = session.scalars(leaving.order_by(Subscription.id)).all()
    proof = Proof(note=act.reason, operator=act.operator)
    leavers = [Leaver(one.id, one.subscriber.key, proof) for one in readers]
    ended = unsubscribe.end_subscriptions(session, act.publication_id, leavers, Status.UNSUBSCRIBED, Channel.DESK, now)
    session.add_all(
        BulkActRow(act_id=act.id, subscription_id=one.id, at=now, was=one.status, paused_until=one.paused_until)
        for one in readers
        if one.id in ended
    )
    return len(ended)


def _erase(session: Session, services: AudienceServices, _act: BulkAct, ids: Sequence[int], now: datetime) -> int:
    theirs = session.scalars(select(Subscription).where(Subscription.id.in_(ids)).order_by(Subscription.id)).all()
    readers = {one.subscriber_id: one.subscriber for one in theirs}
    for reader in readers.values():
        privacy.erase_reader(session, services, reader, now)
    return len(readers)


_DO = {
    BulkKind.TAG: _tag,
    BulkKind.UNTAG: _untag,
    BulkKind.UNSUBSCRIBE: _unsubscribe,
    BulkKind.ERASE: _erase,
}


def _undo_some(session: Session, _services: AudienceServices, act: BulkAct, now: datetime) -> bool:
    size = _GROUPS[act.kind]
    remaining = select(BulkActRow).where(BulkActRow.act_id == act.id, BulkActRow.subscription_id > act.position)
    rows = session.scalars(remaining.order_by(BulkActRow.subscription_id).limit(size)).all()
    if act.kind is BulkKind.UNSUBSCRIBE:
        act.undone += sum(_resubscribe(session, act, row, now) for row in rows)
    elif rows:
        act.undone += _retag(session, act, [row.subscription_id for row in rows])
    if len(rows) == size:
        act.position = rows[-1].subscription_id
        return True
    act.state, act.undone_at = BulkState.UNDONE, now
    return False


def _retag(session: Session, act: BulkAct, ids: Sequence[int]) -> int:
    later = _in_later_acts(session, act, ids)
    ids = [one for one in ids if one not in later]
    (tag_id,) = tags.ensure_tags(session, act.publication_id, [act.tag]).values()
    have = list(_with_tag(session, tag_id, ids))
    if act.kind is BulkKind.TAG:
        tags.remove_tag(session, tag_id, have)
        return len(have)
    tags.add_tags(session, [(one, tag_id) for one in ids])
    return len(ids) - len(have)


def _in_later_acts(session: Session, act: BulkAct, ids: Sequence[int]) -> Collection[int]:
    """Which of these readers a later act gave the same tag, or took it from, and was not undone."""
    later = select(BulkAct).where(BulkAct.publication_id == act.publication_id, BulkAct.id > act.id)
    later = later.where(BulkAct.kind.in_((BulkKind.TAG, BulkKind.UNTAG)), BulkAct.state != BulkState.UNDONE)
    key = tag_names.folded_name(act.tag)
    same = [one.id for one in session.scalars(later) if tag_names.folded_name(one.tag) == key]
    rows = select(BulkActRow.subscription_id).where(BulkActRow.act_id.in_(same))
    return set(session.scalars(rows.where(BulkActRow.subscription_id.in_(ids))))


def _resubscribe(session: Session, act: BulkAct, row: BulkActRow, now: datetime) -> bool:
    """Give a reader the status they had before, unless anything has happened to their subscription since."""
    events = select(ConsentEvent).where(ConsentEvent.subscription_id == row.subscription_id)
    last = session.scalar(events.order_by(ConsentEvent.id.desc()).limit(1))
    if last is None or (last.act, last.channel, last.at) != (Act.LEFT, Channel.DESK, row.at) or row.was is None:
        return False
    subscription = session.get_one(Subscription, row.subscription_id)
    if not status_transitions.restore_status(session, subscription, row.was, row.paused_until):
        return False
    proof = Proof(note="the team took the unsubscribing of a whole segment back", operator=act.operator)
    consent.record(session, subscription, Act.RESUMED, Channel.DESK, now, proof)
    return True


def _with_tag(session: Session, tag_id: int, ids: Sequence[int]) -> Sequence[int]:
    have = select(SubscriptionTag.subscription_id).where(SubscriptionTag.tag_id == tag_id)
    return session.scalars(have.where(SubscriptionTag.subscription_id.in_(ids))).all()


def _keep(session: Session, act: BulkAct, ids: Sequence[int], now: datetime) -> None:
    if ids:
        session.execute(insert(BulkActRow), [{"act_id": act.id, "subscription_id": one, "at": now} for one in ids])


def _move(session: Session, act: BulkAct, from_states: Sequence[BulkState], **values: object) -> bool:
    move = update(BulkAct).where(BulkAct.id == act.id, BulkAct.state.in_(from_states)).values(**values)
    moved = session.scalar(move.returning(BulkAct.id).execution_options(synchronize_session=False))
    session.refresh(act)
    return moved is not None
