"""Services over the shipped publication and its issues, two of which are out, and a clock that tests set."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import exists, select, update

from newsletter import publications
from newsletter.audience import subscribers
from newsletter.audience.models import Subscription
from newsletter.audience.services import AudienceServices, SignupCaps
from newsletter.config import Settings
from newsletter.db import Base, Sessions
from newsletter.delivery.ledger import new_copies, partitions
from newsletter.delivery.models import Copy, CopyState, LetterState, OutboxMessage
from newsletter.delivery.transactional.outbox import Composed
from newsletter.editorial.images.pictures import FolderPictureStore
from newsletter.editorial.issues import corrections, import_export, issue_store
from newsletter.editorial.source import issue_file
from newsletter.links import Links
from newsletter.publications import Publication, toml_file
from newsletter.tokens import TokenSeal
from newsletter.wiring import Services
from newsletter.workflows import correct_issue, issue_readiness, publish
from newsletter.workflows.build_letter import LetterSettings
from tests.amending import amend

ISSUES = Path(__file__).parents[1] / "issues"
BASE_URL = "https://letters.example.org"
SECRET = "a secret that is for tests"
GRACE = timedelta(hours=2)
"""How late an issue may still go out, as it is set by default."""
LINKS = Links(BASE_URL, TokenSeal(b"a secret for tests"))
"""For tests that need no services."""
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OUT = ("unwind-a-tight-back", "under-the-hands")
"""The issues that have gone out, oldest first; the others wait unpublished."""
WAITING = "looser-by-degrees"


@dataclass
class Clock:
    """What an app takes the time from."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment

    def turn(self, **time: float) -> None:
        """Let so much time go by."""
        self.moment += timedelta(**time)


def build(sessions: Sessions, data_dir: Path, base_url: str = BASE_URL, **changes: Any) -> Services:
    """Services over these sessions, with nothing stored; a single letter is its fields as JSON."""
    settings = _settings(base_url, **changes).model_copy(update={"data_dir": data_dir})
    links = Links(base_url, TokenSeal(settings.secret))
    caps = SignupCaps(settings.signup_cap_address, settings.signup_cap_domain, settings.signup_cap_client)
    audience = AudienceServices(links, _compose, caps, settings.consent_origin, settings.secret)
    return Services(settings, sessions, links, audience, FolderPictureStore(data_dir / "pictures"))


@cache
def _settings(base_url: str, **changes: Any) -> Settings:
    # A developer's own .env lies in the folder that tests run in.
    return Settings(_env_file=None, base_url=base_url, secret_key=SECRET, **changes)


def open_publication(services: Services, now: datetime) -> None:
    """The shipped publication, without issues."""
    with services.sessions.begin() as session:
        toml_file.load(session, ISSUES / "publication.toml", now)


def stock(services: Services, now: datetime) -> None:
    """Load the shipped issues, and let two of them go out in the weeks before `now`."""
    with services.sessions.begin() as session:
        texts = import_export.read_folder(
            ISSUES, lambda name, content: services.pictures.import_file(session, name, content, now)
        )
        for text in texts:
            issue_store.save(session, publications.find(session), text, issue_store.BY_FILE, now)
            issue_readiness.mark_ready(session, issue_store.find(session, text.file.slug), services.links)
    for week, slug in enumerate(OUT, -len(OUT)):
        with services.sessions.begin() as session:
            publish.send_now(session, services.letters, issue_store.find(session, slug), now + timedelta(weeks=week))


def opened(sessions: Sessions, data_dir: Path) -> None:
    """Fill a database with the shipped publication."""
    open_publication(build(sessions, data_dir), NOW)


def stocked(sessions: Sessions, data_dir: Path) -> None:
    """Fill a database with the shipped publication and its issues, of which two went out."""
    opened(sessions, data_dir)
    stock(build(sessions, data_dir), NOW)


def open_another_publication(services: Services, now: datetime) -> None:
    """A second publication, without a weekly slot."""
    with services.sessions.begin() as session:
        other = {"slug": "other", "name": "The Other Letter", "sender_name": "The Other Letter"}
        other["postal_address"] = "2 Example Street"
        session.add(Publication(sender_address="other@letters.example", created_at=now, **other))


def send(services: Services, publication: str, slug: str, now: datetime) -> None:
    """Let a plain issue of a publication go out now."""
    source = f"---\ntitle: {slug.title()}\nsubject: The subject of {slug}\n---\nText.\n"
    name = f"2026-11-20-{slug}.md"
    with services.sessions.begin() as session:
        text = issue_store.Text(issue_file.parse(source, name), name, {})
        issue_store.save(session, publications.find(session, publication), text, issue_store.BY_FILE, now)
        issue_readiness.mark_ready(session, issue_store.find(session, slug), services.links)
        publish.send_now(session, services.letters, issue_store.find(session, slug), now)


def correct(sessions: Sessions, links: Links, slug: str, now: datetime) -> int:
    """Let an issue be over that every reader got, and mail a letter about its first correction; that letter's id."""
    with sessions.begin() as session:
        issue = issue_store.find(session, slug)
        assert issue.letter
        served = exists().where(Copy.letter_id == issue.letter_id, Copy.subscription_id == Subscription.id)
        readers = subscribers.active_recipients(issue.publication_id, ~served)
        copies = partitions.table_of(session.connection().dialect, issue.letter.id)
        session.execute(new_copies.adding(copies, issue.letter.id, readers, now))
        session.execute(update(Copy).where(Copy.letter_id == issue.letter_id).values(state=CopyState.SENT))
        issue.letter.state, issue.letter.finished_at = LetterState.FINISHED, now
        made = amend(
            session, issue, f"{issue.revision.source}\nTen minutes.\n", "Ten, not five.", "ann@press.example", now
        )
        order = correct_issue.MailingOrder("ann@press.example", corrections.seal(made))
        return correct_issue.mail_correction(session, LetterSettings(links), issue, made, order, now).letter_id


def letters(services: Services) -> list[dict[str, str]]:
    """The single letters in the outbox, oldest first: kind, address, and their fields."""
    with services.sessions.reading() as session:
        posts = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
        return [{"kind": post.kind, "address": post.address, **json.loads(post.text)} for post in posts]


def dump(services: Services) -> dict[str, list[str]]:
    """Every row of every table."""
    return dump_of(services.sessions)


def dump_of(sessions: Sessions) -> dict[str, list[str]]:
    """The same, of a database without services."""
    tables = Base.metadata.sorted_tables
    with sessions.reading() as session:
        return {table.name: sorted(map(repr, session.execute(table.select()))) for table in tables}


def path_of(url: str) -> str:
    """The path of one of our own addresses."""
    return url.removeprefix(BASE_URL)


def _compose(kind: str, _publication: Publication, fields: Mapping[str, str], language: str | None = None) -> Composed:
    spoken = {"language": language} if language else {}
    return Composed(kind, subject=kind, html="", text=json.dumps({**fields, **spoken}))
