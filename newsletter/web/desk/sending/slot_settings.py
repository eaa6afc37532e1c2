"""The page of a publication's weekly slots and weeks off."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import available_timezones

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.schedule import occurrences, slot_settings, weekly_slots
from newsletter.editorial.schedule.weekly_slots import WeeklySlot
from newsletter.errors import Conflict, Invalid
from newsletter.i18n import formats
from newsletter.publications import Publication, Slot, WeekOff
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, setup_guide, words
from newsletter.web.desk.setup_steps import StepKind

_NEW_SLOT = "slot"
_NEW_WEEK = "week"


@dataclass(frozen=True, slots=True)
class _SlotFacts:
    """The notes beside a slot's form."""

    slot: Slot
    next: datetime | None
    skipped: datetime | None
    """The dates within a year on which clocks skip its time."""
    repeated: datetime | None
    """The dates within a year on which its time occurs twice."""


@dataclass(frozen=True, slots=True)
class _FormFault:
    """A rejected form: which one, the field if only one is at fault, the reason, and what was typed."""

    form: str = ""
    field: str = ""
    sentence: str = ""
    typed: Mapping[str, str] | None = None


class _InvalidField(Invalid):
    """An invalid value in one field of a form."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def timetable_page() -> str:
    """The slots and weeks off, each with a form."""
    with services().sessions.reading() as store:
        return _page(store, _FormFault())


def add_slot() -> ResponseReturnValue:
    """Add a weekly slot."""

    def act(store: Session, publication: Publication) -> str:
        slot = slot_settings.add_slot(store, publication, _typed_slot(), now())
        audit_hook.add_details(slot=formats.weekly(slot))
        return _description(slot)

    return _change(_NEW_SLOT, act)


def change_slot(slot_id: int) -> ResponseReturnValue:
    """Change the day and time of a slot."""

    def act(store: Session, publication: Publication) -> str:
        before = _weekly(publication, slot_id)
        slot = slot_settings.change_slot(store, publication, slot_id, _typed_slot(), now())
        audit_hook.add_details(old_slot=before, new_slot=formats.weekly(slot))
        return _description(slot)

    return _change(f"{_NEW_SLOT}-{slot_id}", act)


def remove_slot(slot_id: int) -> ResponseReturnValue:
    """Remove a slot."""

    def act(store: Session, publication: Publication) -> str:
        audit_hook.add_details(slot=_weekly(publication, slot_id))
        slot_settings.remove_slot(store, publication, slot_id)
        return "The slot has been removed. What was scheduled for it stays scheduled."

    return _change(f"{_NEW_SLOT}-{slot_id}", act)


def add_week_off() -> ResponseReturnValue:
    """Add days on which all slots are off."""

    def act(store: Session, publication: Publication) -> str:
        days = _typed_days()
        with _of_field("reason", slot_settings.NoReason):
            week = slot_settings.add_week_off(store, publication, days, request.form.get("reason", ""), now())
        _record_week(week)
        return f"Off: {week.reason}.{_what_still_goes(store, publication, week)}"

    return _change(_NEW_WEEK, act)


def remove_week_off(week_id: int) -> ResponseReturnValue:
    """Remove a week off, so that its slots count again."""

    def act(store: Session, publication: Publication) -> str:
        for week in publication.weeks_off:
            if week.id == week_id:
                _record_week(week)
        day = slot_settings.remove_week_off(store, publication, week_id, now())
        return f"From {formats.calendar_day(day)} on, slots are used again."

    return _change(f"{_NEW_WEEK}-{week_id}", act)


def _change(form: str, act: Callable[[Session, Publication], str]) -> ResponseReturnValue:
    with services().sessions.begin() as store:
        try:
            publication = frame.current_publication(store)
            audit_hook.set_publication(publication)
            flash(act(store, publication))
            next_page = _next_page(store, publication)
        except (Invalid, Conflict) as error:
            field = error.field if isinstance(error, _InvalidField) else ""
            return _page(store, _FormFault(form, field, words.as_sentence(error), request.form)), 422
    return redirect(next_page, 303)


def _next_page(store: Session, publication: Publication) -> str:
    """Lead back to this page or, in the setup guide, on to the next step."""
    back = url_for("desk.timetable_page")
    is_slot = request.endpoint in {"desk.add_slot", "desk.change_slot"}
    return setup_guide.way_on(store, publication, StepKind.SLOT, back) if is_slot else back


def _page(store: Session, fault: _FormFault) -> str:
    publication = frame.current_publication(store)
    return frame.page(
        store,
        "timetable.html",
        "calendar",
        publication,
        publication_shown=publication,
        slots=[_slot_facts(slot, publication) for slot in publication.slots],
        weekdays=weekly_slots.WEEKDAYS,
        zones=sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")),
        fault=fault,
        guide_place=setup_guide.place(store, publication, StepKind.SLOT),
    )


def _record_week(week: WeekOff) -> None:
    audit_hook.add_details(first_day=week.first.isoformat(), last_day=week.last.isoformat(), reason=week.reason)


def _weekly(publication: Publication, slot_id: int) -> str:
    return next((formats.weekly(slot) for slot in publication.slots if slot.id == slot_id), "")


def _slot_facts(slot: Slot, publication: Publication) -> _SlotFacts:
    own = (one for one in occurrences.occurrences(publication, now()) if one.slot.id == slot.id and not one.off)
    coming = next(own, None)
    weekly = WeeklySlot.from_slot(slot)
    skipped, repeated = weekly_slots.skipped(weekly, now()), weekly_slots.repeated(weekly, now())
    return _SlotFacts(slot, coming.at if coming else None, skipped, repeated)


def _what_still_goes(store: Session, publication: Publication, week: WeekOff) -> str:
    entries = frame.calendar_of(store, publication).ahead(1)
    days = ((entry, weekly_slots.on_clocks(entry.at, entry.time_zone).date()) for entry in entries if entry.issue)
    inside = [entry.issue.title for entry, day in days if entry.issue and not entry.is_queued and week.holds(day)]
    return "".join(
        f" “{title}” is scheduled within it, and still goes out unless you unschedule it." for title in inside
    )


def _description(slot: Slot) -> str:
    weekly = WeeklySlot.from_slot(slot)
    odd = weekly_slots.skipped(weekly, now())
    later = (
        f" On {formats.moment(odd, slot.time_zone)}, because the clocks skip {formats.clock(slot.at)} then."
        if odd
        else ""
    )
    return f"There is a slot every {formats.weekly(slot)}.{later}"


@contextmanager
def _of_field(field: str, kind: type[Invalid] = Invalid) -> Iterator[None]:
    """Attribute an error to this field."""
    try:
        yield
    except kind as error:
        raise _InvalidField(field, str(error)) from None


def _typed_slot() -> WeeklySlot:
    weekday, at = request.form.get("weekday", ""), request.form.get("at", "")
    if weekday not in weekly_slots.WEEKDAYS:
        raise _InvalidField("weekday", "Choose a day of the week.")
    try:
        hour = time.fromisoformat(at.strip().zfill(len("09:00")))
    except ValueError:
        raise _InvalidField("at", "Give a time like 09:00.") from None
    zone = request.form.get("time_zone", "").strip()
    with _of_field("time_zone"):
        weekly_slots.zone(zone)
    with _of_field("at"):
        return WeeklySlot(weekly_slots.WEEKDAYS.index(weekday), hour.replace(second=0, microsecond=0), zone)


def _typed_days() -> tuple[date, date]:
    if week := request.form.get("iso_week", "").strip():
        with _of_field("iso_week"):
            return slot_settings.iso_week(week)
    first = _day("first")
    return first, _day("last") if request.form.get("last", "").strip() else first


def _day(field: str) -> date:
    try:
        return date.fromisoformat(request.form.get(field, "").strip())
    except ValueError:
        raise _InvalidField(field, "Give the days like 2026-12-24, or a whole week like 2026-W52.") from None
