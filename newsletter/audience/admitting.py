"""Admitting: one group of imported rows, first judged, then written in a few statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert as plain_insert
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience import leaving, letters, roster
from newsletter.audience.models import Act, ConsentEvent, Status, Subscriber, Subscription, Way
from newsletter.audience.practice import Practice
from newsletter.audience.verdicts import Known, Plan, Row, Terms, Verdict, judge
from newsletter.db import insert
from newsletter.delivery import suppression
from newsletter.delivery.models import Cause
from newsletter.publications import Publication


def plan(session: Session, publication: Publication, rows: Sequence[Row]) -> Plan:
    """Judge a group; changes nothing. One row of an address counts: one that says it left, else the first."""
    unique: dict[str, Row] = {}
    for row in rows:
        if row.gone or row.address.key not in unique:
            unique[row.address.key] = row
    known = _known(session, publication, list(unique))
    barred = suppression.among(session, list(unique))
    verdicts = {key: judge(row, known.get(key), key in barred) for key, row in unique.items()}
    return Plan(verdicts, unique, known, len(rows) - len(unique))


def carry_out(
    session: Session, practice: Practice, publication: Publication, plan: Plan, terms: Terms, now: datetime
) -> None:
    """Write what was judged: new readers, the proof of their consent, and the ends that the file reports."""
    ended = plan.of(Verdict.ENDED)
    _end(session, [row for row in ended if row.address.key in plan.known], plan.known, terms, now)
    _suppress(session, ended, now)
    newcomers = plan.of(Verdict.ADDED) + [row for row in ended if row.address.key not in plan.known]
    if newcomers:
        # In one order everywhere, so two imports at once wait for each other and never in a circle.
        newcomers.sort(key=lambda row: row.address.key)
        tied = _tie(session, publication, newcomers, terms, now)
        _ask(session, practice, publication, tied, terms, now)


def _known(session: Session, publication: Publication, keys: Sequence[str]) -> dict[str, Known]:
    theirs = (
        select(Subscriber.key, Subscription.id, Subscription.status, Subscription.confirmed_at.is_not(None))
        .join(Subscription.subscriber)
        .where(Subscription.publication_id == publication.id, Subscriber.key.in_(keys))
    )
    found = session.execute(theirs)
    return {key: Known(subscription_id, status, confirmed) for key, subscription_id, status, confirmed in found}


def _end(session: Session, rows: Sequence[Row], known: Mapping[str, Known], terms: Terms, now: datetime) -> None:
    for row in rows:
        subscription = roster.get(session, known[row.address.key].subscription_id)
        leaving.end(session, subscription, _status(row, terms), Way.IMPORT, now, note=_note(row, terms))


def _suppress(session: Session, rows: Sequence[Row], now: datetime) -> None:
    for row in rows:
        if row.status in {Status.BOUNCED, Status.COMPLAINED}:
            suppression.add(session, row.address.key, Cause.IMPORT, now, f"{row.status} in an imported file")


def _tie(
    session: Session, publication: Publication, rows: Sequence[Row], terms: Terms, now: datetime
) -> list[tuple[int, Row]]:
    ids = _reader_ids(session, rows, now)
    by_reader = {ids[row.address.key]: row for row in rows}
    ties = insert(session, Subscription).on_conflict_do_nothing().returning(Subscription.id, Subscription.subscriber_id)
    values = [_tie_values(reader, row, publication, terms, now) for reader, row in by_reader.items()]
    # Only those that this statement made: one that a form made in the same instant is not ours to speak for.
    made = [(subscription_id, by_reader[reader]) for subscription_id, reader in session.execute(ties, values)]
    if made:
        session.execute(plain_insert(ConsentEvent), [_event(*tie, terms, now) for tie in made])
    return made


def _reader_ids(session: Session, rows: Sequence[Row], now: datetime) -> dict[str, int]:
    people = [{"email": row.address.email, "key": row.address.key, "name": row.name, "created_at": now} for row in rows]
    session.execute(insert(session, Subscriber).on_conflict_do_nothing(), people)
    keys = [row.address.key for row in rows]
    found = session.execute(select(Subscriber.key, Subscriber.id).where(Subscriber.key.in_(keys)))
    return dict(found.all())


def _ask(
    session: Session,
    practice: Practice,
    publication: Publication,
    tied: Sequence[tuple[int, Row]],
    terms: Terms,
    now: datetime,
) -> None:
    for subscription_id, row in tied:
        if _status(row, terms) is Status.PENDING:
            letters.confirm(session, practice, publication, subscription_id, row.address.email, now)


def _tie_values(reader: int, row: Row, publication: Publication, terms: Terms, now: datetime) -> dict[str, Any]:
    return {
        "subscriber_id": reader,
        "publication_id": publication.id,
        "status": _status(row, terms),
        "created_at": now,
        "left_at": now if row.gone else None,
    }


def _event(subscription_id: int, row: Row, terms: Terms, now: datetime) -> dict[str, Any]:
    act = leaving.ACTS.get(_status(row, terms), Act.IMPORTED)
    note = _note(row, terms)
    return {"subscription_id": subscription_id, "act": act, "way": Way.IMPORT, "at": now, "note": note}


def _status(row: Row, terms: Terms) -> Status:
    # Who never confirmed elsewhere is not confirmed here, whatever is said of the others.
    return row.status if row.status is not None and row.status is not Status.ACTIVE else terms.status


def _note(row: Row, terms: Terms) -> str | None:
    joined = f"there since {row.joined}" if row.joined else ""
    return "; ".join(filter(None, [terms.consent.strip(), joined])) or None
