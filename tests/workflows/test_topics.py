"""An issue goes to those who get at least one of its topics, and an issue without a topic to everybody."""

import pytest
from sqlalchemy import select

from newsletter import publications
from newsletter.audience import topics
from newsletter.audience.models import Subscriber, Subscription
from newsletter.db import Session
from newsletter.delivery.models import Copy
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue
from newsletter.editorial.source import issue_file
from newsletter.wiring import Services
from newsletter.workflows import issue_readiness, publish, resend_missed
from newsletter.workflows.recipients import Recipients
from tests import sample_services
from tests.originals import Fill
from tests.sample_services import NOW

READERS = {"all": (), "no-neck": ("neck",), "no-sleep": ("sleep",), "neither": ("neck", "sleep")}


@pytest.fixture
def filled() -> Fill:
    return sample_services.opened


def read(session: Session, name: str, *off: str) -> Subscription:
    reader = Subscriber(email=f"{name}@a.example", key=f"{name}@a.example", name="", created_at=NOW)
    session.add(reader)
    session.flush()
    tie = Subscription(subscriber_id=reader.id, publication_id=1, status="active", created_at=NOW, confirmed_at=NOW)
    session.add(tie)
    session.flush()
    topics.turn_off(session, [(tie.id, key) for key in off])
    return tie


def write(services: Services, session: Session, slug: str, tags: str) -> Issue:
    source = f"---\ntitle: {slug.title()}\nsubject: The subject of {slug}\ntags: [{tags}]\n---\nText.\n"
    text = issue_store.Text(issue_file.parse(source, f"2026-11-20-{slug}.md"), f"2026-11-20-{slug}.md", {})
    issue_store.save(session, publications.find(session), text, issue_store.BY_FILE, NOW)
    issue = issue_store.find(session, slug)
    issue_readiness.mark_ready(session, issue, services.links)
    return issue


@pytest.fixture
def chosen(services: Services) -> Services:
    with services.sessions.begin() as session:
        publications.find(session).topics = ["Neck", "Sleep"]
        for name, off in READERS.items():
            read(session, name, *off)
    return services


@pytest.mark.parametrize(
    ("tags", "readers"),
    [
        ("back", ["all", "neither", "no-neck", "no-sleep"]),
        ("back, NECK", ["all", "no-sleep"]),
        ("Neck, Sleep", ["all", "no-neck", "no-sleep"]),
    ],
)
def test_an_issue_goes_to_those_who_get_one_of_its_topics(chosen: Services, tags: str, readers: list[str]) -> None:
    with chosen.sessions.begin() as session:
        issue = write(chosen, session, "one", tags)
        assert Recipients.of_issue(session, issue).count(session, NOW) == len(readers)
        started = publish.send_now(session, chosen.letters, issue, NOW)
        copies = session.scalars(select(Copy.address).where(Copy.letter_id == started.letter_id))
        assert sorted(address.partition("@")[0] for address in copies) == readers
        late = read(session, "late", "neck")
        late.confirmed_at = NOW.replace(hour=13)
        session.flush()
        assert resend_missed.find_missed(session, issue, NOW.replace(hour=14)).joined == (tags != "back, NECK")


def test_a_scheduled_issue_keeps_its_topics_whatever_the_publication_offers_then(chosen: Services) -> None:
    with chosen.sessions.begin() as session:
        issue = write(chosen, session, "one", "neck")
        publish.schedule(session, chosen.letters, issue, NOW.replace(hour=13), NOW)
        issue.publication.topics = []
        session.flush()
        assert Recipients.of_issue(session, issue).count(session, NOW) == 2
        assert [one.copies for one in publish.publish_due(session, chosen.grace, NOW.replace(hour=13))] == [2]


def test_a_topic_that_comes_back_is_still_off(chosen: Services) -> None:
    with chosen.sessions.begin() as session:
        home, tie = publications.find(session), session.get_one(Subscription, 2)
        home.topics = ["Sleep"]
        topics.choose_topics(session, chosen.audience, tie, [], None, NOW)
        assert topics.names_off(session, tie) == ["Sleep", "neck"]
        topics.choose_topics(session, chosen.audience, tie, ["Sleep"], None, NOW)
        home.topics = ["Neck", "Sleep"]
        assert topics.names_off(session, tie) == ["Neck"]
        assert [event.note for event in tie.events] == ["topics turned off: Sleep", "topics turned off: none"]
