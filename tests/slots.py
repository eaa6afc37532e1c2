"""A publication with a weekly slot, a team, a reader and issues that are ready: for tests of slots and the queue."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import select

from newsletter import editors
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.services import AudienceServices, SignupCaps
from newsletter.db import Session, Sessions
from newsletter.delivery.models import OutboxMessage
from newsletter.delivery.transactional.outbox import Composed
from newsletter.delivery.workers import send_permission
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import IssueState
from newsletter.editorial.schedule import queue
from newsletter.editorial.source import issue_file
from newsletter.editors import Role
from newsletter.links import Links
from newsletter.publications import Publication, Slot, find
from newsletter.workflows import approve_issue, issue_readiness
from newsletter.workflows.approve_issue import Review
from tests.sample_services import LINKS, NOW
from tests.sample_source import issue_source

TITLES = ("A tight back", "A calm neck", "A stiff hip")
SLUGS = ("a-tight-back", "a-calm-neck", "a-stiff-hip")
GRACE = timedelta(hours=2)
TUESDAY = datetime(2026, 11, 24, 8, tzinfo=UTC)
"""The first slot: Tuesday 24 November 09:00 in Warsaw."""


def open_press(sessions: Sessions, links: Links, now: datetime) -> None:
    """All of it, armed a month ago, with nothing in the queue."""
    arm(sessions, now)
    with sessions.begin() as session:
        since = now - timedelta(days=30)
        home = Publication(
            slug="backpainhelp",
            name="BackPainHelp",
            sender_name="BackPainHelp",
            sender_address="letter@backpainhelp.example",
            postal_address="1 Example Street",
            time_zone="Europe/Warsaw",
            created_at=since,
            slots=[Slot(weekday=1, at=time(9), time_zone="Europe/Warsaw", since=since)],
        )
        session.add(home)
        for role in Role:
            editors.add(session, f"{role}@desk.example", role, now)
        ada = Subscriber(email="ada@reader.example", key="ada@reader.example", name="", created_at=now)
        tie = Subscription(subscriber=ada, publication=home, status=Status.ACTIVE, created_at=now)
        session.add_all([ada, tie])
        session.flush()
        for title in TITLES:
            write(session, title, now)
        for slug in SLUGS:
            issue_readiness.mark_ready(session, issue_store.find(session, slug), links)


def arm(sessions: Sessions, now: datetime) -> None:
    """Arm it a month ago."""
    with sessions.begin() as session:
        send_permission.arm(session, now - timedelta(days=30))


def opened(sessions: Sessions, _folder: Path) -> None:
    """Fill a database with that press; a copy of it is armed when it is made."""
    open_press(sessions, LINKS, NOW)


def write(session: Session, title: str, now: datetime, body: str = "Lie down for ten minutes.") -> None:
    """A new text for an issue, which makes it a draft."""
    slug = title.lower().replace(" ", "-")
    name = f"2026-11-24-{slug}.md"
    text = issue_store.Text(issue_file.parse(issue_source(title, body=body), name), name, {})
    issue_store.save(session, find(session), text, issue_store.BY_FILE, now)


def enqueue(sessions: Sessions, now: datetime, *slugs: str) -> None:
    with sessions.begin() as session:
        for slug in slugs:
            queue.add(session, issue_store.find(session, slug), now)


def queued(sessions: Sessions) -> list[str]:
    """What is in the queue, the first one first."""
    with sessions.reading() as session:
        return [issue.slug for issue in session.scalars(queue.listing(find(session).id))]


def approve(session: Session, links: Links, slug: str, now: datetime) -> None:
    """Somebody else says that an issue may go out as it is now."""
    issue = issue_store.find(session, slug)
    content = issue_readiness.approvable_content(issue, links)
    approve_issue.approve(session, links, issue, Review(content, "owner@desk.example"), now)


def states(sessions: Sessions) -> dict[str, IssueState]:
    """Where every issue stands, by its slug."""
    with sessions.reading() as session:
        return {issue.slug: issue_store.state(issue) for issue in session.scalars(issue_store.listing())}


def mails(sessions: Sessions) -> list[tuple[str, str]]:
    """The letters in the outbox: to whom, and what they say."""
    with sessions.reading() as session:
        return [(post.address, post.text) for post in session.scalars(select(OutboxMessage).order_by(OutboxMessage.id))]


def audience(links: Links) -> AudienceServices:
    """One that writes letters as their headline, slot, reason and remedy, a line each."""

    def compose(
        kind: str, _publication: Publication, fields: Mapping[str, str], _language: str | None = None
    ) -> Composed:
        words = "\n".join(fields[name] for name in ("headline", "slot", "why", "remedy"))
        return Composed(kind, subject=kind, html="", text=words)

    return AudienceServices(links, compose, SignupCaps(9, 9, 9), "none", b"")
