"""The state of webhooks beside their events: when each provider last sent one, and which tokens were used."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import UNSYNCED, Base, insert

EXACT_TO = timedelta(minutes=1)
"""How exactly a provider's last webhook is noted, so that many events at once write it once."""
_TOKENS_KEPT = timedelta(days=2)
_PRUNED_AT_ONCE = 500


class WebhookSource(Base):
    """A provider whose webhook came in, and when it last did."""

    __tablename__ = "webhook_sources"

    provider: Mapped[str] = mapped_column(String(24), primary_key=True)
    seen_at: Mapped[datetime]


class WebhookToken(Base):
    """A token that a signature covers in place of the event; it is accepted only once."""

    __tablename__ = "webhook_tokens"

    token: Mapped[str] = mapped_column(String(200), primary_key=True)
    used_at: Mapped[datetime] = mapped_column(index=True)


def note_seen(session: Session, provider: str, now: datetime) -> None:
    """Note that an authentic webhook of this provider came."""
    row = insert(session, WebhookSource).values(provider=provider, seen_at=now)
    newer = row.on_conflict_do_update(
        index_elements=["provider"], set_={"seen_at": now}, where=WebhookSource.seen_at < now - EXACT_TO
    )
    session.execute(newer)


def last_seen(session: Session) -> Mapping[str, datetime]:
    """When each provider that ever sent an authentic webhook last did, to the minute."""
    return {source.provider: source.seen_at for source in session.scalars(select(WebhookSource))}


def use_token(session: Session, token: str, now: datetime) -> bool:
    """Whether this token was not used before; now it is."""
    row = insert(session, WebhookToken).values(token=token, used_at=now)
    return session.scalar(row.on_conflict_do_nothing().returning(WebhookToken.token)) is not None


def prune(session: Session, now: datetime) -> int:
    """Delete some tokens whose timestamp is too old to be accepted again; how many, 0 when none is left."""
    old = select(WebhookToken.token).where(WebhookToken.used_at <= now - _TOKENS_KEPT).limit(_PRUNED_AT_ONCE)
    deletion = delete(WebhookToken).where(WebhookToken.token.in_(old)).returning(WebhookToken.token)
    return len(session.scalars(deletion, execution_options=UNSYNCED).all())
