"""Who is at the desk: a session that ends with its editor's nonce, and where a sign-in may lead."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self, cast
from urllib.parse import urlsplit

import flask_login
from flask import Flask, session, url_for

from newsletter import editors
from newsletter.editors import Editor, Role
from newsletter.web.house import house, now

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
"""A session ends after so long without a request, and after so long in any case."""

_SINCE = "signed_in_at"
_BY_LINK = "signed_in_by_link"


@dataclass(frozen=True, slots=True)
class Person:
    """An editor for the length of one request, in the shape that Flask-Login asks for."""

    id: int
    nonce: int
    email: str
    role: Role

    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    @classmethod
    def of(cls, editor: Editor) -> Self:
        """The person behind a row of the store."""
        return cls(editor.id, editor.nonce, editor.email, editor.role)

    def get_id(self) -> str:
        """What the session cookie keeps: it stops being true when the nonce changes."""
        return f"{self.id}.{self.nonce}"

    def may(self, least: Role) -> bool:
        """Whether this person's role is that one or higher."""
        ranks = list(Role)
        return ranks.index(self.role) <= ranks.index(least)


def init_app(app: Flask) -> None:
    """Let this app's requests know who is signed in."""
    app.config["PERMANENT_SESSION_LIFETIME"] = IDLE
    manager = flask_login.LoginManager(app)
    # The cookie is signed, out of scripts' reach and ends with the nonce. Tying it to a network address as
    # well would sign out whoever walks from one network into another.
    manager.session_protection = None
    manager.user_loader(_load)


def person() -> Person | None:
    """Who asks; None when nobody is signed in."""
    user = flask_login.current_user
    return cast("Person", user) if user.is_authenticated else None


def sign_in(editor: Editor, *, by_link: bool = False) -> None:
    """Begin a session for this editor, with nothing in it from before."""
    session.clear()
    session.permanent = True
    session[_SINCE] = int(now().timestamp())
    session[_BY_LINK] = by_link
    flask_login.login_user(Person.of(editor))


def sign_out() -> None:
    """End this session."""
    flask_login.logout_user()
    session.clear()


def came_by_link() -> bool:
    """Whether a one-time link proved who this is, so that a forgotten password need not be told."""
    return bool(session.get(_BY_LINK))


def way_back(target: str) -> str:
    """Where a sign-in leads: the desk's own page that was asked for, never another site."""
    home = url_for("desk.home")
    try:
        parts = urlsplit(target)
    except ValueError:
        return home
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(home)
    return target if is_ours and target.isprintable() and "\\" not in target else home


def _load(key: str) -> Person | None:
    if now().timestamp() - session.get(_SINCE, 0) > LONGEST.total_seconds():
        return None
    editor_id, _, nonce = key.partition(".")
    with house().sessions.reading() as store:
        editor = editors.holding(store, int(editor_id), int(nonce))
        return Person.of(editor) if editor else None
