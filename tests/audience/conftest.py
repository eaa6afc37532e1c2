"""A small press for the audience's tests: a real store, real links, and a fake only at the border, for the words."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from newsletter.audience import preferences, signup
from newsletter.audience.models import ConsentEvent, Status, Subscriber, Subscription
from newsletter.audience.services import AudienceServices, SignupCaps
from newsletter.db import Sessions
from newsletter.delivery.ledger import partitions
from newsletter.delivery.models import Copy, Letter, OutboxMessage
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Composed
from newsletter.links import Links
from newsletter.publications import Publication
from tests.originals import Fill
from tests.sample_services import LINKS, NOW

WORDING = "Send me the weekly letter. I can leave at any time."
CLIENT = "203.0.113.77"


def compose(kind: str, publication: Publication, fields: Mapping[str, str], _language: str | None = None) -> Composed:
    filled = "\n".join(f"{name}={value}" for name, value in fields.items())
    return Composed(kind, f"{kind} of {publication.name}", "", filled, f"the words of a {kind} letter")


@dataclass(frozen=True)
class Press:
    """One publication and the store beneath it."""

    sessions: Sessions
    audience: AudienceServices
    publication: Publication
    now: datetime

    def run(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """One of the audience's functions, in a transaction of its own."""
        with self.sessions.begin() as session:
            return act(session, self.audience, *arguments)

    def subscribe(self, email: str, name: str = "", at: datetime | None = None, client: str | None = CLIENT) -> None:
        asked = signup.SignupRequest(email, name, client, WORDING)
        self.run(signup.subscribe, self.publication, asked, at or self.now)

    def confirm(self, email: str) -> Subscription:
        return self.run(signup.confirm, self.token("confirm", email), CLIENT, "Yes", self.now)

    def reader(self, email: str, name: str = "") -> Subscription:
        """Someone who asked and confirmed."""
        self.subscribe(email, name)
        return self.confirm(email)

    def pause(self, email: str, until: date) -> None:
        """They take a break until this day."""
        with self.sessions.begin() as session:
            subscription = session.get_one(Subscription, self.subscription(email).id)
            preferences.pause(session, self.audience, subscription, until, CLIENT, self.now)

    def letters(self, email: str) -> list[OutboxMessage]:
        with self.sessions.reading() as session:
            return list(
                session.scalars(select(OutboxMessage).where(OutboxMessage.address == email).order_by(OutboxMessage.id))
            )

    def answer_letters(self, reply: str) -> None:
        """The mail server takes every letter that waits, with these words."""
        with self.sessions.begin() as session:
            for letter in outbox.claim(session, "w", 9, self.now):
                outbox.sent(session, "w", letter.id, reply, self.now)

    def kinds(self, email: str) -> list[str]:
        return [letter.kind for letter in self.letters(email)]

    def token(self, kind: str, email: str) -> str:
        """What stands at the end of the link in the last letter of that kind."""
        text = [letter for letter in self.letters(email) if letter.kind == kind][-1].text
        return dict(line.split("=", 1) for line in text.splitlines())[f"{kind}_url"].rpartition("/")[2]

    def leave_token(self, email: str, letter_id: int = 0) -> str:
        return self.audience.links.unsubscribe(self.subscription(email).id, letter_id).rpartition("/")[2]

    def manage_token(self, email: str) -> str:
        return self.audience.links.manage(self.subscription(email).id, self.now).rpartition("/")[2]

    def preferences_token(self, email: str) -> str:
        return self.audience.links.preferences(self.subscription(email).id).rpartition("/")[2]

    def subscription(self, email: str) -> Subscription:
        with self.sessions.reading() as session:
            theirs = select(Subscription).join(Subscription.subscriber)
            return session.scalars(theirs.where(Subscriber.key == email.casefold())).one()

    def status(self, email: str) -> Status:
        return self.subscription(email).status

    def set_status(self, email: str, status: Status, **values: Any) -> None:
        with self.sessions.begin() as session:
            subscription = session.get_one(Subscription, self.subscription(email).id)
            for name, value in ({"status": status} | values).items():
                setattr(subscription, name, value)

    def acts(self, email: str) -> list[tuple[str, str]]:
        return [(event.act.value, event.channel.value) for event in self.events(email)]

    def events(self, email: str) -> Sequence[ConsentEvent]:
        with self.sessions.reading() as session:
            theirs = select(ConsentEvent).where(ConsentEvent.subscription_id == self.subscription(email).id)
            return session.scalars(theirs.order_by(ConsentEvent.id)).all()

    def queue_copy(self, email: str) -> int:
        """An issue with one copy that waits for this reader; the letter's id."""
        subscription = self.subscription(email)
        with self.sessions.begin() as session:
            letter = _letter(session, self.publication, self.now)
            reader = subscription.subscriber
            copy = {"letter_id": letter.id, "subscription_id": subscription.id, "not_before": self.now}
            with partitions.writing(session, letter.id) as copies:
                session.execute(insert(copies).values(copy | {"address": reader.email, "name": reader.name}))
            return letter.id

    def copy(self, letter_id: int) -> Copy:
        with self.sessions.reading() as session:
            return session.scalars(select(Copy).where(Copy.letter_id == letter_id)).one()

    def with_caps(self, **caps: int) -> "Press":
        return replace(self, audience=replace(self.audience, caps=replace(self.audience.caps, **caps)))


def opened(sessions: Sessions, _folder: Path) -> None:
    """Fill a database with the publication."""
    _publish(sessions, "back-pain-help", NOW)


def press_in(sessions: Sessions, folder: Path) -> Press:
    """The press in a database that has nothing else, for filling it further."""
    opened(sessions, folder)
    return Press(sessions, _audience(LINKS), _publication(sessions), NOW)


@pytest.fixture
def filled() -> Fill:
    return opened


@pytest.fixture
def audience(links: Links) -> AudienceServices:
    return _audience(links)


@pytest.fixture
def publication(sessions: Sessions) -> Publication:
    return _publication(sessions)


@pytest.fixture
def other_publication(sessions: Sessions, now: datetime) -> Publication:
    return _publish(sessions, "other", now)


@pytest.fixture
def press(sessions: Sessions, audience: AudienceServices, publication: Publication, now: datetime) -> Press:
    return Press(sessions, audience, publication, now)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Puts a list into a file."""

    def write(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "list.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.fixture
def together() -> Callable[..., list[Exception]]:
    """Run calls in threads that start at one signal; the errors they ended with."""

    def run(*calls: Callable[[], Any]) -> list[Exception]:
        barrier, errors = threading.Barrier(len(calls)), []

        def one(call: Callable[[], Any]) -> None:
            barrier.wait()
            try:
                call()
            except Exception as error:  # noqa: BLE001, RUF100  (the test looks at whatever it was)
                errors.append(error)

        threads = [threading.Thread(target=one, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return errors

    return run


def _audience(links: Links) -> AudienceServices:
    caps = SignupCaps(address=3, domain=500, client=20)
    return AudienceServices(links, compose, caps, "truncated", b"a key for tests")


def _publication(sessions: Sessions) -> Publication:
    with sessions.reading() as session:
        return session.scalars(select(Publication)).one()


def _publish(sessions: Sessions, slug: str, now: datetime) -> Publication:
    with sessions.begin() as session:
        publication = Publication(
            slug=slug, name=slug.title(), sender_name="Press", sender_address="press@example.org", created_at=now
        )
        session.add(publication)
        session.flush()
        session.refresh(publication)
    return publication


def _letter(session: Session, publication: Publication, now: datetime) -> Letter:
    letter = Letter(
        publication_id=publication.id,
        state="running",
        due_at=now,
        created_at=now,
        content_hash="0" * 64,
        sender_name="Press",
        sender_address="press@example.org",
        list_id="press.example.org",
        feedback_id="a:b:c:press",
        archive_url="https://letters.example.org/archive/one/",
        subject="One issue",
        html="",
        text="",
    )
    session.add(letter)
    session.flush()
    return letter
