"""Limits on forms that send mail: nobody may flood a mailbox, a domain or this installation through them.

Counting is one statement, so limits hold across processes. Each form has counts of its own (`FormKind`). Only digests
of addresses are stored.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Self

import structlog
from sqlalchemy import ColumnElement, Dialect, bindparam, delete, func, literal_column, select, text, tuple_
from sqlalchemy.orm import Session

from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.audience import client_ip, confirm_breaker, refusals
from newsletter.audience.address import Address
from newsletter.audience.confirm_breaker import ConfirmTrip
from newsletter.audience.models import SignupCount, hour_of
from newsletter.audience.refusals import FormKind, Reason
from newsletter.audience.services import AudienceServices
from newsletter.db import UNSYNCED, insert, upsert
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
_GROUPS = ProviderGroups()
_GMAIL = "gmail"
# Beside the provider groups: these offer mailboxes to everybody, so many of their users may sign up within one hour.
_GIVES_TO_EVERYBODY = """
    126.com 163.com bluewin.ch btinternet.com comcast.net fastmail.com free.fr freenet.de gmx.at gmx.ch gmx.com gmx.de
    gmx.net hey.com hushmail.com interia.pl laposte.net libero.it mail.com mail.ru mailbox.org naver.com o2.pl onet.pl
    op.pl orange.fr posteo.de proton.me protonmail.com qq.com sfr.fr sky.com t-online.de talktalk.net telus.net
    tuta.io virginmedia.com wanadoo.fr web.de wp.pl yandex.com yandex.ru zoho.com
"""
_PROVIDERS = frozenset(_GIVES_TO_EVERYBODY.split())


class TooManyRequests(Refused):
    """This client sends too many requests, or all clients together do; the web answers 429."""

    def __init__(self, message: str, reason: Reason | None = None, form: FormKind = FormKind.SIGN_UP) -> None:
        super().__init__(message)
        self.reason, self.form = reason, form


class _Counter(NamedTuple):
    """The statements of each sign-up, compiled once, because on SQLite sign-ups wait for each other."""

    add: Prepared
    by_all: Prepared
    by_hour: Prepared
    by_day: Prepared
    trips: Prepared
    once: Prepared

    @classmethod
    @lru_cache(maxsize=8)
    def for_form(cls, dialect: Dialect, form: FormKind) -> Self:
        asked = rows(dialect.name, bucket=SignupCount.bucket.type, window=SignupCount.window.type)
        # Without a WHERE, SQLite's parser takes ON CONFLICT after a SELECT for the ON of a join.
        each = select(asked.c.bucket, asked.c.window, literal_column("1")).where(text("true"))
        counted = upsert(dialect.name, SignupCount).from_select(["bucket", "window", "hits"], each)
        increment = {"hits": SignupCount.hits + literal_column("1")}
        counted = counted.on_conflict_do_update(index_elements=["bucket", "window"], set_=increment)
        shards: list[ColumnElement[str]] = [literal_column(f"'{shard}'") for shard in _shards(form)]
        window = bindparam("window", type_=SignupCount.window.type)
        bucket = bindparam("bucket", type_=SignupCount.bucket.type)
        by_all = select(func.sum(SignupCount.hits)).where(SignupCount.bucket.in_(shards), SignupCount.window == window)
        hours = select(SignupCount.window, func.sum(SignupCount.hits)).where(SignupCount.bucket.in_(shards))
        by_hour = hours.where(SignupCount.window >= window).group_by(SignupCount.window)
        by_day = select(SignupCount.hits).where(SignupCount.bucket == bucket, SignupCount.window > window)
        trips = select(ConfirmTrip.hour).where(ConfirmTrip.closed_at.is_(None))
        once = upsert(dialect.name, SignupCount).values(bucket=bucket, window=window, hits=literal_column("1"))
        first = once.on_conflict_do_nothing().returning(SignupCount.hits)
        asked_of = (counted.returning(SignupCount.bucket, SignupCount.hits), by_all, by_hour, by_day, trips, first)
        return cls(*(Prepared(each, dialect) for each in asked_of))


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
    _refuse_too_many(session, services, now, form)
    if hits[_ADDRESS] > caps.address:
        return Reason.ADDRESS_CAP
    if hits.get("domain", 0) > caps.domain:
        return Reason.DOMAIN_CAP
    if form is FormKind.SIGN_UP and _within_a_month(session, buckets[0], caps.address, now) > caps.month:
        return Reason.ADDRESS_CAP
    return None


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
    _refuse_too_many(session, services, now, form)


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
    return bool(_Counter.for_form(connection.dialect, FormKind.SIGN_UP).once.run(connection, row))


def is_odd(session: Session, now: datetime, form: FormKind = FormKind.SIGN_UP) -> bool:
    """Whether a form is sent far more in this hour than usual: thirty times, and five times the mean of a day."""
    connection = session.connection()
    found = _Counter.for_form(connection.dialect, form).by_hour.run(connection, {"window": hour_of(now) - 24})
    by_hour = {window: int(hits) for window, hits in found}
    current = by_hour.pop(hour_of(now), 0)
    return current >= _ODD_FROM and current * 24 >= _ODD_TIMES * sum(by_hour.values())


def are_slowed(session: Session) -> bool:
    """Whether the breaker on confirmation emails is open."""
    connection = session.connection()
    return bool(_Counter.for_form(connection.dialect, FormKind.SIGN_UP).trips.run(connection, {}))


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


def _refuse_too_many(session: Session, services: AudienceServices, now: datetime, form: FormKind) -> None:
    connection, caps = session.connection(), services.caps
    statements = _Counter.for_form(connection.dialect, form)
    ((hits,),) = statements.by_all.run(connection, {"window": hour_of(now)})
    total = int(hits or 0)
    if total <= min(confirm_breaker.AN_HOUR, caps.in_all):
        return
    is_slowed = form is FormKind.SIGN_UP and are_slowed(session)
    if not is_slowed and total <= caps.in_all:
        return
    if total == caps.in_all + 1:
        log.error("stopped for this hour: SIGNUP_CAP_PRESS is reached", form=form.value, an_hour=caps.in_all)
    reason = Reason.BREAKER if is_slowed else Reason.TOTAL_CAP
    raise TooManyRequests(
        lazy_gettext("Too many people are using this form right now. Please try again in an hour."), reason, form
    )


def _within_a_month(session: Session, mailbox: _Bucket, most_a_day: int, now: datetime) -> int:
    # Requests beyond the daily limit caused no letter, and so are not counted.
    connection, since = session.connection(), hour_of(now - _A_MONTH)
    hits = _Counter.for_form(connection.dialect, FormKind.SIGN_UP).by_day.run(
        connection, {"bucket": mailbox.name, "window": since}
    )
    return sum(min(each, most_a_day) for (each,) in hits)


def _buckets(
    services: AudienceServices, address: Address, client: str | None, now: datetime, form: FormKind
) -> Iterator[_Bucket]:
    hour = hour_of(now)
    # In a fixed order, so that two transactions that share buckets cannot deadlock.
    mailbox = _of_mailbox(services, address, hour - hour % 24, form)
    yield mailbox
    if not _is_provider(address.domain):
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
    return _Bucket(f"{form.prefix}{_ADDRESS}", client_ip.keyed_digest(services, _mailbox_of(address)), window)


def _mailbox_of(address: Address) -> str:
    """The mailbox behind an address: without a plus tag (RFC 5233), and for Gmail without dots.

    Only for the limits. Everywhere else two spellings are two subscribers (see `newsletter.addresses.mailboxes`).
    """
    name, _, domain = address.key.rpartition("@")
    name = name.partition("+")[0] or name
    if _GROUPS.of_domain(domain) == _GMAIL:
        return f"{name.replace('.', '')}@gmail.com"
    return f"{name}@{domain}"


def _is_provider(domain: str) -> bool:
    """Whether the domain offers mailboxes to the public, so that its users have nothing to do with each other."""
    return domain in _PROVIDERS or _GROUPS.of_domain(domain) != domain


def _shards(form: FormKind) -> list[str]:
    return [f"{form.prefix}{_EVERYBODY}:{shard}" for shard in _SHARDS]


def _count(session: Session, buckets: list[_Bucket], form: FormKind) -> dict[str, int]:
    connection = session.connection()
    asked = encode_rows((each.name, each.window) for each in buckets)
    hits = _Counter.for_form(connection.dialect, form).add.run(connection, {"rows": asked})
    return {bucket.partition(":")[0].removeprefix(form.prefix): count for bucket, count in hits}
