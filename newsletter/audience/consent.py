"""Consent: an append-only record of every step of a reader's consent."""

import hashlib
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, Self

from sqlalchemy import Dialect, bindparam, select
from sqlalchemy import insert as plain_insert
from sqlalchemy.orm import Session

from newsletter.audience import client_ip
from newsletter.audience.models import Act, Channel, ConsentEvent, ImportedFile, Subscriber, Wording
from newsletter.audience.services import AudienceServices
from newsletter.db import insert
from newsletter.delivery import receipts
from newsletter.delivery.models import Receipt
from newsletter.prepared import Prepared, moment


class HasId(Protocol):
    """Anything with a subscription's id."""

    @property
    def id(self) -> int: ...


class Proof(NamedTuple):
    """What is stored with a step as evidence, beside what was done, when, and through which channel."""

    origin: str | None = None
    """Where the request came from, as `origin_of` makes it."""
    wording: str | None = None
    """The words that the reader was shown."""
    note: str | None = None
    letter_id: int | None = None
    """The letter whose link a reader left by."""
    message_id: str | None = None
    """The Message-ID of the letter that a reader confirms by."""
    reply: str | None = None
    """The mail server's reply to that letter."""
    operator: str | None = None
    """Who of the team did it, at the desk."""
    file_id: int | None = None
    """The imported file that says so (`store_file`)."""
    line: int | None = None
    """The line in that file."""


NO_PROOF = Proof()
_COLUMNS = tuple(name for name in Proof._fields if name != "wording")


class _Record(NamedTuple):
    """The statements of each consent step, compiled once, because on SQLite sign-ups wait for each other."""

    wording: Prepared
    add: Prepared

    @classmethod
    @lru_cache(maxsize=8)
    def for_dialect(cls, dialect: Dialect) -> Self:
        names = ("subscription_id", "act", "way", "at", "wording_id", *_COLUMNS)
        known = select(Wording.id).where(Wording.sha256 == bindparam("sha256"))
        return cls(
            Prepared(known, dialect),
            Prepared(plain_insert(ConsentEvent).values({name: bindparam(name) for name in names}).inline(), dialect),
        )


def record(
    session: Session, subscription: HasId, act: Act, channel: Channel, now: datetime, proof: Proof = NO_PROOF
) -> None:
    """Add one step: what was done, through which channel, and the evidence of it."""
    connection = session.connection()
    step: dict[str, Any] = {"subscription_id": subscription.id, "act": act.value, "way": channel.value}
    step["at"] = moment(connection.dialect, now)
    step["wording_id"] = store_wording(session, proof.wording).id if proof.wording else None
    step |= {name: getattr(proof, name) for name in _COLUMNS}
    _Record.for_dialect(connection.dialect).add.run(connection, step)


def record_choice(
    session: Session, audience: AudienceServices, subscription: HasId, note: str, client: str | None, now: datetime
) -> None:
    """Add the step of a reader who has chosen something by the link to their preferences; `note` says what."""
    record(session, subscription, Act.CHOSE, Channel.LINK, now, Proof(origin_of(audience, client), note=note))


def origin_of(services: AudienceServices, client: str | None) -> str | None:
    """What is stored of the client's address, as CONSENT_ORIGIN says."""
    return client_ip.consent_origin(services, client)


class StoredWording(NamedTuple):
    """A stored wording."""

    id: int
    sha256: str


def store_wording(session: Session, text: str) -> StoredWording:
    """Store a text that was shown or mailed, once for all readers who got the same; its id and hash."""
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    connection = session.connection()
    stored = _Record.for_dialect(connection.dialect).wording
    found = stored.run(connection, {"sha256": sha256})
    if not found:
        # Two concurrent first sign-ups may both get here; one of them inserts, and both read the same row.
        session.execute(insert(session, Wording).values(sha256=sha256, text=text).on_conflict_do_nothing())
        found = stored.run(connection, {"sha256": sha256})
    return StoredWording(found[0][0], sha256)


def store_file(session: Session, sha256: str, operator: str, now: datetime) -> int:
    """Store which file readers are imported from, and by whom; its id for `Proof`."""
    file = ImportedFile(sha256=sha256, operator=operator, at=now)
    session.add(file)
    session.flush()
    return file.id


class ConsentEmail(NamedTuple):
    """A mail that asked for consent: its receipt, and the text of its template if it is stored."""

    receipt: Receipt
    words: str | None

    def as_json(self) -> dict[str, Any]:
        """The mail as plain JSON values."""
        return {
            "at": self.receipt.at.isoformat(),
            "kind": self.receipt.kind,
            "state": self.receipt.state.value,
            "message_id": self.receipt.message_id,
            "answer": self.receipt.reply,
            "template": self.receipt.template,
            "wording": self.words,
        }


def consent_emails(session: Session, reader: Subscriber) -> list[ConsentEmail]:
    """The mails that asked for this reader's consent and got a reply from the mail server, oldest first."""
    found = session.scalars(receipts.select_receipts([one.id for one in reader.subscriptions])).all()
    texts = select(Wording.sha256, Wording.text).where(Wording.sha256.in_({one.template for one in found}))
    words = dict(session.execute(texts).all())
    return [ConsentEmail(one, words.get(one.template or "")) for one in found]
