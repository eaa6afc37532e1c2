"""An export has all that is known of readers, and loses nothing when it is imported elsewhere."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from newsletter.audience import attributes, export, tags, topics, unsubscribe
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.models import Channel, Pace, Status, Subscription
from newsletter.db import Sessions, open_engine
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.prepared import Prepared
from tests.audience.conftest import Press, _publish, opened, press_in
from tests.audience.opening import import_steps
from tests.originals import Fill, Originals, empty

ADA, BOB, CYD, DAN, EVE = (f"{name}@example.org" for name in ("+ada", "bob", "cyd", "dan", "eve"))


def with_readers(sessions: Sessions, folder: Path) -> None:
    """Ada with all there is to know of a reader; one who waits, one who left, one who is paused, one who complained."""
    press = press_in(sessions, folder)
    for email, name in ((ADA, "=Ada;=1"), (CYD, "Nil"), (DAN, "null"), (EVE, "")):
        press.reader(email, name)
    press.subscribe(BOB)
    press.run(unsubscribe.unsubscribe_by_link, press.leave_token(CYD), Channel.LINK, None, press.now)
    press.set_status(DAN, Status.PAUSED, paused_until=press.now + timedelta(days=30))
    press.set_status(EVE, Status.COMPLAINED)
    press.set_status(ADA, Status.ACTIVE, next_pace=Pace.MONTHLY)
    with press.sessions.begin() as session:
        suppression.add(session, EVE, Cause.COMPLAINT, press.now)
        suppression.add(session, EVE, Cause.BOUNCE, press.now)
        home, ada = press.publication.id, press.subscription(ADA).id
        given = tags.ensure_tags(session, home, ["Early, very", "VIP"])
        tags.add_tags(session, [(ada, tag) for tag in given.values()])
        known = attributes.ensure_attributes(session, home, {"City": AttributeType.TEXT, "Age": AttributeType.NUMBER})
        topics.turn_off(session, [(ada, "sleep"), (ada, "neck, back")])
        session.get_one(Subscription, ada).delivery_zone = "Asia/Kathmandu"
        session.get_one(Subscription, ada).delivery_hour = 0
        dan = press.subscription(DAN).id
        attributes.add_values(session, home, [(ada, {"city": "=Łódź", "age": "41"}), (dan, {"city": "None"})], known)


@pytest.fixture
def filled(request: pytest.FixtureRequest) -> Fill:
    return with_readers if "full" in request.fixturenames else opened


@pytest.fixture
def full(press: Press) -> Press:
    """One that has readers of every kind (`with_readers`)."""
    return press


@pytest.fixture
def elsewhere(full: Press, originals: Originals, tmp_path: Path) -> Iterator[Press]:
    """Another press, with a database of its own."""
    with originals.copy("sqlite", empty, tmp_path / "elsewhere") as url:
        sessions = Sessions(open_engine(url))
        yield Press(sessions, full.audience, _publish(sessions, "elsewhere", full.now), full.now)
        sessions.engine.dispose()


def rows(press: Press) -> dict[str, dict[str, str]]:
    with press.sessions.reading() as session:
        sheet = "".join(export.csv_pieces(session, press.publication.id))
    return {row["email"]: row for row in csv.DictReader(io.StringIO(sheet, newline=""))}


def test_it_holds_everybody_with_tags_attributes_and_consent_and_no_formula(full: Press) -> None:
    found = rows(full)
    ada = found["'+ada@example.org"]
    assert (ada["name"], ada["status"], ada["City"], ada["Age"]) == ("'=Ada;'=1", "active", "'=Łódź", "41")
    assert ada["tags"] == '"Early, very",VIP'
    assert ada["topics_off"] == '"neck, back",sleep'
    assert (ada["delivery_hour"], ada["delivery_zone"]) == ("0", "Asia/Kathmandu")
    steps = json.loads(ada["consent"])
    assert [step["act"] for step in steps] == ["asked", "confirmed"]
    assert steps[0]["wording"] == "Send me the weekly letter. I can leave at any time."
    assert found[EVE]["suppressed"] == "bounce complaint"
    assert (found[DAN]["status"], found[DAN]["paused_until"][:10]) == ("paused", "2026-12-20")
    assert not [cell for row in found.values() for cell in row.values() if cell[:1] in "=+-@" and cell]


def test_tags_and_attributes_come_back_whatever_they_are_called(full: Press, elsewhere: Press, tmp_path: Path) -> None:
    names = ["=cost", "type", "Status", "Email", "First name", "created at", "id", "Newsletter", "labels"]
    with full.sessions.begin() as session:
        home, ada = full.publication.id, full.subscription(ADA).id
        tags.add_tags(session, [(ada, tag) for tag in tags.ensure_tags(session, home, ["bounced"]).values()])
        known = attributes.ensure_attributes(session, home, dict.fromkeys(names, AttributeType.TEXT))
        attributes.add_values(session, home, [(ada, dict.fromkeys(known, "unsubscribed"))], known)
        path = tmp_path / "export.csv"
        path.write_text("".join(export.csv_pieces(session, home)), newline="")
    assert sum(len(step.problems) for step in import_steps(elsewhere, path, ImportTerms())) == 0
    with elsewhere.sessions.reading() as session:
        there = elsewhere.subscription(ADA).id
        assert tags.tags_of(session, there) == ["bounced", "Early, very", "VIP"]
        assert attributes.values_of(session, there) == dict.fromkeys(names, "unsubscribed") | {
            "Age": "41",
            "City": "=Łódź",
        }


def test_json_lines_hold_the_same(full: Press) -> None:
    with full.sessions.reading() as session:
        told = [json.loads(line) for line in export.json_lines(session, full.publication.id)]
    ada, *_, eve = sorted(told, key=lambda one: one["email"])
    assert (ada["email"], ada["tags"]) == (ADA, ["Early, very", "VIP"])
    assert ada["attributes"] == {"City": "=Łódź", "Age": "41"}
    assert sorted(eve["suppressed"]) == ["bounce", "complaint"]


def test_imported_elsewhere_it_loses_nothing(full: Press, elsewhere: Press, tmp_path: Path) -> None:
    path, before = tmp_path / "readers.csv", rows(full)
    with full.sessions.reading() as session:
        path.write_text("".join(export.csv_pieces(session, full.publication.id)), encoding="utf-8", newline="")
    terms = ImportTerms(Status.ACTIVE, "moved from our other press")
    elsewhere.publication.offers_digest = True
    assert not [problem for step in import_steps(elsewhere, path, terms) for problem in step.problems]
    after = rows(elsewhere)
    kept = ("email", "name", "status", "paused_until", "pace", "tags", "topics_off", "City", "Age")
    for column in (*kept, "delivery_hour", "delivery_zone"):
        assert {row[column] for row in after.values()} == {row[column] for row in before.values()}, column
        assert {email: row[column] for email, row in after.items()} == {
            email: row[column] for email, row in before.items()
        }
    # Its owner cannot lift it by signing up there, either.
    assert "complaint" in after[EVE]["suppressed"]
    for email, row in before.items():
        assert row["consent"] in json.loads(after[email]["consent"])[0]["note"]


def test_the_export_of_a_few_reads_nothing_of_those_between_them(full: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def run(self: Prepared, *asked: Any) -> Sequence[Any]:
        found = _run(self, *asked)
        read.extend(row[0] for row in found if isinstance(row[0], int))
        return found

    _run = Prepared.run
    monkeypatch.setattr(Prepared, "run", run)
    ada, bob = full.subscription(ADA).id, full.subscription(BOB).id
    with full.sessions.reading() as session:
        lines = export.json_lines(session, full.publication.id, Subscription.id.in_((ada, bob)))
        few = [json.loads(line) for line in lines]
    assert [one["email"] for one in few] == [ADA, BOB]
    assert few[0]["tags"] == ["Early, very", "VIP"]
    assert set(read) == {ada, bob}


def test_the_export_of_most_has_nothing_of_those_between_them(full: Press) -> None:
    most = [full.subscription(email).id for email in (ADA, DAN)]
    with full.sessions.reading() as session:
        lines = export.json_lines(session, full.publication.id, Subscription.id.in_(most))
        ada, dan = (json.loads(line) for line in lines)
    assert (ada["email"], ada["topics_off"], dan["email"]) == (ADA, ["neck, back", "sleep"], DAN)
    assert (dan["tags"], dan["topics_off"], dan["attributes"]) == ([], [], {"City": "None"})
    assert [step["act"] for step in dan["consent"]] == ["asked", "confirmed"]


def test_moments_are_in_utc_whatever_the_driver_returns(full: Press, now: datetime) -> None:
    created = rows(full)["'+ada@example.org"]["created_at"]
    assert created == now.isoformat()
