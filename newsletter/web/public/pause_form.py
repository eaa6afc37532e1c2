"""The form by which a reader takes a break: for some weeks, or until a date of their own choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from newsletter.audience import preferences
from newsletter.errors import Invalid
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication

_WEEKS = (1, 2, 4, 8)
_USUAL = 2


@dataclass(frozen=True, slots=True)
class PauseChoice:
    """A break of some weeks, and the moment at which it ends."""

    weeks: int
    end: datetime
    value: str
    is_usual: bool


@dataclass(frozen=True, slots=True)
class PauseForm:
    """What the form offers: the choices, and the first and the last date."""

    choices: tuple[PauseChoice, ...]
    first: date
    last: date

    @classmethod
    def for_publication(cls, publication: Publication, now: datetime) -> Self:
        """The form for the readers of a publication today."""
        today = preferences.local_day(publication, now)
        ends = [(weeks, today + timedelta(weeks=weeks)) for weeks in _WEEKS]
        choices = (
            PauseChoice(weeks, preferences.end_of_pause(publication, end), end.isoformat(), weeks == _USUAL)
            for weeks, end in ends
        )
        return cls(tuple(choices), *preferences.pause_bounds(publication, now))


def parse_until(form: Mapping[str, str]) -> date:
    """The day on which mail comes again: the date that was typed, or else the choice. Invalid if it is no date."""
    typed = form.get("date", "").strip() or form.get("until", "")
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise Invalid(lazy_gettext("Please choose how long the break should be, or give a date")) from None
