"""`publication.toml`: what a publication is, written beside its issues, read once into the store."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Literal, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, EmailStr, Field, HttpUrl, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.errors import Invalid
from newsletter.publications import Publication, Slot

_Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


_COLOUR = r"^#[0-9a-f]{6}$"


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no time zone; write one like Europe/Warsaw")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class _SlotPart(_Part):
    weekday: _Weekday
    at: time
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None


class _FollowPart(_Part):
    name: str
    url: HttpUrl


def _as_list(value: object) -> object:
    """`[slot]` is one slot, `[[slot]]` any number of them."""
    return [value] if isinstance(value, dict) else value


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
    slot: Annotated[list[_SlotPart], BeforeValidator(_as_list)] = []
    requires_approval: bool = False
    counts_clicks: bool = False
    accent: str | None = Field(default=None, pattern=_COLOUR)
    accent_dark: str | None = Field(default=None, pattern=_COLOUR)
    follow: list[_FollowPart] = []


_CHANGEABLE = _File.model_fields.keys() - {"slug", "slot"}


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
    publication.slots = [_slot(part, described.time_zone, now) for part in described.slot]
    session.add(publication)
    session.flush()
    return publication, True


def change(publication: Publication, changes: Mapping[str, object]) -> dict[str, str]:
    """Change what a publication says of itself, by the rules of its file.

    If any of it cannot be so, nothing is changed, and for each such field there is a sentence on how to mend it.
    """
    kept = {name: getattr(publication, name) for name in _CHANGEABLE}
    described = _File.model_construct(**kept)
    faults: dict[str, str] = {}
    for name, value in changes.items():
        try:
            _File.__pydantic_validator__.validate_assignment(described, name, value)
        except ValidationError as error:
            faults[name] = "; ".join(_rule(problem) for problem in error.errors())
    if not faults:
        for name, value in described.model_dump(mode="json", include=set(changes)).items():
            setattr(publication, name, value)
    return faults


def _slot(part: _SlotPart, time_zone: str, now: datetime) -> Slot:
    weekday = get_args(_Weekday).index(part.weekday)
    return Slot(weekday=weekday, at=part.at, time_zone=part.time_zone or time_zone, since=now)


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
    return f"{'.'.join(str(part) for part in problem['loc'])}: {_rule(problem)}"


def _rule(problem: ErrorDetails) -> str:
    return problem["msg"].removeprefix("Value error, ")
