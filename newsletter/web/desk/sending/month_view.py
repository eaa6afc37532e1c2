"""The calendar's month view: each day of a month with what went out, goes out or could, on the publication's clocks."""

from calendar import Calendar as WeekCalendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from newsletter.db import Session
from newsletter.editorial.issues import listing
from newsletter.editorial.issues.months import month_bounds, parse_month, shift_month
from newsletter.editorial.schedule.weekly_slots import on_clocks, zone
from newsletter.errors import Invalid
from newsletter.i18n import formats
from newsletter.i18n.locales import first_weekday
from newsletter.publications import Publication, WeekOff
from newsletter.web.context import now
from newsletter.web.desk import frame
from newsletter.web.desk.sending import moments, queue_view
from newsletter.web.desk.sending.moments import ClockChange
from newsletter.workflows.calendar import CalendarEntry

_MONTHS_AHEAD = 12
_DAYS = 7
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class MonthDay:
    """A day of the month, with its entries in order and the changes of clocks on it."""

    day: date
    entries: Sequence[CalendarEntry]
    changes: Sequence[ClockChange]
    off: WeekOff | None = None
    """The days off that this day belongs to."""

    @property
    def begins_off(self) -> bool:
        """Whether it is the first of its days off in the month."""
        return self.off is not None and self.day in {self.off.first, self.day.replace(day=1)}


def month_page(store: Session, publication: Publication, month: str) -> str:
    """The month as a table of weeks and, for narrow screens, as a list of days; Invalid if it is over a year ahead."""
    first, time_zone = parse_month(month), publication.time_zone
    today = on_clocks(now(), time_zone).date()
    this_month, last = today.replace(day=1), shift_month(today, _MONTHS_AHEAD)
    if first > last:
        raise Invalid(f"The calendar looks a year ahead. Choose a month up to {formats.calendar_month(last)}.")
    entries = frame.calendar_of(store, publication).between(*month_bounds(first, time_zone))
    weeks = month_grid(first, entries, publication)
    return queue_view.page(
        store,
        "calendar_month.html",
        publication,
        queue_view.of_publication(store, publication),
        month_name(first),
        first=first,
        this_month=month_name(this_month) if first != this_month else "",
        previous=shift_month(first, -1) if first > _first_month(store, publication, this_month) else None,
        next_month=shift_month(first, 1) if first < last else None,
        today=today,
        weekdays=[formats.weekday_name(day) for day in _week(publication.language)],
        weeks=weeks,
        has_changes=any(day.changes for week in weeks for day in week if day),
    )


def month_grid(first: date, entries: Iterable[CalendarEntry], publication: Publication) -> list[list[MonthDay | None]]:
    """The weeks of a month, on the publication's clocks; None for days of the months beside it.

    Weeks start as they do where its language is spoken; days off are marked, and changes of the clocks in each of the
    time zones of its slots.
    """
    by_day: dict[date, list[CalendarEntry]] = {}
    for entry in entries:
        by_day.setdefault(on_clocks(entry.at, publication.time_zone).date(), []).append(entry)
    weeks = WeekCalendar(first_weekday(publication.language)).monthdatescalendar(first.year, first.month)
    return [
        [_month_day(day, by_day.get(day, []), publication) if day.month == first.month else None for day in week]
        for week in weeks
    ]


def month_name(day: date) -> str:
    """The month of a day as `?month=` takes it: `2026-12`."""
    return f"{day:%Y-%m}"


def _month_day(day: date, entries: Sequence[CalendarEntry], publication: Publication) -> MonthDay:
    time_zones = [publication.time_zone, *(slot.time_zone for slot in publication.slots)]
    off = next((week for week in publication.weeks_off if week.holds(day)), None)
    return MonthDay(day, entries, _clock_changes(day, time_zones), off)


def _clock_changes(day: date, time_zones: Sequence[str]) -> list[ClockChange]:
    # A tick early: clocks that skip midnight change when the day begins, not when the day before ends.
    begin, end = (
        datetime.combine(one, time.min, zone(time_zones[0])).astimezone(UTC) - _TICK
        for one in (day, day + timedelta(days=1))
    )
    changes = (moments.clock_change(begin, end, name) for name in dict.fromkeys(time_zones))
    return [change for change in changes if change]


def _first_month(store: Session, publication: Publication, this_month: date) -> date:
    """The earliest month that has issues, or this one."""
    return parse_month(min([*listing.months(store, publication), month_name(this_month)]))


def _week(language: str) -> list[int]:
    return [(first_weekday(language) + day) % _DAYS for day in range(_DAYS)]
