"""Publications: newsletters, each with its own name, sender, readers and weekly slots."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import (
    JSON,
    ForeignKey,
    Select,
    String,
    Text,
    Time,
    UniqueConstraint,
    column,
    false,
    func,
    select,
    table,
    true,
)
from sqlalchemy.orm import Mapped, Session, column_property, mapped_column, relationship

from newsletter.characters import label_key
from newsletter.db import Base, word
from newsletter.errors import Conflict, NotFound
from newsletter.i18n.locales import text_direction

_every = table("publications", column("id")).alias("every_publication")
_first_id = select(func.min(_every.c.id)).scalar_subquery()


_LOGO_HEIGHT = 40


class CommentPolicy(StrEnum):
    """Who may comment on issues, and what is published without a moderator."""

    OFF = "off"
    HELD = "held"
    """Each comment waits for a moderator."""
    READERS = "readers"
    """Comments that are signed by a reader's link are published at once; the others wait."""


class Publication(Base):
    """A newsletter: its name, sender, postal address, branding and settings."""

    __tablename__ = "publications"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    tagline: Mapped[str] = mapped_column(String(200), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    language: Mapped[str] = mapped_column(String(16), default="en")
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    sender_name: Mapped[str] = mapped_column(String(120))
    sender_address: Mapped[str] = mapped_column(String(254))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    postal_address: Mapped[str] = mapped_column(Text, default="")
    booking_url: Mapped[str | None] = mapped_column(String(500))
    """Where readers book; None for our own page. So is the next one for questions."""
    ask_url: Mapped[str | None] = mapped_column(String(500))
    takes_requests: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether readers may ask and book on our own pages."""
    request_topics: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    """What they may ask about; empty for the default topics."""
    mails_request_text: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the mail to the team holds what they wrote, and not only that they did."""
    follow: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    counts_clicks: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether clicks are counted, from the next issue that is scheduled: per link, never per reader."""
    requires_approval: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether an issue goes out only after a second person has approved its exact content."""
    accent: Mapped[str | None] = mapped_column(String(7))
    """The colour of links and buttons, as `#rrggbb`; None for the default. The next one is for dark mode."""
    accent_dark: Mapped[str | None] = mapped_column(String(7))
    start_here: Mapped[str] = mapped_column(String(120), default="", server_default="")
    """The slug of the issue that new readers are offered first; empty for none, or until that issue is out."""
    topics: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    """The tags of issues that readers may turn off."""
    comments: Mapped[CommentPolicy] = mapped_column(
        word(CommentPolicy), default=CommentPolicy.HELD, server_default=CommentPolicy.HELD.value
    )
    close_comments_after: Mapped[int] = mapped_column(default=90, server_default="90")
    """The number of days after which an issue takes no more comments; 0 for never."""
    series_on: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether new readers get the welcome series."""
    series_days: Mapped[int] = mapped_column(default=3, server_default="3")
    """Days from one issue of the welcome series to the next."""
    series_issues: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    """The slugs of its issues, in order; one that is not out is passed over."""
    offers_digest: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether readers may choose one digest a month in place of each issue."""
    offers_delivery_hours: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether readers may choose the local hour at which issues arrive."""
    offers_setup: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether the desk's start page leads to the setup guide while a step is missing."""
    logo: Mapped[str | None] = mapped_column(String(80))
    """The file name of a stored picture, whose size is below; None for no logo."""
    logo_width: Mapped[int | None]
    logo_height: Mapped[int | None]
    created_at: Mapped[datetime]
    is_first: Mapped[bool] = column_property(id == _first_id)  # noqa: A003  (the column)
    """Whether it is the oldest: the one that `/` shows."""

    slots: Mapped[list["Slot"]] = relationship(
        back_populates="publication", lazy="selectin", order_by="(Slot.weekday, Slot.at, Slot.id)"
    )
    weeks_off: Mapped[list["WeekOff"]] = relationship(
        back_populates="publication", lazy="selectin", order_by="(WeekOff.first, WeekOff.id)"
    )

    def logo_box(self, width: int) -> tuple[int, int] | None:
        """The width and height in which the logo is shown where there are so many pixels; None if there is no logo."""
        if not self.logo_width or not self.logo_height:
            return None
        scale = min(1, width / self.logo_width, _LOGO_HEIGHT / self.logo_height)
        return max(1, round(self.logo_width * scale)), max(1, round(self.logo_height * scale))

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, for the `dir` of its pages."""
        return text_direction(self.language)

    def topic_keys(self, tags: Iterable[str]) -> list[str]:
        """The keys of those topics that are among these tags of an issue, in order and each once."""
        topics = {label_key(topic) for topic in self.topics}
        return sorted(topics & {label_key(tag) for tag in tags})

    def takes_comments(self, published_at: datetime, now: datetime) -> bool:
        """Whether an issue that was published then may be commented on now."""
        days = self.close_comments_after
        return self.comments != CommentPolicy.OFF and (not days or now < published_at + timedelta(days=days))

    @property
    def named(self) -> str | None:
        """The value of `?publication=` for this one; None for the first, which is the default."""
        return None if self.is_first else self.slug


class Slot(Base):
    """A time of the week at which a publication goes out, in a time zone; 0 is Monday."""

    __tablename__ = "slots"
    __table_args__ = (
        UniqueConstraint("publication_id", "weekday", "at", "time_zone"),
        # An open page may still name a deleted one, whose id must never be reused.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    weekday: Mapped[int]
    at: Mapped[time] = mapped_column(Time)
    time_zone: Mapped[str] = mapped_column(String(64))
    since: Mapped[datetime]
    """When it was created or last changed; earlier times are not occurrences of it."""

    publication: Mapped[Publication] = relationship(back_populates="slots")


class WeekOff(Base):
    """Days on which all slots of a publication are off, first and last included."""

    __tablename__ = "weeks_off"
    __table_args__ = (
        UniqueConstraint("publication_id", "first", "last"),
        # An open page may still name a deleted one, whose id must never be reused.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    first: Mapped[date]
    last: Mapped[date]
    reason: Mapped[str] = mapped_column(String(120))

    def holds(self, day: date) -> bool:
        """Whether that day is in it."""
        return self.first <= day <= self.last

    publication: Mapped[Publication] = relationship(back_populates="weeks_off")


def find(session: Session, slug: str | None = None) -> Publication:
    """The publication of that slug; without a slug, the only one there is."""
    if slug is not None:
        found = by_slug(session, slug)
        if found is None:
            raise NotFound(f"there is no publication {slug!r}; known: {', '.join(_slugs(session)) or 'none yet'}")
        return found
    publications = session.scalars(select(Publication).order_by(Publication.id).limit(2)).all()
    if not publications:
        raise NotFound("there is no publication yet; `newsletter issues load` makes one")
    if len(publications) > 1:
        raise Conflict(f"say which publication: --publication {' | '.join(_slugs(session))}")
    return publications[0]


def by_slug(session: Session, slug: str) -> Publication | None:
    """The publication of that slug, which may be any text from a request; None if there is none."""
    # PostgreSQL rejects a NUL in a parameter.
    return None if "\0" in slug else session.scalar(select(Publication).where(Publication.slug == slug))


def first(session: Session) -> Publication | None:
    """The oldest publication: the one that `/` shows."""
    return session.scalar(select(Publication).order_by(Publication.id).limit(1))


def all_publications() -> Select[Publication]:
    """All publications, the oldest first."""
    return select(Publication).order_by(Publication.id)


def block_unsubscribes(session: Session, publication_id: int) -> None:
    """Block unsubscribes until this transaction ends; those in progress are waited for. For the fan-out.

    Without it, PostgreSQL could write a copy for a reader whose unsubscribe has just looked for copies to skip.
    SQLite has one writer at a time, and needs no lock.
    """
    session.execute(_row(publication_id).with_for_update(key_share=True))


def wait_for_fan_out(session: Session, publication_id: int) -> None:
    """Wait for a running fan-out, so that its copies are visible; unsubscribes do not wait for each other."""
    session.execute(_row(publication_id).with_for_update(read=True))


def _row(publication_id: int) -> Select[int]:
    return select(Publication.id).where(Publication.id == publication_id)


def _slugs(session: Session) -> list[str]:
    return list(session.scalars(select(Publication.slug).order_by(Publication.id)))
