"""Authentication at the desk: the session and its cookie, and where a sign-in may redirect to."""

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
"""How long a session lasts without a request."""
SECOND_STEP_TIME = timedelta(minutes=10)
"""How long after the password the second factor may be entered."""

_BY_LINK = "signed_in_by_link"
_HALF = "half_signed_in"

# Browsers include the names of others, so the most specific comes first.
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
    """A signed-in editor during one request, as Flask-Login expects it."""

    id: int
    session_id: int
    nonce: int
    email: str
    role: Role
    name: str = ""
    lacks_factor: bool = False
    """Whether the team requires a second factor and this person has none."""

    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    @classmethod
    def for_session(cls, begun: DeskSession, editor: Editor, lacks_factor: bool = False) -> Self:
        """The person of a desk session."""
        return cls(editor.id, begun.id, begun.nonce, editor.email, editor.role, editor.name, lacks_factor)

    def get_id(self) -> str:
        """The key in the cookie; it no longer matches once the session has ended or the nonce has changed."""
        return f"{self.session_id}.{self.nonce}"

    def may(self, least: Role) -> bool:
        """Whether this person has that role or a higher one."""
        ranks = list(Role)
        return ranks.index(self.role) <= ranks.index(least)


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """Somebody who has entered the password or followed a link, but not yet entered the second factor."""

    editor_id: int
    nonce: int
    by_link: bool
    target: str


def init_app(app: Flask) -> None:
    """Set up Flask-Login for this app."""
    app.config["PERMANENT_SESSION_LIFETIME"] = IDLE
    manager = flask_login.LoginManager(app)
    # The cookie is signed, hidden from scripts, and ends with the nonce. Tying it to a network address as well would
    # sign out people who move from one network to another.
    manager.session_protection = None
    manager.user_loader(_load)


def person() -> Person | None:
    """The person of this request; None if nobody is signed in."""
    user = flask_login.current_user
    return cast("Person", user) if user.is_authenticated else None


def email() -> str:
    """Their address; empty if nobody is signed in."""
    asking = person()
    return asking.email if asking else ""


def sign_in(store: Session, editor: Editor, *, by_link: bool = False) -> None:
    """Start a session for this editor, with nothing kept from before."""
    begun = desk_sessions.start_session(
        store, editor, ClientInfo(_browser(request.user_agent.string), network()), now()
    )
    _start_anew()
    session[_BY_LINK] = by_link
    flask_login.login_user(Person.for_session(begun, editor))


def begin_two_step(editor: Editor, target: str, *, by_link: bool = False) -> None:
    """Remember the first step of a sign-in until the second factor is entered; it gives no access."""
    _start_anew()
    session[_HALF] = [editor.id, editor.nonce, by_link, target, int(now().timestamp())]


def pending_sign_in() -> PendingSignIn | None:
    """The person between the two steps; None if nobody is, or the second step took too long."""
    *so_far, since = session.get(_HALF) or (None, 0)
    if now().timestamp() - since > SECOND_STEP_TIME.total_seconds():
        return None
    return PendingSignIn(*so_far)


def sign_out() -> None:
    """End the sign-in of this browser."""
    flask_login.logout_user()
    session.clear()


def came_by_link() -> bool:
    """Whether a one-time link proved who this is, so that the old password need not be entered."""
    return bool(session.get(_BY_LINK))


def safe_target(target: str) -> str:
    """The page to redirect to after signing in: a desk page as requested, never another site."""
    home = url_for("desk.home")
    try:
        parts = urlsplit(target)
    except ValueError:
        return home
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(home)
    return target if is_ours and target.isprintable() and "\\" not in target else home


def _start_anew() -> None:
    # Nothing that somebody else may have put into this session is kept, including the CSRF token.
    session.clear()
    session.permanent = True


def _browser(agent: str) -> str:
    """Browser and system if known; nothing that could identify a person."""
    browser = _named(agent, _BROWSERS) or "A browser"
    system = _named(agent, _SYSTEMS)
    return f"{browser} on {system}" if system else browser


def _named(agent: str, names: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in names if mark in agent), "")


def _load(key: str) -> Person | None:
    session_id, _, nonce = key.partition(".")
    with services().sessions.reading() as store:
        desk_session = desk_sessions.active_session(store, int(session_id), int(nonce), now())
        if desk_session is None:
            return None
        return Person.for_session(
            desk_session,
            desk_session.editor,
            desk_session.editor.factor is None and accounts.requires_second_factor(store),
        )
