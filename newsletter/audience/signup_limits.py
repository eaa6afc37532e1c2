"""Limits on forms that send mail: nobody may flood a mailbox, a domain or this installation through them.

Counting is one statement, so limits hold across processes. Each form has counts of its own (`FormKind`). Only digests
of addresses are stored.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Self

import structlog
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Dialect,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Session

from newsletter.addresses import aliases, freemail
from newsletter.audience import client_ip, confirm_breaker, refusals
from newsletter.audience.address import Address
from newsletter.audience.confirm_breaker import ConfirmTrip
from newsletter.audience.models import SignupCount, hour_of
from newsletter.audience.refusals import FormKind, Reason
from newsletter.audience.services import AudienceServices
from newsletter.db import UNSYNCED, insert
from newsletter.errors import Refused
from newsletter.i18n.messages import lazy_gettext
from newsletter.prepared import Prepared, encode_rows, rows

log = structlog.get_logger(__name__)
_KEPT = timedelta(days=2)
_A_MONTH = timedelta(days=30)
_GROUP = 2_000
_ADDRESS = "address"
_ODD_FROM = 30
_ODD_TIMES = 5
_EVERYBODY = "press"
# One row for all would make sign-ups wait for each other.
_SHARDS = "0123456789abcdef"


class TooManyRequests(Refused):
    """This client sends too many requests, or all clients together do; the web answers 429."""

    def __init__(self, message: str, reason: Reason | None = None, form: FormKind = FormKind.SIGN_UP) -> None:
        super().__init__(message)
        self.reason, self.form = reason, form


class _Totals(NamedTuple):
    """What the limits of a form are compared with, beside the counts of its own buckets."""

    an_hour: int
    """How often it was sent in this hour, by everybody."""
    a_month: int
    """The mailbox's letters within 30 days."""
    is_slowed: bool
    """Whether the breaker on confirmation emails is open; only for sign-ups."""


class _Statements(NamedTuple):
    """The statements of each sign-up, compiled once, because on SQLite sign-ups wait for each other."""

    add: Prepared
    totals: Prepared
    rate: Prepared
    once: Prepared

    @classmethod
    @lru_cache(maxsize=16)
    def for_form(cls, dialect: Dialect, form: FormKind) -> Self:
        asked = rows(dialect, bucket=SignupCount.bucket.type, window=SignupCount.window.type)
        # Without a WHERE, SQLite's parser takes ON CONFLICT after a SELECT for the ON of a join.
        each = select(asked.c.bucket, asked.c.window, literal_column("1")).where(text("true"))
        counted = insert(dialect, SignupCount).from_select(["bucket", "window", "hits"], each)
        increment = {"hits": SignupCount.hits + literal_column("1")}
        counted = counted.on_conflict_do_update(index_elements=["bucket", "window"], set_=increment)
        once = insert(dialect, SignupCount).values(
            bucket=bindparam("bucket"), window=bindparam("window"), hits=literal_column("1")
        )
        first = once.on_conflict_do_nothing().returning(SignupCount.hits)
        added = counted.returning(SignupCount.bucket, SignupCount.hits)
        return cls(*(Prepared(each, dialect) for each in (added, _totals_of(form), _rate_of(form), first)))


def _totals_of(form: FormKind) -> Select[int, int, bool]:
    hits, most = SignupCount.hits, bindparam("most", type_=SignupCount.hits.type)
    theirs = SignupCount.bucket == bindparam("bucket", type_=SignupCount.bucket.type)
    # Requests beyond the daily limit caused no letter, and so are not counted.
    letters = select(_or_zero(func.sum(case((hits < most, hits), else_=most))))
    letters = letters.where(theirs, SignupCount.window > _at("since"))
    by_all = select(_or_zero(func.sum(hits))).where(_is_by_all(form), SignupCount.window == _at("hour"))
    return select(by_all.scalar_subquery(), letters.scalar_subquery(), _is_slowed(form))


def _rate_of(form: FormKind) -> Select[int, int, bool]:
    is_now, hits = SignupCount.window == _at("hour"), func.sum(SignupCount.hits)
    rate = select(_or_zero(hits.filter(is_now)), _or_zero(hits.filter(~is_now)), _is_slowed(form))
    return rate.where(_is_by_all(form), SignupCount.window >= _at("since"))


def _is_by_all(form: FormKind) -> ColumnElement[bool]:
    shards: list[ColumnElement[str]] = [literal_column(f"'{shard}'") for shard in _shards(form)]
    return SignupCount.bucket.in_(shards)


def _is_slowed(form: FormKind) -> ColumnElement[bool]:
    return exists().where(ConfirmTrip.closed_at.is_(None)) if form is FormKind.SIGN_UP else literal_column("false")


def _or_zero(hits: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(hits, literal_column("0"))


def _at(name: str) -> BindParameter[int]:
    return bindparam(name, type_=SignupCount.window.type)


class _Bucket(NamedTuple):
    kind: str
    digest: str
    window: int

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.digest}"


def count_and_check(
    session: Session,
    services: AudienceServices,
    address: Address,
    client: str | None,
    now: datetime,
    form: FormKind = FormKind.SIGN_UP,
) -> Reason | None:
    """Count a form that was sent; why nothing may be mailed, if its mailbox or domain is over the limit.

    TooManyRequests if the client or everybody is.

    A mailbox is counted in all its spellings, and over all publications.
    """
    caps, buckets = services.caps, list(_buckets(services, address, client, now, form))
    hits = _count(session, buckets, form)
    if hits.get("client", 0) > caps.client:
        raise _client_capped(services, client, form)
    totals = _read_totals(session, now, form, buckets[0].name, caps.address)
    _refuse_too_many(totals, services, form)
    if hits[_ADDRESS] > caps.address:
        return Reason.ADDRESS_CAP
    if hits.get("domain", 0) > caps.domain:
        return Reason.DOMAIN_CAP
    return Reason.ADDRESS_CAP if form is FormKind.SIGN_UP and totals.a_month > caps.month else None


def count_client(
    session: Session, services: AudienceServices, client: str | None, now: datetime, form: FormKind
) -> None:
    """Count a form that was sent and that names no address; TooManyRequests if the client is over the limit."""
    bucket = _of_client(services, client, now, form)
    if bucket and _count(session, [bucket], form)["client"] > services.caps.client:
        raise _client_capped(services, client, form)


def count_sender(
    session: Session, services: AudienceServices, client: str | None, now: datetime, form: FormKind
) -> None:
    """Count a form that mails nothing to the address in it; TooManyRequests if the client or everybody is over a limit.

    Not by its address, or an answer would tell how often somebody else's had been typed.
    """
    by_client = _of_client(services, client, now, form)
    everybody = _Bucket(f"{form.prefix}{_EVERYBODY}", (by_client.digest if by_client else _SHARDS)[0], hour_of(now))
    hits = _count(session, [*([by_client] if by_client else []), everybody], form)
    if hits.get("client", 0) > services.caps.client:
        raise _client_capped(services, client, form)
    _refuse_too_many(_read_totals(session, now, form), services, form)


def reset_mailbox(session: Session, services: AudienceServices, address: Address) -> None:
    """Reset a mailbox's count, because its owner has confirmed."""
    bucket = _of_mailbox(services, address, 0, FormKind.SIGN_UP)
    session.execute(delete(SignupCount).where(SignupCount.bucket == bucket.name))


def use_proof(session: Session, nonce: str, made_at: datetime) -> bool:
    """Mark the proof of work for a challenge of that time as used; False if it was used before."""
    row = insert(session, SignupCount).values(bucket=f"proof:{nonce}", window=hour_of(made_at), hits=1)
    return session.scalar(row.on_conflict_do_nothing().returning(SignupCount.hits)) is not None


def is_first_today(session: Session, services: AudienceServices, kind: str, key: str, now: datetime) -> bool:
    """Count what may happen once a day (UTC) to the address or client with this key; whether it is the first time."""
    connection, name = session.connection(), f"{kind}:{client_ip.keyed_digest(services, key)}"
    row = {"bucket": name, "window": hour_of(now) // 24 * 24}
    return bool(_Statements.for_form(connection.dialect, FormKind.SIGN_UP).once.run(connection, row))


def needs_guard(session: Session, now: datetime, form: FormKind = FormKind.SIGN_UP) -> bool:
    """Whether a form is sent far more in this hour than usual: thirty times, and five times the mean of a day.

    Sign-ups also while the breaker on confirmation emails is open.
    """
    connection, hour = session.connection(), hour_of(now)
    rate = _Statements.for_form(connection.dialect, form).rate
    ((current, before, is_slowed),) = rate.run(connection, {"hour": hour, "since": hour - 24})
    return bool(is_slowed) or (current >= _ODD_FROM and current * 24 >= _ODD_TIMES * before)


def were_stopped(session: Session, services: AudienceServices, now: datetime) -> bool:
    """Whether SIGNUP_CAP_PRESS was reached within a day, so that sign-ups were refused for the rest of an hour."""
    shards = _shards(FormKind.SIGN_UP)
    over = select(SignupCount.window).where(SignupCount.bucket.in_(shards), SignupCount.window > hour_of(now) - 24)
    over = over.group_by(SignupCount.window).having(func.sum(SignupCount.hits) > services.caps.in_all)
    return session.scalar(over.limit(1)) is not None


def prune(session: Session, now: datetime) -> int:
    """Delete some counts of past windows; how many, 0 when none is left."""
    is_mailbox = SignupCount.bucket.startswith(f"{_ADDRESS}:", autoescape=True)
    is_refusal = SignupCount.bucket.startswith(refusals.PREFIX, autoescape=True)
    over = (
        SignupCount.window < hour_of(now - _KEPT),
        ~is_mailbox | (SignupCount.window < hour_of(now - _A_MONTH)),
        ~is_refusal | (SignupCount.window < hour_of(now - refusals.KEPT)),
    )
    key = tuple_(SignupCount.bucket, SignupCount.window)
    some = select(SignupCount.bucket, SignupCount.window).where(*over).order_by(SignupCount.window).limit(_GROUP)
    deletion = delete(SignupCount).where(key.in_(some.with_for_update(skip_locked=True).subquery().select()))
    found = session.scalars(deletion.returning(SignupCount.window), execution_options=UNSYNCED)
    return len(found.all())


def _read_totals(session: Session, now: datetime, form: FormKind, mailbox: str = "", most_a_day: int = 0) -> _Totals:
    connection = session.connection()
    asked = {"hour": hour_of(now), "since": hour_of(now - _A_MONTH), "bucket": mailbox, "most": most_a_day}
    (found,) = _Statements.for_form(connection.dialect, form).totals.run(connection, asked)
    return _Totals(*found)


def _refuse_too_many(totals: _Totals, services: AudienceServices, form: FormKind) -> None:
    most = services.caps.in_all
    if totals.an_hour <= (min(confirm_breaker.AN_HOUR, most) if totals.is_slowed else most):
        return
    if totals.an_hour == most + 1:
        log.error("stopped for this hour: SIGNUP_CAP_PRESS is reached", form=form.value, an_hour=most)
    reason = Reason.BREAKER if totals.is_slowed else Reason.TOTAL_CAP
    raise TooManyRequests(
        lazy_gettext("Too many people are using this form right now. Please try again in an hour."), reason, form
    )


def _buckets(
    services: AudienceServices, address: Address, client: str | None, now: datetime, form: FormKind
) -> Iterator[_Bucket]:
    hour = hour_of(now)
    # In a fixed order, so that two transactions that share buckets cannot deadlock.
    mailbox = _of_mailbox(services, address, hour - hour % 24, form)
    yield mailbox
    # Users of a provider of mailboxes for everybody have nothing to do with each other.
    if not freemail.provider(address.key):
        yield _Bucket(f"{form.prefix}domain", client_ip.keyed_digest(services, address.domain), hour)
    if by_client := _of_client(services, client, now, form):
        yield by_client
    yield _Bucket(f"{form.prefix}{_EVERYBODY}", mailbox.digest[0], hour)


def _of_client(services: AudienceServices, client: str | None, now: datetime, form: FormKind) -> _Bucket | None:
    one = client_ip.one_client(client)
    return _Bucket(f"{form.prefix}client", client_ip.keyed_digest(services, one), hour_of(now)) if one else None


def _client_capped(services: AudienceServices, client: str | None, form: FormKind) -> TooManyRequests:
    # If this is the address of the operator's own proxy, PROXY_HOPS is wrong and all clients share one limit.
    log.warning("client capped", client=client_ip.logged_origin(services, client))
    message = lazy_gettext("You have tried too often in a short time. Please try again in an hour.")
    return TooManyRequests(message, Reason.CLIENT_CAP, form)


def _of_mailbox(services: AudienceServices, address: Address, window: int, form: FormKind) -> _Bucket:
    return _Bucket(
        f"{form.prefix}{_ADDRESS}", client_ip.keyed_digest(services, aliases.mailbox_of(address.key)), window
    )


def _shards(form: FormKind) -> list[str]:
    return [f"{form.prefix}{_EVERYBODY}:{shard}" for shard in _SHARDS]


def _count(session: Session, buckets: list[_Bucket], form: FormKind) -> dict[str, int]:
    connection = session.connection()
    asked = encode_rows((each.name, each.window) for each in buckets)
    hits = _Statements.for_form(connection.dialect, form).add.run(connection, {"rows": asked})
    return {bucket.partition(":")[0].removeprefix(form.prefix): count for bucket, count in hits}
