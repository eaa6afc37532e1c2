"""Acts on all readers of a segment: each reader once, and undone only for those who have not changed since."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from newsletter.audience import bulk_acts, subscribers, tags, unsubscribe
from newsletter.audience.bulk_acts import ActOrder
from newsletter.audience.models import (
    Act,
    BulkAct,
    BulkActRow,
    BulkKind,
    BulkState,
    Channel,
    ConsentEvent,
    Status,
    Subscriber,
    Subscription,
)
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.audience.unsubscribe import unsubscribe_by_link
from newsletter.db import Sessions
from newsletter.delivery.workers.context import WorkerContext
from newsletter.errors import Conflict, Invalid
from tests.audience.conftest import Press, press_in
from tests.originals import Fill

ADA, BEN, CLEO = (f"{name}@one.example" for name in ("ada", "ben", "cleo"))
OWNER = "owner@desk.example"


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of one, so that each act takes several."""
    monkeypatch.setattr(bulk_acts, "_GROUPS", dict.fromkeys(BulkKind, 1))


def with_readers(sessions: Sessions, folder: Path) -> None:
    """Three readers, of whom Cleo is paused, and Dan elsewhere."""
    press = press_in(sessions, folder)
    for email in (ADA, BEN, CLEO):
        press.reader(email)
    press.reader("dan@two.example")
    press.set_status(CLEO, Status.PAUSED, paused_until=press.now + timedelta(days=9))


@pytest.fixture
def filled() -> Fill:
    return with_readers


def begin(press: Press, kind: BulkKind, **words: str) -> int:
    with press.sessions.begin() as session:
        rule = Rule(conditions=(Condition.parse("domain", "is", "one.example"),))
        ones = segments.save(session, press.publication, f"ones {kind}", rule, press.now)
        return bulk_acts.start_act(session, ones, ActOrder(kind, **words), 3, OWNER, press.now).id


def work(press: Press, groups: int = 99) -> None:
    """The worker's job, which is asked to stop after so many groups."""
    left = iter([False] * groups)
    bulk_acts.work(press.sessions, press.audience, WorkerContext("w", lambda: press.now, lambda: next(left, True)))


def act(press: Press, act_id: int) -> BulkAct:
    with press.sessions.reading() as session:
        return bulk_acts.find(session, act_id)


def tagged(press: Press) -> list[str]:
    with press.sessions.reading() as session:
        readers = session.scalars(select(Subscriber).order_by(Subscriber.id))
        return [one.email for one in readers if tags.tags_of(session, one.subscriptions[0].id)]


def test_an_act_that_was_cut_short_goes_on_and_does_nothing_twice(press: Press) -> None:
    with press.sessions.begin() as session:
        tags.add_tags(session, [(1, tags.ensure_tags(session, press.publication.id, ["VIP"])["vip"])])
    act_id = begin(press, BulkKind.TAG, tag="vip")
    work(press, groups=2)
    assert (act(press, act_id).state, act(press, act_id).changed, tagged(press)) == (BulkState.RUNNING, 1, [ADA, BEN])
    press.reader("eve@one.example")  # joined later, and so is left alone
    work(press)
    assert (act(press, act_id).state, act(press, act_id).changed) == (BulkState.DONE, 2)
    assert tagged(press) == [ADA, BEN, CLEO]
    with press.sessions.begin() as session:
        bulk_acts.undo(session, bulk_acts.find(session, act_id), press.now)
    work(press)
    # Ada had the tag before.
    assert (act(press, act_id).state, act(press, act_id).undone, tagged(press)) == (BulkState.UNDONE, 2, [ADA])
    with press.sessions.begin() as session, pytest.raises(Conflict, match="can be undone once"):
        bulk_acts.undo(session, bulk_acts.find(session, act_id), press.now)


def test_an_act_at_which_the_program_fails_says_so_can_be_undone_and_does_not_hold_up_the_next(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = begin(press, BulkKind.TAG, tag="vip"), begin(press, BulkKind.UNTAG, tag="nobody")
    added, times = tags.add_tags, iter(range(100))

    def fail_second(*of: Any) -> None:
        if next(times) == 1:
            raise RuntimeError("of a kind that nobody foresaw")
        added(*of)

    monkeypatch.setattr(tags, "add_tags", fail_second)
    work(press)
    failed = act(press, first)
    assert (failed.state, failed.changed, tagged(press)) == (BulkState.FAILED, 1, [ADA])
    assert failed.fault.startswith("the program failed at it")
    assert act(press, second).state is BulkState.DONE
    with press.sessions.begin() as session:
        bulk_acts.undo(session, bulk_acts.find(session, first), press.now)
    work(press)
    assert (act(press, first).state, act(press, first).fault, tagged(press)) == (BulkState.UNDONE, "", [])


class Killed(BaseException):
    """What ends a process in the middle."""


def test_an_act_whose_worker_is_killed_in_a_group_goes_on_and_does_no_reader_twice(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    act_id = begin(press, BulkKind.UNSUBSCRIBE, reason="the list was closed")
    leave, calls = unsubscribe.end_subscriptions, iter([True])

    def leave_and_be_killed(*args: Any) -> set[int]:
        ended = leave(*args)
        if next(calls, False):
            raise Killed
        return ended

    monkeypatch.setattr(bulk_acts, "_GROUPS", dict.fromkeys(BulkKind, 2))
    monkeypatch.setattr(unsubscribe, "end_subscriptions", leave_and_be_killed)
    with pytest.raises(Killed):
        work(press)
    assert (act(press, act_id).state, times_left(press)) == (BulkState.RUNNING, {})
    work(press)
    assert (act(press, act_id).state, act(press, act_id).changed) == (BulkState.DONE, 3)
    assert times_left(press) == {ADA: 1, BEN: 1, CLEO: 1}


def test_two_workers_that_do_an_act_at_once_do_no_reader_twice(
    press: Press, together: Callable[..., list[Exception]]
) -> None:
    for number in range(5):
        press.reader(f"reader{number}@one.example")
    act_id = begin(press, BulkKind.UNSUBSCRIBE, reason="the list was closed")
    assert together(lambda: work(press), lambda: work(press)) == []
    assert (act(press, act_id).state, act(press, act_id).changed) == (BulkState.DONE, 8)
    assert set(times_left(press).values()) == {1}
    assert len(times_left(press)) == 8


def times_left(press: Press) -> dict[str, int]:
    """How often each reader is on record as having left."""
    left = select(Subscriber.email, func.count()).join(Subscriber.subscriptions).join(Subscription.events)
    with press.sessions.reading() as session:
        rows = session.execute(left.where(ConsentEvent.act == Act.LEFT).group_by(Subscriber.email))
        return {row[0]: row[1] for row in rows}


def test_a_tag_is_taken_and_given_back(press: Press) -> None:
    begin(press, BulkKind.TAG, tag="x")
    work(press)
    act_id = begin(press, BulkKind.UNTAG, tag="X")
    work(press)
    assert tagged(press) == []
    with press.sessions.begin() as session:
        bulk_acts.undo(session, bulk_acts.find(session, act_id), press.now)
    work(press)
    assert tagged(press) == [ADA, BEN, CLEO]


def test_an_undo_leaves_alone_whom_a_later_act_gave_the_tag_again(press: Press) -> None:
    first = begin(press, BulkKind.TAG, tag="vip")
    work(press)
    begin(press, BulkKind.UNTAG, tag="VIP")
    work(press)
    with press.sessions.begin() as session:
        rule = Rule(conditions=(Condition.parse("status", "is", "paused"),))
        paused = segments.save(session, press.publication, "paused", rule, press.now)
        bulk_acts.start_act(session, paused, ActOrder(BulkKind.TAG, "vip"), 1, OWNER, press.now)
    work(press)
    with press.sessions.begin() as session:
        bulk_acts.undo(session, bulk_acts.find(session, first), press.now)
    work(press)
    assert (act(press, first).state, tagged(press)) == (BulkState.UNDONE, [CLEO])


def test_unsubscribing_is_undone_only_for_who_has_not_acted_since(press: Press) -> None:
    act_id = begin(press, BulkKind.UNSUBSCRIBE, reason="the club has closed")
    work(press)
    assert {press.status(one) for one in (ADA, BEN, CLEO)} == {Status.UNSUBSCRIBED}
    assert press.status("dan@two.example") is Status.ACTIVE
    (left,) = [one for one in press.events(ADA) if one.act.value == "left"]
    assert (left.note, left.operator, left.channel) == ("the club has closed", OWNER, Channel.DESK)
    # Ada says herself that she wants nothing more, although she had left already.
    press.run(unsubscribe_by_link, press.leave_token(ADA), Channel.ONE_CLICK, None, press.now)
    with press.sessions.begin() as session:
        bulk_acts.undo(session, bulk_acts.find(session, act_id), press.now)
    work(press)
    assert [press.status(one) for one in (ADA, BEN, CLEO)] == [Status.UNSUBSCRIBED, Status.ACTIVE, Status.PAUSED]
    assert press.subscription(CLEO).paused_until == press.now + timedelta(days=9)
    assert act(press, act_id).undone == 2
    assert press.acts(BEN)[-1] == ("resumed", "desk")


def test_who_came_back_and_left_again_is_not_subscribed_by_an_undo(press: Press) -> None:
    act_id = begin(press, BulkKind.UNSUBSCRIBE, reason="by mistake")
    work(press)
    press.subscribe(ADA)
    press.confirm(ADA)
    with press.sessions.begin() as session:
        ada = subscribers.find(session, ADA).subscriptions[0]
        unsubscribe.end_subscription(session, ada, Status.UNSUBSCRIBED, Channel.LINK, press.now)
        bulk_acts.undo(session, bulk_acts.find(session, act_id), press.now)
    work(press)
    assert (press.status(ADA), press.status(BEN)) == (Status.UNSUBSCRIBED, Status.ACTIVE)


def test_erasing_takes_the_readers_and_what_was_kept_of_them_and_cannot_be_undone(press: Press) -> None:
    begin(press, BulkKind.TAG, tag="x")
    work(press)
    act_id = begin(press, BulkKind.ERASE)
    work(press)
    with press.sessions.begin() as session:
        assert list(session.scalars(select(Subscriber.email))) == ["dan@two.example"]
        assert session.scalar(select(BulkActRow.act_id)) is None
        assert act(press, act_id).changed == 3
        with pytest.raises(Conflict, match="cannot be undone"):
            bulk_acts.undo(session, bulk_acts.find(session, act_id), press.now)


def test_a_stopped_act_keeps_what_it_did_and_what_is_too_old_is_forgotten(press: Press) -> None:
    act_id = begin(press, BulkKind.TAG, tag="x")
    work(press, groups=1)
    with press.sessions.begin() as session:
        bulk_acts.cancel(session, bulk_acts.find(session, act_id), press.now)
    work(press)
    assert tagged(press) == [ADA]
    with press.sessions.begin() as session:
        stopped, later = bulk_acts.find(session, act_id), press.now + timedelta(days=31)
        assert bulk_acts.can_be_undone(stopped, press.now)
        with pytest.raises(Conflict, match="not under way"):
            bulk_acts.cancel(session, stopped, press.now)
        assert (bulk_acts.prune(session, press.now), bulk_acts.prune(session, later)) == (0, 1)
        with pytest.raises(Conflict, match="within 30 days"):
            bulk_acts.undo(session, stopped, later)


@pytest.mark.parametrize(("kind", "words"), [(BulkKind.TAG, {"tag": " "}), (BulkKind.UNSUBSCRIBE, {"reason": ""})])
def test_an_act_needs_its_words(press: Press, kind: BulkKind, words: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        begin(press, kind, **words)
