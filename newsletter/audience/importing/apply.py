"""Admitting: one group of imported rows, first judged, then written in a few statements, however many they are."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import FromClause, String, case, literal, literal_column, select
from sqlalchemy import insert as plain_insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.audience import emails, erasures, search_text, status_transitions, subscribers, unsubscribe
from newsletter.audience.importing.plan import ExistingSubscription, ImportPlan, ImportRow, ImportTerms, Verdict, judge
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscriber, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.db import UtcDateTime, insert, rows
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.publications import Publication

# A complaint is one wherever it was made: only the desk lifts it.
_CAUSES = {Status.BOUNCED: Cause.IMPORT, Status.COMPLAINED: Cause.COMPLAINT}
# Written out, because in a RETURNING clause SQLAlchemy leaves the table's name away.
_ITS_KEY = literal_column("(SELECT subscribers.key FROM subscribers WHERE subscribers.id = subscriber_id)", String)


def make_plan(
    session: Session, services: AudienceServices, publication: Publication, entries: Iterable[ImportRow]
) -> ImportPlan:
    """Judge a group; changes nothing. One row of an address counts: the one that says the worst, else the first."""
    unique: dict[str, ImportRow] = {}
    repeated = 0
    for row in entries:
        key = row.address.key
        repeated += key in unique
        if key not in unique or row.says_worse_than(unique[key]):
            unique[key] = row
    known, barred = _known(session, publication, unique), suppression.suppressed_keys(session, unique)
    forgotten = erasures.erased_keys(session, services.links.seal, unique)
    # Of whom was erased nothing is written down again, not even that they left elsewhere, too.
    verdicts = {
        key: Verdict.LEFT_ALONE if key in forgotten and key not in known else judge(row, known.get(key), key in barred)
        for key, row in unique.items()
    }
    return ImportPlan(verdicts, unique, known, repeated)


def apply_plan(
    session: Session,
    services: AudienceServices,
    publication: Publication,
    plan: ImportPlan,
    terms: ImportTerms,
    now: datetime,
) -> None:
    """Write what was judged: new readers, the proof of their consent, and the ends that the file reports."""
    # In one order everywhere, so two imports at once wait for each other and never in a circle.
    ended = sorted(plan.of(Verdict.ENDED), key=lambda row: row.address.key)
    _end(session, [row for row in ended if row.address.key in plan.known], plan.known, terms, now)
    _suppress(session, ended, now)
    newcomers = plan.of(Verdict.ADDED) + [row for row in ended if row.address.key not in plan.known]
    if newcomers:
        _meet(session, newcomers, now)
        made = _tie(session, publication, newcomers, terms, now)
        _record(session, made, terms, now)
        _ask(session, services, publication, made, terms, now)


def _known(session: Session, publication: Publication, keys: Iterable[str]) -> dict[str, ExistingSubscription]:
    given = _parameter_table(session, key=Subscriber.key)
    mine = (Subscription.subscriber_id == Subscriber.id) & (Subscription.publication_id == publication.id)
    confirmed = Subscription.confirmed_at.is_not(None)
    # Outer joins, because nobody then walks through a million readers to find the few thousand that are asked for.
    asked = (
        select(given.c.key, Subscription.id, Subscription.status, confirmed)
        .join_from(given, Subscriber, Subscriber.key == given.c.key, isouter=True)
        .join(Subscription, mine, isouter=True)
        .where(Subscription.id.is_not(None))
    )
    found = session.execute(asked, _parameter({"key": key} for key in keys)).all()
    return {key: ExistingSubscription(tie, status, is_confirmed) for key, tie, status, is_confirmed in found}


def _end(
    session: Session,
    gone: Sequence[ImportRow],
    known: Mapping[str, ExistingSubscription],
    terms: ImportTerms,
    now: datetime,
) -> None:
    for row in gone:
        subscription = subscribers.get(session, known[row.address.key].subscription_id)
        unsubscribe.end_subscription(
            session, subscription, terms.status_of(row), Channel.IMPORT, now, note=terms.note_on(row)
        )


def _suppress(session: Session, gone: Sequence[ImportRow], now: datetime) -> None:
    for row in gone:
        if row.status in _CAUSES:
            suppression.add(session, row.address.key, _CAUSES[row.status], now, f"{row.status} in an imported file")


def _meet(session: Session, newcomers: Sequence[ImportRow], now: datetime) -> None:
    cells = ["email", "key", "name", "search"]
    given = _parameter_table(session, **{name: getattr(Subscriber, name) for name in cells})
    people = select(*(given.c[name] for name in cells), _moment(now)).order_by(given.c.key)
    unless_known = insert(session, Subscriber).from_select([*cells, "created_at"], people)
    session.connection().execute(unless_known.on_conflict_do_nothing(), _parameter(map(_person, newcomers)))


def _person(row: ImportRow) -> dict[str, str]:
    email, key = row.address.email, row.address.key
    return {"email": email, "key": key, "name": row.name, "search": search_text.search_entry(email, key, row.name)}


def _tie(
    session: Session, publication: Publication, newcomers: Sequence[ImportRow], terms: ImportTerms, now: datetime
) -> list[tuple[int, ImportRow]]:
    given = _parameter_table(session, key=Subscriber.key, status=Subscription.status)
    source = case((given.c.status == literal_column("'active'"), literal(terms.source)))
    left_at = case((given.c.status.in_([status.value for status in status_transitions.ENDED]), _moment(now)))
    reader = select(Subscriber.id).where(Subscriber.key == given.c.key).scalar_subquery()
    ties = select(reader, literal(publication.id), given.c.status, _moment(now), left_at, source).order_by(given.c.key)
    columns = ["subscriber_id", "publication_id", "status", "created_at", "left_at", "source"]
    unless_tied = insert(session, Subscription).from_select(columns, ties).on_conflict_do_nothing()
    # Only those that this statement made: one that a form made in the same instant is not ours to speak for.
    made = session.connection().execute(
        unless_tied.returning(Subscription.id, _ITS_KEY),
        _parameter({"key": row.address.key, "status": terms.status_of(row)} for row in newcomers),
    )
    by_key = {row.address.key: row for row in newcomers}
    return [(subscription_id, by_key[key]) for subscription_id, key in made]


def _record(session: Session, made: Sequence[tuple[int, ImportRow]], terms: ImportTerms, now: datetime) -> None:
    given = _parameter_table(session, id=Subscription.id, act=ConsentEvent.act, note=ConsentEvent.note)
    events = select(
        given.c.id, given.c.act, literal(Channel.IMPORT, ConsentEvent.channel.type), _moment(now), given.c.note
    )
    columns = ["subscription_id", "act", "way", "at", "note"]
    session.connection().execute(
        plain_insert(ConsentEvent).from_select(columns, events),
        _parameter({"id": tie, "act": _act(row, terms), "note": terms.note_on(row)} for tie, row in made),
    )


def _ask(
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


def _act(row: ImportRow, terms: ImportTerms) -> Act:
    return unsubscribe.ACTS.get(terms.status_of(row), Act.IMPORTED)


def _parameter_table(session: Session, **columns: InstrumentedAttribute[Any]) -> FromClause:
    """The rows in a statement's JSON parameter, as a table; each column has the type of the one it is written to."""
    types = {name: attribute.type for name, attribute in columns.items()}
    return rows(session.get_bind().dialect.name, **types)


def _parameter(values: Iterable[Mapping[str, object]]) -> dict[str, str]:
    return {"rows": json.dumps(list(values))}


def _moment(now: datetime) -> Any:
    return literal(now, UtcDateTime())
