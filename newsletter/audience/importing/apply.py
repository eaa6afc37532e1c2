"""Apply a group of imported rows: plan it first, then write it in a few statements, whatever its size."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import FromClause, String, case, literal, literal_column, select, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.audience import (
    emails,
    erasures,
    paces,
    search_text,
    status_transitions,
    subscribers,
    tags,
    topics,
    unsubscribe,
)
from newsletter.audience.importing.plan import (
    ExistingSubscription,
    ImportPlan,
    ImportRow,
    ImportTerms,
    Verdict,
    judge,
)
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscriber, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.audience.status_transitions import SUBSCRIBED
from newsletter.db import UNSYNCED, UtcDateTime, insert
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.prepared import encode_rows, listed, rows
from newsletter.publications import Publication

# A complaint to another sender counts here as well; only the desk lifts it.
_CAUSES = {Status.BOUNCED: Cause.IMPORT, Status.COMPLAINED: Cause.COMPLAINT}
# Written out, because SQLAlchemy omits the table's name in a RETURNING clause.
_ITS_KEY = literal_column("(SELECT subscribers.key FROM subscribers WHERE subscribers.id = subscriber_id)", String)


def make_plan(
    session: Session, services: AudienceServices, publication: Publication, entries: Iterable[ImportRow]
) -> ImportPlan:
    """Plan a group; changes nothing. Of the rows of one address the worst status counts, else the first."""
    unique: dict[str, ImportRow] = {}
    repeated, skipped = [], []
    for row in entries:
        key = row.address.key
        if row.skipped:
            skipped.append(row)
        elif key not in unique:
            unique[key] = row
        elif row.says_worse_than(unique[key]):
            repeated.append(unique[key])
            unique[key] = row
        else:
            repeated.append(row)
    known, barred = find_existing(session, publication, unique), suppression.suppressed_keys(session, unique)
    forgotten = erasures.erased_keys(session, services.links.seal, unique)
    # Nothing is stored about an erased person, not even that they left elsewhere.
    verdicts = {
        key: Verdict.LEFT_ALONE if key in forgotten and key not in known else judge(row, known.get(key), key in barred)
        for key, row in unique.items()
    }
    return ImportPlan(verdicts, unique, known, repeated, skipped, barred, forgotten)


def apply_plan(
    session: Session,
    services: AudienceServices,
    publication: Publication,
    plan: ImportPlan,
    terms: ImportTerms,
    now: datetime,
    source: str = "",
) -> None:
    """Write a plan: new readers, their consent, tags and attributes, and the ended subscriptions that the file reports.

    `source` is the title of the program that it comes from, if one is known.
    Of a reader who is there already, only tags and attributes that they do not have yet are added.
    """
    # Always in the same order, so that two imports wait for each other instead of deadlocking.
    ended = sorted(plan.rows_with(Verdict.ENDED), key=lambda row: row.address.key)
    _end(session, [row for row in ended if row.address.key in plan.known], plan.known, terms, now)
    _suppress(session, ended, source, now)
    newcomers = plan.rows_with(Verdict.ADDED) + [row for row in ended if row.address.key not in plan.known]
    if newcomers:
        _add_subscribers(session, newcomers, now)
        made = _add_subscriptions(session, publication, newcomers, terms, now)
        _record_consent(session, made, terms, now)
        _send_confirm_letters(session, services, publication, made, terms, now)
        _pause(session, [(one, row) for one, row in made if terms.status_of(row) is Status.PAUSED])
        _add_tags_and_attributes(session, publication, made)
        if publication.offers_digest:
            paces.set_monthly(session, [one for one, row in made if row.is_monthly])
        topics.turn_off(session, [(one, key) for one, row in made for key in row.topics_off])
        _set_delivery_hours(session, made)
    existing = [(plan.known[row.address.key].subscription_id, row) for row in plan.rows_with(Verdict.ALREADY)]
    _add_tags_and_attributes(session, publication, existing)


def find_existing(session: Session, publication: Publication, keys: Iterable[str]) -> dict[str, ExistingSubscription]:
    """The publication's subscriptions of these address keys, by key."""
    table = listed(session.get_bind().dialect.name, key=Subscriber.key.type)
    mine = (Subscription.subscriber_id == Subscriber.id) & (Subscription.publication_id == publication.id)
    confirmed = Subscription.confirmed_at.is_not(None)
    # Outer joins, so that no plan scans a million readers to find a few thousand.
    asked = (
        select(table.c.key, Subscription.id, Subscription.status, confirmed)
        .join_from(table, Subscriber, Subscriber.key == table.c.key, isouter=True)
        .join(Subscription, mine, isouter=True)
        .where(Subscription.id.is_not(None))
    )
    found = session.execute(asked, _parameter(keys)).all()
    return {key: ExistingSubscription(*subscription) for key, *subscription in found}


def _end(
    session: Session,
    ended: Sequence[ImportRow],
    known: Mapping[str, ExistingSubscription],
    terms: ImportTerms,
    now: datetime,
) -> None:
    for row in ended:
        subscription = subscribers.get(session, known[row.address.key].subscription_id)
        unsubscribe.end_subscription(
            session, subscription, terms.status_of(row), Channel.IMPORT, now, terms.proof_of(row)
        )


def _suppress(session: Session, ended: Sequence[ImportRow], source: str, now: datetime) -> None:
    where = f"at {source}" if source else "in an imported file"
    barred = [(row.address.key, _CAUSES[row.status], f"{row.status} {where}") for row in ended if row.status in _CAUSES]
    suppression.add_many(session, barred, now)


def _add_subscribers(session: Session, newcomers: Sequence[ImportRow], now: datetime) -> None:
    cells = ["email", "key", "name", "search"]
    table = _parameter_table(session, **{name: getattr(Subscriber, name) for name in cells})
    people = select(*(table.c[name] for name in cells), _moment(now)).order_by(table.c.key)
    unless_known = insert(session, Subscriber).from_select([*cells, "created_at"], people)
    session.connection().execute(unless_known.on_conflict_do_nothing(), _parameter(map(_person, newcomers)))


def _person(row: ImportRow) -> Sequence[str]:
    email, key = row.address.email, row.address.key
    return email, key, row.name, search_text.search_entry(email, key, row.name)


def _add_subscriptions(
    session: Session, publication: Publication, newcomers: Sequence[ImportRow], terms: ImportTerms, now: datetime
) -> list[tuple[int, ImportRow]]:
    table = _parameter_table(session, key=Subscriber.key, status=Subscription.status)
    source = case((table.c.status.in_([status.value for status in SUBSCRIBED]), literal(terms.source)))
    left_at = case((table.c.status.in_([status.value for status in status_transitions.ENDED]), _moment(now)))
    reader = select(Subscriber.id).where(Subscriber.key == table.c.key).scalar_subquery()
    values = select(reader, literal(publication.id), table.c.status, _moment(now), left_at, source)
    columns = ["subscriber_id", "publication_id", "status", "created_at", "left_at", "source"]
    added = insert(session, Subscription).from_select(columns, values.order_by(table.c.key))
    # Only rows that this statement inserted: a concurrent sign-up has its own consent.
    made = session.connection().execute(
        added.on_conflict_do_nothing().returning(Subscription.id, _ITS_KEY),
        _parameter((row.address.key, terms.status_of(row)) for row in newcomers),
    )
    by_key = {row.address.key: row for row in newcomers}
    return [(subscription_id, by_key[key]) for subscription_id, key in made]


def _pause(session: Session, made: Sequence[tuple[int, ImportRow]]) -> None:
    for subscription_id, row in made:
        theirs = update(Subscription).where(Subscription.id == subscription_id)
        session.execute(theirs.values(paused_until=row.paused_until), execution_options=UNSYNCED)


def _set_delivery_hours(session: Session, made: Sequence[tuple[int, ImportRow]]) -> None:
    for subscription_id, row in made:
        if row.delivery_hour:
            theirs = update(Subscription).where(Subscription.id == subscription_id)
            chosen = {"delivery_zone": row.delivery_hour.zone, "delivery_hour": row.delivery_hour.hour}
            session.execute(theirs.values(chosen), execution_options=UNSYNCED)


def _record_consent(session: Session, made: Sequence[tuple[int, ImportRow]], terms: ImportTerms, now: datetime) -> None:
    cells = {name: getattr(ConsentEvent, name) for name in ("act", "note", "file_id", "line")}
    table = _parameter_table(session, id=Subscription.id, **cells)
    channel = literal(Channel.IMPORT, ConsentEvent.channel.type)
    events = select(table.c.id, channel, _moment(now), *(table.c[name] for name in cells))
    columns = ["subscription_id", "way", "at", *cells]
    session.connection().execute(
        plain_insert(ConsentEvent).from_select(columns, events),
        _parameter(_consent_of(subscription_id, row, terms) for subscription_id, row in made),
    )


def _consent_of(subscription_id: int, row: ImportRow, terms: ImportTerms) -> Sequence[object]:
    act = unsubscribe.ACTS.get(terms.status_of(row), Act.IMPORTED)
    return subscription_id, act, terms.note_on(row), terms.file_id, row.line


def _send_confirm_letters(
    session: Session,
    services: AudienceServices,
    publication: Publication,
    made: Sequence[tuple[int, ImportRow]],
    terms: ImportTerms,
    now: datetime,
) -> None:
    for subscription_id, row in made:
        if terms.status_of(row) is Status.PENDING:
            emails.confirm(session, services, publication, subscription_id, row.address.email, now)


def _parameter_table(session: Session, **columns: InstrumentedAttribute[Any]) -> FromClause:
    """The rows in a statement's JSON parameter, as a table; each column has the type of the one it is written to."""
    types = {name: attribute.type for name, attribute in columns.items()}
    return rows(session.get_bind().dialect.name, **types)


def _parameter(values: Iterable[object]) -> dict[str, str]:
    return {"rows": encode_rows(values)}


def _moment(now: datetime) -> Any:
    return literal(now, UtcDateTime())


def _add_tags_and_attributes(
    session: Session, publication: Publication, readers: Sequence[tuple[int, ImportRow]]
) -> None:
    """Give each subscription the tags of its row, and those of its attributes that it does not have yet."""
    _add_tags(session, publication, [(one, row) for one, row in readers if row.tags])
    _add_attributes(session, publication, [(one, row) for one, row in readers if row.attributes])


def _add_tags(session: Session, publication: Publication, readers: Sequence[tuple[int, ImportRow]]) -> None:
    names = {name: tags.folded_name(name) for name in {name for _, row in readers for name in row.tags}}
    ids = tags.ensure_tags(session, publication.id, names)
    of_name = {name: ids[key] for name, key in names.items()}
    tags.add_tags(session, [(one, of_name[name]) for one, row in readers for name in row.tags])


def _add_attributes(session: Session, publication: Publication, readers: Sequence[tuple[int, ImportRow]]) -> None:
    names = {name: tags.folded_name(name) for name in {name for _, row in readers for name in row.attributes}}
    known = tags.known_attributes(session, publication.id, set(names.values()))
    # Of one that is new, the type is guessed by the first values that come.
    if new := [name for name, key in names.items() if key not in known]:
        types = {name: tags.guess_type(row.attributes.get(name, "") for _, row in readers) for name in new}
        known |= tags.ensure_attributes(session, publication.id, types)
    of_name = {name: known[key] for name, key in names.items()}
    values = [(one, of_name[name], text) for one, row in readers for name, text in row.attributes.items()]
    tags.set_attributes(session, values, replace=False)
