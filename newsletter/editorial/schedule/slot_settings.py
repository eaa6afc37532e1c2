"""Slot settings: an editor changes a publication's weekly slots and weeks off.

A change applies from now on: a slot counts only from its last change, so nothing goes out for a time that has passed.
"""

import re
from datetime import date, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter import characters
from newsletter.editorial.schedule import occurrences, weekly_slots
from newsletter.editorial.schedule.weekly_slots import WeeklySlot
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.i18n import formats
from newsletter.publications import Publication, Slot, WeekOff

_LONGEST_OFF = timedelta(days=366)
_LONGEST_REASON = 120

_GONE = "It has already been removed, by you in another window or by a colleague. Nothing was done."
_ISO_WEEK = re.compile(r"(\d{4})-W(\d{1,2})", re.IGNORECASE)
# The time zone furthest behind UTC.
_BEHIND = timedelta(hours=12)
_A_DAY = timedelta(days=1)


class NoReason(Invalid):
    """Days off without a reason."""


def add_slot(session: Session, publication: Publication, weekly: WeeklySlot, now: datetime) -> Slot:
    """Add a weekly slot; Conflict if it exists already."""
    slot = Slot(weekday=weekly.weekday, at=weekly.at, time_zone=weekly.time_zone, since=now)
    _keep(session, publication, slot, f"{formats.weekly(slot)} is already a slot.")
    return slot


def change_slot(session: Session, publication: Publication, slot_id: int, weekly: WeeklySlot, now: datetime) -> Slot:
    """Move a slot to another time of the week; Conflict if that slot exists already."""
    slot = _own_slot(publication, slot_id)
    if WeeklySlot.from_slot(slot) != weekly:
        slot = Slot(weekday=weekly.weekday, at=weekly.at, time_zone=weekly.time_zone, since=now)
        _keep(session, publication, slot, f"{formats.weekly(slot)} is already a slot.")
        remove_slot(session, publication, slot_id)
    return slot


def remove_slot(session: Session, publication: Publication, slot_id: int) -> None:
    """Remove a slot; what is scheduled for it stays scheduled."""
    _own_slot(publication, slot_id)
    session.execute(delete(Slot).where(Slot.id == slot_id))
    session.expire(publication, ["slots"])


def add_week_off(
    session: Session, publication: Publication, days: tuple[date, date], reason: str, now: datetime
) -> WeekOff:
    """Add days on which all slots are off; Invalid, saying what to correct, if the dates are not valid."""
    first, last = days
    _refuse_strange_days(first, last, now)
    words = reason.strip()
    if found := characters.forbidden_in_line(words):
        raise NoReason(f"Give the reason in one line, in plain characters: it contains {characters.named(found)}.")
    if not 0 < len(words) <= _LONGEST_REASON:
        raise NoReason(f"Give a reason in 1 to {_LONGEST_REASON} characters: everybody at the desk sees it.")
    week = WeekOff(first=first, last=last, reason=words)
    _keep(session, publication, week, "These days are already off.")
    return week


def remove_week_off(session: Session, publication: Publication, week_id: int, now: datetime) -> date:
    """Remove days off; returns the first day on which slots count again.

    If the days off have begun, they stay off up to today, so that nothing goes out late.
    """
    week = next((one for one in publication.weeks_off if one.id == week_id), None)
    if week is None:
        raise NotFound(_GONE)
    zones = {slot.time_zone for slot in publication.slots} or {publication.time_zone}
    today = max(weekly_slots.on_clocks(now, zone).date() for zone in zones)
    if week.first > today:
        session.execute(delete(WeekOff).where(WeekOff.id == week_id))
    else:
        week.last = min(week.last, today)
    session.flush()
    session.expire(publication, ["weeks_off"])
    return _first_that_counts(publication, max(week.first, today + _A_DAY))


def iso_week(text: str) -> tuple[date, date]:
    """The Monday and Sunday of an ISO week like `2026-W52`; Invalid if there is no such week."""
    found = _ISO_WEEK.fullmatch(text.strip())
    try:
        monday = date.fromisocalendar(int(found[1]), int(found[2]), 1) if found else None
    except ValueError:
        monday = None
    if monday is None:
        raise Invalid("Give a week like 2026-W52, by its calendar number.")
    return monday, monday + timedelta(days=6)


def _first_that_counts(publication: Publication, day: date) -> date:
    """That day, or the first one after it that is in no other days off."""
    while occurrences.off_reason(publication.weeks_off, day):
        day += _A_DAY
    return day


def _own_slot(publication: Publication, slot_id: int) -> Slot:
    slot = next((one for one in publication.slots if one.id == slot_id), None)
    if slot is None:
        raise NotFound(_GONE)
    return slot


def _keep(session: Session, publication: Publication, row: Slot | WeekOff, twice: str) -> None:
    row.publication_id = publication.id
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        raise Conflict(twice) from None
    session.expire(publication, ["slots", "weeks_off"])


def _refuse_strange_days(first: date, last: date, now: datetime) -> None:
    if last < first:
        raise Invalid("The last day is before the first.")
    if last - first > _LONGEST_OFF:
        raise Invalid("That is more than a year. Remove the slots instead.")
    if last < (now - _BEHIND).date():
        raise Invalid("These days are in the past.")
