"""What is told of a letter is the ledger's own truth, however it is come by, and outlives the copies."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, insert, select, update

from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.db import Sessions
from newsletter.delivery.models import Copy, CopyNote, CopyState, Letter, LetterState, Note
from newsletter.delivery.reports import delivery_metrics, progress, retention, stats
from newsletter.delivery.reports.stats import DomainStats, KeptStats, TimeBucket


@pytest.fixture
def many(sessions: Sessions, running: Callable[..., int], now: datetime) -> int:
    """A letter with some copies in each state, among two others, and later notes on some."""
    running(f"before{number}@gmail.com" for number in range(9))
    letter_id = running(f"r{number}@{'Gmail.com' if number % 3 else 'firm.example'}" for number in range(70))
    running(f"after{number}@gmail.com" for number in range(9))
    with sessions.begin() as session:
        ids = session.scalars(select(Copy.id).where(Copy.letter_id == letter_id).order_by(Copy.id)).all()
        for place, copy_id in enumerate(ids):
            state = list(CopyState)[place % len(CopyState)]
            ended = None if state in (CopyState.PENDING, CopyState.SENDING) else now + timedelta(seconds=40 * place)
            attempts = place % 2
            session.execute(
                update(Copy).where(Copy.id == copy_id).values(state=state, ended_at=ended, attempts=attempts)
            )
        in_order = select(Copy.id).order_by(Copy.id)
        sent = session.scalars(in_order.where(Copy.state == CopyState.SENT)).all()
        refused = session.scalars(in_order.where(Copy.state == CopyState.REFUSED)).all()
        notes = [
            (sent[0], Note.BOUNCED),
            (sent[0], Note.COMPLAINED),
            (sent[1], Note.BOUNCED),
            (refused[0], Note.BOUNCED),
        ]
        session.execute(insert(CopyNote), [{"copy_id": one, "kind": kind, "at": now} for one, kind in notes])
    return letter_id


def settle(sessions: Sessions, letter_id: int, now: datetime) -> None:
    """Let whatever is still under way be sent, and the letter be over."""
    with sessions.begin() as session:
        under_way = update(Copy).where(Copy.letter_id == letter_id, Copy.state.in_(["pending", "sending"]))
        session.execute(under_way.values(state=CopyState.SENT, ended_at=now))
        over = update(Letter).where(Letter.id == letter_id)
        session.execute(over.values(state=LetterState.FINISHED, finished_at=now))


def told(sessions: Sessions, letter_id: int) -> stats.LetterStats:
    with sessions.reading() as session:
        return stats.letter_stats(session, session.get_one(Letter, letter_id))


def test_the_cheap_count_is_the_ledgers(sessions: Sessions, many: int) -> None:
    with sessions.reading() as session:
        found = stats.copy_counts(session, session.get_one(Letter, many))
        states = session.scalars(select(Copy.state).where(Copy.letter_id == many)).all()
    assert {state: getattr(found, state) for state in CopyState} == Counter(states)
    assert (found.audience, found.bounced, found.complained) == (70, 2, 1)
    assert found.sending == 10


def test_what_is_drawn_of_a_letter_is_the_ledgers_and_its_audience_is_counted_once(
    sessions: Sessions, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gauge = delivery_metrics.Copies()
    for _ in range(2):
        with sessions.reading() as session:
            drawn = gauge.count(session)
            states = session.scalars(select(Copy.state).where(Copy.letter_id == many)).all()
        assert {state: drawn[many, state] for state in CopyState} == {state: states.count(state) for state in CopyState}
        monkeypatch.setattr(progress, "copy_range", None)
        with sessions.begin() as session:
            session.execute(update(Copy).where(Copy.state == CopyState.SENDING).values(state=CopyState.SENT))
    assert {letter for letter, _ in drawn} == {many - 1, many, many + 1}


def test_what_was_put_off_is_known_with_its_next_try(sessions: Sessions, many: int, now: datetime) -> None:
    with sessions.begin() as session:
        put_off = session.scalars(
            select(Copy.id).where(Copy.letter_id == many, Copy.state == CopyState.PENDING, Copy.attempts > 0)
        ).all()
        for minutes, copy_id in enumerate(put_off, 5):
            later = now + timedelta(minutes=minutes)
            session.execute(update(Copy).where(Copy.id == copy_id).values(not_before=later))
        found = progress.letter_progress(session, many, 70)
    assert (found.deferred, found.next_try) == (len(put_off), now + timedelta(minutes=5))


def test_nobody_is_put_off_and_nothing_waits_before_a_letter_has_copies(sessions: Sessions) -> None:
    with sessions.reading() as session:
        found = progress.letter_progress(session, 1, 0)
    assert (found.counts.audience, found.deferred, found.next_try) == (0, 0, None)


def test_what_waits_is_counted_by_provider_group(sessions: Sessions, many: int) -> None:
    with sessions.reading() as session:
        waiting = progress.waiting_by_group(session, many, ProviderGroups())
        assert sum(waiting.values()) == stats.copy_counts(session, session.get_one(Letter, many)).pending
    assert set(waiting) == {"gmail", "firm.example"}


def test_an_account_tells_domains_whatever_their_case_and_the_rest_together(
    sessions: Sessions, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = told(sessions, many)
    assert [(share.domain, share.audience) for share in both.domains] == [("gmail.com", 46), ("firm.example", 24)]
    assert both.others is None
    monkeypatch.setattr(stats, "LARGEST", 1)
    cut = told(sessions, many)
    assert cut.others == DomainStats("", *both.domains[1][1:])
    assert (len(cut.domains), cut.other_domains) == (1, 1)
    assert sum(share.sent for share in both.domains) == both.counts.sent


def test_deliveries_are_told_by_spans_without_a_gap(sessions: Sessions, many: int, now: datetime) -> None:
    found = told(sessions, many)
    assert sum(span.sent for span in found.spans) == found.counts.sent
    assert [after.at - before.at for before, after in zip(found.spans, found.spans[1:], strict=False)] == [
        found.bucket
    ] * (len(found.spans) - 1)
    assert found.spans[0].at <= now + timedelta(seconds=80) < found.spans[0].at + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("days", "every", "spans"),
    [(0, timedelta(minutes=1), 1), (1, timedelta(minutes=15), 97), (7, timedelta(hours=2), 85), (400, None, 58)],
)
def test_a_long_run_is_told_by_longer_spans(days: int, every: timedelta | None, spans: int) -> None:
    start = int(datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()) // 60
    found, list_of = stats._spans([(start, 1), (start + days * 1440, 2)] if days else [(start, 3)])
    assert (found, len(list_of)) == (every or timedelta(weeks=1), spans)
    assert sum(span.sent for span in list_of) == 3


def test_an_account_is_kept_once_a_letter_is_over_and_then_nothing_is_counted(
    sessions: Sessions, many: int, now: datetime
) -> None:
    assert not stats.store_next(sessions)
    settle(sessions, many, now)
    before = told(sessions, many)
    assert stats.store_next(sessions)
    assert not stats.store_next(sessions)
    with sessions.begin() as session:
        # Nothing does this; it shows that the copies are not looked at again, but for what was learned of them.
        session.execute(update(Copy).where(Copy.letter_id == many).values(address="x@elsewhere.example"))
        assert stats.copy_counts(session, session.get_one(Letter, many)) == before.counts
    assert told(sessions, many) == before


def test_what_is_learned_later_joins_the_kept_account(sessions: Sessions, many: int, now: datetime) -> None:
    settle(sessions, many, now)
    stats.store_next(sessions)
    with sessions.begin() as session:
        last = session.scalar(select(func.max(Copy.id)).where(Copy.letter_id == many, Copy.state == CopyState.SENT))
        session.add(CopyNote(copy_id=last, kind=Note.COMPLAINED, at=now))
    assert told(sessions, many).counts.complained == 2


def test_a_letter_that_ran_again_gets_another_account(sessions: Sessions, many: int, now: datetime) -> None:
    settle(sessions, many, now)
    stats.store_next(sessions)
    with sessions.begin() as session:
        session.execute(
            update(Copy).where(Copy.letter_id == many, Copy.state == CopyState.IN_DOUBT).values(state="sent")
        )
    settle(sessions, many, now + timedelta(hours=1))
    assert told(sessions, many).counts.in_doubt == 0
    assert stats.store_next(sessions)
    with sessions.reading() as session:
        kept = session.scalars(select(KeptStats)).one()
    assert kept.settled_at == now + timedelta(hours=1)


def test_nothing_is_kept_of_a_cancelled_letter_while_a_copy_is_being_handed_over(
    sessions: Sessions, many: int, now: datetime
) -> None:
    with sessions.begin() as session:
        session.execute(update(Copy).where(Copy.letter_id == many, Copy.state == "pending").values(state="skipped"))
        cancelled = update(Letter).where(Letter.id == many)
        session.execute(cancelled.values(state=LetterState.CANCELLED, finished_at=now))
    assert not stats.store_next(sessions)
    settle(sessions, many, now)
    assert stats.store_next(sessions)


def test_a_report_outlives_the_copies(sessions: Sessions, many: int, now: datetime) -> None:
    settle(sessions, many, now)
    with sessions.begin() as session:
        session.execute(
            update(Copy).where(Copy.letter_id == many, Copy.state == CopyState.IN_DOUBT).values(reason="left")
        )
    before = told(sessions, many)
    retention.drop_copies(sessions, many)
    assert told(sessions, many) == before
    assert before.spans[0] == TimeBucket(before.spans[0].at, before.spans[0].sent)
    with sessions.reading() as session:
        assert stats.copy_counts(session, session.get_one(Letter, many)) == before.counts


def test_of_copies_that_were_dropped_before_there_were_accounts_the_counts_are_told(
    sessions: Sessions, many: int, now: datetime
) -> None:
    settle(sessions, many, now)
    with sessions.begin() as session:
        session.execute(
            update(Copy).where(Copy.letter_id == many, Copy.state == CopyState.IN_DOUBT).values(reason="left")
        )
        retention.keep_counts(session, many)
    found = told(sessions, many)
    assert (found.is_whole, found.counts.audience, found.spans) == (False, 70, ())


def test_whether_a_letter_can_be_dropped_is_said_at_once_from_its_kept_account(
    sessions: Sessions, many: int, now: datetime
) -> None:
    settle(sessions, many, now)
    with sessions.begin() as session:
        doubts = update(Copy).where(Copy.letter_id == many, Copy.state == CopyState.IN_DOUBT)
        session.execute(doubts.values(reason="settled: left in doubt"))
    stats.store_stats(sessions, many)
    with sessions.begin() as session:
        # Only the account still knows of these: whoever counts copies would find none.
        session.execute(delete(Copy).where(Copy.letter_id == many))
        assert retention.require_over(session, session.get_one(Letter, many)).audience == 70
