"""The segment that an issue, a correction or a second sending goes to: the choices in a form, and the one taken."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Segment
from newsletter.db import HIGHEST_ID, Session
from newsletter.errors import Conflict, Invalid
from newsletter.publications import Publication
from newsletter.web.context import kept_query, row_id, services
from newsletter.web.desk import audit_hook, lookup
from newsletter.workflows import build_letter
from newsletter.workflows.choose_segment import choose_segment

_BACK = {"schedule": "desk.schedule_form", "send": "desk.send_form"}


def set_segment(slug: str) -> ResponseReturnValue:
    """Let the issue go to the chosen segment, or to everybody."""
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        chosen = picked(store, found.publication, request.form.get("segment", ""))
        if choose_segment(store, found, chosen):
            audit_hook.add_details(segment=chosen.name if chosen else "everybody")
            flash(f"“{found.title}” goes to {f'the segment “{chosen.name}”' if chosen else 'everybody'} now.")
    return redirect(url_for(_BACK.get(request.form.get("back", ""), "desk.issue"), slug=slug, **kept_query()), 303)


def picked(store: Session, publication: Publication, text: str) -> Segment | None:
    """The segment that a form's field names by its id; None for everybody. Invalid if it is no id."""
    if not text:
        return None
    try:
        number = row_id(text, HIGHEST_ID)
    except ValueError:
        raise Invalid("That is no segment. Choose one from the list, or everybody.") from None
    return segments.get_segment(store, publication.id, number)


class Narrowed:
    """The segment that a sending to earlier readers is narrowed to, frozen as its page shows it."""

    def __init__(self, store: Session, publication: Publication) -> None:
        self.segment = picked(store, publication, request.values.get("segment", ""))
        self.frozen = segments.freeze(store, self.segment) if self.segment else None
        self.mark = build_letter.hash_of_segment(self.frozen)
        self.choices = segments.every(store, publication.id)

    def require_unchanged(self) -> None:
        """Conflict if the segment has changed since its page showed it."""
        if request.form.get("segment_mark", "") != self.mark:
            raise Conflict("The segment has changed since this page was opened. Nothing was sent; look at it again.")
