"""Test mails: send an issue to a few people, marked as a test.

A test mail is identical to the real copy except for its marks: the subject, a line at the top, a header, its own
Message-ID, and links that change nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.audience import reader_search, subscribers
from newsletter.audience.address import Address
from newsletter.audience.models import Subscriber, Subscription
from newsletter.delivery.bounces import suppression
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.record import SMTP
from newsletter.delivery.bounces.report import Kind
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.message import compose
from newsletter.delivery.message.content import LetterContent
from newsletter.delivery.models import Letter, OutboxMessage, OutboxState
from newsletter.delivery.reports import clicks
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import diff, listing
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.issues.diff import Piece
from newsletter.editorial.models import Issue, Revision, SentTest
from newsletter.editorial.rendering import render
from newsletter.editors import Editor
from newsletter.errors import Invalid, Refused
from newsletter.links import Links, LinksOfATest
from newsletter.publications import Publication
from newsletter.workflows import build_letter, issue_readiness
from newsletter.workflows.build_letter import LetterSettings

KIND = "test"
MOST_AT_ONCE = 20
AN_HOUR = 60
"""How many test mails one person may send within an hour, because they could go to strangers."""
_REMEMBERED = 8
_LISTED = 20
_MARK = "X-Newsletter-Test: yes"

# Insert the line after the hidden preheader, so that the inbox shows the same preview as for readers.
_TOP = re.compile(r"<body[^>]*>(?:.{0,999}?<div[^>]*display:none.*?</span></div>)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sample:
    """The reader whose copy the test mail shows, whoever receives it."""

    name: str
    email: str
    subscription_id: int = 0
    """0 for a made-up reader."""
    source: str | None = None
    since: datetime | None = None

    @classmethod
    def from_subscription(cls, subscription: Subscription) -> "Sample":
        """A real reader."""
        reader, source, since = subscription.subscriber, *subscribers.source_and_since(subscription)
        return cls(reader.name, reader.email, subscription.id, source, since)


@dataclass(frozen=True, slots=True)
class Order:
    """A person's order to send test mails: where to, and as whose copy."""

    person: str
    to: Sequence[Address]
    reader: Sample


BUILT_IN = Sample("Alex", "alex@example.org")


@dataclass(frozen=True, slots=True)
class SentTestStatus:
    """A test mail and its outbox message."""

    test: SentTest
    post: OutboxMessage | None
    """None once it was deleted from the outbox."""
    bounce: str | None = None
    """Why it came back after it was sent, in the words of the report; None if nothing says that it did."""

    @property
    def is_open(self) -> bool:
        """Whether it is still pending or being sent."""
        return self.post is not None and self.post.state in {OutboxState.PENDING, OutboxState.SENDING}


def recipients(session: Session, typed: str) -> list[Address]:
    """The addresses in a text, each once; Invalid names each that cannot receive mail."""
    if not typed.strip():
        raise Invalid("Choose someone, or enter an address.")
    found: dict[str, Address] = {}
    faults = []
    for word in re.split(r"[\s,;]+", typed.strip(" \t\r\n,;")):
        try:
            address = Address.parse(word)
            found[address.key] = address
        except Invalid as error:
            faults.append(f"“{word[:80]}”: {error}")
    faults += [
        f"{found[key].email} is suppressed: it gets no email from here"
        for key in sorted(suppression.suppressed_keys(session, list(found)))
    ]
    if len(found) > MOST_AT_ONCE:
        faults.append(f"these are {len(found)} addresses; the limit is {MOST_AT_ONCE} at once")
    if faults:
        raise Invalid("\n".join(faults))
    return list(found.values())


def sample(session: Session, issue: Issue, subscription_id: int) -> Sample:
    """The reader of that subscription id, or the made-up one for 0; Invalid for another publication's reader."""
    if not subscription_id:
        return BUILT_IN
    subscription = session.get(Subscription, subscription_id)
    if subscription is None or subscription.publication_id != issue.publication_id:
        raise Invalid("This reader is no longer here; choose another one.")
    return Sample.from_subscription(subscription)


def sample_of(session: Session, issue: Issue, address: Address) -> Sample:
    """The reader with that address; Invalid if this publication has none."""
    person = Subscription.subscriber.has(Subscriber.key == address.key)
    found = session.scalar(select(Subscription).where(person, Subscription.publication_id == issue.publication_id))
    if found is None:
        raise Invalid(f"{issue.publication.name} has no reader {address.email}")
    return Sample.from_subscription(found)


def samples(session: Session, issue: Issue, search: str, most: int = 8) -> list[Sample]:
    """Readers whose address or name contains the search words; none for an empty search."""
    if not search.strip():
        return []
    found = reader_search.find(session, issue.publication_id, search, size=most)
    return [Sample.from_subscription(subscription) for subscription in found.page.rows]


def send_test(session: Session, letters: LetterSettings, issue: Issue, order: Order, now: datetime) -> list[SentTest]:
    """Queue a test mail to each address; Refused if this person has reached the hourly limit."""
    _mind_the_hour(session, order.person, len(order.to), now)
    letter = build_letter.current_letter(issue, letters, now)
    content = issue_readiness.content_of(issue, letter)
    tests = []
    for address in order.to:
        post = _post(session, issue, letter, address, now)
        tests.append(_note(session, issue, content, order.person, post, now))
        post.message = build_message(letter, letters.links, address, order.reader, tests[-1].id, now)
    return tests


def build_message(letter: Letter, links: Links, address: Address, reader: Sample, number: int, now: datetime) -> bytes:
    """A letter as an unsigned test mail; `number` makes its Message-ID unique."""
    marked = _marked(letter.content, links)
    template = compose.compile(marked, LinksOfATest.from_links(links), headers=[_MARK])
    # Negative, so that it never equals a real copy's id: mail programs hide one of two mails with the same Message-ID.
    # A made-up reader counts as confirmed now, so that the mail reads like most readers' copies.
    since = reader.since if reader.subscription_id else now
    copy = ClaimedCopy(-number, 0, reader.subscription_id, address.email, "", 0)
    return template.message(copy, now, ClaimedCopy(0, 0, 0, reader.email, reader.name, 0, reader.source, since))


def recent_tests(session: Session, issue: Issue) -> list[SentTestStatus]:
    """The latest test mails of an issue, newest first, with their outcome."""
    found = _with_posts().where(SentTest.issue_id == issue.id).limit(_LISTED)
    return [SentTestStatus(*row) for row in session.execute(found)]


def latest_test(session: Session, issue: Issue) -> SentTest | None:
    """The latest test mail of an issue."""
    return session.scalar(select(SentTest).where(SentTest.issue_id == issue.id).order_by(SentTest.id.desc()).limit(1))


def latest_to(session: Session, publication: Publication, address: str) -> SentTestStatus | None:
    """The latest test mail of a publication to that address; None if there is none, or it is no longer kept."""
    theirs = _with_posts().join(Issue, Issue.id == SentTest.issue_id).where(Issue.publication_id == publication.id)
    row = session.execute(theirs.where(OutboxMessage.key == mailboxes.mailbox_key(address)).limit(1)).first()
    return SentTestStatus(*row, bounce=_bounce(session, row[1])) if row and row[1] else None


def issue_to_try(session: Session, publication: Publication) -> Issue | None:
    """The issue that a test mail shows if none is named: the newest not yet sent, else the newest; no imported one."""
    return session.scalar(posts.without_imports(listing.issues_to_show(publication.id)).limit(1))


def recent_addresses(session: Session, person: str) -> list[str]:
    """The addresses this person last sent test mails to, newest first."""
    with_post = and_(SentTest.post_id == OutboxMessage.id, SentTest.at == OutboxMessage.created_at)
    addresses = select(OutboxMessage.address).join(SentTest, with_post).where(SentTest.person == person)
    newest = addresses.group_by(OutboxMessage.address).order_by(func.max(SentTest.id).desc()).limit(_REMEMBERED)
    return list(session.scalars(newest))


def suggested_addresses(lately: Iterable[str], team: Iterable[Editor]) -> list[str]:
    """Suggested recipients: recent ones, then the team."""
    every = [*lately, *(editor.email for editor in team)]
    return list({mailboxes.mailbox_key(email): email for email in reversed(every)}.values())[::-1]


def changed_since(session: Session, issue: Issue, revision_number: int) -> list[Piece]:
    """The diff from that revision to the newest one."""
    old = select(Revision.source).where(Revision.issue_id == issue.id, Revision.number == revision_number)
    return diff.compare(session.scalar(old) or "", issue.revision.source)


def _bounce(session: Session, post: OutboxMessage) -> str | None:
    # Filter by the key first, because it has an index.
    reports = select(BounceEvent.diagnostic).where(BounceEvent.key == post.key, BounceEvent.outbox_id == post.id)
    came_back = BounceEvent.kind == Kind.BOUNCE, BounceEvent.way != SMTP
    return session.scalar(reports.where(*came_back).limit(1))


def _mind_the_hour(session: Session, person: str, more: int, now: datetime) -> None:
    # Serialised, so that simultaneous requests are counted as well.
    session.execute(
        select(Editor.id).where(Editor.key == mailboxes.mailbox_key(person)).with_for_update(key_share=True)
    )
    lately = select(func.count()).where(SentTest.person == person, SentTest.at > now - timedelta(hours=1))
    sent = session.scalar(lately) or 0
    if sent + more > AN_HOUR:
        raise Refused(f"You sent {sent} test emails within an hour; the limit is {AN_HOUR}. Try again later.")


def _post(session: Session, issue: Issue, letter: Letter, address: Address, now: datetime) -> OutboxMessage:
    post_id = outbox.post(session, issue.publication, Addressee(address.email), Composed(KIND, "", "", ""), now)
    post = session.get_one(OutboxMessage, post_id)
    post.sender_address = letter.sender_address
    return post


def _note(
    session: Session, issue: Issue, content: Content, person: str, post: OutboxMessage, now: datetime
) -> SentTest:
    test = SentTest(
        issue_id=issue.id,
        person=person,
        at=now,
        post_id=post.id,
        revision_number=content.revision_number,
        content_hash=content.content_hash,
    )
    session.add(test)
    session.flush()
    return test


def _marked(letter: LetterContent, links: Links) -> LetterContent:
    for_html, for_text = render.test_note()
    html = clicks.without_tracking(letter.html, links)
    top = _TOP.search(html)
    at = top.end() if top else 0
    return replace(
        letter,
        subject=f"[Test] {letter.subject}",
        html=html[:at] + for_html + html[at:],
        text=f"{for_text}\n{letter.text}",
    )


def _with_posts() -> Select[SentTest, OutboxMessage]:
    return (
        select(SentTest, OutboxMessage)
        # Before migration 0021 SQLite could reuse the id of a deleted message.
        .outerjoin(OutboxMessage, and_(OutboxMessage.id == SentTest.post_id, OutboxMessage.created_at == SentTest.at))
        .order_by(SentTest.id.desc())
    )
