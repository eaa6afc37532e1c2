"""`publication.toml`: a publication's settings in a file beside its issues, loaded once into the database."""

import re
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

from newsletter import characters
from newsletter.addresses import mailboxes
from newsletter.errors import Invalid
from newsletter.publications import CommentPolicy, Publication, Slot

_Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

_LONGEST_URL = 500
_MOST_TOPICS = 20
# Pydantic's messages reworded for editors; `{…}` is filled from the error's context.
_SENTENCES = {
    "missing": "It is missing.",
    "extra_forbidden": "There is no such entry; check the spelling.",
    "string_type": "Give words.",
    "string_too_short": "Fill this in.",
    "string_too_long": "Shorten it: the limit is {max_length} characters.",
    "too_long": "Leave some out: the limit is {max_length}.",
    "bool_parsing": "Say true or false.",
    "bool_type": "Say true or false.",
    "int_parsing": "Give a whole number.",
    "int_type": "Give a whole number.",
    "int_from_float": "Give a whole number.",
    "greater_than_equal": "Give {ge} or more.",
    "less_than_equal": "Give {le} or less.",
    "enum": "Give one of {expected}.",
    "literal_error": "Give one of {expected}.",
    "time_parsing": "Give a time like 09:00.",
    "time_type": "Give a time like 09:00.",
    "url_parsing": "Give a full web address, like https://example.org/page.",
    "url_scheme": "Give a web address that begins with https:// or http://.",
    "url_type": "Give a full web address, like https://example.org/page.",
    "url_too_long": f"Give a shorter web address: the limit is {_LONGEST_URL} characters.",
}
_COLUMNS = {"url": "address"}
_NOT_SO = "value is not a valid email address: "


def _fits(pattern: str, otherwise: str) -> AfterValidator:
    """That words are of this pattern from end to end, or else the sentence."""

    def check(words: str) -> str:
        if not re.fullmatch(pattern, words):
            raise ValueError(otherwise)
        return words

    return AfterValidator(check)


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone; write one like Europe/Warsaw")
    return name


def _short_enough(url: HttpUrl) -> HttpUrl:
    if len(str(url)) > _LONGEST_URL:
        raise ValueError(_SENTENCES["url_too_long"])
    return url


def _one_line(words: str) -> str:
    found = characters.forbidden_in_line(words)
    if found and found in "\r\n\0":
        raise ValueError("Write it on one line.")
    return _without(found, words)


def _any_lines(words: str) -> str:
    return _without(characters.forbidden_in_passage(words), words)


def _without(found: str, words: str) -> str:
    if found:
        named = "a NUL" if found == "\0" else characters.named(found)
        raise ValueError(f"There is {named} in the text; remove it.")
    return words


def _in_ascii(address: str) -> str:
    if not mailboxes.is_ascii(address):
        raise ValueError("Use no letters beyond a-z before the @: most mail servers cannot handle them.")
    return address


def _visible(words: str) -> str:
    if not characters.trimmed(words):
        raise ValueError(_SENTENCES["string_too_short"])
    return words


def _once_each(topics: list[str]) -> list[str]:
    named: dict[str, str] = {}
    for topic in topics:
        if same := named.get(key := characters.label_key(topic)):
            raise ValueError(f"“{same}” and “{topic}” are the same topic; leave one out.")
        named[key] = topic
    return topics


def _no_number(value: object) -> object:
    """None for a number, which would be taken for seconds since midnight."""
    return None if isinstance(value, (int, float)) else value


def _to_the_minute(at: time) -> time:
    if at.tzinfo or at.second or at.microsecond:
        raise ValueError(_SENTENCES["time_parsing"])
    return at


def _named_once(slugs: list[str]) -> list[str]:
    if twice := {slug for slug in slugs if slugs.count(slug) > 1 or not slug}:
        raise ValueError(f"Name each issue once: {', '.join(sorted(twice))}.")
    return slugs


_ONE_LINE = AfterValidator(_one_line)
_VISIBLE = AfterValidator(_visible)
_ANY_LINES = AfterValidator(_any_lines)
_Name = Annotated[str, Field(min_length=1, max_length=120), _ONE_LINE, _VISIBLE]
_Topic = Annotated[str, Field(min_length=1, max_length=60), _ONE_LINE, _VISIBLE]
_Colour = Annotated[str, _fits("#[0-9a-f]{6}", "Give a colour like #1a6b5c.")]
_Language = Annotated[
    str, Field(max_length=16), _fits("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", "Give a language tag like en, pl or pt-BR.")
]
_Slug = Annotated[str, _fits("[a-z0-9][a-z0-9-]{0,62}", "Use a-z, 0-9 and hyphens, 63 of them at most.")]
_IssueSlug = Annotated[
    str, Field(max_length=120), _fits("[a-z0-9-]*", "Give the slug of an issue: a-z, 0-9 and hyphens.")
]
_OurAddress = Annotated[EmailStr, AfterValidator(_in_ascii)]
_Url = Annotated[HttpUrl, AfterValidator(_short_enough)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class _SlotPart(_Part):
    weekday: _Weekday
    at: Annotated[time, BeforeValidator(_no_number), AfterValidator(_to_the_minute)]
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None


class _FollowPart(_Part):
    name: Annotated[str, Field(min_length=1, max_length=60), _ONE_LINE, _VISIBLE]
    url: _Url


def _as_list(value: object) -> object:
    """`[slot]` is one slot, `[[slot]]` any number of them."""
    return [value] if isinstance(value, dict) else value


class _File(_Part):
    slug: _Slug
    name: _Name
    tagline: Annotated[str, Field(max_length=200), _ONE_LINE] = ""
    description: Annotated[str, _ANY_LINES] = ""
    language: _Language = "en"
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    sender_name: _Name
    sender_address: _OurAddress | None = None
    reply_to: _OurAddress | None = None
    postal_address: Annotated[str, _ANY_LINES, _VISIBLE]
    booking_url: _Url | None = None
    ask_url: _Url | None = None
    takes_requests: bool = True
    request_topics: Annotated[list[_Topic], Field(max_length=_MOST_TOPICS), AfterValidator(_once_each)] = []
    mails_request_text: bool = False
    slot: Annotated[list[_SlotPart], BeforeValidator(_as_list)] = []
    requires_approval: bool = False
    counts_clicks: bool = False
    offers_delivery_hours: bool = True
    start_here: _IssueSlug = ""
    offers_digest: bool = False
    topics: Annotated[list[_Topic], Field(max_length=_MOST_TOPICS), AfterValidator(_once_each)] = []
    comments: CommentPolicy = CommentPolicy.HELD
    close_comments_after: Annotated[int, Field(ge=0, le=3650)] = 90
    series_on: bool = False
    series_days: Annotated[int, Field(ge=1, le=90)] = 3
    series_issues: Annotated[list[_IssueSlug], Field(max_length=20), AfterValidator(_named_once)] = []
    accent: _Colour | None = None
    accent_dark: _Colour | None = None
    follow: list[_FollowPart] = []


_CHANGEABLE = _File.model_fields.keys() - {"slug", "slot"}


def load(session: Session, path: Path, now: datetime, default_sender: str | None = None) -> tuple[Publication, bool]:
    """The publication that the file names, and whether it is new; an existing one is not changed.

    `default_sender` is the address of a new one whose file names none.
    """
    described = _read(path)
    known = session.scalar(select(Publication).where(Publication.slug == described.slug))
    if known is not None:
        return known, False
    sender = described.sender_address or default_sender
    if sender is None:
        raise Invalid(f"{path}: sender_address is missing; give one here, or set MAIL_DEFAULT_SENDER")
    values = described.model_dump(mode="json", exclude={"slot"}) | {"sender_address": sender}
    publication = Publication(created_at=now, **values)
    publication.slots = [_slot(part, described.time_zone, now) for part in described.slot]
    if len({(slot.weekday, slot.at, slot.time_zone) for slot in publication.slots}) < len(publication.slots):
        raise Invalid(f"{path}: slot: Two of them are the same; leave one out.")
    session.add(publication)
    session.flush()
    return publication, True


def change(publication: Publication, changes: Mapping[str, object]) -> dict[str, str]:
    """Change a publication's settings, validated by the rules of the file.

    If any value is invalid, nothing is changed; returns a sentence on how to fix it for each invalid field.
    """
    current = {name: getattr(publication, name) for name in _CHANGEABLE}
    described = _File.model_construct(**current)
    faults: dict[str, str] = {}
    for name, value in changes.items():
        try:
            _File.__pydantic_validator__.validate_assignment(described, name, value)
        except ValidationError as error:
            faults[name] = " ".join(_field_fault(problem) for problem in error.errors())
    if not faults:
        for name, value in described.model_dump(mode="json", include=set(changes)).items():
            setattr(publication, name, value)
    return faults


def _slot(part: _SlotPart, time_zone: str, now: datetime) -> Slot:
    weekday = get_args(_Weekday).index(part.weekday)
    return Slot(weekday=weekday, at=part.at, time_zone=part.time_zone or time_zone, since=now)


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except FileNotFoundError:
        raise Invalid(f"{path} is missing; it names the publication (docs/issue-files.md shows one)") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except RecursionError:
        raise Invalid(f"{path}: lists or tables are nested too deeply") from None
    except ValidationError as error:
        problems = ((".".join(map(str, problem["loc"])), _rule(problem)) for problem in error.errors())
        raise Invalid("\n".join(f"{path}: {place}: {rule}" for place, rule in problems)) from None
    except ValueError as error:  # of TOML, or a number of thousands of digits
        raise Invalid(f"{path}: {error}") from None


def _field_fault(problem: ErrorDetails) -> str:
    """The error as a sentence shown beside its field, with the row number where there are several rows."""
    rule = _rule(problem)
    sentence = f"{rule[:1].upper()}{rule[1:].rstrip('.')}."
    match problem["loc"]:
        case (_, int(row), str(column)):
            return f"Link {row + 1}, {_COLUMNS.get(column, column)}: {sentence}"
        case (_, int(row)):
            return f"Line {row + 1}: {sentence}"
    return sentence


def _rule(problem: ErrorDetails) -> str:
    if sentence := _SENTENCES.get(problem["type"]):
        return sentence.format(**problem.get("ctx", {}))
    return problem["msg"].removeprefix("Value error, ").removeprefix(_NOT_SO)
