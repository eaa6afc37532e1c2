"""A reader's address is changed by its owner, confirmed at the new one, and told to the old one, which may object."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.audience import change_address, erasures, privacy, signup
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.models import Act, Status, Subscriber
from newsletter.delivery.bounces import suppression
from newsletter.delivery.bounces.events import BounceEvent, RawReport
from newsletter.delivery.bounces.report import Hardness, Kind, Reason
from newsletter.delivery.ledger import readdress
from newsletter.delivery.models import Cause, Copy, CopyState
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.links import Expired
from tests.audience.opening import import_steps

OLD, NEW = "ada@example.org", "lovelace@example.net"


@pytest.fixture
def asked(press) -> str:
    """The token of the link that Ada had sent to her new address."""
    press.reader(OLD, "Ada")
    return ask(press, OLD, NEW)


def ask(press, old: str, new: str) -> str:
    press.run(change_address.ask, press.manage_token(old), new, None, press.now)
    return token_at(press, new, "address_confirm")


def token_at(press, email: str, kind: str) -> str:
    text = [letter for letter in press.letters(email) if letter.kind == kind][-1].text
    return dict(line.split("=", 1) for line in text.splitlines())["address_url"].rpartition("/")[2]


def change(press, token: str, at=None):
    return press.run(change_address.change_address, token, None, at or press.now)


def prune_unanswered(press, days: int) -> int:
    with press.sessions.begin() as session:
        return change_address.prune_unanswered(session, press.now + timedelta(days=days))


@pytest.mark.usefixtures("asked")
def test_a_new_address_that_nobody_confirmed_is_erased_with_its_bounce_and_a_readers_is_not(press) -> None:
    third = "ada@third.example"
    change(press, ask(press, OLD, third))
    press.answer_letters("250 OK")
    heard = {"hardness": Hardness.HARD, "reason": Reason.USER_UNKNOWN, "at": press.now, "received_at": press.now}
    with press.sessions.begin() as session:
        for key in (NEW, third):
            session.add(BounceEvent(source=key, way="pipe", kind=Kind.BOUNCE, key=key, **heard))
            session.add(RawReport(source=key, received_at=press.now, raw=key.encode()))
    assert [prune_unanswered(press, days) for days in (6, 8, 8)] == [0, 1, 0]
    assert press.kinds(NEW) == []
    with press.sessions.reading() as session:
        assert session.scalars(select(BounceEvent.key)).all() == [third]
        assert session.scalars(select(RawReport.source)).all() == [third]


def test_it_changes_at_the_button_and_not_before(press, asked: str) -> None:
    before = press.subscription(OLD)
    with press.sessions.reading() as session:
        offered = change_address.open_change(session, press.audience, asked, press.now)
        assert (offered.target.email, offered.is_back, offered.is_done) == (NEW, False, False)
    letter_id = press.queue_copy(OLD)
    change(press, asked)
    after = press.subscription(NEW)
    assert (after.id, after.status, after.subscriber.name) == (before.id, Status.ACTIVE, "Ada")
    assert press.copy(letter_id).address == NEW
    assert [(event.act, event.note) for event in press.events(NEW)][-1] == (Act.MOVED, f"from {OLD}")
    assert [event.act for event in press.events(NEW)][:2] == [Act.ASKED, Act.CONFIRMED]
    assert press.kinds(OLD)[-1] == "address_changed"
    assert "new_address=l\u2026@example.net" in press.letters(OLD)[-1].text


def test_the_link_opened_twice_changes_it_once(press, asked: str) -> None:
    for _ in range(2):
        assert change(press, asked).is_done
    assert [event.act for event in press.events(NEW)].count(Act.MOVED) == 1
    assert press.kinds(OLD).count("address_changed") == 1


def test_two_browsers_at_once_change_it_once(press, asked: str, together) -> None:
    assert together(*[lambda: change(press, asked)] * 3) == []
    assert [event.act for event in press.events(NEW)].count(Act.MOVED) == 1


def test_a_link_works_for_a_day(press, asked: str) -> None:
    with pytest.raises(Expired):
        change(press, asked, press.now + timedelta(hours=24, minutes=1))
    with pytest.raises(Invalid):
        change(press, press.manage_token(OLD))


def test_only_a_fresh_link_asks_for_it(press) -> None:
    press.reader(OLD)
    with pytest.raises(change_address.preferences.NotFresh):
        press.run(change_address.ask, press.preferences_token(OLD), NEW, None, press.now)
    for same in (OLD, "nobody"):
        with pytest.raises(Invalid):
            press.run(change_address.ask, press.manage_token(OLD), same, None, press.now)


def test_the_old_address_objects_and_the_links_from_before_are_void(press, asked: str) -> None:
    other = ask(press, OLD, "third@example.net")
    change(press, asked)
    objects = token_at(press, OLD, "address_changed")
    with pytest.raises(Conflict):
        change(press, other)
    letter_id = press.queue_copy(NEW)
    late = press.now + timedelta(days=6)
    for _ in range(2):
        done = change(press, objects, late)
        assert (done.is_back, done.is_done) == (True, True)
    assert press.copy(letter_id).address == OLD
    assert press.kinds(OLD).count("address_changed") == 1
    assert "address_changed" not in press.kinds(NEW)
    for void in (asked, other):
        with pytest.raises(Conflict):
            change(press, void)
    with pytest.raises(Expired):
        change(press, objects, press.now + timedelta(days=8))


@pytest.mark.parametrize("status", list(Status))
def test_the_address_of_another_reader_is_asked_alike_and_never_taken(press, status: Status) -> None:
    press.reader(OLD)
    press.reader(NEW)
    press.set_status(NEW, status)
    before = press.subscription(NEW)
    with pytest.raises(Conflict, match="already on our list"):
        change(press, ask(press, OLD, NEW))
    after = press.subscription(NEW)
    assert (after.id, after.status) == (before.id, status)
    assert press.status(OLD) is Status.ACTIVE


def test_it_is_asked_under_the_limits_of_sign_ups(press) -> None:
    press.reader(OLD)
    for _ in range(5):
        press.run(change_address.ask, press.manage_token(OLD), NEW, None, press.now)
    assert press.kinds(NEW) == ["address_confirm"] * 3


def test_another_spelling_of_the_same_address_is_a_change_like_any(press) -> None:
    press.reader(OLD)
    change(press, ask(press, OLD, "Ada@example.org"))
    assert press.subscription(OLD).subscriber.email == "Ada@example.org"


def test_what_suppressed_the_old_address_stays_with_it_and_a_bounce_ends_with_it(press, asked: str) -> None:
    press.set_status(OLD, Status.BOUNCED)
    with press.sessions.begin() as session:
        suppression.add(session, OLD, Cause.BOUNCE, press.now)
        suppression.add(session, NEW, Cause.IMPORT, press.now)
    change(press, asked)
    assert press.status(NEW) is Status.ACTIVE
    with press.sessions.reading() as session:
        assert suppression.suppressed_keys(session, {OLD, NEW}) == {OLD}


def test_what_is_known_by_an_old_address_is_shown_and_erased_with_the_reader(press, asked: str) -> None:
    change(press, asked)
    with press.sessions.begin() as session:
        suppression.add(session, OLD, Cause.BOUNCE, press.now)
        reader = session.get_one(Subscriber, press.subscription(NEW).subscriber_id)
        assert [one["cause"] for one in privacy.export_data(session, reader)["suppressed"]] == ["bounce"]
        privacy.erase_reader(session, press.audience, reader, press.now)
        assert erasures.erased_keys(session, press.audience.links.seal, {OLD, NEW, "x@example.org"}) == {OLD, NEW}
    assert press.letters(OLD) == press.letters(NEW) == []
    with pytest.raises(NotFound):
        change(press, asked)


@pytest.mark.usefixtures("asked")
def test_an_unanswered_question_to_a_new_address_is_erased_with_the_reader(press) -> None:
    with press.sessions.begin() as session:
        reader = session.get_one(Subscriber, press.subscription(OLD).subscriber_id)
        privacy.erase_reader(session, press.audience, reader, press.now)
    assert press.letters(NEW) == []


def test_whoever_reads_with_the_old_address_now_keeps_what_is_theirs(press, asked: str) -> None:
    change(press, asked)
    press.run(signup.subscribe, press.publication, signup.SignupRequest(OLD, "", None, "Yes"), press.now)
    with press.sessions.begin() as session:
        reader = session.get_one(Subscriber, press.subscription(NEW).subscriber_id)
        assert change_address.former_addresses(session, reader) == []


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.UNSUBSCRIBED])
@pytest.mark.parametrize("there", ["", "unsubscribed"])
@pytest.mark.parametrize("terms", [ImportTerms(), ImportTerms(Status.ACTIVE, "the old list")])
def test_an_old_list_adds_nobody_at_an_address_that_was_changed(
    press, asked: str, other_publication, tmp_path, status: Status, there: str, terms: ImportTerms
) -> None:
    change(press, asked)
    press.set_status(NEW, status)
    path = tmp_path / "old.csv"
    path.write_text(f"email,status\n{OLD},{there}\n")
    for home in (press.publication, other_publication):
        (step,) = import_steps(press, path, terms, home, with_fates=True)
        assert [(fate.fate, fate.reason) for fate in step.fates] == [("left alone", "changed for another address here")]
    with press.sessions.reading() as session:
        assert session.scalars(select(Subscriber.email)).all() == [NEW]


def test_an_old_list_adds_whoever_has_the_address_now(press, asked: str, other_publication, tmp_path) -> None:
    change(press, asked)
    press.reader(OLD, "Another Ada")
    path = tmp_path / "old.csv"
    path.write_text(f"email\n{OLD}\n")
    (step,) = import_steps(press, path, ImportTerms(), other_publication)
    assert step.tally.added == 1


def test_a_copy_that_is_being_sent_goes_where_it_was_going(press) -> None:
    press.reader(OLD)
    letter_id = press.queue_copy(OLD)
    with press.sessions.begin() as session:
        session.scalars(select(Copy).where(Copy.letter_id == letter_id)).one().state = CopyState.SENDING
    with press.sessions.begin() as session:
        readdress.readdress_pending(session, [press.subscription(OLD).id], NEW)
    assert press.copy(letter_id).address == OLD
