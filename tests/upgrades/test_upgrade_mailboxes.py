"""Migration 0014 on a database with readers and suppressions: each mailbox gets a key of its own, and none is freed."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select, text

from newsletter import migrations_runner
from newsletter.addresses import mailboxes
from newsletter.audience import subscribers
from newsletter.audience.importing.importer import ImportRun
from newsletter.audience.importing.plan import ImportTerms, Tally
from newsletter.audience.importing.progress import ImportSettings
from newsletter.audience.importing.reading import files, list_rows
from newsletter.audience.models import Status, Subscriber
from newsletter.audience.services import AudienceServices, SignupCaps
from newsletter.db import Sessions
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause, Suppression
from newsletter.editors import accounts
from newsletter.publications import Publication
from tests.originals import start_at

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PUBLICATION = """
INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name, sender_address,
                          postal_address, follow, created_at)
VALUES (1, 'back', 'Back', '', '', 'en', 'UTC', 'Back', 'desk@example.org', '', '[]', :at)
"""
READER = "INSERT INTO subscribers (email, key, name, created_at) VALUES (:email, :key, '', :at)"
TIE = """
INSERT INTO subscriptions (subscriber_id, publication_id, status, created_at)
SELECT id, 1, 'active', :at FROM subscribers WHERE key = :key
"""
SUPPRESSION = "INSERT INTO suppressions (key, cause, at, detail) VALUES (:key, :cause, :at, :detail)"
EDITOR = "INSERT INTO editors (id, email, key, role, nonce, created_at) VALUES (1, :email, :key, 'owner', 1, :at)"
READERS = ["straße@example.org", "Ada@example.org", "club@gaße.example", "σοφός@example.org", "Łukasz@bücher.example"]


@pytest.fixture
def old(engine: Engine) -> Engine:
    """A database as version 0013 left it, with readers whose keys were folded."""
    with engine.begin() as connection:
        start_at(connection, "0013")
        connection.execute(text(PUBLICATION), {"at": AT})
        for email in READERS:
            reader = {"email": email, "key": email.casefold(), "at": AT}
            connection.execute(text(READER), reader)
            connection.execute(text(TIE), reader)
        owner = "Weiß@press.example"
        connection.execute(text(EDITOR), {"email": owner, "key": owner.casefold(), "at": AT})
    return engine


def suppress(connection: Connection, key: str, cause: str, detail: str | None = None) -> None:
    connection.execute(text(SUPPRESSION), {"key": key, "cause": cause, "at": AT, "detail": detail})


def migrate(engine: Engine) -> Sessions:
    with engine.begin() as connection:
        migrations_runner.upgrade_to(connection, "head")
    return Sessions(engine)


def load(sessions: Sessions, links, path: Path, addresses: list[str]) -> Tally:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["email"], *([address] for address in addresses)])
    audience = AudienceServices(
        links, lambda *_: pytest.fail("no letter"), SignupCaps(3, 500, 20), "none", b"a key for tests"
    )
    with sessions.reading() as session:
        home = session.get_one(Publication, 1)
    with files.open_file(path) as opened:
        run = ImportRun(sessions, audience, home, ImportSettings(ImportTerms(Status.ACTIVE, "a fair")), AT)
        return sum((step.tally for step in run.import_file(opened, list_rows.survey(opened))), Tally())


def test_readers_and_the_team_are_known_by_the_keys_of_their_own_mailboxes(old: Engine) -> None:
    sessions = migrate(old)
    with sessions.reading() as session:
        keys = session.scalars(select(Subscriber.key).order_by(Subscriber.id)).all()
        assert keys == [mailboxes.mailbox_key(email) for email in READERS]
        assert [subscribers.find(session, email).email for email in READERS] == READERS
        assert accounts.find(session, "weiß@press.example").key == "weiß@press.example"


def test_a_suppressed_reader_is_still_suppressed(old: Engine) -> None:
    with old.begin() as connection:
        suppress(connection, "strasse@example.org", "bounce", "550 unknown")
        suppress(connection, "ada@example.org", "complaint")
    sessions = migrate(old)
    with sessions.begin() as session:
        reached = {row.address for row in session.execute(subscribers.active_recipients(1))}
        assert reached == {*READERS} - {"straße@example.org", "Ada@example.org"}
        found = suppression.list_causes(session, "straße@example.org")
        assert {(one.cause, one.at, one.detail) for one in found} == {(Cause.BOUNCE, AT, "550 unknown")}
        # The desk frees the one; the other was suppressed by that key, too, and stays so.
        assert suppression.lift(session, "strasse@example.org")
        assert suppression.suppressed_keys(session, {"straße@example.org", "strasse@example.org"}) == {
            "straße@example.org"
        }


def test_an_old_suppression_holds_for_whoever_comes_after_and_folds_to_it(old: Engine, links, tmp_path: Path) -> None:
    with old.begin() as connection:
        suppress(connection, "fussball@example.org", "bounce")
        suppress(connection, "ida@bücher.example", "desk")
    sessions = migrate(old)
    newcomers = ["Fußball@example.org", "fussball@example.org", "ida@xn--bcher-kva.example", "strasse@example.org"]
    tally = load(sessions, links, tmp_path / "list.csv", newcomers)
    assert (tally.added, tally.left_alone) == (1, 3)


def test_an_imported_complaint_becomes_a_complaint_and_every_cause_is_marked_as_folded(old: Engine) -> None:
    with old.begin() as connection:
        suppress(connection, "a@example.org", "import", "complained in an imported file")
        suppress(connection, "b@example.org", "import", "bounced in an imported file")
    with migrate(old).reading() as session:
        found = session.execute(select(Suppression.key, Suppression.cause, Suppression.folded)).all()
    assert sorted(found) == [("a@example.org", Cause.COMPLAINT, True), ("b@example.org", Cause.IMPORT, True)]


def test_where_imported_readers_came_from_is_told_from_the_record_of_their_consent(old: Engine) -> None:
    note = (
        "INSERT INTO consent_events (subscription_id, act, way, at, note) SELECT id, 'imported', 'import', :at, :note "
    )
    with old.begin() as connection:
        told = {"at": AT, "note": "a fair in May; there since 2024-01-02"}
        connection.execute(text(f"{note} FROM subscriptions WHERE subscriber_id = 1"), told)
        connection.execute(text(f"{note} FROM subscriptions WHERE subscriber_id = 2"), told | {"note": "b" * 300})
        connection.execute(text(f"{note} FROM subscriptions WHERE subscriber_id = 3"), told)
        connection.execute(text("UPDATE subscriptions SET confirmed_at = :at WHERE subscriber_id > 2"), {"at": AT})
    with migrate(old).reading() as session:
        found = {row.address: (row.since, row.source) for row in session.execute(subscribers.active_recipients(1))}
    assert [found[email] for email in READERS] == [(AT, "a fair in May"), (AT, "b" * 200), *[(AT, None)] * 3]


def test_a_row_from_elsewhere_whose_new_key_is_taken_keeps_its_old_one(old: Engine) -> None:
    with old.begin() as connection:
        one = {"email": "LUKA@bücher.example", "key": "luka@xn--bcher-kva.example", "at": AT}
        connection.execute(text(READER), one)
        connection.execute(text(READER), one | {"email": "luka@bücher.example", "key": "luka@bücher.example"})
    with migrate(old).reading() as session:
        keys = session.scalars(select(Subscriber.key).where(Subscriber.key.startswith("luka@")))
        assert set(keys) == {"luka@bücher.example", "luka@xn--bcher-kva.example"}
