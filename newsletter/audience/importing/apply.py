"""Apply a group of imported rows: plan it first, then write it in a few statements, whatever its size."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import chain, pairwise

from sqlalchemy import Dialect, Select, bindparam, select, update
from sqlalchemy.orm import Session

from newsletter.audience import (
    attributes,
    emails,
    erasures,
    paces,
    statuses,
    tag_names,
    tags,
    topics,
    unsubscribe,
)
from newsletter.audience.attribute_types import guess_type
from newsletter.audience.emails import ReaderAddress
from newsletter.audience.importing.plan import (
    ExistingSubscription,
    ImportPlan,
    ImportTerms,
    Verdict,
    judge,
)
from newsletter.audience.importing.reading.list_rows import ImportRow
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscriber, Subscription
from newsletter.audience.search_text import search_entry
from newsletter.audience.services import AudienceServices
from newsletter.audience.statuses import SUBSCRIBED
from newsletter.audience.unsubscribe import Leaver
from newsletter.db import UNSYNCED
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.errors import NotFound
from newsletter.prepared import encode_rows, insert_rows, listed, moment_cell
from newsletter.publications import Publication

# A complaint to another sender counts here as well; only the desk lifts it.
_CAUSES = {Status.BOUNCED: Cause.IMPORT, Status.COMPLAINED: Cause.COMPLAINT}


def make_plan(
    session: Session,
    services: AudienceServices,
    publication: Publication,
    entries: Iterable[ImportRow],
    former: Collection[str] = frozenset(),
) -> ImportPlan:
    """Plan a group; changes nothing. Of the rows of one address the worst status counts, else the first.

    One of the `former` addresses, which their readers have changed, is left alone unless somebody has it now.
    """
    unique: dict[str, ImportRow] = {}
    repeated, skipped = [], []
    for row in entries:
        key = row.key
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
    moved = {key for key in unique if key in former and key not in known}
    if moved:
        moved -= _subscriber_ids(session, moved).keys()
    # Nothing is stored about an erased person, not even that they left elsewhere.
    verdicts = {
        key: Verdict.LEFT_ALONE
        if key in moved or (key in forgotten and key not in known)
        else judge(row, known.get(key), key in barred)
        for key, row in unique.items()
    }
    return ImportPlan(verdicts, unique, known, repeated, skipped, barred, forgotten, moved)


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
    # In the order of the rows, which is always the same, so that two imports wait for each other and do not deadlock.
    ended, known = plan.rows_with(Verdict.ENDED), plan.known
    _end(session, publication, [row for row in ended if row.key in known], known, terms, now)
    _suppress(session, ended, source, now)
    readers = [(known[row.key].subscription_id, row) for row in plan.rows_with(Verdict.ALREADY)]
    if newcomers := [row for row in plan.rows_with(Verdict.ADDED, Verdict.ENDED) if row.key not in known]:
        made = _add_readers(session, publication, newcomers, terms, now)
        _record_consent(session, made, terms, now)
        _send_confirm_letters(session, services, publication, made, now)
        _pause(session, made)
        new = [(one, row) for one, row, _ in made]
        readers = new + readers
        if publication.offers_digest:
            paces.set_monthly(session, [one for one, row in new if row.is_monthly])
        topics.turn_off(session, [(one, key) for one, row in new for key in row.topics_off])
        _set_delivery_hours(session, new)
    # Once for all: what adds attributes holds up others who do, and must not wait for those who add tags meanwhile.
    _add_tags_and_attributes(session, publication, readers)


def find_existing(session: Session, publication: Publication, keys: Iterable[str]) -> dict[str, ExistingSubscription]:
    """The publication's subscriptions of these address keys, by key."""
    asked = _existing(session.connection().dialect)
    found = session.execute(asked, {"rows": encode_rows(keys), "publication": publication.id}).all()
    return {key: ExistingSubscription(id_, status, confirmed) for key, id_, status, confirmed in found}


@lru_cache(maxsize=8)
def _existing(dialect: Dialect) -> Select[str, int, Status, bool]:
    table = listed(dialect, key=Subscriber.key.type)
    ours = Subscription.publication_id == bindparam("publication")
    confirmed = Subscription.confirmed_at.is_not(None)
    # Outer joins, so that no plan scans a million readers to find a few thousand.
    return (
        select(table.c.key, Subscription.id, Subscription.status, confirmed)
        .join_from(table, Subscriber, Subscriber.key == table.c.key, isouter=True)
        .join(Subscription, (Subscription.subscriber_id == Subscriber.id) & ours, isouter=True)
        .where(Subscription.id.is_not(None))
    )


def _end(
    session: Session,
    publication: Publication,
    ended: Sequence[ImportRow],
    known: Mapping[str, ExistingSubscription],
    terms: ImportTerms,
    now: datetime,
) -> None:
    leavers: dict[Status, list[Leaver]] = defaultdict(list)
    for row in ended:
        leavers[terms.status_of(row)].append(Leaver(known[row.key].subscription_id, row.key, terms.proof_of(row)))
    for status, theirs in leavers.items():
        left = unsubscribe.end_subscriptions(session, publication.id, theirs, status, Channel.IMPORT, now)
        if len(left) < len(theirs):
            raise NotFound("a reader was erased or left while the list was imported; import it again")


def _suppress(session: Session, ended: Sequence[ImportRow], source: str, now: datetime) -> None:
    where = f"at {source}" if source else "in an imported file"
    barred = [(row.key, _CAUSES[row.status], f"{row.status} {where}") for row in ended if row.status in _CAUSES]
    suppression.add_many(session, barred, now)


_Made = Sequence[tuple[int, ImportRow, Status]]
"""New subscriptions: the id and status of each, and the row that it was made from."""


def _add_readers(
    session: Session, publication: Publication, newcomers: Sequence[ImportRow], terms: ImportTerms, now: datetime
) -> _Made:
    """Add those who are not there yet, and their subscriptions."""
    connection = session.connection()
    at = moment_cell(connection.dialect, now)
    people = [(row.email, row.key, row.name, search_entry(row.email, row.key, row.name), at) for row in newcomers]
    added = insert_rows(connection, Subscriber, _PERSON, people, returning=("key", "id"))
    ids = dict(added)
    if unknown := [row.key for row in newcomers if row.key not in ids]:
        ids |= _subscriber_ids(session, unknown)
    cells = {status: _status_cells(status, terms, at) for status in Status}
    rows = {ids.get(row.key): (row, terms.status_of(row)) for row in newcomers}
    subscriptions = [(id_, publication.id, *cells[status]) for id_, (_, status) in rows.items()]
    # Only rows that this statement inserted: a concurrent sign-up has its own consent.
    made = insert_rows(connection, Subscription, _SUBSCRIPTION, subscriptions, returning=("id", "subscriber_id"))
    return [(id_, *rows[subscriber_id]) for id_, subscriber_id in made]


_PERSON = ("email", "key", "name", "search", "created_at")
_SUBSCRIPTION = ("subscriber_id", "publication_id", "status", "created_at", "left_at", "source")


def _subscriber_ids(session: Session, keys: Iterable[str]) -> dict[str, int]:
    """Those who read another publication, or have just signed up."""
    table = listed(session, key=Subscriber.key.type)
    found = select(Subscriber.key, Subscriber.id).join_from(table, Subscriber, Subscriber.key == table.c.key)
    return dict(session.execute(found, {"rows": encode_rows(keys)}).all())


def _status_cells(status: Status, terms: ImportTerms, at: str) -> tuple[str | None, ...]:
    left_at = at if status in statuses.ENDED else None
    return status.value, at, left_at, terms.source if status in SUBSCRIBED else None


def _pause(session: Session, made: _Made) -> None:
    for subscription_id, row, status in made:
        if status is Status.PAUSED:
            theirs = update(Subscription).where(Subscription.id == subscription_id)
            session.execute(theirs.values(paused_until=row.paused_until), execution_options=UNSYNCED)


def _set_delivery_hours(session: Session, made: Sequence[tuple[int, ImportRow]]) -> None:
    for subscription_id, row in made:
        if row.delivery_hour:
            theirs = update(Subscription).where(Subscription.id == subscription_id)
            chosen = {"delivery_zone": row.delivery_hour.zone, "delivery_hour": row.delivery_hour.hour}
            session.execute(theirs.values(chosen), execution_options=UNSYNCED)


def _record_consent(session: Session, made: _Made, terms: ImportTerms, now: datetime) -> None:
    connection = session.connection()
    at = moment_cell(connection.dialect, now)
    cells = {status: (unsubscribe.ACTS.get(status, Act.IMPORTED).value, Channel.IMPORT.value, at) for status in Status}
    events = [(id_, *cells[status], terms.note_on(row), terms.file_id, row.line) for id_, row, status in made]
    insert_rows(connection, ConsentEvent, ("subscription_id", "act", "way", "at", "note", "file_id", "line"), events)


def _send_confirm_letters(
    session: Session, services: AudienceServices, publication: Publication, made: _Made, now: datetime
) -> None:
    for subscription_id, row, status in made:
        if status is Status.PENDING:
            emails.confirm(session, services, ReaderAddress(publication, subscription_id, row.email), now)


def _add_tags_and_attributes(
    session: Session, publication: Publication, readers: Sequence[tuple[int, ImportRow]]
) -> None:
    """Give each subscription the tags of its row, and those of its attributes that it does not have yet."""
    if tagged := [(one, row) for one, row in readers if row.tags]:
        _add_tags(session, publication, tagged)
    if described := [(one, row) for one, row in readers if row.attributes]:
        _add_attributes(session, publication, described)


def _add_tags(session: Session, publication: Publication, readers: Sequence[tuple[int, ImportRow]]) -> None:
    names = {name: tag_names.folded_name(name) for name in set(chain.from_iterable(row.tags for _, row in readers))}
    ids = tags.ensure_tags(session, publication.id, names)
    of_name = {name: ids[key] for name, key in names.items()}
    tags.add_tags(session, [(one, of_name[name]) for one, row in readers for name in row.tags])


def _add_attributes(session: Session, publication: Publication, readers: Sequence[tuple[int, ImportRow]]) -> None:
    names = set(chain.from_iterable(row.attributes for _, row in readers))
    keys = {name: tag_names.folded_name(name) for name in names}
    known = attributes.known_attributes(session, publication.id, set(keys.values()), for_writing=True)
    # Of one that is new, the type is guessed by the first values that come.
    if names_of_new := {name for name, key in keys.items() if key not in known}:
        new = [name for name in _in_order_of_columns(row for _, row in readers) if name in names_of_new]
        types = {name: guess_type(row.attributes.get(name, "") for _, row in readers) for name in new}
        known |= attributes.ensure_attributes(session, publication.id, types)
    of_name = {name: known[key] for name, key in keys.items()}
    attributes.add_values(session, publication.id, [(one, row.attributes) for one, row in readers], of_name)


def _in_order_of_columns(rows: Iterable[ImportRow]) -> list[str]:
    """The names of all attributes of these rows, in the order of their columns, as far as the rows tell it."""
    seen = dict.fromkeys(tuple(row.attributes) for row in rows)
    sorter = TopologicalSorter[str](dict.fromkeys(chain.from_iterable(seen), ()))
    for names in seen:
        for before, name in pairwise(names):
            sorter.add(name, before)
    try:
        return list(sorter.static_order())
    except CycleError:
        # Those of a JSON object stand in no order.
        return list(dict.fromkeys(chain.from_iterable(seen)))
