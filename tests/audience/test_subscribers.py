import csv
import io
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import event, text

from newsletter import formulas
from newsletter.audience import emails as audience_emails
from newsletter.audience import export, search_index, subscribers, unsubscribe
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.models import Channel, Status, Subscription
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.errors import Invalid, NotFound
from newsletter.pagination import PageRequest
from tests.audience.opening import import_list

ADA, BOB, CYD = "ada@example.org", "bob@example.org", "cyd@example.org"


def found(press, **wanted) -> list[str]:
    """Who is listed: the same ones before the readers are indexed and after it."""
    before = listed(press, **wanted)
    with press.sessions.begin() as session:
        search_index.index_some(session)
    assert listed(press, **wanted) == before
    return before


def listed(press, **wanted) -> list[str]:
    with press.sessions.reading() as session:
        return [
            one.subscriber.email
            for one in subscribers.page(
                session, subscribers.search_result(session, press.publication.id, **wanted)
            ).rows
        ]


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
        audience_emails.confirm(session, press.audience, press.publication, press.subscription(BOB).id, BOB, press.now)
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


def test_the_desk_finds_readers_by_a_part_of_name_or_address(press) -> None:
    press.reader(ADA, "Ada Lovelace")
    press.subscribe("b_b%@example.org", "Bob")
    assert found(press, search="LOVE") == [ADA]
    assert found(press, search="example.org") == ["b_b%@example.org", ADA]
    assert found(press, search="_b%") == ["b_b%@example.org"]
    assert found(press, search="%") == []
    assert found(press, search="lovelace ada") == [ADA]
    assert found(press, search="b") == ["b_b%@example.org"]
    assert found(press, search="el") == []
    assert found(press, search='"*' * 5_000) == []
    assert found(press, search="' OR 1=1 --\0") == []
    assert found(press, status=Status.PENDING) == ["b_b%@example.org"]


def test_the_desk_finds_a_host_by_its_letters_and_by_its_a_label(press) -> None:
    press.subscribe("Zoë@Bücher.example")
    for part in ("bücher", "BÜCHER.example", "zoë@bücher.example", "ZOË", "xn--bcher-kva", "zoë@xn--bcher-kva.example"):
        assert found(press, search=part) == ["Zoë@bücher.example"]


def test_the_desk_finds_readers_whatever_case_or_accents_were_typed(press) -> None:
    press.reader("lukasz@example.org", "\u0141ukasz Gr\u00fcn")
    for typed in ("lukasz", "\u0141UKASZ", "GR\u00dcN", "gru\u0308n", "gr\u00fcn \u0142uk"):
        assert found(press, search=typed) == ["lukasz@example.org"]


def test_a_reader_who_takes_another_name_is_found_by_that_one_alone(press) -> None:
    press.reader(ADA, "Ada Lovelace")
    with press.sessions.begin() as session:
        subscribers.find(session, ADA).name = "Augusta King"
    assert found(press, search="augusta") == [ADA]
    assert found(press, search="lovelace") == []


def test_the_desk_turns_pages_forward_and_back_without_missing_anybody(press) -> None:
    emails = [f"reader{number}@example.org" for number in range(5)]
    for email in emails:
        press.subscribe(email, client=None)
    with press.sessions.reading() as session:
        rows = subscribers.search_result(session, press.publication.id)
        first = subscribers.page(session, rows, size=2)
        second = subscribers.page(session, rows, turn=PageRequest(**first.next), size=2)
        third = subscribers.page(session, rows, turn=PageRequest(**second.next), size=2)
        assert [one.subscriber.email for page in (first, second, third) for one in page.rows] == emails[::-1]
        assert (first.previous, third.next) == ({}, {})
        back = subscribers.page(session, rows, turn=PageRequest(**third.previous), size=2)
        assert back == second
        assert subscribers.page(session, rows, turn=PageRequest(**back.previous), size=2) == first
        beyond = subscribers.page(session, rows, turn=PageRequest(before=1), size=2)
        assert beyond.rows == first.rows


# PostgreSQL plans by how many rows there are.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("status", [None, Status.ACTIVE])
def test_an_index_lists_the_newest_readers_so_that_a_million_need_no_sorting(press, status: Status | None) -> None:
    statements: list[tuple[str, object]] = []
    press.subscribe(ADA)
    with press.sessions.reading() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *call: statements.append((call[2], call[3])))
        subscribers.page(session, subscribers.search_result(session, press.publication.id, status=status))
        statement, values = statements[0]
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert not [step for step in plan if "TEMP B-TREE" in step]
    assert any("ix_subscriptions_publication_id" in step for step in plan)


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
