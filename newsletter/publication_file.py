"""`publication.toml`: what a publication is, written beside its issues, read once into the store."""

import tomllib
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Literal, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, HttpUrl, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.errors import Invalid
from newsletter.publications import Publication, Slot

_Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no time zone; write one like Europe/Warsaw")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class _SlotPart(_Part):
    weekday: _Weekday
    at: time


class _FollowPart(_Part):
    name: str
    url: HttpUrl


class _File(_Part):
    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    name: str = Field(min_length=1, max_length=120)
    tagline: str = ""
    description: str = ""
    language: str = "en"
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    sender_name: str = Field(pattern=r"^[^\r\n]{1,120}$")
    sender_address: EmailStr | None = None
    reply_to: EmailStr | None = None
    postal_address: str = Field(min_length=1)
    booking_url: HttpUrl | None = None
    ask_url: HttpUrl | None = None
    slot: _SlotPart | None = None
    follow: list[_FollowPart] = []


def load(session: Session, path: Path, now: datetime, default_sender: str | None = None) -> tuple[Publication, bool]:
    """The publication that the file names, and whether it is new; one that is in the store stays as it is there.

    `default_sender` is the address of a new one whose file names none.
    """
    described = _read(path)
    known = session.scalar(select(Publication).where(Publication.slug == described.slug))
    if known is not None:
        return known, False
    sender = described.sender_address or default_sender
    if sender is None:
        raise Invalid(f"{path}: sender_address is missing; give one here, or set MAIL_DEFAULT_SENDER")
    kept = described.model_dump(mode="json", exclude={"slot"}) | {"sender_address": sender}
    publication = Publication(created_at=now, **kept)
    if described.slot:
        weekday = get_args(_Weekday).index(described.slot.weekday)
        publication.slot = Slot(weekday=weekday, at=described.slot.at, time_zone=described.time_zone)
    session.add(publication)
    session.flush()
    return publication, True


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise Invalid(f"{path} is missing; it names the publication (docs/issue-files.md shows one)") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {error}") from None
    except ValidationError as error:
        raise Invalid("\n".join(f"{path}: {_sentence(problem)}" for problem in error.errors())) from None


def _sentence(problem: ErrorDetails) -> str:
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}"
