"""Nothing goes out that a second person has not read: at the desk, at the clock, and when two act at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from newsletter import editors, publications
from newsletter.db import Session, Sessions
from newsletter.delivery.models import Copy, LetterState, OutboxMessage
from newsletter.editorial.issues import approvals, issue_store
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.models import ApprovalAct, ApprovalStep, IssueState
from newsletter.editorial.source import issue_file
from newsletter.editors import Role
from newsletter.errors import Conflict, Invalid, PressError, Refused
from newsletter.wiring import Services
from newsletter.workflows import approve_issue, halt_issue, issue_readiness, publish
from newsletter.workflows.approve_issue import ApprovalStatus, Review
from tests import sample_services
from tests.originals import Fill
from tests.sample_services import NOW
from tests.sample_source import issue_source

GRACE = timedelta(hours=2)
SLUG = "a-tight-back"
NAME = "2026-11-24-a-tight-back.md"
SOURCE = issue_source()
AUTHOR, SECOND, THIRD = "author@desk.example", "second@desk.example", "third@desk.example"


@pytest.fixture
def filled() -> Fill:
    """An issue, of a publication that asks for approvals; a team of three, one of whom wrote the newest of it."""
    return _written


def _written(sessions: Sessions, folder: Path) -> None:
    made = sample_services.build(sessions, folder)
    sample_services.open_publication(made, NOW)
    with sessions.begin() as session:
        text = issue_store.Text(issue_file.parse(SOURCE, NAME), NAME, {})
        issue_store.save(session, publications.find(session), text, issue_store.BY_FILE, NOW)
        for email, role in ((AUTHOR, Role.EDITOR), (SECOND, Role.EDITOR), (THIRD, Role.OWNER)):
            editors.add(session, email, role, NOW)
        editors.add(session, "viewer@desk.example", Role.VIEWER, NOW)
        publications.find(session).requires_approval = True
    save(made, AUTHOR, "A first word of the author.", NOW)


@pytest.fixture
def edit(services: Services, now: datetime) -> Callable[..., None]:
    return lambda author, words: save(services, author, words, now)


def save(services: Services, author: str, words: str, now: datetime) -> None:
    """Keep a text with another last line, and say that it is ready."""
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        source = f"{issue.revision.source}\n{words}\n"
        text = issue_store.Text(
            issue_file.parse(source, issue.file_name), issue.file_name, issue_store.picture_names(issue.revision)
        )
        issue_store.save(session, issue.publication, text, author, now)
        issue_readiness.mark_ready(session, issue, services.links)


def shown(services: Services) -> Content:
    with services.sessions.reading() as session:
        return issue_readiness.approvable_content(issue_store.find(session, SLUG), services.links)


def standing(services: Services) -> ApprovalStatus:
    with services.sessions.reading() as session:
        return approve_issue.approval_status(session, services.links, issue_store.find(session, SLUG))


def approve(services: Services, email: str, now: datetime, seen: Content | None = None, comment: str = "") -> None:
    content = seen or shown(services)
    with services.sessions.begin() as session:
        issue, person = issue_store.find(session, SLUG), editors.find(session, email)
        approve_issue.approve(session, services.links, issue, Review(content, person.email, comment), now)


def schedule(services: Services, now: datetime, at: datetime | None = None) -> None:
    with services.sessions.begin() as session:
        publish.schedule(
            session, services.letters, issue_store.find(session, SLUG), at or now + timedelta(hours=1), now
        )


def state(services: Services) -> IssueState:
    with services.sessions.reading() as session:
        return issue_store.state(issue_store.find(session, SLUG))


def together(*acts: Callable[[], None]) -> list[str]:
    """Do all of it at the same instant; what was refused."""
    barrier, refused = Barrier(len(acts)), []

    def run(act: Callable[[], None]) -> None:
        barrier.wait()
        try:
            act()
        except PressError as error:
            refused.append(str(error))

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def test_an_unapproved_issue_is_neither_scheduled_nor_queued_into_a_slot_nor_sent(
    services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        with pytest.raises(Conflict, match="only after a second person has approved"):
            issue_readiness.require_schedulable(issue, services.links)
    for act in (partial(publish.schedule_next, grace=GRACE), publish.send_now):
        with (
            services.sessions.begin() as session,
            pytest.raises(Conflict, match="only after a second person has approved"),
        ):
            act(session, services.letters, issue_store.find(session, SLUG), now)
    with services.sessions.begin() as session, pytest.raises(Conflict, match="only after a second person has approved"):
        publish.freeze_queued(session, services.letters, issue_store.find(session, SLUG), now, now)
    assert state(services) is IssueState.READY


def test_an_approved_issue_goes_out_as_ever(services: Services, now: datetime) -> None:
    approve(services, SECOND, now)
    schedule(services, now)
    with services.sessions.begin() as session:
        assert len(publish.publish_due(session, GRACE, now + timedelta(hours=1))) == 1
    assert state(services) is IssueState.SENDING


def test_a_publication_that_asks_for_no_approval_gets_none(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = False
    schedule(services, now)
    with services.sessions.begin() as session, pytest.raises(Conflict, match="does not require approval"):
        approve_issue.approve(
            session,
            services.links,
            issue_store.find(session, SLUG),
            Review(shown(services), SECOND),
            now,
        )


def test_nobody_approves_their_own_words(services: Services, now: datetime, edit: Callable[..., None]) -> None:
    with pytest.raises(Conflict, match="nobody approves their own words"):
        approve(services, AUTHOR, now)
    edit(SECOND.upper(), "A word of the second person.")
    for email in (AUTHOR, SECOND):
        with pytest.raises(Conflict, match="nobody approves their own words"):
            approve(services, email, now)
    approve(services, THIRD, now)
    edit(SECOND, "Another word.")
    approve(services, AUTHOR, now)


def test_a_viewer_approves_nothing(services: Services, now: datetime) -> None:
    with pytest.raises(Conflict, match="your role is viewer"):
        approve(services, "viewer@desk.example", now)


def test_any_saved_edit_voids_an_approval_even_one_that_is_taken_back_in_the_text(
    services: Services, now: datetime, edit: Callable[..., None]
) -> None:
    before = shown(services)
    approve(services, SECOND, now)
    edit(AUTHOR, "")
    after = shown(services)
    assert before.content_hash == after.content_hash, "the mail is the same, and yet it was edited"
    with pytest.raises(Conflict, match=f"{SECOND} approved revision {before.revision_number}, and it has changed"):
        schedule(services, now)
    found = standing(services)
    assert (found.approval, found.is_missing, found.last and found.last.person) == (None, True, SECOND)


@pytest.mark.parametrize(("column", "value"), [("postal_address", "2 New Street"), ("ask_url", "https://a.example/")])
def test_a_change_of_what_the_mail_says_of_its_publication_voids_it_too(
    services: Services, now: datetime, column: str, value: str
) -> None:
    approve(services, SECOND, now)
    with services.sessions.begin() as session:
        setattr(publications.find(session), column, value)
    with pytest.raises(Conflict, match="it has changed since"):
        schedule(services, now)


def test_the_hash_is_the_same_however_often_and_wherever_the_mail_is_rendered(
    services: Services, now: datetime
) -> None:
    assert shown(services) == shown(services)
    approve(services, SECOND, now)
    before = shown(services)
    schedule(services, now)
    assert shown(services) == before
    assert standing(services).approval


def test_what_was_scheduled_and_is_taken_back_unchanged_keeps_its_approval(services: Services, now: datetime) -> None:
    approve(services, SECOND, now)
    schedule(services, now)
    with services.sessions.begin() as session:
        halt_issue.cancel(session, issue_store.find(session, SLUG), now)
    schedule(services, now)
    assert state(services) is IssueState.SCHEDULED


def test_what_the_page_showed_is_what_is_approved_or_nothing_is(
    services: Services, now: datetime, edit: Callable[..., None]
) -> None:
    seen = shown(services)
    edit(AUTHOR, "A word that nobody has read.")
    with pytest.raises(Conflict, match="has changed since this page was opened"):
        approve(services, SECOND, now, seen)
    assert standing(services).approval is None


def test_withdrawing_takes_a_scheduled_issue_off_its_hour(services: Services, now: datetime) -> None:
    approve(services, SECOND, now)
    schedule(services, now)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        assert approve_issue.withdraw(session, services.links, issue, Review(shown(services), THIRD), now)
    assert state(services) is IssueState.READY
    [step] = [one for one in standing(services).steps if one.act is ApprovalAct.APPROVED]
    assert (step.withdrawn_by, step.withdrawn_at) == (THIRD, now)
    with services.sessions.begin() as session:
        assert publish.publish_due(session, GRACE, now + timedelta(hours=1)) == []
    approve(services, SECOND, now)
    schedule(services, now)


def test_an_approval_cannot_be_taken_back_once_the_issue_has_begun(services: Services, now: datetime) -> None:
    approve(services, SECOND, now)
    with services.sessions.begin() as session:
        publish.send_now(session, services.letters, issue_store.find(session, SLUG), now)
    with services.sessions.begin() as session, pytest.raises(Conflict, match="it is too late for that"):
        approve_issue.withdraw(
            session, services.links, issue_store.find(session, SLUG), Review(shown(services), THIRD), now
        )
    assert standing(services).approval


def test_sending_back_makes_a_draft_of_it_with_the_comment_as_it_was_typed(services: Services, now: datetime) -> None:
    comment = "<script>alert(1)</script>\r\n{{ email }} \0 '; DROP TABLE issues; --"
    approve(services, SECOND, now)
    schedule(services, now)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        approve_issue.send_back(session, services.links, issue, Review(shown(services), THIRD, comment), now)
    assert state(services) is IssueState.DRAFT
    found = standing(services)
    assert found.is_missing
    assert found.steps[-1].comment == "<script>alert(1)</script>\n{{ email }} � '; DROP TABLE issues; --"
    with services.sessions.begin() as session, pytest.raises(Invalid, match="Say what needs fixing:"):
        approve_issue.send_back(
            session, services.links, issue_store.find(session, SLUG), Review(shown(services), THIRD, "  "), now
        )


def test_a_comment_that_is_too_long_is_refused_with_its_length(services: Services, now: datetime) -> None:
    with pytest.raises(Invalid, match="2,001 characters"):
        approve(services, SECOND, now, comment="a" * 2_001)


def ask(
    session: Session, services: Services, chosen: list[str], now: datetime, comment: str = "Please look."
) -> list[str]:
    issue = issue_store.find(session, SLUG)
    content = issue_readiness.approvable_content(issue, services.links)
    return approve_issue.request_approval(
        session, services.audience, issue, Review(content, AUTHOR, comment), chosen, now
    )


def test_asking_mails_all_who_could_approve_or_the_chosen_of_them(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        assert ask(session, services, [], now) == [SECOND, THIRD]
        assert ask(session, services, [THIRD], now) == [THIRD]
    mails = sample_services.letters(services)[-3:]
    assert [(mail["kind"], mail["address"]) for mail in mails] == [
        ("approval_request", SECOND),
        ("approval_request", THIRD),
        ("approval_request", THIRD),
    ]
    assert mails[0]["asked_by"] == AUTHOR
    assert mails[0]["comment"] == "Please look."
    assert mails[0]["approval_url"] == f"https://letters.example.org/desk/issues/{SLUG}/approval"


def test_nobody_is_asked_who_cannot_approve(services: Services, now: datetime) -> None:
    for chosen in ([AUTHOR], ["viewer@desk.example"], ["stranger@example.org"], [THIRD, AUTHOR]):
        with services.sessions.begin() as session, pytest.raises(Conflict, match="cannot approve this"):
            ask(session, services, chosen, now)


def test_a_team_in_which_nobody_else_can_approve_is_told_to_invite_one(
    services: Services, now: datetime, edit: Callable[..., None]
) -> None:
    for author in (SECOND, THIRD):
        edit(author, f"A word of {author}.")
    with services.sessions.begin() as session, pytest.raises(Conflict, match="Invite one"):
        ask(session, services, [], now)


def test_one_person_asks_only_so_often_within_an_hour(services: Services, now: datetime) -> None:
    for _ in range(approve_issue.ASKED_AN_HOUR):
        with services.sessions.begin() as session:
            ask(session, services, [THIRD], now)
    with services.sessions.begin() as session, pytest.raises(Refused, match="12 times within an hour"):
        ask(session, services, [THIRD], now)
    with services.sessions.begin() as session:
        ask(session, services, [THIRD], now + timedelta(hours=1))


def test_what_was_scheduled_before_approvals_were_asked_for_is_held_at_its_hour(
    services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = False
    schedule(services, now)
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = True
        waiting = session.scalars(approvals.scheduled_without(1))
        assert [one.slug for one in waiting] == [SLUG]
    with capture_logs() as logs, services.sessions.begin() as session:
        assert publish.publish_due(session, GRACE, now + timedelta(hours=1)) == []
    assert [entry["event"] for entry in logs if "held" in entry["event"]]
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        assert issue.letter
        assert issue.letter.state is LetterState.HELD
        assert session.scalars(select(Copy.id).where(Copy.letter_id == issue.letter_id)).all() == []
        with pytest.raises(Conflict, match="only after a second person has approved"):
            publish.send_now(session, services.letters, issue, now)
    approve(services, SECOND, now)
    with services.sessions.begin() as session:
        publish.send_now(session, services.letters, issue_store.find(session, SLUG), now)
    assert state(services) is IssueState.SENDING


def test_what_was_scheduled_before_goes_out_at_its_hour_if_it_is_approved_by_then(
    services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = False
    schedule(services, now)
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = True
    approve(services, SECOND, now)
    with services.sessions.begin() as session:
        assert len(publish.publish_due(session, GRACE, now + timedelta(hours=1))) == 1


def test_the_clock_starts_nothing_whose_approval_is_gone_from_the_store(services: Services, now: datetime) -> None:
    """However it went: the compare is in the statement that starts it."""
    approve(services, SECOND, now)
    schedule(services, now)
    with services.sessions.begin() as session:
        session.delete(session.scalars(select(ApprovalStep)).one())
    with services.sessions.begin() as session:
        assert publish.publish_due(session, GRACE, now + timedelta(hours=1)) == []
    assert state(services) is IssueState.PAUSED


def test_two_who_approve_at_once_approve_it_once(services: Services, now: datetime) -> None:
    refused = together(lambda: approve(services, SECOND, now), lambda: approve(services, THIRD, now))
    assert refused == ["Somebody else has just approved this. Nothing more is needed."]
    assert [step.act for step in standing(services).steps] == [ApprovalAct.APPROVED]


@pytest.mark.parametrize("turn", range(4))
def test_an_edit_beside_an_approval_leaves_no_approval_of_what_was_edited(
    services: Services, now: datetime, turn: int
) -> None:
    seen = shown(services)
    together(lambda: approve(services, SECOND, now, seen), lambda: save(services, AUTHOR, f"A late word {turn}.", now))
    found = standing(services)
    assert found.content != seen
    assert found.is_missing
    with pytest.raises(Conflict, match="only after a second person has approved"):
        schedule(services, now)


@pytest.mark.parametrize("turn", range(4))
def test_an_edit_beside_scheduling_never_schedules_what_was_edited(
    services: Services, now: datetime, turn: int
) -> None:
    seen = shown(services)
    approve(services, SECOND, now, seen)
    together(lambda: schedule(services, now), lambda: save(services, AUTHOR, f"A late word {turn}.", now))
    with services.sessions.reading() as session:
        issue = issue_store.find(session, SLUG)
        assert issue.letter is None or issue_readiness.approvable_content(issue, services.links) == seen
        assert issue.letter or issue.revision_number > seen.revision_number


@pytest.mark.parametrize("turn", range(4))
def test_withdrawing_beside_scheduling_leaves_nothing_scheduled_without_approval(
    services: Services, now: datetime, turn: int
) -> None:
    seen = shown(services)
    approve(services, SECOND, now, seen)

    def withdraw() -> None:
        with services.sessions.begin() as session:
            issue = issue_store.find(session, SLUG)
            approve_issue.withdraw(session, services.links, issue, Review(seen, THIRD), now)

    together(lambda: schedule(services, now + timedelta(minutes=turn)), withdraw)
    is_scheduled = state(services) is IssueState.SCHEDULED
    assert is_scheduled is (standing(services).approval is not None)


@pytest.mark.parametrize("turn", range(4))
def test_withdrawing_at_the_very_hour_either_stops_it_or_comes_too_late(
    services: Services, now: datetime, turn: int
) -> None:
    seen = shown(services)
    approve(services, SECOND, now, seen)
    at = now + timedelta(hours=1, minutes=turn)
    schedule(services, now, at)

    def withdraw() -> None:
        with services.sessions.begin() as session:
            approve_issue.withdraw(session, services.links, issue_store.find(session, SLUG), Review(seen, THIRD), at)

    def strike() -> None:
        with services.sessions.begin() as session:
            publish.publish_due(session, GRACE, at)

    refused = together(withdraw, strike)
    has_begun = state(services) is IssueState.SENDING
    assert has_begun is bool(refused)
    assert has_begun is (standing(services).approval is not None)


def test_asking_writes_no_mail_when_it_is_refused(services: Services, now: datetime) -> None:
    approve(services, SECOND, now)
    with pytest.raises(Conflict, match="has already approved this;"), services.sessions.begin() as session:
        ask(session, services, [], now)
    with services.sessions.reading() as session:
        assert session.scalars(select(OutboxMessage.id).where(OutboxMessage.kind == "approval_request")).all() == []


def test_an_issue_of_files_alone_can_be_approved_by_anyone_of_that_role(services: Services, now: datetime) -> None:
    name = NAME.replace("back", "neck")
    with services.sessions.begin() as session:
        text = issue_store.Text(issue_file.parse(SOURCE, name), name, {})
        issue_store.save(session, publications.find(session), text, issue_store.BY_FILE, now)
        able = approve_issue.possible_approvers(session, issue_store.find(session, "a-tight-neck"))
    assert [editor.email for editor in able] == [AUTHOR, SECOND, THIRD]
