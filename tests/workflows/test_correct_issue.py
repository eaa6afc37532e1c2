"""A correction goes to those who got the issue, once, and to nobody else; what was mailed stays as it was."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select, update

from newsletter import editors, publications
from newsletter.audience import privacy
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Session, Sessions
from newsletter.delivery.bounces import suppression
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.message import compose
from newsletter.delivery.models import Cause, Copy, CopyState, Letter, LetterState
from newsletter.delivery.reports import retention, stats
from newsletter.editorial.issues import approvals, archive, correction_draft, corrections, issue_store
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.issues.drafts import Faulty
from newsletter.editorial.models import ApprovalAct, ApprovalStep, Correction, Revision
from newsletter.editorial.source import issue_file
from newsletter.editors import Role
from newsletter.errors import Conflict, NotFound, PressError
from newsletter.wiring import Services
from newsletter.workflows import (
    approve_issue,
    correct_issue,
    halt_issue,
    issue_readiness,
    prepare_issue,
    publish,
    resend_missed,
)
from newsletter.workflows.approve_issue import Review
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.correct_issue import MailingOrder
from tests import amending, sample_services
from tests.originals import Fill
from tests.sample_services import NOW
from tests.sample_source import issue_source

SLUG = "a-tight-back"
NAME = "2026-11-24-a-tight-back.md"
SOURCE = issue_source(body="Lie down for ten hours.")
AMENDED = SOURCE.replace("ten hours", "ten minutes")
NOTE = "We wrote ten hours; it is ten minutes."
EDITOR = "ann@press.example"
SECOND = "ben@press.example"
MINUTE = timedelta(minutes=1)
BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
FATES = {
    "sent": (CopyState.SENT, Status.ACTIVE),
    "sent_too": (CopyState.SENT, Status.ACTIVE),
    "doubtful": (CopyState.IN_DOUBT, Status.ACTIVE),
    "refused": (CopyState.REFUSED, Status.ACTIVE),
    "failed": (CopyState.FAILED, Status.ACTIVE),
    "skipped": (CopyState.SKIPPED, Status.ACTIVE),
    "left_since": (CopyState.SENT, Status.UNSUBSCRIBED),
    "suppressed_since": (CopyState.SENT, Status.ACTIVE),
}
GET_IT = {"sent", "sent_too", "doubtful"}


@pytest.fixture
def filled() -> Fill:
    """An issue that has gone out, and a reader for each fate of its copy; one reader came later."""
    return _sent


def _sent(sessions: Sessions, folder: Path) -> None:
    made = sample_services.build(sessions, folder)
    sample_services.open_publication(made, NOW)
    with sessions.begin() as session:
        for name in FATES:
            add_reader(session, name, NOW)
    issue_of(made, NOW, SLUG)
    with sessions.begin() as session:
        publish.send_now(session, LetterSettings(made.links), issue_store.find(session, SLUG), NOW)
    with sessions.begin() as session:
        for name, (state, status) in FATES.items():
            move(session, name, state, status)
        finish(session)
        suppression.add(session, "suppressed_since@reader.example", Cause.COMPLAINT, NOW)
        add_reader(session, "came_later", NOW)


def issue_of(services: Services, now: datetime, slug: str) -> None:
    name = NAME.replace(SLUG, slug)
    with services.sessions.begin() as session:
        text = issue_store.Text(issue_file.parse(SOURCE, name), name, {})
        issue_store.save(session, publications.find(session), text, issue_store.BY_FILE, now)
        issue_readiness.mark_ready(session, issue_store.find(session, slug), services.links)


def add_reader(session: Session, name: str, now: datetime) -> None:
    email = f"{name}@reader.example"
    person = Subscriber(email=email, key=email, name=name, created_at=now)
    home = publications.find(session)
    session.add(Subscription(subscriber=person, publication=home, status=Status.ACTIVE, created_at=now))


def move(session: Session, name: str, state: CopyState, status: Status) -> None:
    session.execute(update(Copy).where(Copy.address == f"{name}@reader.example").values(state=state))
    of = select(Subscriber.id).where(Subscriber.email == f"{name}@reader.example").scalar_subquery()
    session.execute(update(Subscription).where(Subscription.subscriber_id == of).values(status=status))


def finish(session: Session, state: LetterState = LetterState.FINISHED) -> None:
    letter = issue_store.find(session, SLUG).letter
    letter.state, letter.finished_at = state, letter.started_at


def amend(services: Services, now: datetime, source: str = AMENDED, note: str = NOTE) -> int:
    with services.sessions.begin() as session:
        return amending.amend(session, issue_store.find(session, SLUG), source, note, EDITOR, now).number


def mail(services: Services, now: datetime, number: int = 1, person: str = EDITOR) -> publish.Started:
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        found = corrections.find(session, issue, number)
        return correct_issue.mail_correction(
            session, services.letters, issue, found, MailingOrder(person, corrections.seal(found)), now
        )


def reword(session: Session, found: Correction, subject: str, body: str, writer: str = EDITOR) -> None:
    corrections.edit_letter(session, found, corrections.seal(found), subject, body, writer)


def got(services: Services, letter_id: int) -> set[str]:
    with services.sessions.reading() as session:
        addresses = session.scalars(select(Copy.address).where(Copy.letter_id == letter_id)).all()
    assert len(set(addresses)) == len(addresses)
    return {address.partition("@")[0] for address in addresses}


def letters(services: Services) -> int:
    with services.sessions.reading() as session:
        return session.scalar(select(func.count()).select_from(Letter)) or 0


def together(*acts: Callable[[], object]) -> list[str]:
    """Do all of it at the same instant; what was refused."""
    barrier, refused = Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            act()
        except PressError as error:
            refused.append(str(error))

    threads = [Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def test_a_correction_goes_to_those_who_got_the_issue_or_may_have_and_to_nobody_else(
    services: Services, now: datetime
) -> None:
    amend(services, now)
    started = mail(services, now)
    assert got(services, started.letter_id) == GET_IT
    assert started.copies == len(GET_IT)


def test_what_is_said_beforehand_is_what_happens(services: Services, now: datetime) -> None:
    amend(services, now)
    with services.sessions.reading() as session:
        audience = correct_issue.audience(session, issue_store.find(session, SLUG), NOW, NOW)
    assert (audience.size, audience.maybe, audience.unreachable, audience.coming) == (3, 1, 2, 0)
    assert mail(services, now).copies == audience.size


def test_an_erased_reader_is_none_whom_a_correction_does_not_reach(services: Services, now: datetime) -> None:
    amend(services, now)
    with services.sessions.begin() as session:
        privacy.erase(session, services.audience, "sent@reader.example", now)
        audience = correct_issue.audience(session, issue_store.find(session, SLUG), NOW, NOW)
    assert (audience.size, audience.maybe, audience.unreachable) == (2, 1, 2)


def test_a_reader_who_leaves_between_two_corrections_gets_the_first_only(services: Services, now: datetime) -> None:
    amend(services, now)
    amend(services, now, SOURCE, "It was right after all.")
    first = mail(services, now, 1)
    with services.sessions.begin() as session:
        move(session, "sent_too", CopyState.SENT, Status.UNSUBSCRIBED)
    second = mail(services, now, 2)
    assert (got(services, first.letter_id), got(services, second.letter_id)) == (GET_IT, GET_IT - {"sent_too"})


def test_two_who_mail_it_at_once_mail_it_once(services: Services, now: datetime) -> None:
    amend(services, now)
    before = letters(services)
    refused = together(*[lambda: mail(services, now)] * 3)
    assert len(refused) == 2
    assert all("has already been sent" in each for each in refused)
    assert letters(services) == before + 1
    with services.sessions.reading() as session:
        found = corrections.find(session, issue_store.find(session, SLUG), 1)
        assert found.letter_id is not None
        assert got(services, found.letter_id) == GET_IT


@pytest.mark.parametrize("source", [SOURCE, AMENDED])
def test_two_who_publish_at_once_make_one_correction(services: Services, now: datetime, source: str) -> None:
    seen = prepare(services, now, source)
    refused = together(*[lambda: publish_seen(services, now, seen)] * 3)
    assert len(refused) == 2
    with services.sessions.reading() as session:
        assert session.scalars(select(Correction.number)).all() == [1]


def prepare(services: Services, now: datetime, source: str = AMENDED, note: str = NOTE, who: str = EDITOR) -> Content:
    """Write a correction; what its page shows."""
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        amending.prepare(session, issue, source, note, who, now)
        return correction_draft.content(session, issue)


def publish_seen(services: Services, now: datetime, seen: Content, who: str = EDITOR) -> int:
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        return correct_issue.publish_correction(session, services.links, issue, seen, who, now).number


def test_what_is_prepared_is_shown_nowhere_until_it_is_published(services: Services, now: datetime) -> None:
    before = shown(services)
    seen = prepare(services, now, AMENDED.replace("title: A tight back", "title: Mended"))
    assert shown(services) == before
    assert publish_seen(services, now, seen) == 1
    title, text, mail = shown(services)
    assert title == "Mended"
    assert "ten minutes." in text
    assert "ten minutes." in mail


def shown(services: Services) -> tuple[str, str, str]:
    """The title of the issue, its text in the archive, and the mail that the welcome series would make of it."""
    with services.sessions.reading() as session:
        issue = issue_store.find(session, SLUG)
        mail = prepare_issue.prepare(issue, services.links).mail.text
        return issue.title, archive.published_text(issue)[1].source, mail


def test_a_correction_that_changed_since_its_page_was_opened_is_not_published(
    services: Services, now: datetime
) -> None:
    seen = prepare(services, now)
    for source, note in ((AMENDED, "Another note."), (SOURCE, NOTE)):
        prepare(services, now, source, note)
        with pytest.raises(Conflict, match="has changed since this page was opened"):
            publish_seen(services, now, seen)


def test_preflight_stops_what_a_correction_brings_in_and_not_what_was_there_before(
    services: Services, now: datetime
) -> None:
    seen = prepare(services, now, AMENDED + "\nTK: write this.\n")
    with pytest.raises(Conflict, match="cannot be published yet"):
        publish_seen(services, now, seen)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        amending.amend(session, issue, AMENDED + "\nTK: write this.\n", NOTE, EDITOR, now)
    assert publish_seen(services, now, prepare(services, now, AMENDED + "\nTK: write this.\n\nMore.\n")) == 2


def test_a_correction_that_is_given_up_leaves_the_archive_and_nobody_asked(services: Services, now: datetime) -> None:
    require_approval(services, now)
    seen = prepare(services, now)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        asked = approve_issue.request_approval(session, services.audience, issue, Review(seen, EDITOR), (), now)
        assert asked == [SECOND]
        assert approvals.list_awaiting(session, issue.publication_id) == [issue]
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        correction_draft.discard_correction(session, issue, EDITOR, now)
        assert not correction_draft.is_prepared(session, issue)
        assert approvals.list_awaiting(session, issue.publication_id) == []
        assert approvals.awaiting(session, [issue]) == frozenset()


def require_approval(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = True
        for email in (EDITOR, SECOND):
            editors.add(session, email, Role.EDITOR, now)


def approve(services: Services, now: datetime, seen: Content, who: str) -> None:
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        approve_issue.approve(session, services.links, issue, Review(seen, who), now)


def test_where_issues_are_approved_a_second_person_approves_the_text_and_the_note(
    services: Services, now: datetime
) -> None:
    require_approval(services, now)
    seen = prepare(services, now)
    with pytest.raises(Conflict, match="A second person has to approve"):
        publish_seen(services, now, seen)
    with pytest.raises(Conflict, match="nobody approves their own words"):
        approve(services, now, seen, EDITOR)
    approve(services, now, seen, SECOND)
    # An edit of the text or of the note voids it.
    for source, note in ((AMENDED + "\nMore.\n", NOTE), (AMENDED, "Another note.")):
        with pytest.raises(Conflict, match="A second person has to approve"):
            publish_seen(services, now, prepare(services, now, source, note))
    again = prepare(services, now)
    approve(services, now, again, SECOND)
    assert publish_seen(services, now, again) == 1


def test_an_approval_counts_for_one_correction_and_not_for_another_of_the_same_words(
    services: Services, now: datetime
) -> None:
    require_approval(services, now)
    seen = prepare(services, now, SOURCE)
    approve(services, now, seen, SECOND)
    publish_seen(services, now, seen)
    with pytest.raises(Conflict, match="A second person has to approve"):
        publish_seen(services, now, prepare(services, now, SOURCE))


def test_whoever_changed_the_note_does_not_approve_it(services: Services, now: datetime) -> None:
    require_approval(services, now)
    prepare(services, now)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        correction_draft.keep_note(session, issue, "Ten minutes it is.", SECOND)
        seen = correction_draft.content(session, issue)
    with pytest.raises(Conflict, match="nobody approves their own words"):
        approve(services, now, seen, SECOND)


def test_the_approval_of_the_issue_itself_is_none_of_its_correction(services: Services, now: datetime) -> None:
    require_approval(services, now)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        step = {"issue_id": issue.id, "revision_number": 1, "content_hash": issue.letter.content_hash, "at": now}
        session.add(ApprovalStep(**step, act=ApprovalAct.ASKED, person=EDITOR))
        session.add(ApprovalStep(**step, act=ApprovalAct.APPROVED, person=SECOND))
        session.flush()
        assert approvals.list_awaiting(session, issue.publication_id) == []
    prepare(services, now)
    with services.sessions.reading() as session:
        status = approve_issue.approval_status(session, services.links, issue_store.find(session, SLUG))
        assert status.is_missing
        assert status.last is None


def test_no_letter_that_corrects_another_is_ever_fanned_out_to_more(services: Services, now: datetime) -> None:
    amend(services, now)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        words = {
            column: getattr(issue.letter, column) for column in ("sender_name", "list_id", "archive_url", "subject")
        }
        more = {"html": "", "text": "", "feedback_id": "", "content_hash": "", "sender_address": "a@press.example"}
        made = {
            "due_at": now,
            "created_at": now,
            "corrects_id": issue.letter_id,
            "publication_id": issue.publication_id,
        }
        session.add(Letter(**words, **more, **made))
    with services.sessions.begin() as session:
        (started,) = publish.publish_due(session, timedelta(hours=2), now)
    assert got(services, started.letter_id) == GET_IT


def leave_waiting(services: Services, *names: str, state: LetterState = LetterState.RUNNING) -> None:
    """The issue is still going out: these copies have not left yet."""
    with services.sessions.begin() as session:
        letter = issue_store.find(session, SLUG).letter
        letter.state, letter.finished_at = state, None
        for name in names:
            move(session, name, CopyState.PENDING, Status.ACTIVE)


def catch_up(services: Services, now: datetime) -> int:
    """What the worker's job does at that time: how many copies it added."""
    with services.sessions.reading() as session:
        if not correct_issue.is_behind(session, now):
            return 0
    with services.sessions.begin() as session:
        return correct_issue.catch_up(session, now)


@pytest.mark.parametrize(
    ("database_url", "state"),
    [("sqlite", LetterState.PAUSED), ("sqlite", LetterState.RUNNING), ("postgresql", LetterState.RUNNING)],
    indirect=["database_url"],
)
def test_a_correction_is_mailed_in_mid_send_and_follows_each_copy_that_leaves_later(
    services: Services, now: datetime, state: LetterState
) -> None:
    amend(services, now)
    leave_waiting(services, "refused", "failed", "skipped", state=state)
    with services.sessions.reading() as session:
        audience = correct_issue.audience(session, issue_store.find(session, SLUG), now, now)
    assert (audience.size, audience.coming) == (3, 3)
    letter_id = mail(services, now).letter_id
    assert got(services, letter_id) == GET_IT
    assert catch_up(services, now) == 0
    with services.sessions.begin() as session:
        session.get_one(Letter, letter_id).state = LetterState.FINISHED
        move(session, "refused", CopyState.SENT, Status.ACTIVE)
        move(session, "failed", CopyState.IN_DOUBT, Status.ACTIVE)
        move(session, "skipped", CopyState.SENT, Status.UNSUBSCRIBED)
    assert catch_up(services, now + MINUTE) == 2
    assert catch_up(services, now + MINUTE) == 0
    assert got(services, letter_id) == GET_IT | {"refused", "failed"}
    with services.sessions.reading() as session:
        assert session.get_one(Letter, letter_id).state is LetterState.RUNNING


@BOTH
def test_two_workers_and_one_that_was_killed_follow_a_copy_once(services: Services, now: datetime) -> None:
    amend(services, now)
    leave_waiting(services, "refused")
    letter_id = mail(services, now).letter_id
    with services.sessions.begin() as session:
        move(session, "refused", CopyState.SENT, Status.ACTIVE)
    with suppress(KeyboardInterrupt), services.sessions.begin() as session:
        assert correct_issue.catch_up(session, now + MINUTE) == 1
        raise KeyboardInterrupt
    assert got(services, letter_id) == GET_IT
    assert together(*[lambda: catch_up(services, now + MINUTE)] * 3) == []
    assert got(services, letter_id) == GET_IT | {"refused"}


def test_a_copy_in_flight_when_its_issue_is_stopped_is_followed_and_then_no_more_is_looked_for(
    services: Services, now: datetime
) -> None:
    amend(services, now)
    leave_waiting(services, "refused")
    letter_id = mail(services, now).letter_id
    with services.sessions.begin() as session:
        move(session, "refused", CopyState.SENDING, Status.ACTIVE)
        letter = issue_store.find(session, SLUG).letter
        letter.state, letter.finished_at = LetterState.CANCELLED, now + MINUTE
    assert catch_up(services, now + 2 * MINUTE) == 0
    with services.sessions.begin() as session:
        move(session, "refused", CopyState.SENT, Status.ACTIVE)
    assert catch_up(services, now + 3 * MINUTE) == 1
    assert got(services, letter_id) == GET_IT | {"refused"}
    catch_up(services, now + 12 * MINUTE)
    with services.sessions.reading() as session:
        assert not correct_issue.is_behind(session, now + 13 * MINUTE)


def test_whoever_missed_the_issue_and_is_sent_it_later_gets_its_correction_after_it(
    services: Services, now: datetime
) -> None:
    amend(services, now)
    letter_id = mail(services, now).letter_id
    catch_up(services, now + 20 * MINUTE)
    with services.sessions.begin() as session:
        assert resend_missed.resend(session, issue_store.find(session, SLUG), now + 60 * MINUTE)
    assert catch_up(services, now + 61 * MINUTE) == 0
    with services.sessions.begin() as session:
        move(session, "failed", CopyState.SENT, Status.ACTIVE)
    assert catch_up(services, now + 62 * MINUTE) == 1
    assert got(services, letter_id) == GET_IT | {"failed"}


def test_a_correction_that_was_stopped_or_mailed_before_this_follows_nobody(services: Services, now: datetime) -> None:
    amend(services, now)
    leave_waiting(services, "refused")
    letter_id = mail(services, now).letter_id
    with services.sessions.begin() as session:
        halt_issue.cancel(session, corrections.find(session, issue_store.find(session, SLUG), 1), now)
        move(session, "refused", CopyState.SENT, Status.ACTIVE)
    assert catch_up(services, now + MINUTE) == 0
    with services.sessions.begin() as session:
        letter = session.get_one(Letter, letter_id)
        letter.state, letter.caught_up_to = LetterState.FINISHED, None
    assert catch_up(services, now + MINUTE) == 0


def test_a_correction_that_nobody_would_get_is_not_mailed(services: Services, now: datetime) -> None:
    amend(services, now)
    with services.sessions.begin() as session:
        session.execute(update(Subscription).values(status=Status.UNSUBSCRIBED))
    before = letters(services)
    with pytest.raises(Conflict, match="so there is nobody to send it to"):
        mail(services, now)
    assert letters(services) == before
    leave_waiting(services, "refused")
    assert mail(services, now).copies == 0


def test_nobody_is_guessed_at_once_the_record_of_who_got_it_is_dropped(services: Services, now: datetime) -> None:
    amend(services, now)
    with services.sessions.begin() as session:
        session.execute(update(Copy).where(Copy.state == CopyState.IN_DOUBT).values(state=CopyState.FAILED))
    with services.sessions.reading() as session:
        letter_id = issue_store.find(session, SLUG).letter_id
    retention.drop_copies(services.sessions, letter_id)
    before = letters(services)
    with pytest.raises(Conflict, match="has been deleted"):
        mail(services, now)
    assert letters(services) == before


def test_a_letter_that_was_changed_since_it_was_looked_at_is_not_mailed(services: Services, now: datetime) -> None:
    amend(services, now)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        found = corrections.find(session, issue, 1)
        seen = corrections.seal(found)
        reword(session, found, "Correction: another subject", "Dear reader,\n\nAnother text.")
        with pytest.raises(Conflict, match="has changed since this page was opened"):
            correct_issue.mail_correction(session, services.letters, issue, found, MailingOrder(EDITOR, seen), now)


def test_a_letter_that_preflight_blocks_is_not_mailed(services: Services, now: datetime) -> None:
    amend(services, now)
    with services.sessions.begin() as session:
        found = corrections.find(session, issue_store.find(session, SLUG), 1)
        reword(session, found, found.subject, "TK: write this.\n\n[](https://nowhere.example/)", EDITOR)
    with pytest.raises(Conflict, match="not fit to send"):
        mail(services, now)


@pytest.mark.parametrize(("subject", "body"), [("", "Text."), ("Subject", " "), ("Subject", "{{ nonsense }}")])
def test_a_letter_that_is_none_yet_says_what_is_missing(
    services: Services, now: datetime, subject: str, body: str
) -> None:
    amend(services, now)
    with services.sessions.begin() as session:
        found = corrections.find(session, issue_store.find(session, SLUG), 1)
        reword(session, found, subject, body, EDITOR)
    with pytest.raises(Faulty):
        mail(services, now)


def test_preflight_asks_of_a_short_letter_nothing_that_only_an_article_needs(services: Services, now: datetime) -> None:
    amend(services, now)
    with services.sessions.reading() as session:
        issue = issue_store.find(session, SLUG)
        composed = corrections.compose_letter(issue, issue.corrections[0], services.links)
        told = {finding.message for finding in correct_issue.findings(issue, composed, services.links)}
    assert "there are no sources" not in told
    assert any("preheader" in message for message in told)


def test_a_mailed_letter_says_the_same_for_good(services: Services, now: datetime) -> None:
    amend(services, now)
    mail(services, now)
    with services.sessions.begin() as session:
        found = corrections.find(session, issue_store.find(session, SLUG), 1)
        with pytest.raises(Conflict, match="already been sent"):
            reword(session, found, "Another", "Another", EDITOR)


def test_a_correction_is_paused_stopped_and_counted_like_any_letter(services: Services, now: datetime) -> None:
    amend(services, now)
    mail(services, now)

    def act(what: Callable[[Session, Correction], object]) -> object:
        with services.sessions.begin() as session:
            return what(session, corrections.find(session, issue_store.find(session, SLUG), 1))

    def claim() -> int:
        with services.sessions.begin() as session:
            running = session.scalars(select(Letter.id).where(Letter.state == LetterState.RUNNING)).all()
            return len(running)

    def resume(session: Session, found: Correction) -> None:
        halt_issue.resume(session, found, now)

    act(halt_issue.pause)
    assert claim() == 0
    act(resume)
    assert claim() == 1
    assert act(lambda session, found: halt_issue.cancel(session, found, now)) == len(GET_IT)
    counts = act(lambda session, found: stats.copy_counts(session, found.letter))
    assert (counts.audience, counts.skipped) == (len(GET_IT), len(GET_IT))
    for again in (halt_issue.pause, resume, lambda session, found: halt_issue.cancel(session, found, now)):
        with pytest.raises(Conflict):
            act(again)


@pytest.mark.parametrize(
    ("language", "subject", "first", "last"),
    [
        ("de", "Berichtigung: ", "vom Freitag, 20. November 2026, war etwas falsch:", "den Fehler zu entschuldigen."),
        ("es", "Corrección: ", "del viernes, 20 de noviembre de 2026, había un error:", "Sentimos el error."),
        ("pl", "Sprostowanie: ", "(piątek, 20 listopada 2026) był błąd:", "Przepraszamy za pomyłkę."),
    ],
)
def test_the_letter_begins_in_the_language_of_its_publication(
    services: Services, now: datetime, language: str, subject: str, first: str, last: str
) -> None:
    with services.sessions.begin() as session:
        publications.find(session).language = language
    amend(services, now)
    with services.sessions.reading() as session:
        issue = issue_store.find(session, SLUG)
        made = corrections.find(session, issue, 1)
        assert made.subject == f"{subject}A tight back, in ten minutes"
        assert (first in made.body, made.body.endswith(f"{last}\n")) == (True, True)
        assert corrections.compose_letter(issue, made, services.links).file.title == f"{subject}A tight back"


def test_where_issues_are_approved_nobody_mails_a_letter_that_they_wrote(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = True
    amend(services, now)
    with services.sessions.begin() as session:
        found = corrections.find(session, issue_store.find(session, SLUG), 1)
        reword(session, found, found.subject, "Dear reader,\n\nten minutes it is.", "Ben@press.example")
    for writer in (EDITOR.upper(), "ben@press.example"):
        with pytest.raises(Conflict, match="nobody approves their own words"):
            mail(services, now, person=writer)
    assert mail(services, now, person="cleo@press.example").copies == len(GET_IT)


def test_the_letter_names_the_issue_and_leads_to_the_corrected_text_and_out(services: Services, now: datetime) -> None:
    amend(services, now)
    started = mail(services, now)
    with services.sessions.reading() as session:
        letter = session.get_one(Letter, started.letter_id)
        reader = ClaimedCopy(1, letter.id, 7, "ada@reader.example", "Ada", 0)
        message = compose.compile(letter.content, services.links).message(reader, now).decode()
    assert letter.subject == "Correction: A tight back, in ten minutes"
    assert "Something was wrong in “A tight back”, our issue of Friday 20 November 2026:" in " ".join(
        letter.text.split()
    )
    assert NOTE in letter.text
    assert letter.archive_url == f"{sample_services.BASE_URL}/archive/{SLUG}/"
    assert "Read the corrected text: {{ archive_url }}" in letter.text
    assert ":correction:" in letter.feedback_id
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in message
    assert "we sent “A tight back”" in letter.text


def test_the_archive_shows_the_amended_text_and_the_letter_stays_as_it_was(services: Services, now: datetime) -> None:
    with services.sessions.reading() as session:
        before = issue_store.find(session, SLUG).letter
        frozen = (before.html, before.text, before.subject, before.content_hash)
    amend(services, now + timedelta(days=3), AMENDED.replace("title: A tight back", "title: A tight back, mended"))
    with services.sessions.reading() as session:
        issue = archive.find(session, SLUG)
        _, shown = archive.published_text(issue)
        after = issue.letter
        assert "ten minutes. See" in shown.source
        assert issue.title == "A tight back, mended"
        assert (after.html, after.text, after.subject, after.content_hash) == frozen
        assert "ten hours. See" in issue.frozen_revision.source


def test_several_corrections_are_kept_in_their_order(services: Services, now: datetime) -> None:
    assert [amend(services, now), amend(services, now, SOURCE, "No: ten hours.")] == [1, 2]
    with services.sessions.reading() as session:
        issue = issue_store.find(session, SLUG)
        assert [each.note for each in issue.corrections] == [NOTE, "No: ten hours."]
        assert archive.published_text(issue)[1].number == 3


def test_a_note_alone_keeps_the_text(services: Services, now: datetime) -> None:
    amend(services, now, SOURCE)
    with services.sessions.reading() as session:
        assert session.scalars(select(Revision.number)).all() == [1]
        assert issue_store.find(session, SLUG).corrections[0].revision_number == 1


@pytest.mark.parametrize(
    "note",
    [
        *("{{ email }} is ours, and {{ surname }} is nobody's: {{", "5 * 3 * 2 = 30, and __init__ is `code`"),
        *("[!TIP] Drink.", "# 1", "1. One", "- One", "[x](javascript:alert(1))", "![](a.png)", "{0} {note} <b>x</b>"),
    ],
)
def test_the_letter_says_a_note_just_as_the_archive_does(services: Services, now: datetime, note: str) -> None:
    amend(services, now, note=note)
    started = mail(services, now)
    with services.sessions.reading() as session:
        letter = session.get_one(Letter, started.letter_id)
        reader = ClaimedCopy(1, letter.id, 7, "ada@reader.example", "Ada", 0)
        message = message_from_bytes(compose.compile(letter.content, services.links).message(reader, now))
    plain = next(part for part in message.walk() if part.get_content_type() == "text/plain")
    text = bytes(plain.get_payload(decode=True)).decode()
    assert note in " ".join(re.sub("(?m)^> ?", "", text).split())


@pytest.mark.parametrize("note", ["", " \n ", "x" * 601, "\u200b"])
def test_a_correction_says_what_changed(services: Services, now: datetime, note: str) -> None:
    with pytest.raises(correction_draft.NoNote):
        amend(services, now, note=note)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (AMENDED.replace("---\nDear", "slug: elsewhere\n---\nDear"), "keeps its address"),
        (AMENDED + "\n![A back](back.png)\n", "has no picture"),
        (AMENDED + "{{ nonsense }}", "nonsense"),
        ("no front matter", "front matter is missing"),
    ],
)
def test_a_text_that_cannot_be_shown_is_not_kept(services: Services, now: datetime, source: str, fault: str) -> None:
    with pytest.raises(Faulty, match=fault):
        amend(services, now, source)
    with services.sessions.reading() as session:
        assert session.scalars(select(Correction.id)).all() == []


def test_an_issue_that_has_not_gone_out_is_edited_not_corrected(services: Services, now: datetime) -> None:
    issue_of(services, now, "a-calm-neck")
    with services.sessions.begin() as session:
        issue = issue_store.find(session, "a-calm-neck")
        with pytest.raises(Conflict, match="has not gone out yet"):
            corrections.publish(session, issue, EDITOR, now)
        with pytest.raises(NotFound):
            corrections.find(session, issue, 1)


def test_a_file_of_the_amended_text_is_known_and_another_is_refused(services: Services, now: datetime) -> None:
    amend(services, now)

    def load(source: str) -> issue_store.Saved:
        with services.sessions.begin() as session:
            text = issue_store.Text(issue_file.parse(source, NAME), NAME, {})
            return issue_store.save(session, publications.find(session), text, issue_store.BY_FILE, now)

    assert load(AMENDED) is issue_store.Saved.SAME
    assert load(SOURCE) is issue_store.Saved.KEPT
    with pytest.raises(Conflict):
        load(SOURCE + "\nAnother.\n")
