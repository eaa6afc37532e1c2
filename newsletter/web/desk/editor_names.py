"""How the desk shows an editor whom a record names by address: initials and name, with the address as a tooltip.

    {{ revision.author | person(revision.created_at) }}        in a page
    {{ error | with_names }}                                   for a sentence with addresses in it
    find(store, address, at)                                   in code

The names are looked up once in a request, and only if it needs them.
"""

from datetime import datetime
from typing import cast

from flask import Blueprint, g
from markupsafe import Markup

from newsletter.db import Session
from newsletter.editorial.issues import issue_store
from newsletter.editors.names import EditorName, TeamNames

_STORE = "team_names_store"
_NAMES = "team_names"

_ADDRESS = Markup('<span class="mail">{}</span>')
_PERSON = Markup(
    '<span class="person" title="{address}">'
    '<span class="initials initials-{colour}" aria-hidden="true">{initials}</span> <bdi>{name}</bdi></span>'
)


def init_blueprint(blueprint: Blueprint) -> None:
    """Give templates the filters `person`, `person_name` for plain text, and `with_names`."""
    blueprint.add_app_template_filter(_person, "person")
    blueprint.add_app_template_filter(_find, "person_name")
    blueprint.add_app_template_filter(_with_names, "with_names")


def look_up_in(store: Session) -> None:
    """Let the templates of this request look names up in this session; without one they show addresses."""
    setattr(g, _STORE, store)


def team_names(store: Session) -> TeamNames:
    """The names of the team, looked up once in a request."""
    if _NAMES not in g:
        setattr(g, _NAMES, TeamNames(store))
    return cast("TeamNames", g.get(_NAMES))


def find(store: Session, author: str, at: datetime | None = None) -> EditorName:
    """Whom a record of that time names: an editor, or the import of a file."""
    return EditorName("a file import") if author == issue_store.BY_FILE else team_names(store).find(author, at)


def _find(address: str, at: datetime | None = None) -> EditorName:
    return find(g.get(_STORE), address, at) if _STORE in g else EditorName(address)


def _person(address: str, at: datetime | None = None, *, with_address: bool = False) -> Markup:
    found = _find(address, at)
    plain = _ADDRESS.format(found.address)
    if not found.name:
        return plain
    badge = _PERSON.format(address=address, colour=found.colour, initials=found.initials, name=found.name)
    return Markup("{} ({})").format(badge, plain) if with_address or found.is_shared else badge


def _with_names(sentence: str) -> str:
    return team_names(g.get(_STORE)).in_sentence(sentence) if _STORE in g and "@" in sentence else sentence
