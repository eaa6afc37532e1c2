import csv
import io
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text

from newsletter import formulas
from newsletter.audience import emails as audience_emails
from newsletter.audience import export, subscribers, unsubscribe
from newsletter.audience.emails import ReaderAddress
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.models import Channel, Status, Subscription
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.errors import Invalid, NotFound
from tests.audience.opening import import_list

ADA, BOB, CYD = "ada@example.org", "bob@example.org", "cyd@example.org"


def test_an_issue_goes_to_active_readers_who_are_not_suppressed(press, other_publication) -> None:
    ada = press.reader(ADA, "Ada")
    press.subscribe(BOB)
    press.reader(CYD)
    with press.sessions.begin() as session:
        suppression.add(session, CYD, Cause.BOUNCE, press.now)
    with press.sessions.reading() as session:
        rows = session.execute(subscribers.active_recipients(press.publication.id)).all()
        assert [row._asdict() for row in rows] == [
            {"subscription_id": ada.id, "address": ADA, "name": "Ada", "since": press.now, "source": None}
        ]
        assert subscribers.audience_size(session, press.publication.id) == 1
        assert subscribers.audience_size(session, other_publication.id) == 0


def test_of_who_was_moved_here_it_is_known_from_where_until_they_confirm_themselves(press, write) -> None:
    path = write("email\nada@example.org\nbob@example.org\n")
    import_list(press, path, ImportTerms(Status.ACTIVE, " the old list "))
    press.set_status(BOB, Status.PENDING)
    with press.sessions.begin() as session:
        to = ReaderAddress(press.publication, press.subscription(BOB).id, BOB)
        audience_emails.confirm(session, press.audience, to, press.now)
    press.confirm(BOB)
    with press.sessions.reading() as session:
        rows = {
            row.address: (row.since, row.source)
            for row in session.execute(subscribers.active_recipients(press.publication.id))
        }
        assert rows == {ADA: (press.now, "the old list"), BOB: (press.now, None)}
        came = {
            email: subscribers.source_and_since(session.get_one(Subscription, press.subscription(email).id))
            for email in (ADA, BOB)
        }
        assert came == {ADA: ("the old list", press.now), BOB: (None, press.now)}


def test_every_status_is_counted(press) -> None:
    press.reader(ADA)
    press.subscribe(BOB)
    with press.sessions.reading() as session:
        counted = subscribers.status_counts(session, press.publication.id)
    assert counted == dict.fromkeys(Status, 0) | {Status.ACTIVE: 1, Status.PENDING: 1}


def test_a_person_is_found_by_any_spelling(press) -> None:
    press.subscribe(ADA)
    with press.sessions.reading() as session:
        assert subscribers.find(session, " mailto:ADA@Example.org").email == ADA
        with pytest.raises(NotFound, match=r"there is no reader with the address bob@example\.org"):
            subscribers.find(session, BOB)
        with pytest.raises(Invalid):
            subscribers.find(session, "bob")


def test_a_reader_s_history_is_plain_json_in_order(press) -> None:
    press.reader(ADA, "Ada")
    press.run(unsubscribe.unsubscribe_by_link, press.leave_token(ADA, 3), Channel.LINK, "203.0.113.9", press.now)
    with press.sessions.reading() as session:
        told = json.loads(json.dumps(subscribers.history(subscribers.find(session, ADA))))
    assert (told["email"], told["name"]) == (ADA, "Ada")
    assert told["subscriptions"] == [
        {
            "publication": "back-pain-help",
            "status": "unsubscribed",
            "since": "2026-11-20T12:00:00+00:00",
            "confirmed_at": "2026-11-20T12:00:00+00:00",
            "left_at": "2026-11-20T12:00:00+00:00",
            "paused_until": None,
            "delivery_hour": None,
            "delivery_zone": None,
            "note": None,
            "pace": "each",
        }
    ]
    assert [event["act"] for event in told["events"]] == ["asked", "confirmed", "left"]
    assert told["events"][-1] == {
        "at": "2026-11-20T12:00:00+00:00",
        "publication": "back-pain-help",
        "act": "left",
        "way": "link",
        "origin": "203.0.113.0/24",
        "note": "letter 3",
        "wording": None,
        "wording_version": None,
        "message_id": None,
        "answer": None,
        "operator": None,
        "file": None,
    }
    assert told["events"][0]["wording"].startswith("Send me")


def test_who_is_suppressed_is_no_part_of_an_audience_whatever_their_status(press) -> None:
    for email in (ADA, BOB, CYD):
        press.reader(email)
    press.subscribe("dan@example.org")
    with press.sessions.begin() as session:
        for email in (CYD, "dan@example.org", "nobody@example.org"):
            suppression.add(session, email, Cause.BOUNCE, press.now)
    with press.sessions.reading() as session:
        listed = session.execute(subscribers.active_recipients(press.publication.id)).all()
        assert subscribers.audience_size(session, press.publication.id) == len(listed) == 2


def test_an_export_holds_everybody_and_no_formula(press) -> None:
    press.reader(ADA, '=HYPERLINK("https://evil.example")')
    press.subscribe("+bob@example.org", "-2+3")
    sheet = io.StringIO(newline="")
    with press.sessions.reading() as session:
        sheet.writelines(export.csv_pieces(session, press.publication.id))
    sheet.seek(0)
    first, second = csv.DictReader(sheet)
    assert first["name"] == '\'=HYPERLINK("https://evil.example")'
    assert (first["email"], first["status"], first["left_at"]) == (ADA, "active", "")
    assert (second["email"], second["confirmed_at"]) == ("'+bob@example.org", "")


@given(st.text() | st.text("=-;\t\n\"'a"))
@example("Ada;=1+1")
def test_a_defused_cell_is_no_formula_and_can_be_read_back(cell: str) -> None:
    defused = formulas.escape_formula(cell)
    # Where lists are separated by semicolons, a cell begins at each of them.
    first, *others = re.split("[;\t\r\n]", defused)
    assert not any(part.startswith(formulas.FORMULA) for part in (first, *(other.lstrip('"') for other in others)))
    assert defused == cell or formulas.unescape_formula(defused) == cell
    [[read, _]] = csv.reader(io.StringIO(f"{formulas.csv_cell(cell)},", newline=""))
    assert read == defused
    assert formulas.csv_cell(cell) == cell or not formulas.are_plain(["plain", cell])


def test_the_audience_is_found_by_an_index(press) -> None:
    statement = subscribers.active_recipients(press.publication.id).compile(
        press.sessions.engine, compile_kwargs={"literal_binds": True}
    )
    if press.sessions.engine.dialect.name == "sqlite":
        with press.sessions.reading() as session:
            plan = " ".join(row[-1] for row in session.execute(text(f"EXPLAIN QUERY PLAN {statement}")))
        assert "SCAN subscriptions" not in plan
