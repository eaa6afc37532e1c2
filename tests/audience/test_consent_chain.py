"""The record of consent is only added to; what somebody changes all the same, past the database's guard, is found."""

from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from newsletter.audience import consent, consent_chain, privacy, signup, unsubscribe
from newsletter.audience.consent_chain import Verification
from newsletter.audience.models import PERSONAL, Channel, ConsentChainLink, ConsentEvent
from newsletter.db import Sessions
from newsletter.errors import Invalid, NotFound
from tests.audience.conftest import Press, opened, press_in
from tests.originals import Fill

ADA, BO = "ada@example.org", "bo@example.org"
CLIENT = "203.0.113.9"
TABLES = ("consent_events", "consent_chain", "wordings", "imported_files")

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def with_entries(sessions: Sessions, folder: Path) -> None:
    """Ada and Bo have confirmed, Bo has left, and all that is chained: entries 1 to 5."""
    press = press_in(sessions, folder)
    press.reader(ADA, "Ada")
    press.reader(BO, "Bo")
    press.run(unsubscribe.unsubscribe_by_link, press.leave_token(BO, 7), Channel.LINK, CLIENT, press.now)
    assert chain(press) == 5


@pytest.fixture
def filled(request: pytest.FixtureRequest) -> Fill:
    return with_entries if "chained" in request.fixturenames else opened


@pytest.fixture
def chained(press: Press) -> Press:
    """With five entries (`with_entries`)."""
    return press


def chain(press) -> int:
    with press.sessions.begin() as session:
        return consent_chain.chain_some(session, press.now)


def verify(press, head: str = "") -> Verification:
    with press.sessions.reading() as session:
        return consent_chain.verify(session, head)


def erase(press, email: str) -> None:
    with press.sessions.begin() as session:
        privacy.erase(session, press.audience, email, press.now)


def run(press, *statements: str) -> None:
    with press.sessions.begin() as session:
        for statement in statements:
            session.execute(text(statement))


def tamper(press, statement: str) -> None:
    """Do what somebody can do who has the database itself: without its triggers."""
    run(press, *(f"DROP TRIGGER {table}_{event}" for table in TABLES for event in ("changed", "deleted")), statement)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_database_refuses_to_change_an_entry(chained, table: str, change: str) -> None:
    if change.startswith("TRUNCATE") and chained.sessions.embedded:
        return
    columns = ("act = 'asked'", "position = 9", "text = 'No'", "operator = 'Nobody'")
    with chained.sessions.begin() as session:
        consent.store_file(session, "0" * 64, "ann@press.example", chained.now)
    with pytest.raises(IntegrityError, match="only added"):
        run(chained, change.format(table, dict(zip(TABLES, columns, strict=True))[table]))
    assert verify(chained).broken is None


@pytest.mark.parametrize("table", TABLES)
def test_no_row_takes_the_place_of_an_entry(chained, table: str) -> None:
    if not chained.sessions.embedded:
        return  # PostgreSQL has no REPLACE, and a key that is taken refuses the row there.
    with chained.sessions.begin() as session:
        consent.store_file(session, "0" * 64, "ann@press.example", chained.now)
    with pytest.raises(IntegrityError, match="only added"):
        run(chained, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")  # noqa: S608


def test_the_database_lets_an_erasure_blank_an_entry_and_nothing_besides(chained) -> None:
    blank = ", ".join(f"{name} = NULL" for name in PERSONAL)
    for half in (f"{blank}, way = 'form'", "origin = NULL", "note = NULL, subscription_id = NULL"):
        with pytest.raises(IntegrityError, match="only added"):
            run(chained, f"UPDATE consent_events SET {half}")  # noqa: S608
    with pytest.raises(IntegrityError):
        run(chained, "DELETE FROM subscribers")


def test_the_entries_of_an_erased_reader_stay_and_are_nobodys(chained) -> None:
    erase(chained, BO)
    with chained.sessions.reading() as session:
        ada, bo = (
            session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)).all()[a:b] for a, b in ((0, 2), (2, 5))
        )
        assert [event.act.value for event in bo] == ["asked", "confirmed", "left"]
        assert {getattr(event, name) for event in bo for name in PERSONAL} == {None}
        assert all(event.subscription_id and event.origin for event in ada)
        salts = session.scalars(select(ConsentChainLink.salt).order_by(ConsentChainLink.position)).all()
        assert [salt is None for salt in salts] == [False, False, True, True, True]
        # That somebody left by the seventh letter is still counted.
        assert unsubscribe.unsubscribes_by_letter(session, [7]) == {7: 1}
    found = verify(chained)
    assert (found.chained, found.erased, found.unchained, found.broken) == (5, 3, 0, None)


def test_who_is_erased_before_their_entries_are_chained_leaves_a_whole_chain(press) -> None:
    press.reader(ADA)
    erase(press, ADA)
    press.reader(BO)
    assert chain(press) == 4
    assert verify(press).broken is None
    erase(press, BO)
    assert verify(press).broken is None


def test_entries_that_are_not_chained_yet_are_told(chained) -> None:
    chained.subscribe("cy@example.org")
    found = verify(chained)
    assert (found.chained, found.unchained, found.broken) == (5, 1, None)
    assert (chain(chained), chain(chained)) == (1, 0)
    assert verify(chained).head != found.head


@on_sqlite
@pytest.mark.parametrize(
    ("statement", "entry", "reason"),
    [
        ("UPDATE consent_events SET act = 'confirmed' WHERE id = 3", 3, "its link was changed"),
        (
            "UPDATE consent_events SET at = '2020-01-01 00:00:00.000000' WHERE id > 1",
            2,
            "its link was changed",
        ),
        ("UPDATE consent_events SET note = 'yes' WHERE id = 4", 4, "the entry was changed"),
        ("UPDATE consent_events SET letter_id = 8 WHERE id = 5", 5, "its link was changed"),
        ("UPDATE consent_events SET wording_id = 3 - wording_id WHERE id = 1", 1, "its link was changed"),
        ("UPDATE wordings SET text = 'And sell my address.' WHERE id = 3", 2, "the words that it refers to"),
        ("DELETE FROM consent_events WHERE id = 4", 4, "the entry was deleted"),
        ("UPDATE consent_events SET subscription_id = NULL, origin = NULL WHERE id = 2", 2, "the entry was changed"),
        ("UPDATE consent_chain SET salt = NULL WHERE event_id = 3", 3, "filled in again"),
        ("UPDATE consent_chain SET digest = zeroblob(32) WHERE event_id = 3", 3, "or the link before it was removed"),
        ("UPDATE consent_chain SET event_id = 9 WHERE event_id = 5", 9, "the entry was deleted"),
        ("DELETE FROM consent_chain WHERE event_id = 2", 3, "or the link before it was removed"),
    ],
)
def test_what_was_changed_behind_our_back_is_found(chained, statement: str, entry: int, reason: str) -> None:
    tamper(chained, statement)
    found = verify(chained)
    assert found.broken
    assert found.broken.event_id == entry
    assert reason in found.broken.reason


@on_sqlite
def test_what_stays_of_an_erased_entry_can_still_be_checked(chained) -> None:
    erase(chained, BO)
    tamper(chained, "UPDATE consent_events SET act = 'asked' WHERE id = 4")
    found = verify(chained)
    assert found.broken
    assert found.broken.event_id == 4


@on_sqlite
def test_a_chain_that_was_made_anew_lacks_the_head_that_the_log_has(chained) -> None:
    logged = verify(chained).head
    assert verify(chained, logged).broken is None
    tamper(chained, "DELETE FROM consent_chain")
    assert chain(chained) == 5
    assert verify(chained).broken is None
    with pytest.raises(NotFound, match="replaced"):
        verify(chained, logged)
    with pytest.raises(Invalid, match="64 characters"):
        verify(chained, "a head")


def test_workers_on_two_hosts_make_one_chain(press, together) -> None:
    for number in range(4):
        press.subscribe(f"reader{number}@example.org")
    assert together(*[lambda: chain(press)] * 4, lambda: erase(press, "reader2@example.org")) == []
    found = verify(press)
    assert (found.chained, found.unchained, found.broken) == (4, 0, None)


@on_postgresql
def test_an_entry_that_is_committed_after_newer_ones_were_chained_is_chained_too(press) -> None:
    reader = press.reader(ADA)
    with press.sessions.begin() as slow:
        slow.add(ConsentEvent(subscription_id=reader.id, act="renamed", channel="link", at=press.now))
        slow.flush()
        press.subscribe(BO)
        assert chain(press) == 3
    assert chain(press) == 1
    found = verify(press)
    assert (found.chained, found.unchained, found.broken) == (4, 0, None)


def test_a_kill_between_the_entries_and_their_chaining_loses_nothing(press) -> None:
    press.reader(ADA)
    with suppress(KeyboardInterrupt), press.sessions.begin() as session:
        assert consent_chain.chain_some(session, press.now) == 2
        raise KeyboardInterrupt
    assert verify(press).unchained == 2
    assert chain(press) == 2
    assert verify(press).broken is None


def test_a_confirmation_names_the_letter_that_asked_for_it(press) -> None:
    press.subscribe(ADA)
    token = press.token("confirm", ADA)
    press.answer_letters("250 2.0.0 queued as 4F2")
    press.run(signup.confirm, token, CLIENT, "Yes", press.now)
    confirmed = press.events(ADA)[-1]
    assert confirmed.reply == "250 2.0.0 queued as 4F2"
    assert confirmed.message_id.endswith("@example.org")
    chain(press)
    assert verify(press).broken is None
