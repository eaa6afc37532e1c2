"""Two publications in two windows: each page and form is of the one that it was opened for, whatever is chosen."""

import re
from datetime import datetime

import pytest

from newsletter import publications
from newsletter.audience import subscribers
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscriber, Subscription
from newsletter.editorial.issues import issue_store
from newsletter.editors import Role
from newsletter.publications import Publication
from newsletter.web.desk.roles import ANYONE, Route
from newsletter.web.desk.routes import ROUTES
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import WAITING
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, address_of, hidden, words

OURS, OTHER = "backpainhelp", "other"
OF_A_PUBLICATION = ("/calendar/", "/settings/", "/issues/new", "/readers/attributes/")
"""Where the routes are that change what a publication is, or begin something in it."""


@pytest.fixture(autouse=True)
def _other(services: Services, now: datetime) -> None:
    sample_services.open_another_publication(services, now)


@pytest.fixture
def owner(enter: Enter) -> Visitor:
    return enter(Role.OWNER)


def switch(visitor: Visitor, slug: str) -> None:
    """What somebody does in a second window."""
    assert visitor.client.post("/desk/publication", data={"publication": slug}).status_code == 303


def test_the_consent_history_of_a_reader_of_both_says_which_each_step_is_of(
    owner: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        ada = Subscriber(email="ada@example.org", key="ada@example.org", created_at=now)
        ada.subscriptions.append(imported_into(publications.find(session, OURS), now))
        session.add(ada)
    page = f"/desk/readers/{ada.subscriptions[0].id}/"
    alone = owner.read(page)
    with services.sessions.begin() as session:
        again = subscribers.find(session, "ada@example.org")
        again.subscriptions.append(imported_into(publications.find(session, OTHER), now))
    assert "(BackPainHelp)" not in alone
    assert "(BackPainHelp)" in owner.read(page)
    assert "Imported (The Other Letter)" in owner.read(page)


def imported_into(publication: Publication, now: datetime) -> Subscription:
    event = ConsentEvent(act=Act.IMPORTED, channel=Channel.IMPORT, at=now)
    return Subscription(publication=publication, status=Status.ACTIVE, created_at=now, events=[event])


def forms(page: str) -> list[str]:
    """The forms of a page that change something, but for those that are of no publication."""
    found = re.findall(r"<form\b[^>]*method=\"post\".*?</form>", page, re.DOTALL)
    return [form for form in found if "/desk/sign-out" not in form and "/desk/publication" not in form]


def kept(services: Services) -> dict[str, object]:
    """All that a form can change of either publication."""
    with services.sessions.reading() as session:
        return {one.slug: _told(one) for one in session.scalars(publications.all_publications())} | {
            "issues": [issue.slug for issue in session.scalars(issue_store.listing())]
        }


def _told(one: Publication) -> object:
    columns = [getattr(one, column.key) for column in Publication.__table__.columns]
    slots = [(slot.weekday, slot.at) for slot in one.slots]
    return columns, slots, [(week.first, week.last) for week in one.weeks_off]


def path_of(route: Route) -> str:
    """An address of that route that shows or changes something."""
    path = address_of(route.path).replace("/settings/nowhere", "/settings/rules")
    return path.replace("words/nowhere", "words/privacy")


def test_every_form_on_every_page_names_the_publication_that_the_page_is_of(owner: Visitor) -> None:
    pages = [one for one in ROUTES if one.method == "GET" and one.least is not ANYONE and "_anything" not in one.path]
    switch(owner, OURS)
    found = {one.name: forms(owner.client.get(path_of(one), follow_redirects=True).text) for one in pages}
    unnamed = [
        (name, form) for name in found for form in found[name] if f'name="publication" value="{OURS}"' not in form
    ]
    assert sum(map(len, found.values())) >= 25
    assert unnamed == []


def test_a_form_that_names_no_publication_or_two_changes_nothing(owner: Visitor, services: Services) -> None:
    posts = [one for one in ROUTES if one.method == "POST" and one.path.startswith(OF_A_PUBLICATION)]
    # The doctor looks at the whole machine.
    posts = [one for one in posts if one.path != "/settings/doctor/"]
    before = kept(services)
    for path in map(path_of, posts):
        for address, form in ((path, {}), (f"{path}?publication={OURS}", {"publication": OTHER})):
            answer = owner.client.post(address, data=form)
            assert answer.status_code == 409, address
            assert "publication" in words(answer)
    assert len(posts) > 8
    assert kept(services) == before


def test_rules_that_are_changed_in_one_window_are_not_the_others(owner: Visitor, services: Services) -> None:
    page = owner.open("/desk/settings/rules")
    switch(owner, OTHER)
    fields = hidden(page.text) | {"requires_approval": "on"}
    assert owner.client.post("/desk/settings/rules", data=fields).status_code == 303
    with services.sessions.reading() as session:
        assert publications.find(session, OURS).requires_approval
        assert not publications.find(session, OTHER).requires_approval


def test_a_new_slot_and_a_new_issue_are_of_the_window_that_they_were_typed_in(
    owner: Visitor, services: Services
) -> None:
    slots, begin = owner.open("/desk/calendar/slots").text, owner.open("/desk/issues/new").text
    switch(owner, OTHER)
    weekly = {"weekday": "Friday", "at": "18:00", "time_zone": "Europe/Warsaw"}
    new_slot = f"/desk/calendar/slots?publication={OURS}"
    answer = owner.client.post(new_slot, data=hidden(slots, new_slot) | weekly)
    assert answer.location == new_slot
    typed = {"title": "A new one", "subject": "A new one, in ten minutes"}
    assert owner.client.post("/desk/issues/new", data=hidden(begin, f"/desk/issues/new?publication={OURS}") | typed)
    with services.sessions.reading() as session:
        ours = publications.find(session, OURS)
        assert [slot.weekday for slot in ours.slots] == [1, 4]
        assert publications.find(session, OTHER).slots == []
        assert issue_store.find(session, "a-new-one").publication_id == ours.id


def test_an_empty_page_writes_for_the_publication_that_is_chosen_on_it_and_the_next_one_does_too(
    owner: Visitor, services: Services
) -> None:
    switch(owner, OURS)
    page = owner.open("/desk/issues/new").text
    assert f'<option value="{OURS}" selected>' in page.partition('id="for"')[2]
    form = hidden(page, f"/desk/issues/new?publication={OURS}") | {"body": "Sit less.", "for": OTHER}
    begun = owner.client.post(f"/desk/issues/new?publication={OURS}", data=form).location
    with services.sessions.reading() as session:
        assert issue_store.find(session, begun.split("/")[-2]).publication.slug == OTHER
    assert f'<option value="{OTHER}" selected>' in owner.open("/desk/issues/new").text.partition('id="for"')[2]


def test_a_window_stays_with_its_publication_from_page_to_page(owner: Visitor) -> None:
    switch(owner, OTHER)
    page = owner.open(f"/desk/issues/?publication={OURS}")
    assert "Looser by degrees" in words(page)
    around = re.findall(r'<a href="(/desk/[a-z]+/[^"]*)"', page.text.split("</nav>")[0])
    assert len(around) == 5
    assert all(link.endswith(f"?publication={OURS}") for link in around)


def test_an_issue_is_of_its_own_publication_whatever_is_chosen(owner: Visitor) -> None:
    switch(owner, OTHER)
    page = owner.open(f"/desk/issues/{WAITING}/?publication={OTHER}").text
    assert f'href="/desk/calendar/?publication={OURS}"' in page
    assert f'<option value="{OURS}" selected>' in page
    queue = f"/desk/issues/{WAITING}/queue"
    fields = hidden(page, queue) | {"back": "calendar"}
    assert owner.client.post(queue, data=fields).location == f"/desk/calendar/?publication={OURS}#queue"


def test_a_look_at_the_head_of_a_page_names_nothing_and_is_answered(owner: Visitor) -> None:
    assert owner.client.head("/desk/calendar/").status_code == 200


def test_a_publication_that_there_is_not_is_not_found(owner: Visitor) -> None:
    assert owner.open("/desk/calendar/?publication=none").status_code == 404


def test_with_one_publication_no_address_names_it(owner: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        session.delete(publications.find(session, OTHER))
    assert "publication=" not in owner.open("/desk/calendar/").text
