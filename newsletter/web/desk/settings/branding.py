"""A publication's branding: its logo, and its colours, which must have enough contrast."""

from collections.abc import Mapping

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.images import processing
from newsletter.editorial.issues import listing
from newsletter.editorial.models import Picture
from newsletter.editorial.rendering import theme
from newsletter.editorial.rendering.theme import DEFAULT, LEAST_CONTRAST, Colours
from newsletter.errors import Invalid
from newsletter.publications import Publication, toml_file
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, previews, setup_guide, uploads, words
from newsletter.web.desk.setup_steps import StepKind
from newsletter.workflows import preview_branding

_NO_COLOUR = "Give a colour like #1a6b5c."
_SCHEMES = {"accent": DEFAULT.light, "accent_dark": DEFAULT.dark}


def look_form() -> str:
    """The logo and the colours."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        return _page(store, publication, _colours_of(publication), {})


def look_mail() -> Response:
    """The mail for a frame, in the colours of `?accent=` and `?accent_dark=`, which are not saved."""
    typed = _typed(request.args)
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        own = _colours_of(publication)
        # A colour that is still being typed leaves the mail as it was.
        colours = {name: typed[name] if theme.is_colour(typed[name]) else own[name] for name in _SCHEMES}
        mail = preview_branding.mail_in_colours(store, publication, services().links, **colours)
        html = previews.preview_document(mail.html, previews.chosen_view(request.args), publication.language)
    return previews.sandboxed(Response(html, mimetype="text/html"), with_pictures=True, reached_by_desk=True)


def change_colours() -> ResponseReturnValue:
    """Save the colours, or show beside each that has too little contrast where that matters.

    Where the form only asks to see them, nothing is saved.
    """
    typed = _typed(request.form)
    if "show" in request.form:
        return _unsaved_page(typed)
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        changes = {name: _own(accent, _SCHEMES[name]) for name, accent in typed.items()}
        faults = _too_pale(changes) or toml_file.change(publication, changes)
        if faults:
            return _page(store, publication, typed, faults), 422
        audit_hook.set_publication(publication)
        audit_hook.add_details(**changes)
        flash("The colours are saved. Issues that are already scheduled keep the colours they were frozen with.")
        next_page = setup_guide.way_on(store, publication, StepKind.LOOK, url_for("desk.look_form"))
    return redirect(next_page, 303)


def change_logo() -> ResponseReturnValue:
    """Save an uploaded picture as the logo, or remove the logo."""
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        try:
            logo = None if "without" in request.form else _uploaded(store)
        except Invalid as error:
            return _page(store, publication, _colours_of(publication), {"logo": words.as_sentence(error)}), 422
        publication.logo = logo.file_name if logo else None
        publication.logo_width, publication.logo_height = (logo.width, logo.height) if logo else (None, None)
        audit_hook.set_publication(publication)
        audit_hook.add_details(logo=publication.logo)
        flash("The logo is saved." if publication.logo else "The logo is removed. The name is shown instead.")
    return redirect(url_for("desk.look_form"), 303)


def _unsaved_page(typed: dict[str, str]) -> str:
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        return _page(store, publication, typed, _unreadable(typed) | _too_pale(typed))


def _unreadable(typed: dict[str, str]) -> dict[str, str]:
    return {name: _NO_COLOUR for name, accent in typed.items() if accent and not theme.is_colour(accent)}


def _typed(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields.get(name, "").strip().lower() for name in _SCHEMES}


def _uploaded(store: Session) -> Picture:
    upload = uploads.uploaded_picture()
    developed = processing.process(upload.stream.read())
    return services().pictures.keep(store, upload.filename or "", developed.content, now())


def _own(accent: str, colours: Colours) -> str | None:
    # The default colour is stored as None, so that it follows future changes of the default.
    return None if accent in {"", colours["accent"]} else accent


def _too_pale(changes: Mapping[str, str | None]) -> dict[str, str]:
    accents = {name: accent for name, accent in changes.items() if accent and theme.is_colour(accent)}
    found = {name: _contrast_fault(_SCHEMES[name], accent) for name, accent in accents.items()}
    return {name: sentence for name, sentence in found.items() if sentence}


def _contrast_fault(colours: Colours, accent: str) -> str:
    weak = [f"{one.place} {one.measured:.1f}" for one in theme.low_contrasts(colours, accent)]
    return f"Too little contrast: {', '.join(weak)}; at least {LEAST_CONTRAST} to 1 is needed." if weak else ""


def _colours_of(publication: Publication) -> dict[str, str]:
    return {name: getattr(publication, name) or colours["accent"] for name, colours in _SCHEMES.items()}


def _page(store: Session, publication: Publication, typed: dict[str, str], faults: dict[str, str]) -> str:
    return frame.page(
        store,
        "settings_look.html",
        "settings",
        publication,
        typed=typed,
        faults=faults,
        schemes=_SCHEMES,
        least=LEAST_CONTRAST,
        has_issue=store.scalar(listing.issues_to_show(publication.id).limit(1)) is not None,
        guide_place=setup_guide.place(store, publication, StepKind.LOOK),
    )
