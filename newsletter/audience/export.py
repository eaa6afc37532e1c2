"""Export of subscribers with all that is known of them, as CSV or JSON lines, in flat memory."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from json.encoder import encode_basestring
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Dialect, String, func, select, type_coerce
from sqlalchemy.orm import Session

from newsletter.audience.models import ConsentEvent, ImportedFile, Subscriber, Subscription, Wording
from newsletter.audience.tags import Attribute, SubscriptionAttribute, SubscriptionTag, Tag
from newsletter.audience.topics import TopicOff
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.formulas import are_plain, csv_cell, quoted
from newsletter.prepared import Prepared, encode_rows, listed

T = TypeVar("T")

_BATCH = 2_000
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_MOMENTS = ("created_at", "confirmed_at", "left_at", "paused_until")
COLUMNS = ("email", "name", "status", *_MOMENTS, "source", "delivery_hour", "delivery_zone", "pace")
"""The columns of a CSV export that are one value each; `csv_pieces` tells what follows."""

_CONSENT = {
    "at": ConsentEvent.at,
    "act": ConsentEvent.act,
    "way": ConsentEvent.channel,
    "origin": ConsentEvent.origin,
    "note": ConsentEvent.note,
    "letter": ConsentEvent.letter_id,
    "wording": Wording.text,
    "message_id": ConsentEvent.message_id,
    "reply": ConsentEvent.reply,
    "operator": ConsentEvent.operator,
    "file": ImportedFile.sha256,
    "line": ConsentEvent.line,
}


class ExportedReader(NamedTuple):
    """One subscription with everything that is known of it; every moment in ISO 8601."""

    values: Sequence[str | int | None]
    """As in COLUMNS."""
    suppressed: Mapping[str, str]
    """The causes for which the address is suppressed, and since when."""
    tags: Sequence[str]
    topics_off: Sequence[str]
    """The keys of the topics that are turned off."""
    attributes: Mapping[str, str]
    consent: str
    """Each step, oldest first, without what is empty, as JSON."""


def exported_readers(
    session: Session, publication_id: int, *conditions: ColumnElement[bool]
) -> Iterator[ExportedReader]:
    """Every subscription that meets these conditions, oldest first."""
    return chain.from_iterable(_batches(session, publication_id, *conditions))


def csv_pieces(session: Session, publication_id: int, *conditions: ColumnElement[bool]) -> Iterator[str]:
    """A CSV file (RFC 4180) in pieces: a header, then a line for each subscription; no cell is a formula.

    `suppressed` lists the causes for which the address is suppressed, with a space between them; `tags` and
    `topics_off` are lines of CSV themselves, and `consent` is the JSON of its steps. Each attribute has a column of
    its own.
    """
    ours = select(Attribute.name).where(Attribute.publication_id == publication_id).order_by(Attribute.key)
    names = list(session.scalars(ours))
    yield _line([*COLUMNS, "suppressed", "tags", "topics_off", "consent", *map(csv_cell, names)])
    for batch in _batches(session, publication_id, *conditions):
        yield "".join([_line(_cells(reader, names)) for reader in batch])


def json_lines(session: Session, publication_id: int, *conditions: ColumnElement[bool]) -> Iterator[str]:
    """An object for each subscription, on a line of its own; `suppressed` tells since when, for each cause."""
    for reader in exported_readers(session, publication_id, *conditions):
        details = {
            "suppressed": reader.suppressed,
            "tags": reader.tags,
            "topics_off": reader.topics_off,
            "attributes": reader.attributes,
        }
        known = _encode(dict(zip(COLUMNS, reader.values, strict=True)) | details)
        yield f'{known[:-1]},"consent":{reader.consent}}}\n'


def _batches(session: Session, publication_id: int, *conditions: ColumnElement[bool]) -> Iterator[list[ExportedReader]]:
    columns = select(
        Subscription.id,
        Subscriber.key,
        Subscriber.email,
        Subscriber.name,
        type_coerce(Subscription.status, String),
        *(type_coerce(getattr(Subscription, name), String) for name in _MOMENTS),
        Subscription.source,
        Subscription.delivery_hour,
        Subscription.delivery_zone,
        type_coerce(func.coalesce(Subscription.next_pace, Subscription.pace), String),
    ).join(Subscription.subscriber)
    ours = columns.where(Subscription.publication_id == publication_id, *conditions).order_by(Subscription.id)
    found = session.connection().execute(ours, execution_options={"yield_per": _BATCH})
    yield from (_with_details(session, batch) for batch in found.partitions())


def _with_details(session: Session, batch: Sequence[Any]) -> list[ExportedReader]:
    # A select of its own for each kind of detail, and each batch: a join would repeat a reader for every detail.
    connection, asked = session.connection(), {"rows": encode_rows(row[0] for row in batch)}
    tags, topics_off, attributes, steps = (each.run(connection, asked) for each in _details(connection.dialect))
    tags_of, topics_of = _grouped(tags), _grouped(topics_off)
    consent_of = _grouped((row[0], _step(row[1:])) for row in steps)
    attributes_of: dict[int, dict[str, str]] = defaultdict(dict)
    for id_, name, text in attributes:
        attributes_of[id_][name] = text
    causes = suppression.causes_by_key(session, [row[1] for row in batch])
    return [
        ExportedReader(
            (email, name, status, *map(_iso, others[: len(_MOMENTS)]), *others[len(_MOMENTS) :]),
            _suppressed(causes[key]) if key in causes else {},
            tags_of.get(id_, ()),
            topics_of.get(id_, ()),
            attributes_of.get(id_, {}),
            f"[{','.join(consent_of.get(id_, ()))}]",
        )
        for id_, key, email, name, status, *others in batch
    ]


def _suppressed(causes: suppression.Causes) -> dict[str, str]:
    return {cause.value: at.isoformat() for cause in Cause if (at := causes.get(cause))}


@lru_cache(maxsize=8)
def _details(dialect: Dialect) -> tuple[Prepared, ...]:
    """Tags, topics turned off, attributes and steps of consent of some subscriptions; each row begins with an id."""
    ids = select(listed(dialect.name, id=Subscription.id.type).c.id)
    tag, attribute, step = SubscriptionTag.subscription_id, SubscriptionAttribute.subscription_id, ConsentEvent
    tags = select(tag, Tag.name).join(Tag).where(tag.in_(ids)).order_by(tag, Tag.key)
    off = select(TopicOff.subscription_id, TopicOff.key).where(TopicOff.subscription_id.in_(ids))
    off = off.order_by(TopicOff.subscription_id, TopicOff.key)
    attributes = select(attribute, Attribute.name, SubscriptionAttribute.text).join(Attribute).where(attribute.in_(ids))
    steps = select(step.subscription_id, *_CONSENT.values()).outerjoin(step.wording).outerjoin(step.file)
    steps = steps.where(step.subscription_id.in_(ids)).order_by(step.subscription_id, step.id)
    return tuple(Prepared(each, dialect) for each in (tags, off, attributes, steps))


def _step(values: Sequence[Any]) -> str:
    # Put together here, because to begin an encoder for each reader takes longer than all else.
    cells = zip(_CONSENT, (_iso(values[0]), *values[1:]), strict=True)
    texts = [
        f'"{name}":{encode_basestring(value) if isinstance(value, str) else value}'
        for name, value in cells
        if value is not None
    ]
    return f"{{{','.join(texts)}}}"


def _grouped(pairs: Iterable[tuple[int, T]]) -> Mapping[int, list[T]]:
    grouped: dict[int, list[T]] = defaultdict(list)
    for id_, value in pairs:
        grouped[id_].append(value)
    return grouped


@lru_cache(4096)
def _iso(moment: datetime | str | None) -> str | None:
    """A moment that the driver returned, in ISO 8601; SQLite's text is not parsed, which costs the most otherwise."""
    if moment is None:
        return None
    if isinstance(moment, str):
        return f"{moment[:10]}T{moment[11:].removesuffix('.000000')}+00:00"
    return moment.astimezone(UTC).isoformat()


def _cells(reader: ExportedReader, names: Iterable[str]) -> list[str]:
    """The cells of a reader's line, each as it stands in the file."""
    texts = ["" if value is None else str(value) for value in reader.values]
    texts += [reader.attributes.get(name, "") for name in names]
    if not are_plain(texts):
        texts = list(map(csv_cell, texts))
    # A spreadsheet may begin a cell at a semicolon.
    consent = quoted(reader.consent.replace(";", r"\u003b"))
    details = [" ".join(reader.suppressed), _listed(tuple(reader.tags)), _listed(tuple(reader.topics_off)), consent]
    return [*texts[: len(COLUMNS)], *details, *texts[len(COLUMNS) :]]


@lru_cache(4096)
def _listed(names: tuple[str, ...]) -> str:
    return csv_cell(",".join(map(quoted, names)))


def _line(cells: Iterable[str]) -> str:
    return ",".join(cells) + "\r\n"
