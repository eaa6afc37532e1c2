"""Export of subscribers with all that is known of them, as CSV or JSON lines, in flat memory."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Select, String, select, type_coerce
from sqlalchemy.orm import Session

from newsletter.audience.importing.csv_export import escape_formula
from newsletter.audience.models import ConsentEvent, ImportedFile, Subscriber, Subscription, Wording
from newsletter.audience.tags import Attribute, SubscriptionAttribute, SubscriptionTag, Tag
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause

T = TypeVar("T")

_BATCH = 2_000
_PIECE = 200
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
COLUMNS = ("email", "name", "status", "created_at", "confirmed_at", "left_at", "paused_until", "source")
"""The columns of a CSV export that are one value each; suppressed, tags, consent and the attributes follow."""

Consent = Mapping[str, Any]
_CONSENT = {
    "at": ConsentEvent.at,
    "act": type_coerce(ConsentEvent.act, String),
    "way": type_coerce(ConsentEvent.channel, String),
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


@dataclass(frozen=True, slots=True)
class ExportedReader:
    """One subscription with everything that is known of it."""

    values: Sequence[str | datetime | None]
    """As in COLUMNS."""
    suppressed: Mapping[str, datetime]
    """The causes for which the address is suppressed, and since when."""
    tags: Sequence[str]
    attributes: Mapping[str, str]
    consent: Sequence[Consent]
    """Each step, oldest first, without what is empty."""


def read(session: Session, publication_id: int, *conditions: ColumnElement[bool]) -> Iterator[ExportedReader]:
    """Every subscription that meets these conditions, oldest first."""
    columns = select(
        Subscription.id,
        Subscriber.key,
        Subscriber.email,
        Subscriber.name,
        type_coerce(Subscription.status, String),
        Subscription.created_at,
        Subscription.confirmed_at,
        Subscription.left_at,
        Subscription.paused_until,
        Subscription.source,
    ).join(Subscription.subscriber)
    ours = columns.where(Subscription.publication_id == publication_id, *conditions).order_by(Subscription.id)
    # A select of its own for each kind of detail, and each batch: a join would repeat a reader for every detail.
    for batch in session.connection().execute(ours, execution_options={"yield_per": _BATCH}).partitions():
        between = batch[0][0], batch[-1][0]
        causes = suppression.causes_by_key(session, [row[1] for row in batch])
        tags, attributes = _tags(session, between), _attributes(session, between)
        consent = _consent(session, between)
        for id_, key, *values in batch:
            yield ExportedReader(
                values,
                {cause.value: causes[key][cause] for cause in Cause if cause in causes[key]} if key in causes else {},
                tags.get(id_, ()),
                dict(attributes.get(id_, ())),
                consent.get(id_, ()),
            )


def write_csv(session: Session, publication_id: int, *conditions: ColumnElement[bool]) -> Iterator[str]:
    """A CSV file (RFC 4180) in pieces: a header, then a line for each subscription; no cell is a formula.

    A cell of tags is a line of CSV itself, and one of consent the JSON of its steps.
    """
    names = list(session.scalars(_attribute_names(publication_id)))
    yield _lines([[*COLUMNS, "suppressed", "tags", "consent", *map(escape_formula, names)]])
    readers = read(session, publication_id, *conditions)
    while some := list(islice(readers, _PIECE)):
        yield _lines(_cells(reader, names) for reader in some)


def write_json_lines(session: Session, publication_id: int, *conditions: ColumnElement[bool]) -> Iterator[str]:
    """An object for each subscription, on a line of its own."""
    for reader in read(session, publication_id, *conditions):
        values = {name: _plain(value) for name, value in zip(COLUMNS, reader.values, strict=True)}
        details = {
            "suppressed": {cause: at.isoformat() for cause, at in reader.suppressed.items()},
            "tags": list(reader.tags),
            "attributes": reader.attributes,
            "consent": reader.consent,
        }
        yield _encode(values | details) + "\n"


def _cells(reader: ExportedReader, names: Iterable[str]) -> Iterator[str]:
    yield from map(_cell, reader.values)
    yield " ".join(reader.suppressed)
    yield _cell(_lines([reader.tags]).strip()) if reader.tags else ""
    yield _encode(reader.consent)
    for name in names:
        yield _cell(reader.attributes.get(name))


def _tags(session: Session, between: tuple[int, int]) -> Mapping[int, list[str]]:
    theirs = select(SubscriptionTag.subscription_id, Tag.name).join(Tag)
    theirs = theirs.where(SubscriptionTag.subscription_id.between(*between)).order_by(Tag.key)
    return _grouped(session.connection().execute(theirs))


def _attributes(session: Session, between: tuple[int, int]) -> Mapping[int, list[tuple[str, str]]]:
    pair = select(SubscriptionAttribute.subscription_id, Attribute.name, SubscriptionAttribute.text).join(Attribute)
    theirs = pair.where(SubscriptionAttribute.subscription_id.between(*between))
    return _grouped((id_, (name, text)) for id_, name, text in session.connection().execute(theirs))


def _consent(session: Session, between: tuple[int, int]) -> Mapping[int, list[Consent]]:
    steps = select(ConsentEvent.subscription_id, *_CONSENT.values()).outerjoin(ConsentEvent.wording)
    steps = steps.outerjoin(ConsentEvent.file).where(ConsentEvent.subscription_id.between(*between))
    return _grouped(
        (
            cast("int", id_),
            {name: _plain(value) for name, value in zip(_CONSENT, values, strict=True) if value is not None},
        )
        for id_, *values in session.connection().execute(steps.order_by(ConsentEvent.id))
    )


def _grouped(pairs: Iterable[tuple[int, T]]) -> Mapping[int, list[T]]:
    grouped: dict[int, list[T]] = defaultdict(list)
    for id_, value in pairs:
        grouped[id_].append(value)
    return grouped


def _attribute_names(publication_id: int) -> Select[str]:
    return select(Attribute.name).where(Attribute.publication_id == publication_id).order_by(Attribute.key)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else escape_formula(value)


def _lines(rows: Iterable[Iterable[str]]) -> str:
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()
