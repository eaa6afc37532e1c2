"""Recording: a report becomes events, each tied to the copy or the single letter that it is about, once a source."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.characters import as_line
from newsletter.db import insert
from newsletter.delivery.bounces import events
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.report import Hardness, Kind, Reason, Recipient, Report
from newsletter.delivery.message import compose
from newsletter.delivery.models import Copy, CopyNote, Note, OutboxMessage
from newsletter.errors import Invalid
from newsletter.tokens import TokenSeal

MOST_RECIPIENTS = 50
SMTP = "smtp"
"""The way of a refusal within the SMTP dialogue."""
_MOST_WORDS = 2_000
_LONGEST_SOURCE = 200
_NOTES = {Kind.BOUNCE: Note.BOUNCED, Kind.COMPLAINT: Note.COMPLAINED}
_NOBODY = Recipient("", None, Reason.UNDEFINED)
_POST_ID = re.compile(r"[0-9]{20}\.([0-9]{1,18})@.+")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lookups:
    """What tells whom and what a report is about."""

    seal: TokenSeal
    groups: ProviderGroups
    readers_of: Callable[[str], Collection[int]]
    """The subscriptions of an address, by its key."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a report comes from."""

    source: str
    """The same for the same report, however often it comes: `ses:<event id>`, or `sha256:<digest of the mail>`."""
    way: str
    """How it came in: pipe, mailbox, lmtp, or the provider's name."""
    at: datetime | None = None
    """When it happened, if the source says so; else the present time counts."""
    raw: bytes = b""
    is_authentic: bool = False
    """Whether its origin is proven, as by a signed webhook: then an address alone is enough to act on."""


@dataclass(frozen=True, slots=True)
class SmtpRefusal:
    """A server's refusal of a reader within the SMTP dialogue, which ended a mail of ours unsent."""

    address: str
    code: int
    status: str
    reply: str
    command: str = ""
    """The command that was answered: RCPT, DATA, or empty if unknown."""
    copy_id: int | None = None
    letter_id: int | None = None
    subscription_id: int | None = None
    outbox_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Match:
    """What a report is about, by our own ids; all None if it does not say so, or wrongly."""

    copy: Copy | None = None
    post: OutboxMessage | None = None
    subscription_id: int | None = None
    """The subscription whose unsubscribe address it came to."""
    letter_id: int | None = None

    @property
    def address(self) -> str:
        return (self.copy.address if self.copy else self.post.address if self.post else "") or ""


def store_events(session: Session, known: Lookups, report: Report, origin: Origin, now: datetime) -> list[BounceEvent]:
    """Keep what a report says, an event for each recipient, none decided about; empty if it was kept before."""
    match = _match(session, known.seal, report)
    if origin.is_authentic and _is_nobodys(match):
        match = _match_address(session, known, report, min(origin.at or now, now))
    # Its reader was erased since: only a copy without an address is left.
    if not _is_nobodys(match) and not match.address:
        report, origin = _without_person(report, origin)
    heard = [
        _event(match, known.groups, report, recipient, place, origin, now)
        for place, recipient in enumerate(report.recipients[:MOST_RECIPIENTS] or (_NOBODY,))
    ]
    new_events = [event for each in heard if (event := events.add(session, each))]
    if new_events:
        _keep_evidence(session, match, report, origin, new_events[0], now)
    tell = log.debug if report.kind is Kind.DELIVERED else log.info
    tell("report received", way=origin.way, kind=report.kind.value, bounces=[one.id for one in new_events])
    return new_events


def _keep_evidence(
    session: Session, match: _Match, report: Report, origin: Origin, event: BounceEvent, now: datetime
) -> None:
    # There may be a million deliveries, and nobody needs their raw text, nor a line in the log for each.
    if origin.raw and report.kind is not Kind.DELIVERED:
        events.keep_raw(session, event.source, origin.raw, now)
    if match.copy and (note := _NOTES.get(report.kind)):
        _note(session, match.copy, note, event, now)


def record_refusals(
    connection: Connection, refusals: Iterable[SmtpRefusal], groups: ProviderGroups, now: datetime
) -> None:
    """Keep these beside what comes back as a bounce; the worker decides about them by the same policy."""
    if rows := [_refusal_row(one, groups, now) for one in refusals]:
        events.add_all(connection, rows)


def _refusal_row(refusal: SmtpRefusal, groups: ProviderGroups, now: datetime) -> dict[str, Any]:
    from newsletter.delivery.bounces.classify import classify  # its phrases take memory, and refusals are rare

    code = str(refusal.code)
    found = classify(f"{code} {refusal.reply}", refusal.status, code, command=refusal.command)
    ids = {name: getattr(refusal, name) for name in ("copy_id", "letter_id", "subscription_id", "outbox_id")}
    return ids | {
        "source": f"{SMTP}:{refusal.copy_id or f'single {refusal.outbox_id}'}",
        "way": SMTP,
        "kind": Kind.BOUNCE,
        # A server that said "not now" for a day has not said "never".
        "hardness": Hardness.SOFT if code.startswith("4") else found.hardness,
        "reason": found.reason,
        "status": refusal.status,
        "code": code,
        "diagnostic": refusal.reply[:_MOST_WORDS],
        "key": mailboxes.mailbox_key(refusal.address),
        "provider_group": groups.of_address(refusal.address),
        "at": now,
        "received_at": now,
    }


def _event(
    match: _Match,
    groups: ProviderGroups,
    report: Report,
    recipient: Recipient,
    place: int,
    origin: Origin,
    now: datetime,
) -> BounceEvent:
    # It counts for the address that the mail was sent to, whatever name the other server uses for it.
    address = match.address or (recipient.address if origin.is_authentic and _is_nobodys(match) else "")
    key = mailboxes.mailbox_key(as_line(address).strip())[:254]
    return BounceEvent(
        source=_source(origin.source),
        place=place,
        way=origin.way,
        kind=_kind_for(report, recipient),
        hardness=recipient.hardness,
        reason=recipient.reason,
        status=as_line(recipient.status)[:12],
        code=as_line(recipient.code)[:3],
        diagnostic=as_line(recipient.diagnostic)[:_MOST_WORDS],
        mta=as_line(recipient.mta)[:253],
        copy_id=match.copy.id if match.copy else None,
        letter_id=match.copy.letter_id if match.copy else match.letter_id,
        subscription_id=match.copy.subscription_id if match.copy else match.subscription_id,
        outbox_id=match.post.id if match.post else None,
        key=key,
        provider_group=groups.of_address(key) if key else "",
        at=min(origin.at or now, now),
        received_at=now,
        is_forgiven=False,
    )


def _kind_for(report: Report, recipient: Recipient) -> Kind:
    """What it is for one recipient: a report names its gravest, and an alias may reach some mailboxes of several."""
    if report.kind not in {Kind.BOUNCE, Kind.DELAY}:
        return report.kind
    if recipient.reason is Reason.DELIVERED:
        return Kind.DELIVERED
    return Kind.DELAY if recipient.action == "delayed" else report.kind


def _source(text: str) -> str:
    plain = as_line(text)
    # Two values that differ only in what is cut off must not be taken for one.
    return plain if len(plain) <= _LONGEST_SOURCE else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _is_nobodys(match: _Match) -> bool:
    return match.copy is None and match.post is None


def _without_person(report: Report, origin: Origin) -> tuple[Report, Origin]:
    bare = (replace(one, address="", diagnostic="") for one in report.recipients)
    return replace(report, recipients=tuple(bare)), replace(origin, raw=b"")


def _match(session: Session, seal: TokenSeal, report: Report) -> _Match:
    """By the signed return address first, by our Message-ID second."""
    local = report.return_path.rpartition("@")[0] or report.return_path
    token = local.partition("+")[2] or local
    with suppress(Invalid):
        return _of_reader(session, *seal.open_local_part("unsubscribe", token))
    for purpose, name in _ids(seal, token, report.message_id):
        copy = _copy(session, name) if purpose == "copy" else None
        post = session.get(OutboxMessage, name) if purpose == "post" else None
        if purpose == "message" and (post := session.get(OutboxMessage, name)) and not _is_its_id(post, report):
            post = None
        if copy or post:
            return _Match(copy, post)
    return _Match()


def _match_address(session: Session, known: Lookups, report: Report, at: datetime) -> _Match:
    """Match by the address, as a last resort: some providers report nothing else. The copy sent there last is meant."""
    keys = {mailboxes.mailbox_key(one.address) for one in report.recipients}
    copy = events.last_copy_to(session, known.readers_of(min(keys)), at) if len(keys) == 1 else None
    return _Match(copy if copy and mailboxes.mailbox_key(copy.address) in keys else None)


def _of_reader(session: Session, subscription_id: int, letter_id: int) -> _Match:
    # The address works for longer than copies are kept.
    copy = select(Copy).where(Copy.letter_id == letter_id, Copy.subscription_id == subscription_id)
    return _Match(session.scalar(copy), None, subscription_id, letter_id or None)


def _ids(seal: TokenSeal, token: str, message_id: str) -> Iterator[tuple[str, int]]:
    with suppress(Invalid):
        yield "copy", seal.open_local_part("bounce", token)[0]
    with suppress(Invalid):
        yield "post", seal.open_local_part("post", token)[0]
    name = message_id.strip("<> ")
    with suppress(Invalid):
        yield "copy", seal.open("message", name.rpartition("@")[0])[0]
    if found := _POST_ID.fullmatch(name):
        yield "message", int(found[1])


def _is_its_id(post: OutboxMessage, report: Report) -> bool:
    # Only the time makes this Message-ID hard to forge; a report about a single letter comes to a signed address.
    return report.message_id.strip("<> ") == compose.message_id(post.content)


def _copy(session: Session, copy_id: int) -> Copy | None:
    # Letter by letter, else PostgreSQL looks into every partition.
    return session.scalar(select(Copy).where(Copy.id == copy_id))


def _note(session: Session, copy: Copy, note: Note, event: BounceEvent, now: datetime) -> None:
    """Note what became known about a copy after it was sent; the first note of a kind stays."""
    row = insert(session, CopyNote).values(copy_id=copy.id, kind=note, at=now, detail=event.account)
    session.execute(row.on_conflict_do_nothing())
