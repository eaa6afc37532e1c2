"""Segments at the desk, without a script: made, changed, counted and deleted by forms alone."""

from typing import Any

import pytest

from newsletter import publications
from newsletter.audience import tags
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Match
from newsletter.editors import Role
from newsletter.web.desk import timed_cache
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import NOW, WAITING
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

LIST = "/desk/readers/segments/"
NEW = f"{LIST}new"


@pytest.fixture(autouse=True)
def _readers(services: Services) -> None:
    """Three readers; ada is a VIP."""
    with services.sessions.begin() as session:
        home = publications.find(session)
        for name in ("ada", "bo", "cy"):
            person = Subscriber(email=f"{name}@example.org", key=f"{name}@example.org", created_at=NOW)
            person.subscriptions.append(Subscription(publication=home, status=Status.ACTIVE, created_at=NOW))
            session.add(person)
        session.flush()
        tags.add_tags(session, [(1, tags.ensure_tags(session, home.id, ["VIP"])["vip"])])


def send(visitor: Visitor, page: str, act: str, *rows: tuple[str, str, str], name: str = "Friends", **more: str) -> Any:
    """The builder's form with these rows of test, attribute and value, by one of its buttons."""
    cells = zip(*rows, strict=True) if rows else ([], [], [])
    form = dict(zip(("test", "attribute", "value"), map(list, cells), strict=True))
    own = {"name": name, "match": "all", "act": act} | more
    return visitor.client.post(page, data=hidden(visitor.open(page).text) | form | own)


VIP = ("tag.is", "", "vip")


def test_a_segment_is_made_row_by_row_counted_changed_and_deleted(editor: Visitor, services: Services) -> None:
    assert "No segments yet" in editor.read(LIST)
    longer = send(editor, NEW, "add", VIP)
    assert (longer.status_code, longer.text.count('<legend class="form-label">')) == (
        200,
        3,
    )  # one of them is a template
    assert 'value="vip"' in longer.text
    out = "issue.missed", "", "Unwind a tight back (Friday 6 November 2026)"
    counted = send(editor, NEW, "count", VIP, out)
    assert "1 reader belongs to it. An issue would go to 1." in words(counted)
    assert "ada@example.org" in counted.text
    with services.sessions.reading() as session:
        assert segments.every(session, 1) == []
    made = send(editor, NEW, "save", VIP, out, ("", "", ""), match="any")
    assert made.location == f"{LIST}1/"
    with services.sessions.reading() as session:
        rule = segments.load(session, 1).rule
        assert (rule.match, [one.value for one in rule.conditions]) == (Match.ANY, ["vip", "1"])
    assert "has the tag “vip” or missed the issue “Unwind a tight back (Friday 6 November 2026)”" in editor.read(LIST)
    assert "3 readers belong to it." in words(editor.open(f"{LIST}1/?counted=1"))
    edit = f"{LIST}1/edit"
    shorter = send(editor, edit, "remove-1", VIP, out)
    assert "Unwind a tight back (" not in words(shorter).partition("Add a condition")[0]
    assert send(editor, edit, "save", ("segment.is", "", "Friends")).status_code == 422
    assert send(editor, edit, "save", VIP, name="Fans").status_code == 303
    assert editor.press(f"{LIST}1/delete").location == LIST
    with services.sessions.reading() as session:
        assert segments.every(session, 1) == []


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (("tag.is", "", ""), "needs a value"),
        (("", "", "vip"), "Choose what the reader has to meet."),
        (("attribute.over", "Age", "ten"), "compares with a number"),
        (("attribute.is", "", "x"), "needs the attribute's name"),
        (("joined.before", "", "29.11.2026"), "a day is written as 2026-11-29"),
        (("joined.within_days", "", "-1"), "is a number of days"),
        (("status.is", "", "alive"), "a status is one of"),
        (("issue.received", "", "No such issue"), "there is no issue “No such issue”"),
        (("issue.received", "", "99"), "has not gone out"),
        (("segment.is", "", "99"), "there is no such segment"),
        (("domain.is", "", "a b"), "a domain is written as"),
        (("sudo.rm", "", "x"), "a condition is about one of"),
        (("tag.over", "", "x"), "a condition on tag is one of"),
        (("tag.is", "", "a\0b"), "in plain characters"),
        (("tag.is", "", "\u202eabc"), "in plain characters"),
        (("tag.is", "", "x" * 500), "at most 200 characters"),
        (("tag.is", "", "' OR 1=1; --"), ""),
        (("tag.is", "", "<script>{{ 7 * 7 }}"), ""),
    ],
)
def test_an_odd_condition_is_named_beside_its_row_and_nothing_typed_is_lost(
    editor: Visitor, services: Services, row: tuple[str, str, str], sentence: str
) -> None:
    before = sample_services.dump(services)
    answer = send(editor, NEW, "save" if sentence else "count", VIP, row)
    assert answer.status_code == (422 if sentence else 200)
    assert sentence.lower() in words(answer).lower()
    assert ('id="row-2-fault"' in answer.text) is bool(sentence)
    assert 'value="Friends"' in answer.text
    assert "<script>{{" not in answer.text
    if row[2].isprintable():
        assert row[2] in words(answer) or row[2] in answer.text or "&" in answer.text
    assert sample_services.dump(services) == before


def test_a_form_without_conditions_or_with_too_many_or_without_a_name_is_not_saved(editor: Visitor) -> None:
    assert "Add at least one condition." in words(send(editor, NEW, "save"))
    assert "at most 20 conditions" in words(send(editor, NEW, "save", *[VIP] * 40))
    nameless = send(editor, NEW, "save", VIP, name=" ")
    assert (nameless.status_code, "the segment's name needs" in words(nameless).lower().replace("’", "'")) == (
        422,
        True,
    )
    send(editor, NEW, "save", VIP)
    twice = send(editor, NEW, "save", VIP, name="FRIENDS")
    assert (twice.status_code, "There is a segment called" in words(twice), 'value="FRIENDS"' in twice.text) == (
        409,
        True,
        True,
    )


def test_two_who_change_it_at_once_lose_nothing(editor: Visitor, services: Services) -> None:
    send(editor, NEW, "save", VIP)
    page = hidden(editor.open(f"{LIST}1/edit").text)
    with services.sessions.begin() as session:
        segments.load(session, 1).changed_at = NOW.replace(year=2027)
    typed = {"name": "Mine", "match": "all", "act": "save", "test": "tag.is_not", "value": "vip", "attribute": ""}
    refused = editor.client.post(f"{LIST}1/edit", data=page | typed)
    assert (refused.status_code, "Somebody else has changed this segment" in words(refused)) == (409, True)
    assert 'value="Mine"' in refused.text
    assert editor.client.post(f"{LIST}1/edit", data=hidden(refused.text) | typed).status_code == 303


def test_a_count_of_few_readers_is_never_old_however_long_it_took(
    editor: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timed_cache, "_QUICK", 0.0)
    monkeypatch.setattr(timed_cache, "_SHARE", 1_000_000)
    send(editor, NEW, "save", VIP)
    assert "1 reader belongs to it." in editor.read(f"{LIST}1/?counted=1")
    with services.sessions.begin() as session:
        tags.add_tags(session, [(2, tags.ensure_tags(session, 1, ["VIP"])["vip"])])
    assert "2 readers belong to it." in editor.read(f"{LIST}1/?counted=1")


def test_what_needs_a_segment_keeps_it_and_is_named(editor: Visitor) -> None:
    send(editor, NEW, "save", VIP)
    send(editor, NEW, "save", ("segment.is_not", "", "friends"), name="The others")
    assert "The segment “The others” refers to “Friends”" in words(editor.open(f"{LIST}1/delete"))
    editor.press(f"/desk/issues/{WAITING}/", f"/desk/issues/{WAITING}/segment", segment="2")
    refused = editor.open(f"{LIST}2/delete")
    assert (refused.status_code, "“Looser by degrees” is to go to the segment" in words(refused)) == (409, True)


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.VIEWER])
def test_who_may_not_see_addresses_sees_counts_alone(enter: Enter, editor: Visitor, role: Role) -> None:
    send(editor, NEW, "save", VIP)
    looker = enter(role)
    for page in (f"{LIST}1/?counted=1", f"{LIST}1/count?sample=1"):
        told = looker.open(page).text
        assert "<strong>1 reader</strong> belongs" in told
        assert "ada@" not in told
        assert "@example.org" not in told.replace(f"{role}@desk.example", "")
    assert looker.client.post(f"{LIST}count").status_code == 403
