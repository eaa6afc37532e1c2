"""Export of subscribers with all that is known of them, as CSV or JSON lines, in flat memory."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Dialect, String, bindparam, func, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.audience.attributes import VALUE_COLUMNS, AttributeValues, KnownAttribute, attributes_by_name
from newsletter.audience.models import ConsentEvent, ImportedFile, Subscriber, Subscription, Wording
from newsletter.audience.tags import SubscriptionTag, Tag
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


class _Batch(NamedTuple):
    """Some readers, by column: to ask something of a column's values takes a fraction of asking it of each reader's."""

    values: Sequence[Sequence[str | int | None]]
    """As in COLUMNS; every moment in ISO 8601."""
    suppressed: Sequence[Mapping[str, str]]
    """The causes for which the address is suppressed, and since when."""
    tags: Sequence[tuple[str, ...]]
    topics_off: Sequence[tuple[str, ...]]
    """The keys of the topics that are turned off."""
    attributes: Mapping[str, Sequence[str | None]]
    consent: Sequence[str]
    """Each step, oldest first, without what is empty, as JSON."""


def csv_pieces(session: Session, publication_id: int, *conditions: ColumnElement[bool]) -> Iterator[str]:
    """A CSV file (RFC 4180) in pieces: a header, then a line for each subscription; no cell is a formula.

    `suppressed` lists the causes for which the address is suppressed, with a space between them; `tags` and
    `topics_off` are lines of CSV themselves, and `consent` is the JSON of its steps. Each attribute has a column of
    its own.
    """
    attributes = attributes_by_name(session, publication_id)
    names = list(attributes)
    header = [*COLUMNS, "suppressed", "tags", "topics_off", "consent", *map(csv_cell, names)]
    yield _lines([cell] for cell in header)
    for batch in _batches(session, publication_id, attributes, conditions):
        yield _lines(_cells(batch, names))


def json_lines(session: Session, publication_id: int, *conditions: ColumnElement[bool]) -> Iterator[str]:
    """An object for each subscription, on a line of its own; `suppressed` tells since when, for each cause."""
    names = *COLUMNS, "suppressed", "tags", "topics_off", "attributes", "consent"
    line = "{" + ",".join(f'"{name}":%s' for name in names) + "}\n"
    for batch in _batches(session, publication_id, attributes_by_name(session, publication_id), conditions):
        cells = (
            *(_each(_json, column) for column in batch.values),
            map(_encode, batch.suppressed),
            _each(_encode, batch.tags),
            _each(_encode, batch.topics_off),
            _objects(batch.attributes) if batch.attributes else ["{}"] * len(batch.consent),
            batch.consent,
        )
        yield from map(line.__mod__, zip(*cells, strict=True))


def _batches(
    session: Session,
    publication_id: int,
    attributes: Mapping[str, KnownAttribute],
    conditions: Iterable[ColumnElement[bool]],
) -> Iterator[_Batch]:
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
    found = session.connection().execute(ours, execution_options={"stream_results": True})
    for rows in found.partitions(_BATCH):
        ids, keys, *values = zip(*rows, strict=True)
        yield _with_details(session, publication_id, attributes, ids, keys, values)


def _with_details(
    session: Session,
    publication_id: int,
    attributes: Mapping[str, KnownAttribute],
    ids: Sequence[int],
    keys: Sequence[str],
    values: Iterable[Sequence[Any]],
) -> _Batch:
    # A select of its own for each kind of detail, and each batch: a join would repeat a reader for every detail.
    connection, asked = session.connection(), {"rows": encode_rows(ids), "first": ids[0], "last": ids[-1]}
    is_dense = ids[-1] - ids[0] < 2 * len(ids)
    tags, topics_off, steps = _details(connection.dialect, is_dense=is_dense)
    texts: dict[str, Sequence[str | None]] = {}
    for part in {one.part for one in attributes.values()}:
        places = {name: one.place for name, one in attributes.items() if one.part == part}
        of_part = _values(connection.dialect, tuple(places.values()), is_dense=is_dense)
        rows = of_part.run(connection, asked | {"publication": publication_id, "part": part})
        texts |= zip(places, _columns(ids, rows, len(places)), strict=True)
    causes = suppression.causes_by_key(session, keys)
    return _Batch(
        [_each(_iso, column) if name in _MOMENTS else column for name, column in zip(COLUMNS, values, strict=True)],
        [_suppressed(causes[key]) if key in causes else {} for key in keys],
        _grouped(ids, tags.run(connection, asked)),
        _grouped(ids, topics_off.run(connection, asked)),
        {name: texts[name] for name in attributes},
        [f"[{','.join(each)}]" for each in _grouped(ids, _steps(steps.run(connection, asked)))],
    )


def _suppressed(causes: suppression.Causes) -> dict[str, str]:
    return {cause.value: at.isoformat() for cause in Cause if (at := causes.get(cause))}


@lru_cache(maxsize=8)
def _details(dialect: Dialect, *, is_dense: bool) -> tuple[Prepared, ...]:
    """Tags, topics turned off and steps of consent of some subscriptions; each row begins with an id."""
    tag, off, step = SubscriptionTag.subscription_id, TopicOff.subscription_id, ConsentEvent
    tags = select(tag, Tag.name).join(Tag).where(_among(dialect, tag, is_dense=is_dense)).order_by(tag, Tag.key)
    topics = select(off, TopicOff.key).where(_among(dialect, off, is_dense=is_dense)).order_by(off, TopicOff.key)
    steps = select(step.subscription_id, *_CONSENT.values()).outerjoin(step.wording).outerjoin(step.file)
    steps = steps.where(_among(dialect, step.subscription_id, is_dense=is_dense))
    steps = steps.order_by(step.subscription_id, step.id)
    return tuple(Prepared(each, dialect) for each in (tags, topics, steps))


@lru_cache(maxsize=8)
def _values(dialect: Dialect, places: tuple[int, ...], *, is_dense: bool) -> Prepared:
    """The values at these places of one part of some subscriptions; each row begins with an id."""
    found = select(AttributeValues.subscription_id, *(VALUE_COLUMNS[place] for place in places))
    of_part = AttributeValues.publication_id == bindparam("publication"), AttributeValues.part == bindparam("part")
    return Prepared(found.where(*of_part, _among(dialect, AttributeValues.subscription_id, is_dense=is_dense)), dialect)


def _among(dialect: Dialect, column: InstrumentedAttribute[Any], *, is_dense: bool) -> ColumnElement[bool]:
    # A walk from the first to the last, where few others are between, takes half as long as to look each up.
    if is_dense:
        return column.between(bindparam("first"), bindparam("last"))
    return column.in_(select(listed(dialect, id=Subscription.id.type).c.id))


def _columns(ids: Sequence[int], rows: Iterable[Sequence[Any]], width: int) -> Sequence[Sequence[str | None]]:
    """The columns of these rows, with the cells of each of the ids in its turn."""
    found, nothing = {id_: values for id_, *values in rows}, [None] * width
    return list(zip(*(found.get(id_, nothing) for id_ in ids), strict=True))


def _steps(rows: Sequence[Sequence[Any]]) -> Iterable[tuple[int, str]]:
    """The id in each row, and the step in it as JSON."""
    if not rows:
        return ()
    ids, moments, *others = zip(*rows, strict=True)
    return zip(ids, _objects(dict(zip(_CONSENT, (_each(_iso, moments), *others), strict=True))), strict=True)


def _objects(columns: Mapping[str, Sequence[str | int | None]]) -> Iterable[str]:
    """An object for each row of these columns as JSON, without what is None."""
    members = [_each(_member_of(name), column) for name, column in columns.items()]
    return [f"{{{each[1:]}}}" for each in map("".join, zip(*members, strict=True))]


def _member_of(name: str) -> Callable[[str | int | None], str]:
    """What writes a value as a member of an object, after a comma; nothing for None."""
    key = encode_basestring(name)
    return lambda value: "" if value is None else f",{key}:{_json(value)}"


def _json(value: str | int | None) -> str:
    # An encoder takes longer to begin than to encode one of these.
    if value is None:
        return "null"
    return encode_basestring(value) if isinstance(value, str) else str(value)


def _each(convert: Callable[[Any], T], column: Iterable[Any]) -> Sequence[T]:
    """Each value converted, those that are equal only once."""
    known = {value: convert(value) for value in set(column)}
    return list(map(known.__getitem__, column))


def _grouped(ids: Iterable[int], pairs: Iterable[tuple[int, T]]) -> Sequence[tuple[T, ...]]:
    """The values that each of these ids has."""
    grouped: dict[int, list[T]] = defaultdict(list)
    for id_, value in pairs:
        grouped[id_].append(value)
    return [tuple(grouped.get(id_, ())) for id_ in ids]


def _iso(moment: datetime | str | None) -> str | None:
    """A moment that the driver returned, in ISO 8601; SQLite's text is not parsed, which costs the most otherwise."""
    if moment is None:
        return None
    if isinstance(moment, str):
        return f"{moment[:10]}T{moment[11:].removesuffix('.000000')}+00:00"
    return moment.astimezone(UTC).isoformat()


def _cells(batch: _Batch, names: Iterable[str]) -> list[Iterable[str]]:
    """The cells of these readers by column, as they stand in the file."""
    return [
        *map(_texts, batch.values),
        [" ".join(each) for each in batch.suppressed],
        _each(_listed, batch.tags),
        _each(_listed, batch.topics_off),
        # A spreadsheet may begin a cell at a semicolon.
        [quoted(each.replace(";", r"\u003b")) for each in batch.consent],
        *(_texts(batch.attributes[name]) for name in names),
    ]


def _texts(column: Iterable[str | int | None]) -> Iterable[str]:
    """Each value as it stands in the file."""
    texts = {value: "" if value is None else str(value) for value in set(column)}
    if not are_plain(texts.values()):
        texts = {value: csv_cell(text) for value, text in texts.items()}
    return map(texts.__getitem__, column)


def _listed(names: tuple[str, ...]) -> str:
    return csv_cell(",".join(map(quoted, names)))


def _lines(columns: Iterable[Iterable[str]]) -> str:
    return "".join([f"{line}\r\n" for line in map(",".join, zip(*columns, strict=True))])
