"""A press that has grown: a million readers, 1,200 issues, 78,000 copies and years of acts, made in bulk."""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, String, case, cast, func, insert, literal, select, text
from sqlalchemy.orm import Session

from bench.press import LINKS
from bench.stock import ISSUES
from newsletter import editors, migrations_runner
from newsletter.audience import attributes, search_index
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.attributes import AttributeValues
from newsletter.audience.models import Act, Channel, ConsentEvent, Subscriber, Subscription
from newsletter.audit import AuditEntry, issue_subject
from newsletter.db import Base, Sessions, UtcDateTime, open_engine
from newsletter.delivery.ledger import partitions
from newsletter.delivery.models import Cause, Copy, CopyState, Letter, LetterState, Suppression
from newsletter.delivery.reports import stats
from newsletter.editorial.images.pictures import FolderPictureStore
from newsletter.editorial.issues import import_export, issue_store
from newsletter.editorial.models import Issue, Readiness, Revision, RevisionPicture
from newsletter.editorial.schedule import queue
from newsletter.editors import Role
from newsletter.publications import toml_file
from newsletter.workflows import issue_readiness, publish
from newsletter.workflows.build_letter import LetterSettings

OWNER, PASSWORD = "owner@desk.example", "correct horse battery"
SENT, DRAFT, READY = "sent-1", "draft-1", "ready-1"
"""Slugs of issues with much to tell: that went out to many, and with as many revisions as `Size` says."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of everything."""

    readers: int = 1_000_000
    sent: int = 1_000
    drafts: int = 100
    ready: int = 100
    copies: int = 78_000
    """Of all issues together; a quarter of them are of the newest."""
    acts: int = 20_000
    revisions: int = 300
    attributes: int = 40


def fill(url: str, data_dir: Path, size: Size) -> None:
    """Migrate an empty database and fill it."""
    engine, now = open_engine(url), datetime.now(UTC)
    migrations_runner.upgrade(engine)
    sessions = Sessions(engine)
    _one_of_each(sessions, data_dir, now)
    with sessions.begin() as session:
        _readers(session, size.readers, now)
        _describe(session, size.attributes)
        _issues(session, size, now)
        _copies(session, size, now)
        _acts(session, size.acts, now)
    for letter_id in range(1, size.sent + 1):
        stats.store_stats(sessions, letter_id)
    _index(sessions)
    _settle(engine)
    engine.dispose()


def _one_of_each(sessions: Sessions, data_dir: Path, now: datetime) -> None:
    """A publication, an issue that went out to nobody, and the owner of the desk."""
    pictures = FolderPictureStore(data_dir / "pictures")
    with sessions.begin() as session:
        home, _ = toml_file.load(session, ISSUES / "publication.toml", now)
        path = ISSUES / "2026-11-24-unwind-a-tight-back.md"
        (found,) = import_export.read_folder(
            path, lambda name, content: pictures.import_file(session, name, content, now)
        )
        issue = issue_store.create(session, home, found, issue_store.BY_FILE, now)
        issue_readiness.mark_ready(session, issue, LINKS)
        publish.send_now(session, LetterSettings(LINKS), issue, now - timedelta(days=9_000))
        editors.set_password(editors.add(session, OWNER, Role.OWNER, now), PASSWORD)


def _readers(session: Session, count: int, now: datetime) -> None:
    numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < count))
    n, at = numbers.c.n, literal(now, UtcDateTime())
    name = case((n % 3 == 0, "Łukasz "), (n % 3 == 1, "Ada "), else_="Reader ") + cast(n, String)
    folded = case((n % 3 == 0, " lukasz "), (n % 3 == 1, " ada "), else_=" reader ") + cast(n, String)
    address = _text("reader", n, "@mail", n % 500, ".example")
    status = case((n % 20 < 17, "active"), (n % 20 == 17, "pending"), (n % 20 == 18, "unsubscribed"), else_="bounced")
    left = n % 20 == 18
    for table, cells in (
        (
            Subscriber,
            {
                "id": n,
                "email": address,
                "key": address,
                "name": name,
                "created_at": at,
                "search": folded + " " + address,
            },
        ),
        (Subscription, {"id": n, "subscriber_id": n, "publication_id": 1, "status": status, "created_at": at}),
        (
            ConsentEvent,
            {"id": n, "subscription_id": n, "act": case((left, Act.LEFT.value), else_=Act.CONFIRMED.value)}
            | {"way": Channel.LINK.value, "at": at, "note": case((left, _text("letter ", n % 50 + 2)))},
        ),
    ):
        session.execute(insert(table).from_select(list(cells), select(*(_cell(each) for each in cells.values()))))
    gone = {
        "key": _text("reader", n * 100, "@mail", n * 100 % 500, ".example"),
        "cause": Cause.BOUNCE.value,
        "at": at,
        "folded": False,
    }
    some = select(*(_cell(each) for each in gone.values())).where(n <= count // 200)
    session.execute(insert(Suppression).from_select(list(gone), some))


def _describe(session: Session, count: int) -> None:
    """Two readers in three have a value of each attribute: a word, a number, a day, or something else."""
    n = Subscription.id
    known = attributes.ensure_attributes(
        session, 1, {f"Attribute {number}": list(AttributeType)[number % 4] for number in range(count)}
    )
    values = {
        AttributeType.TEXT: _text("town ", n % 400),
        AttributeType.NUMBER: cast(n % 90, String),
        AttributeType.DATE: _text("2026-0", n % 9 + 1, "-1", n % 9),
        AttributeType.BOOLEAN: case((n % 5 == 0, "perhaps"), (n % 2 == 0, "yes"), else_="no"),
    }
    for part in sorted({one.part for one in known.values()}):
        cells = {
            one.column_name: case((n % 3 != one.position % 3, values[one.type]))
            for one in known.values()
            if one.part == part
        }
        rows = select(literal(1), literal(part), n, *cells.values()).order_by(n)
        session.execute(
            insert(AttributeValues).from_select(["publication_id", "part", "subscription_id", *cells], rows)
        )


def _issues(session: Session, size: Size, now: datetime) -> None:
    source, printed = session.get_one(Issue, 1).revision, session.get_one(Letter, 1)
    frozen = {column.name: getattr(printed, column.name) for column in Letter.__table__.columns if column.name != "id"}
    hours = [now - timedelta(days=7 * number) for number in range(1, size.sent)]
    begun = [
        {"id": place, "state": LetterState.FINISHED, "due_at": at, "started_at": at, "finished_at": at}
        for place, at in enumerate(hours, 2)
    ]
    session.execute(insert(Letter), [frozen | row for row in begun])
    kinds = ("sent", size.sent - 1), ("draft", size.drafts), ("ready", size.ready)
    slugs = [f"{kind}-{number}" for kind, count in kinds for number in range(1, count + 1)]
    session.execute(insert(Issue), [_issue(place, slug, size, now) for place, slug in enumerate(slugs, 2)])
    text_of = {name: getattr(source, name) for name in ("source", "sha256", "author", "created_at")}
    for place, slug in enumerate(slugs, 2):
        count = size.revisions if slug in {SENT, DRAFT} else 1
        told = text_of["source"].replace("title: ", f"title: {slug} ", 1)
        rows = [{"issue_id": place, "number": number, "source": f"{told} {number}"} for number in range(1, count + 1)]
        session.execute(insert(Revision), [text_of | row for row in rows])
    shown = select(Revision.id, RevisionPicture.name, RevisionPicture.file_name)
    shown = shown.join(RevisionPicture, RevisionPicture.revision_id == source.id).where(Revision.id != source.id)
    session.execute(insert(RevisionPicture).from_select(["revision_id", "name", "file_name"], shown))
    for slug in [slug for slug in slugs if slug.startswith("ready")][1::4]:
        queue.add(session, issue_store.find(session, slug), now)


def _issue(place: int, slug: str, size: Size, now: datetime) -> dict[str, Any]:
    is_sent, title = slug.startswith("sent"), f"{slug}: a title of some length about a tight back"
    return {
        "id": place,
        "publication_id": 1,
        "slug": slug,
        "file_name": f"2020-01-01-{slug}.md",
        "title": title,
        "subject": f"{title}, and a subject that says a little more",
        "readiness": Readiness.DRAFT if slug.startswith("draft") else Readiness.READY,
        "created_at": now,
        "revision_number": size.revisions if slug in {SENT, DRAFT} else 1,
        "frozen_number": 1 if is_sent else None,
        "letter_id": place if is_sent else None,
    }


def _copies(session: Session, size: Size, now: datetime) -> None:
    partitions.open_for(session.connection(), range(2, size.sent + 1))
    of_newest = size.copies // 4
    each = (size.copies - of_newest) // (size.sent - 1)
    counts = {letter: of_newest if letter == 2 else each for letter in range(2, size.sent + 1)}
    rows = [_copy(letter, reader, now) for letter, count in counts.items() for reader in range(1, count + 1)]
    session.execute(insert(Copy), rows)


def _copy(letter: int, reader: int, now: datetime) -> dict[str, Any]:
    is_sent = bool(reader % 9)
    said = {"code": 250, "status": "2.0.0"} if is_sent else {"code": 550, "status": f"5.{reader % 8}.1"}
    return said | {
        "letter_id": letter,
        "subscription_id": reader,
        "address": f"reader{reader}@mail{reader % 500}.example",
        "state": CopyState.SENT if is_sent else CopyState.REFUSED,
        "not_before": now,
        "ended_at": now - timedelta(seconds=reader),
        "reply": f"queue id {letter:x}{reader:05x} said so, kind {reader % 20}",
    }


def _acts(session: Session, count: int, now: datetime) -> None:
    common = {"role": "editor", "kind": "issue", "details": {"title": "what was done"}, "network": "192.0.2.0"}
    people, acts = 40, 60
    session.execute(
        insert(AuditEntry),
        [
            common
            | {
                "at": now,
                "who": f"person{n % people}@desk.example",
                "act": f"act {n % acts}",
                "about": issue_subject(n % 20 + 2),
            }
            for n in range(count)
        ],
    )


def _index(sessions: Sessions) -> None:
    """What the worker does by itself within some minutes."""
    is_left = True
    while is_left:
        with sessions.begin() as session:
            is_left = search_index.index_some(session) > 0


def _settle(engine: Engine) -> None:
    """What PostgreSQL does by itself within a day; SQLite does nothing."""
    if engine.dialect.name != "postgresql":
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in Base.metadata.sorted_tables:
            if "id" in table.columns and table.columns["id"].autoincrement:
                last = select(func.max(table.c.id)).scalar_subquery()
                connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last)))
        connection.execute(text("VACUUM ANALYZE"))


def _text(*parts: str | ColumnElement[int]) -> ColumnElement[str]:
    texts: Iterator[ColumnElement[str]] = (
        literal(part) if isinstance(part, str) else cast(part, String) for part in parts
    )
    return reduce(operator.add, texts)


def _cell(value: Any) -> ColumnElement[Any]:
    return value if isinstance(value, ColumnElement) else literal(value)
