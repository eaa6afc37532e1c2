"""Export of subscribers with all that is known of them, as CSV or JSON lines, in flat memory."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, Dialect, String, bindparam, func, literal_column, select, type_coerce
from sqlalchemy import cast as sql_cast
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

# All that belongs to twice as many does not fit into the processor's caches, and takes a tenth longer.
_BATCH = 1_000
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

    ids: Sequence[int]
    values: Sequence[Sequence[str | int | None]]
    """As in COLUMNS; every moment in ISO 8601."""
    suppressed: Sequence[Mapping[str, str]]
    """The causes for which the address is suppressed, and since when."""
    tags: Sequence[tuple[str, ...]]
    topics_off: Sequence[tuple[str, ...]]
    """The keys of the topics that are turned off."""
    attributes: Mapping[str, Sequence[str | None]]
    consent: Sequence[Sequence[Any]]
    """A row for each step, oldest first: the id, and its cells as in _CONSENT."""


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
            _objects(batch.attributes) if batch.attributes else ["{}"] * len(batch.ids),
            [f"[{steps}]" for steps in _steps(batch, str)],
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
    connection, is_dense = session.connection(), ids[-1] - ids[0] < 2 * len(ids)
    asked = {"first": ids[0], "last": ids[-1]} if is_dense else {"rows": encode_rows(ids)}
    tags, topics_off, steps = _details(connection.dialect, is_dense=is_dense)
    texts: dict[str, Sequence[str | None]] = {}
    for part in {one.part for one in attributes.values()}:
        places = {name: one.place for name, one in attributes.items() if one.part == part}
        of_part = _values(connection.dialect, tuple(places.values()), is_dense=is_dense)
        rows = of_part.run(connection, asked | {"publication": publication_id, "part": part})
        texts |= zip(places, _columns(ids, rows, len(places)), strict=True)
    causes = suppression.causes_by_key(session, keys)
    return _Batch(
        ids,
        [_each(_iso, column) if name in _MOMENTS else column for name, column in zip(COLUMNS, values, strict=True)],
        [_suppressed(causes[key]) if key in causes else {} for key in keys],
        _tag_names(connection, ids, tags.run(connection, asked)),
        _grouped(ids, topics_off.run(connection, asked)),
        {name: texts[name] for name in attributes},
        steps.run(connection, asked),
    )


def _suppressed(causes: suppression.Causes) -> dict[str, str]:
    return {cause.value: at.isoformat() for cause in Cause if (at := causes.get(cause))}


@lru_cache(maxsize=8)
def _details(dialect: Dialect, *, is_dense: bool) -> tuple[Prepared, ...]:
    """The ids of tags, topics turned off and steps of consent of some subscriptions; each row begins with an id."""
    tag, off, step = SubscriptionTag.subscription_id, TopicOff.subscription_id, ConsentEvent
    comma: Any = literal_column("','")
    tag_ids = func.aggregate_strings(sql_cast(SubscriptionTag.tag_id, String), comma)
    tags = select(tag, tag_ids).where(_among(dialect, tag, is_dense=is_dense)).group_by(tag)
    topics = select(off, TopicOff.key).where(_among(dialect, off, is_dense=is_dense)).order_by(off, TopicOff.key)
    steps = select(step.subscription_id, *_CONSENT.values()).outerjoin(step.wording).outerjoin(step.file)
    steps = steps.where(_among(dialect, step.subscription_id, is_dense=is_dense))
    steps = steps.order_by(step.subscription_id, step.id)
    return tuple(Prepared(each, dialect) for each in (tags, topics, steps))


def _tag_names(
    connection: Connection, ids: Iterable[int], rows: Iterable[tuple[int, str]]
) -> Sequence[tuple[str, ...]]:
    """The names of the tags that each of these ids has, in order; each row is an id with a list of its tags' ids."""
    found = dict(rows)
    lists = [found.get(id_, "") for id_ in ids]
    tag_ids = {int(tag_id) for one in set(lists) if one for tag_id in one.split(",")}
    named = _tags(connection.dialect).run(connection, {"rows": encode_rows(tag_ids)})
    known = {tag_id: (place, name) for place, (tag_id, name) in enumerate(named)}

    def names(list_of_ids: str) -> tuple[str, ...]:
        return tuple(name for _, name in sorted(known[one] for one in list_of_ids.split(",") if one in known))

    return _each(names, lists)


@lru_cache(maxsize=8)
def _tags(dialect: Dialect) -> Prepared:
    """The id, as a text, and name of these tags, in order."""
    these = select(listed(dialect, id=Tag.id.type).c.id)
    return Prepared(select(sql_cast(Tag.id, String), Tag.name).where(Tag.id.in_(these)).order_by(Tag.key), dialect)


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
    found, nothing = {row[0]: row for row in rows}, [None] * (1 + width)
    _, *columns = zip(*(found.get(id_, nothing) for id_ in ids), strict=True)
    return columns


def _steps(batch: _Batch, escape: Callable[[str], str]) -> Sequence[str]:
    """The steps of each reader as JSON, escaped."""
    if not batch.consent:
        return [""] * len(batch.ids)
    ids, moments, *others = zip(*batch.consent, strict=True)
    columns = dict(zip(_CONSENT, (_each(_iso, moments), *others), strict=True))
    return list(map(",".join, _grouped(batch.ids, zip(ids, _objects(columns, escape), strict=True))))


def _objects(columns: Mapping[str, Sequence[str | int | None]], escape: Callable[[str], str] = str) -> Iterable[str]:
    """An object for each row of these columns as JSON, without what is None, escaped."""
    members = [_each(_member_of(name, escape), column) for name, column in columns.items()]
    return [f"{{{each[1:]}}}" for each in map("".join, zip(*members, strict=True))]


def _member_of(name: str, escape: Callable[[str], str]) -> Callable[[str | int | None], str]:
    """What writes a value as a member of an object, after a comma; nothing for None."""
    key = encode_basestring(name)
    return lambda value: "" if value is None else escape(f",{key}:{_json(value)}")


def _json(value: str | int | None) -> str:
    # An encoder takes longer to begin than to encode one of these.
    if value is None:
        return "null"
    return encode_basestring(value) if isinstance(value, str) else str(value)


def _each(convert: Callable[[Any], T], column: Sequence[Any]) -> Sequence[T]:
    """Each value converted, those that are equal only once if there are many."""
    distinct = set(column)
    if len(distinct) == 1:
        return [convert(*distinct)] * len(column)
    if 2 * len(distinct) > len(column):
        return list(map(convert, column))
    known = {value: convert(value) for value in distinct}
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
        [f'"[{steps}]"' if steps else "[]" for steps in _steps(batch, _within_quotes)],
        *(_texts(batch.attributes[name]) for name in names),
    ]


def _texts(column: Sequence[str | int | None]) -> Iterable[str]:
    """Each value as it stands in the file."""
    if set(map(type, column)) == {str} and are_plain(as_they_are := cast("Sequence[str]", column)):
        return as_they_are
    texts = {value: "" if value is None else str(value) for value in set(column)}
    if not are_plain(texts.values()):
        texts = {value: csv_cell(text) for value, text in texts.items()}
    return map(texts.__getitem__, column)


def _within_quotes(text: str) -> str:
    """JSON as it stands within a cell in quotes: a spreadsheet may begin another one at a semicolon."""
    return text.replace(";", r"\u003b").replace('"', '""')


def _listed(names: tuple[str, ...]) -> str:
    return csv_cell(",".join(map(quoted, names)))


def _lines(columns: Iterable[Iterable[str]]) -> str:
    return "\r\n".join([*map(",".join, zip(*columns, strict=True)), ""])
