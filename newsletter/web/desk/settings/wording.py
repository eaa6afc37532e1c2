"""A publication's own texts: the sign-up form, the confirm page and the privacy page."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter import characters
from newsletter.db import Session
from newsletter.delivery.message import merge
from newsletter.errors import NotFound
from newsletter.i18n import formats
from newsletter.publications import Publication, wordings
from newsletter.publications.wordings import WordingKind
from newsletter.web import auth, consent_wording
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame

_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class WordingPage:
    """The labels of the page for one kind of text."""

    title: str
    lead: str
    is_markdown: bool = False


KINDS: Mapping[WordingKind, WordingPage] = {
    WordingKind.SIGN_UP: WordingPage(
        "Sign-up form text", "Shown under the sign-up form. Readers agree to it, and their record keeps it."
    ),
    WordingKind.CONFIRM: WordingPage(
        "Confirmation text", "Shown above the confirm button. Readers agree to it, and their record keeps it."
    ),
    WordingKind.ASK: WordingPage(
        "Consent to keep a question",
        "Shown beside the box that readers tick when they ask or book. It is stored with what they wrote.",
    ),
    WordingKind.PRIVACY: WordingPage(
        "Privacy page", "Linked in the footer of every page of the site. Markdown.", is_markdown=True
    ),
}


def words_form(kind: str) -> str:
    """The current text, and all earlier versions."""
    with services().sessions.reading() as store:
        publication, which = frame.current_publication(store), _kind(kind)
        own = wordings.newest(store, publication, which)
        return _page(
            store, publication, which, own.words if own else consent_wording.default_wording(publication, which), ""
        )


def change_words(kind: str) -> ResponseReturnValue:
    """Save a new version; an empty text, or the default one, restores the default."""
    which, typed = _kind(kind), request.form.get("words", "").replace("\r\n", "\n").strip()
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        if fault := _fault(typed):
            return _page(store, publication, which, typed, fault), 422
        words = "" if typed == consent_wording.default_wording(publication, which).strip() else typed
        seen = request.form.get("seen", 0, type=int)
        wordings.keep(store, publication, which, words, seen, auth.email(), now())
        audit_hook.set_publication(publication)
        audit_hook.add_details(words=which, version=seen + 1)
        flash("Saved. This text is used from now on; earlier versions stay on record.")
    return redirect(url_for("desk.words_form", kind=which), 303)


def _kind(name: str) -> WordingKind:
    try:
        return WordingKind(name)
    except ValueError:
        raise NotFound("There is no such text.") from None


def _fault(words: str) -> str:
    if len(words) > _LONGEST:
        return f"That is {formats.number(len(words))} characters; the limit is {formats.number(_LONGEST)}."
    if found := characters.forbidden_in_passage(words):
        return f"There is {characters.named(found)} in the text; remove it."
    return " ".join(sentence for _, sentence in merge.field_errors(words, consent_wording.FIELDS))


def _page(store: Session, publication: Publication, kind: WordingKind, typed: str, fault: str) -> str:
    versions = store.scalars(wordings.versions(publication, kind)).all()
    return frame.page(
        store,
        "settings_words.html",
        "settings",
        publication,
        kind=kind,
        kind_text=KINDS[kind],
        typed=typed,
        fault=fault,
        versions=versions,
        seen=versions[0].number if versions else 0,
        fields=sorted(consent_wording.FIELDS),
        default_text=consent_wording.default_wording(publication, kind),
        zone=publication.time_zone,
    )
