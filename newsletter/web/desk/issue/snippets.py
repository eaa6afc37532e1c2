"""The snippets of a publication: their list, and the forms to add, change and delete them."""

from http import HTTPStatus

from flask import flash, jsonify, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.characters import storable
from newsletter.db import Session
from newsletter.editorial.issues import snippets
from newsletter.editorial.issues.snippets import RefusedSnippet, Snippet
from newsletter.editorial.source.front_matter import Fault
from newsletter.errors import Conflict
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, words
from newsletter.web.desk.error_pages import asks_for_json
from newsletter.web.desk.writing import editor_form

_SOUND = {"name": "", "text": ""}


def list_snippets() -> str:
    """The snippets with their text, ready to be copied, and the form for another."""
    with services().sessions.reading() as store:
        return _list(store, _SOUND)


def add_snippet() -> ResponseReturnValue:
    """Save a new snippet; if it is refused, the form comes back with what was typed."""
    name, text = _typed()
    try:
        with services().sessions.begin() as store:
            publication = frame.current_publication(store)
            snippet = snippets.add_snippet(store, publication.id, name, text, auth.email(), now())
            audit_hook.set_publication(publication)
            audit_hook.add_details(snippet=snippet.name)
            saved = {"name": snippet.name, "text": snippet.text}
    except RefusedSnippet as error:
        if asks_for_json():
            return make_response(jsonify(faults=_faults(error)), HTTPStatus.UNPROCESSABLE_ENTITY)
        with services().sessions.reading() as store:
            return _list(store, _faults(error)), HTTPStatus.UNPROCESSABLE_ENTITY
    if asks_for_json():
        return make_response(jsonify(saved), HTTPStatus.CREATED)
    flash(f"The snippet “{saved['name']}” is saved.")
    return redirect(url_for("desk.list_snippets"), 303)


def snippet_form(snippet_id: int) -> str:
    """The form to change or delete a snippet."""
    with services().sessions.reading() as store:
        found = _find(store, snippet_id)
        return _page(store, found, found.name, found.text)


def change_snippet(snippet_id: int) -> ResponseReturnValue:
    """Save a changed snippet; if it is refused, the form comes back with what was typed."""
    name, text = _typed()
    try:
        with services().sessions.begin() as store:
            found = _find(store, snippet_id)
            snippets.change_snippet(store, found, editor_form.parse_count("number"), name, text, auth.email(), now())
            audit_hook.add_details(snippet=found.name)
            flash(f"The snippet “{found.name}” is saved. Issues that have its text keep it as it was.")
    except RefusedSnippet as error:
        return _refused(snippet_id, HTTPStatus.UNPROCESSABLE_ENTITY, faults=_faults(error))
    except Conflict as error:
        return _refused(snippet_id, HTTPStatus.CONFLICT, conflict=str(error))
    return redirect(url_for("desk.list_snippets"), 303)


def delete_snippet(snippet_id: int) -> ResponseReturnValue:
    """Delete a snippet; issues keep the text that they have of it."""
    with services().sessions.begin() as store:
        found = _find(store, snippet_id)
        store.delete(found)
        audit_hook.add_details(snippet=found.name)
        flash(f"The snippet “{found.name}” is deleted.")
    return redirect(url_for("desk.list_snippets"), 303)


def _typed() -> tuple[str, str]:
    return storable(request.form.get("name", "")), storable(request.form.get("text", ""))


def _find(store: Session, snippet_id: int) -> Snippet:
    publication = frame.current_publication(store)
    audit_hook.set_publication(publication)
    return snippets.find_snippet(store, publication.id, snippet_id)


def _faults(error: RefusedSnippet) -> dict[str, str]:
    """What is wrong with each field, in sentences."""
    return {"name": error.name, "text": " ".join(map(_sentence, error.text))}


def _sentence(fault: Fault) -> str:
    sentence = words.as_sentence(fault.text)
    return f"Line {fault.line}: {sentence}" if fault.line else sentence


def _list(store: Session, faults: dict[str, str]) -> str:
    name, text = _typed()
    found = snippets.publication_snippets(store, frame.current_publication(store).id)
    return frame.page(store, "snippets.html", "issues", snippets=found, name=name, text=text, faults=faults)


def _refused(
    snippet_id: int, status: HTTPStatus, faults: dict[str, str] = _SOUND, conflict: str = ""
) -> ResponseReturnValue:
    with services().sessions.reading() as store:
        return _page(store, _find(store, snippet_id), *_typed(), faults, conflict), status


def _page(
    store: Session, found: Snippet, name: str, text: str, faults: dict[str, str] = _SOUND, conflict: str = ""
) -> str:
    return frame.page(
        store, "snippet.html", "issues", snippet=found, name=name, text=text, faults=faults, conflict=conflict
    )
