"""What stands around every page of the desk: who is here, which publication, and what goes out next."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from newsletter import agenda, publications
from newsletter.agenda import Agenda, Entry
from newsletter.db import Session
from newsletter.delivery import arming
from newsletter.editorial import cadence
from newsletter.editorial.models import Issue
from newsletter.errors import NotFound
from newsletter.publications import Publication
from newsletter.web import auth
from newsletter.web.auth import Person
from newsletter.web.desk import dear, lookup, previews, words
from newsletter.web.house import house, now

_CHOSEN = "publication"


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of a page that is the same on each."""

    section: str
    """Which of the five words of the navigation this page belongs to."""
    person: Person | None
    publication: Publication | None
    publications: Sequence[Publication]
    under_way: Sequence[Issue]
    next: Entry | None
    audience: int
    may_send: bool
    """Whether this database is armed: one that was restored or copied sends nothing."""


def init_blueprint(blueprint: Blueprint) -> None:
    """Give the desk's templates their words."""
    blueprint.context_processor(words.context)
    blueprint.add_app_template_filter(cadence.brief)
    blueprint.add_app_template_filter(cadence.weekday)
    blueprint.add_app_template_filter(cadence.weekly)
    blueprint.add_app_template_filter(cadence.calendar_day)
    blueprint.add_app_template_filter(previews.as_sample)
    blueprint.add_app_template_filter(lookup.mark)


def chosen(store: Session) -> Publication:
    """The publication that this person works on; NotFound, saying what to do, while there is none."""
    publication = _chosen(store)
    if publication is None:
        raise NotFound(
            "There is no publication yet. `newsletter issues load` makes the one in issues/publication.toml."
        )
    return publication


def agenda_of(store: Session, publication: Publication) -> Agenda:
    """What is foretold of a publication as this request finds it."""
    return Agenda(store, house().links, publication, now(), house().grace)


def page(
    store: Session, template: str, section: str, /, publication: Publication | None = None, **shown: object
) -> str:
    """A page of the desk within its frame."""
    return render_template(f"desk/{template}", frame=_frame(store, section, publication), **shown)


def switch_publication() -> ResponseReturnValue:
    """Work on another publication from here on."""
    with house().sessions.reading() as store:
        publication = publications.find(store, request.form.get("publication", ""))
        session[_CHOSEN] = publication.slug
        flash(f"This is {publication.name} now.")
    return redirect(url_for("desk.home"), 303)


def _frame(store: Session, section: str, publication: Publication | None) -> Frame:
    of = publication or _chosen(store)
    return Frame(
        section=section,
        person=auth.person(),
        publication=of,
        publications=store.scalars(publications.every()).all(),
        under_way=store.scalars(agenda.under_way(of)).all() if of else (),
        next=agenda_of(store, of).following() if of else None,
        audience=dear.audience_size(store, of.id) if of else 0,
        may_send=arming.may_send(store),
    )


def _chosen(store: Session) -> Publication | None:
    every = store.scalars(publications.every()).all()
    slug = session.get(_CHOSEN)
    return next((one for one in every if one.slug == slug), every[0] if every else None)
