"""The setup guide: the state of each step, the way through them, and who may do what."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select, update

from newsletter import publications
from newsletter.audience.importing.uploads import models as imports
from newsletter.audience.importing.uploads.models import UploadState
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Session
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.report import Kind, Reason
from newsletter.delivery.models import OutboxMessage, OutboxState
from newsletter.doctor import Finding, Level, report
from newsletter.editorial.issues import issue_store
from newsletter.editorial.source import issue_file
from newsletter.editors import Editor, Role
from newsletter.publications import Publication
from newsletter.publications.toml_file import load
from newsletter.web.desk import setup_steps
from newsletter.wiring import Services
from tests import sample_doctor, sample_services
from tests.originals import Fill
from tests.sample_services import ISSUES
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

SETUP, TEST = "/desk/settings/setup/", "/desk/settings/test"
REAL = {"sender_name": "Backs", "sender_address": "letters@backs.org.pl"}
Change = Callable[[Session, Publication, datetime], None]


@pytest.fixture
def filled() -> Fill:
    """The shipped publication without any issue, as on the first day."""
    return sample_services.opened


@pytest.fixture
def owner(enter: Enter) -> Visitor:
    return enter(Role.OWNER)


def steps(visitor: Visitor) -> dict[str, tuple[str, str]]:
    """The state of each step and what the page says of it, by its title."""
    rows = re.findall(r'<li class="row-issue".*?</li>', visitor.open(SETUP).text, re.DOTALL)
    found = {}
    for row in rows:
        title = re.search(r"\d\. ([^<]+)<", row)
        state = re.search(r'badge setup-\w+">([^<]+)<', row)
        sentence = re.search(r'<p dir="auto">(.*?)</p>', row, re.DOTALL)
        assert title
        assert state
        assert sentence
        found[title[1]] = (state[1], sentence[1])
    return found


def change(services: Services, now: datetime, *changes: Change) -> None:
    with services.sessions.begin() as session:
        for one in changes:
            one(session, publications.find(session), now)


def column(**values: object) -> Change:
    def apply(_session: Session, publication: Publication, _now: datetime) -> None:
        for name, value in values.items():
            setattr(publication, name, value)

    return apply


def reader(status: Status) -> Change:
    def apply(session: Session, publication: Publication, now: datetime) -> None:
        tie = Subscription(publication_id=publication.id, status=status, created_at=now)
        session.add(Subscriber(email="ada@a.org", key="ada@a.org", created_at=now, subscriptions=[tie]))

    return apply


def upload(state: UploadState) -> Change:
    def apply(session: Session, publication: Publication, now: datetime) -> None:
        added = imports.add_upload(session, publication, "list.csv", ("list", "0" * 64, 1), "o@desk.example", now)
        added.state = state

    return apply


def without_slots(session: Session, publication: Publication, _now: datetime) -> None:
    session.delete(publication.slots[0])


def write_issue(session: Session, publication: Publication, now: datetime) -> None:
    source = "---\ntitle: Sit well\nsubject: Sit well at work\n---\nText.\n"
    text = issue_store.Text(issue_file.parse(source, "sit.md"), "sit.md", {})
    issue_store.create(session, publication, text, issue_store.BY_FILE, now)


STATES = [
    ("Name", [], "to do", "BackPainHelp is the example"),
    ("Name", [column(name="Backs")], "done", "Backs: One calm letter"),
    ("Name", [column(sender_address="letters@backs.org.pl")], "done", "BackPainHelp"),
    ("Sender", [], "to do", "letter@backpainhelp.example is only an example"),
    ("Sender", [column(sender_address="me@gmail.com")], "needs attention", "refused or end up in spam folders"),
    ("Sender", [column(**REAL)], "done", "Backs &lt;letters@backs.org.pl&gt;"),
    ("Postal address", [], "to do", "still the example address"),
    ("Postal address", [column(postal_address=" ")], "to do", "none yet"),
    ("Postal address", [column(postal_address="\n1 High Street\nLeeds")], "done", "1 High Street, Leeds"),
    ("Logo and colours", [], "optional", "The default colours"),
    ("Logo and colours", [column(accent="#8a1c4a")], "done", "your own colours"),
    ("Logo and colours", [column(logo="x.png")], "done", "Your logo, and the default colours"),
    ("Weekly slot", [], "done", "Every Tuesday at 09:00 (Europe/Warsaw). The next is Tuesday 24 November 2026."),
    ("Weekly slot", [without_slots], "to do", "None yet"),
    ("Readers", [], "optional", "None yet"),
    ("Readers", [reader(Status.PENDING)], "done", "1 reader has still to confirm"),
    ("Readers", [reader(Status.ACTIVE)], "done", "1 reader."),
    ("Readers", [upload(UploadState.CHECKED)], "needs attention", "Look at it, then import"),
    ("Readers", [reader(Status.ACTIVE), upload(UploadState.IMPORTING)], "under way", "is being imported"),
    ("Readers", [reader(Status.ACTIVE), upload(UploadState.DONE)], "done", "1 reader."),
    ("Test email", [], "to do", "your own inbox"),
    ("Doctor", [], "to do", "Not asked yet"),
]


@pytest.mark.parametrize(("title", "changes", "state", "sentence"), STATES)
def test_the_state_of_a_step_follows_from_what_is_there(
    owner: Visitor, services: Services, now: datetime, title: str, changes: list[Change], state: str, sentence: str
) -> None:
    change(services, now, *changes)
    found_state, found_sentence = steps(owner)[title]
    assert found_state == state
    assert sentence in found_sentence


@pytest.mark.parametrize(
    ("values", "state", "sentence"),
    [
        ({}, "under way", "on its way"),
        ({"state": OutboxState.SENDING}, "under way", "on its way"),
        ({"reply": "451 4.7.1 later &amp;"}, "needs attention", "accepted it yet. It said: 451 4.7.1 later &amp;amp;"),
        ({"state": OutboxState.SENT, "reply": "250 2.0.0 Ok"}, "done", "It said: 250 2.0.0 Ok"),
        (
            {"state": OutboxState.FAILED, "reply": "550 5.7.1 No"},
            "needs attention",
            "refused it. It said: 550 5.7.1 No",
        ),
        ({"state": OutboxState.SKIPPED}, "needs attention", "suppressed"),
        ({"state": OutboxState.SENT, "sender_address": "old@a.org"}, "to do", "old@a.org, which is no longer"),
    ],
)
def test_a_test_email_counts_as_its_mail_server_answered(
    owner: Visitor, services: Services, now: datetime, values: dict[str, object], state: str, sentence: str
) -> None:
    change(services, now, write_issue)
    assert owner.press(TEST).status_code == 303
    with services.sessions.begin() as session:
        session.execute(update(OutboxMessage).values(values) if values else select(1))
    found_state, found_sentence = steps(owner)["Test email"]
    assert (found_state, sentence in found_sentence) == (state, True)


@pytest.mark.parametrize(
    ("way", "sentence", "status"),
    [
        ("pipe", "It came back: 550 no such &lt;b&gt;user", "The mail server accepted it, but it came back."),
        ("smtp", "The mail server refused it. It said: 550 no", "The mail server refused it."),
    ],
)
def test_a_test_email_that_was_refused_or_came_back_does_not_count(
    owner: Visitor, services: Services, now: datetime, way: str, sentence: str, status: str
) -> None:
    change(services, now, write_issue)
    owner.press(TEST)
    with services.sessions.begin() as session:
        post = session.scalars(select(OutboxMessage)).one()
        post.state, post.reply = OutboxState.FAILED, "550 no"
        report_of_it = {"source": "x", "way": way, "kind": Kind.BOUNCE, "reason": Reason.USER_UNKNOWN, "at": now}
        report_of_it |= {"received_at": now, "key": post.key, "outbox_id": post.id, "diagnostic": "550 no such <b>user"}
        session.add(BounceEvent(**report_of_it))
    assert steps(owner)["Test email"] == ("needs attention", sentence)
    page = owner.read(TEST)
    assert status in page
    assert ("The report says: 550 no such <b>user" in page) == (way == "pipe")


@pytest.mark.parametrize(("level", "state"), [(Level.ERROR, "needs attention"), (Level.WARNING, "done")])
def test_the_doctor_counts_by_its_last_findings(
    owner: Visitor, services: Services, now: datetime, level: Level, state: str
) -> None:
    report.keep_report(services.settings.data_dir, [Finding(level, "example.org", "It is wrong")], now)
    found_state, sentence = steps(owner)["Doctor"]
    assert found_state == state
    assert sentence.startswith(f"1 {level}, as of Friday 20 November 2026")


def test_the_example_is_what_the_press_comes_with(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        shipped, _ = load(session, ISSUES / "publication.toml", now)
        assert shipped.name == setup_steps.EXAMPLE["name"]
        assert shipped.postal_address.strip() == setup_steps.EXAMPLE["postal_address"]


def test_in_the_guide_each_saved_step_leads_to_the_next_that_is_not_done(owner: Visitor) -> None:
    name = {"name": "Backs", "tagline": "", "description": "", "language": "en", "time_zone": "Europe/Warsaw"}
    guided = "/desk/settings/name?guide=1"
    seen = hidden(owner.open(guided).text)
    assert "step 1 of 8: Name" in owner.read(guided)
    assert owner.client.post(guided, data=seen | name).location == "/desk/settings/sender?guide=1"
    seen = hidden(owner.open("/desk/settings/sender?guide=1").text)
    sender = owner.client.post("/desk/settings/sender?guide=1", data=seen | REAL | {"reply_to": ""})
    assert sender.location == "/desk/settings/address?guide=1"
    seen = hidden(owner.open("/desk/settings/address?guide=1").text)
    address = owner.client.post("/desk/settings/address?guide=1", data=seen | {"postal_address": "1 High Street"})
    assert address.location == "/desk/settings/look?guide=1"
    colours = owner.client.post("/desk/settings/look?guide=1", data={"accent": "#8a1c4a", "accent_dark": ""})
    # The slot is there already.
    assert colours.location == "/desk/readers/import/?guide=1"


def test_what_was_typed_stays_in_the_guide_and_a_fault_says_how_to_correct_it(owner: Visitor) -> None:
    guided = "/desk/settings/sender?guide=1"
    typed = hidden(owner.open(guided).text) | {"sender_name": "<b>שלום</b> 🙂", "sender_address": "nobody"}
    answer = owner.client.post(guided, data=typed)
    assert answer.status_code == 422
    assert "&lt;b&gt;שלום&lt;/b&gt; 🙂" in answer.text
    assert "An email address must have an @-sign." in answer.text
    assert "step 2 of 8" in words(answer)


def test_a_step_can_be_left_and_skipped(owner: Visitor) -> None:
    page = owner.open("/desk/settings/sender?guide=1").text
    assert 'rel="prev" href="/desk/settings/name?guide=1"' in page
    assert 'rel="next" href="/desk/settings/address?guide=1">Later<' in page
    assert 'rel="prev" href="/desk/settings/setup/"' in owner.open("/desk/settings/name?guide=1").text
    last = owner.open("/desk/settings/doctor/?guide=1").text
    assert 'rel="next" href="/desk/settings/setup/"' in last
    assert 'action="/desk/settings/doctor/?guide=1"' in last


def test_outside_the_guide_nothing_of_it_is_seen(owner: Visitor) -> None:
    for path in ("/desk/settings/sender", "/desk/settings/sender?guide=2", "/desk/settings/contact?guide=1"):
        assert "Setup guide" not in owner.open(path).text
    assert owner.press("/desk/settings/contact").location == "/desk/settings/"


def test_a_slot_that_is_added_leads_on_and_days_off_do_not(owner: Visitor, services: Services, now: datetime) -> None:
    change(services, now, without_slots)
    slots = "/desk/calendar/slots"
    page = owner.open(f"{slots}?guide=1").text
    assert f'action="{slots}?guide=1"' in page
    typed = hidden(page, f"{slots}?guide=1") | {"weekday": "Friday", "at": "8:30", "time_zone": "Europe/Warsaw"}
    assert owner.client.post(f"{slots}?guide=1", data=typed).location == "/desk/readers/import/?guide=1"
    week = {"first": "2026-12-24", "last": "", "iso_week": "", "reason": "Christmas"}
    answer = owner.client.post("/desk/calendar/weeks-off?guide=1", data=hidden(page) | week)
    assert answer.location == f"{slots}?guide=1"


def test_an_import_that_is_not_over_is_where_its_step_goes_on(
    owner: Visitor, services: Services, now: datetime
) -> None:
    change(services, now, upload(UploadState.PAUSED))
    page = owner.open("/desk/readers/import/1/?guide=1").text
    assert "step 6 of 8: Readers" in words(owner.open("/desk/readers/import/1/?guide=1"))
    assert 'action="/desk/readers/import/1/resume?guide=1"' in page
    assert 'href="/desk/readers/import/1/?guide=1"' in owner.open(SETUP).text


def test_the_start_page_leads_to_the_next_step_until_the_guide_is_hidden(owner: Visitor) -> None:
    start = owner.open("/desk/").text
    assert 'href="/desk/settings/name?guide=1">Name your newsletter</a>' in start
    assert "1 of 8 steps are done" in words(owner.open("/desk/"))
    assert owner.press(SETUP, offer="no").location == "/desk/"
    assert "You can still open it from Settings" in owner.read("/desk/")
    assert "steps are done" not in owner.read("/desk/")
    assert f'href="{SETUP}"' in owner.open("/desk/settings/").text
    assert owner.press(SETUP, offer="yes").location == SETUP
    assert "1 of 8 steps are done" in owner.read("/desk/")


def test_once_nothing_is_missing_the_guide_leads_to_the_first_issue(
    owner: Visitor, services: Services, now: datetime
) -> None:
    change(services, now, column(name="Backs", postal_address="1 High Street", **REAL), write_issue)
    owner.press(TEST)
    with services.sessions.begin() as session:
        session.execute(update(OutboxMessage).values(state=OutboxState.SENT, reply="250 Ok"))
    report.keep_report(services.settings.data_dir, [], now)
    page = owner.read(SETUP)
    assert "Everything is set up" in page
    assert "Now for the first issue." in page
    assert 'href="/desk/issues/">Go to the issues</a>' in owner.open(SETUP).text
    assert "Hide the guide" not in page
    assert "steps are done" not in owner.read("/desk/")


def test_whoever_may_not_do_a_step_reads_whom_to_ask(enter: Enter, engage: Callable[..., Editor]) -> None:
    engage(Role.OWNER)
    viewer = enter(Role.VIEWER)
    page = viewer.read(SETUP)
    assert "Ask owner@desk.example ." in page
    assert "the list below says whom to ask" in page
    assert "/desk/settings/name" not in viewer.open(SETUP).text
    assert "Hide the guide" not in page
    assert viewer.client.post(SETUP, data={"offer": "no"}).status_code == 403
    editor = enter(Role.EDITOR)
    assert "Next: Test email" in editor.read(SETUP)
    assert 'rel="prev" href="/desk/settings/setup/"' in editor.open("/desk/calendar/slots?guide=1").text


def test_each_publication_has_a_guide_of_its_own(owner: Visitor, services: Services, now: datetime) -> None:
    sample_services.open_another_publication(services, now)
    page = owner.open(f"{SETUP}?publication=other").text
    assert "Set up The Other Letter" in page
    assert "/desk/settings/sender?guide=1&amp;publication=other" in page
    answer = owner.client.post(f"{SETUP}?publication=other", data=hidden(page) | {"offer": "no"})
    assert answer.location == "/desk/?publication=other"
    assert "steps are done" not in owner.read("/desk/?publication=other")
    assert "steps are done" in owner.read("/desk/?publication=backpainhelp")


def test_a_test_email_to_oneself_takes_one_press_and_shows_what_the_server_says(
    owner: Visitor, services: Services, now: datetime
) -> None:
    assert "you have none yet" in owner.read(TEST)
    assert owner.client.post(TEST).status_code == 409
    change(services, now, write_issue)
    assert owner.press(TEST).location == TEST
    with services.sessions.reading() as session:
        post = session.scalars(select(OutboxMessage)).one()
        assert (post.kind, post.address, post.state) == ("test", "owner@desk.example", OutboxState.PENDING)
    page = owner.open(TEST).text
    assert "It is waiting to be sent." in page
    seen = re.search(r'data-hx-get="([^"]+)"', page)
    assert seen
    assert owner.open(seen[1]).status_code == 204
    with services.sessions.begin() as session:
        session.execute(update(OutboxMessage).values(attempts=1, reply="451 4.7.1 <b>later"))
    part = owner.open(seen[1]).text
    assert "The server said: 451 4.7.1 &lt;b&gt;later" in re.sub(r'<span class="mono">', "", part)
    assert "has not been asked yet" in part
    with services.sessions.begin() as session:
        session.execute(update(OutboxMessage).values(state=OutboxState.FAILED, reply="550 5.7.26 unauthenticated"))
    assert owner.open(seen[1]).headers["HX-Refresh"] == "true"
    report.keep_report(services.settings.data_dir, sample_doctor.findings(now), now)
    page = owner.read(TEST)
    assert "The mail server refused it. The server said: 550 5.7.26 unauthenticated" in page
    assert "What the doctor says Error" in page
