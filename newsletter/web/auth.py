"""Who is at the desk: a session in the store and its key in a cookie, and where a sign-in may lead."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self, cast
from urllib.parse import urlsplit

import flask_login
from flask import Flask, request, session, url_for

from newsletter.db import Session
from newsletter.editors import Editor, Role, accounts, desk_sessions
from newsletter.editors.desk_sessions import ClientInfo
from newsletter.editors.models import DeskSession
from newsletter.web.context import network, now, services

IDLE = timedelta(hours=12)
"""A session ends after so long without a request."""
SECOND_STEP_TIME = timedelta(minutes=10)
"""So long after the password the second factor is waited for."""

_BY_LINK = "signed_in_by_link"
_HALF = "half_signed_in"

# Each calls itself by the names of those before it as well, so the most particular comes first.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """An editor for the length of one request, in the shape that Flask-Login asks for."""

    id: int
    session_id: int
    nonce: int
    email: str
    role: Role
    lacks_factor: bool = False
    """Whether the team's rule is not kept: a second factor is needed, and this person has none."""

    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    @classmethod
    def of(cls, begun: DeskSession, editor: Editor, lacks_factor: bool = False) -> Self:
        """The person behind a session of the store."""
        return cls(editor.id, begun.id, begun.nonce, editor.email, editor.role, lacks_factor)

    def get_id(self) -> str:
        """What the cookie keeps: it stops being true when the session ends, or the nonce changes."""
        return f"{self.session_id}.{self.nonce}"

    def may(self, least: Role) -> bool:
        """Whether this person's role is that one or higher."""
        ranks = list(Role)
        return ranks.index(self.role) <= ranks.index(least)


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """Somebody who has shown the password or a link, and not yet the second factor."""

    editor_id: int
    nonce: int
    by_link: bool
    target: str


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


def email() -> str:
    """The address of who asks; empty when nobody is signed in."""
    asking = person()
    return asking.email if asking else ""


def sign_in(store: Session, editor: Editor, *, by_link: bool = False) -> None:
    """Begin a session for this editor, with nothing in it from before."""
    begun = desk_sessions.start_session(
        store, editor, ClientInfo(_browser(request.user_agent.string), network()), now()
    )
    _start_anew()
    session[_BY_LINK] = by_link
    flask_login.login_user(Person.of(begun, editor))


def begin_two_step(editor: Editor, target: str, *, by_link: bool = False) -> None:
    """Remember who came so far, until the second factor is shown; nothing is open to them yet."""
    _start_anew()
    session[_HALF] = [editor.id, editor.nonce, by_link, target, int(now().timestamp())]


def pending_sign_in() -> PendingSignIn | None:
    """Who is between the two steps; None if nobody is, or has been for too long."""
    *so_far, since = session.get(_HALF) or (None, 0)
    if now().timestamp() - since > SECOND_STEP_TIME.total_seconds():
        return None
    return PendingSignIn(*so_far)


def sign_out() -> None:
    """Forget in this browser who it was."""
    flask_login.logout_user()
    session.clear()


def came_by_link() -> bool:
    """Whether a one-time link proved who this is, so that a forgotten password need not be told."""
    return bool(session.get(_BY_LINK))


def safe_target(target: str) -> str:
    """Where a sign-in leads: the desk's own page that was asked for, never another site."""
    home = url_for("desk.home")
    try:
        parts = urlsplit(target)
    except ValueError:
        return home
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(home)
    return target if is_ours and target.isprintable() and "\\" not in target else home


def _start_anew() -> None:
    # Nothing that somebody else may have put into this browser lives on, the CSRF token included.
    session.clear()
    session.permanent = True


def _browser(agent: str) -> str:
    """Browser and system, as far as they are known; nothing that tells one person's from another's."""
    browser = _named(agent, _BROWSERS) or "A browser"
    system = _named(agent, _SYSTEMS)
    return f"{browser} on {system}" if system else browser


def _named(agent: str, names: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in names if mark in agent), "")


def _load(key: str) -> Person | None:
    session_id, _, nonce = key.partition(".")
    with services().sessions.reading() as store:
        held = desk_sessions.active_session(store, int(session_id), int(nonce), now())
        if held is None:
            return None
        return Person.of(held, held.editor, held.editor.factor is None and accounts.requires_second_factor(store))
