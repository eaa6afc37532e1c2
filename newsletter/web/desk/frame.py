"""The frame of each desk page: the person, the publication, and what goes out next."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from newsletter import publications
from newsletter.audience import confirm_breaker
from newsletter.audience.confirm_breaker import ConfirmTrip
from newsletter.db import Session
from newsletter.delivery.workers import send_permission
from newsletter.editorial.issues import presence
from newsletter.editorial.models import Issue
from newsletter.editors import Role
from newsletter.engagement import comments_moderation
from newsletter.errors import Conflict, NotFound
from newsletter.i18n import formats, time_zones
from newsletter.publications import Publication
from newsletter.web import auth
from newsletter.web.auth import Person
from newsletter.web.context import now, services
from newsletter.web.desk import editor_names, lookup, previews, timed_cache, words
from newsletter.workflows import calendar
from newsletter.workflows.calendar import Calendar, CalendarEntry

_CHOSEN = "publication"
_OF_THEIR_OWN = {"slug", "subscription_id", "segment_id"}
"""URL parameters that already imply the publication of a page."""

_UNNAMED = "This form does not say which publication it is for. Open its page again; nothing was done."
_OTHERS = "This form is for another publication than the page it is on. Open the page again; nothing was done."


@dataclass(frozen=True, slots=True)
class _Frame:
    """The part that all pages share."""

    section: str
    """The navigation entry that this page belongs to."""
    person: Person | None
    publication: Publication | None
    publications: Sequence[Publication]
    under_way: Sequence[Issue]
    next: CalendarEntry | None
    audience: int
    readers_of: Callable[[Issue], int]
    """How many readers an issue would go to."""
    writers_of: Callable[[Issue], Sequence[str]]
    """The addresses of everybody else who has an issue open for writing."""
    may_send: bool
    """Whether this database may send; a restored or copied one may not until it is armed."""
    comments_waiting: int
    """How many comments wait for this person; 0 for people who do not moderate."""
    confirm_trip: ConfirmTrip | None
    """Why sign-ups are slowed; None if they are not."""


def init_blueprint(blueprint: Blueprint) -> None:
    """Give the desk's templates their functions."""
    blueprint.context_processor(words.context)
    blueprint.url_defaults(_name_publication)
    blueprint.add_app_template_global(named_publication)
    blueprint.add_app_template_filter(formats.brief)
    blueprint.add_app_template_filter(formats.clock)
    blueprint.add_app_template_filter(formats.clock_on)
    blueprint.add_app_template_filter(time_zones.clock_name)
    blueprint.add_app_template_filter(formats.dated)
    blueprint.add_app_template_filter(formats.weekday)
    blueprint.add_app_template_filter(formats.weekly)
    blueprint.add_app_template_filter(formats.calendar_day)
    blueprint.add_app_template_filter(formats.calendar_month)
    blueprint.add_app_template_filter(previews.as_sample)
    blueprint.add_app_template_filter(lookup.issue_mark, "mark")


def current_publication(store: Session) -> Publication:
    """The publication of this page or form: the one it names or, for a page that names none, the one last switched to.

    So two windows can show different ones. NotFound, saying what to do, if there is no publication; Conflict, if there
    are several, for a form that names none, or another than its URL.
    """
    found = store.scalars(publications.all_publications()).all()
    if not found:
        raise NotFound(
            "There is no publication yet. `newsletter issues load` makes the one in issues/publication.toml."
        )
    if request.method == "POST" and len(found) > 1:
        _require_one_name()
    if (slug := _named()) is None:
        return _last_chosen(found)
    g.publication_shown = slug if len(found) > 1 else ""
    return publications.find(store, slug)


def named_publication() -> str:
    """The publication parameter for this page's forms and links; empty while there is only one."""
    # A form about an issue names it, and redirects to a page of the same publication.
    named = (_named() or "") if request.method == "POST" else ""
    return str(g.get("publication_shown", named))


def calendar_of(store: Session, publication: Publication) -> Calendar:
    """The calendar of a publication, made once in a request."""
    return Calendar(store, services().links, publication, now(), services().grace)


def page(
    store: Session, template: str, section: str, /, publication: Publication | None = None, **values: object
) -> str:
    """Render a desk page in its frame; its forms and links name its publication."""
    editor_names.look_up_in(store)
    around = _frame(store, section, publication)
    if around.publication and len(around.publications) > 1:
        g.publication_shown = around.publication.slug
    return render_template(f"desk/{template}", frame=around, **values)


def switch_publication() -> ResponseReturnValue:
    """Switch to another publication, which is then the default for URLs that name none."""
    with services().sessions.reading() as store:
        publication = choose_publication(publications.find(store, request.form.get("publication", "")))
        flash(f"You are now working on {publication.name}.")
    return redirect(url_for("desk.home", publication=publication.slug), 303)


def choose_publication(publication: Publication) -> Publication:
    """Make a publication the default for URLs that name none."""
    session[_CHOSEN] = publication.slug
    return publication


def _frame(store: Session, section: str, publication: Publication | None) -> _Frame:
    current, person = publication or _chosen(store), auth.person()
    moderates = current is not None and person is not None and person.may(Role.EDITOR)
    return _Frame(
        section=section,
        person=person,
        publication=current,
        publications=store.scalars(publications.all_publications()).all(),
        under_way=store.scalars(calendar.under_way(current)).all() if current else (),
        next=calendar_of(store, current).following() if current else None,
        audience=timed_cache.audience_size(store, current.id) if current else 0,
        readers_of=lambda issue: timed_cache.issue_audience(store, issue, now()),
        writers_of=_writers(store),
        may_send=send_permission.may_send(store),
        comments_waiting=comments_moderation.count_waiting(store, current.id) if current and moderates else 0,
        confirm_trip=confirm_breaker.open_trip(store),
    )


def _writers(store: Session) -> Callable[[Issue], Sequence[str]]:
    # Looked up once, with the first issue of a page, for all the issues on it.
    writers = cache(lambda: presence.writers(store, now()))
    return lambda issue: [each for each in writers().get(issue.id, ()) if each != auth.email()]


def _chosen(store: Session) -> Publication | None:
    found = store.scalars(publications.all_publications()).all()
    named = next((one for one in found if one.slug == _named()), None)
    return named or (_last_chosen(found) if found else None)


def _last_chosen(found: Sequence[Publication]) -> Publication:
    slug = session.get(_CHOSEN)
    return next((one for one in found if one.slug == slug), found[0])


def _named() -> str | None:
    # A form that is too large to be read names none, and the page that says so is shown all the same.
    with suppress(RequestEntityTooLarge):
        return request.form.get(_CHOSEN) or request.args.get(_CHOSEN)
    return request.args.get(_CHOSEN)


def _require_one_name() -> None:
    names = {name for name in (request.form.get(_CHOSEN), request.args.get(_CHOSEN)) if name}
    if len(names) != 1:
        raise Conflict(_OTHERS if names else _UNNAMED)


def _name_publication(_endpoint: str, values: dict[str, Any]) -> None:
    if (slug := named_publication()) and not _OF_THEIR_OWN & values.keys():
        values.setdefault(_CHOSEN, slug)
