"""What keeps bots from the forms that anybody may send: a trap, a sealed time, and in a rush a proof or a wait.

Each form has counts of its own (`FormKind`), so a flood at one makes nobody wait at another.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from flask import Blueprint, Response, make_response, render_template
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from newsletter.audience import signup_limits
from newsletter.audience.refusals import FormKind, Reason
from newsletter.audience.signup_limits import TooManyRequests
from newsletter.db import Session, group_commit
from newsletter.errors import Invalid
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication
from newsletter.web import error_pages, security
from newsletter.web.context import now, services
from newsletter.web.forms import SHOWN, WAIT, FormGuard
from newsletter.web.public import proof_of_work, refusal_tally

ONCE_MORE = lazy_gettext("Please click the button again: we could not tell that the form came from our own page.")
TOO_QUICK = lazy_gettext("Please click the button again: that was so quick that we could not tell you from a bot.")
_TOO_SOON = lazy_gettext("That was a little too soon.")
_NOT_PROVED = lazy_gettext("We could not accept your browser’s proof.")
_R = TypeVar("_R", bound=AnyResponse)


def asks_to_wait(session: Session, form: FormKind, guard: FormGuard, email: str) -> Reason | None:
    """Why somebody has to wait; None at usual rates, after the wait, or once the browser has done its work instead."""
    return reason_to_wait(guard, email) if is_guarded(session, form) else None


def is_guarded(session: Session, form: FormKind) -> bool:
    """Whether whoever sends this form now has to wait or to prove work first, because it is sent unusually often."""
    setting = services().settings.signup_wait
    return signup_limits.needs_guard(session, now(), form) if setting == "auto" else setting == "always"


def reason_to_wait(guard: FormGuard, email: str) -> Reason | None:
    """Why somebody who sends a guarded form has to wait; None after the wait or the work."""
    at = now()
    waited = guard.waiting_time(services().links, email, at)
    if waited is None or (waited < WAIT and not guard.proof):
        return Reason.WAIT
    return None if waited >= WAIT else _refused_proof(guard, at - waited)


def wait_page(
    guard: FormGuard, publication: Publication, action: str, fields: Mapping[str, str], label: str
) -> Response:
    """The page to wait on, whose button sends these fields again, `email` among them.

    A browser whose proof was refused gets no other challenge, or it would go on for ever.
    """
    links, email = services().links, fields["email"]
    is_waiting = guard.waiting_time(links, email, now()) is not None
    waited = guard.waited if is_waiting else links.waiting(email, now())
    page = render_template(
        "site/wait.html",
        publication=publication,
        action=action,
        fields={**fields, SHOWN: guard.form_time, "waited": waited},
        label=label,
        seconds=WAIT.seconds,
        notice=_NOT_PROVED if guard.proof else _TOO_SOON if is_waiting else "",
        challenge="" if guard.proof else proof_of_work.make_challenge(services().settings, waited),
    )
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = security.policy({"worker-src": "'self'"})
    answer.headers["Cache-Control"] = "no-store"
    return answer


def come_back_later(error: TooManyRequests, form_again: Callable[[int, str], _R]) -> _R:
    """Count the refusal, and show the form again, by its status and notice, to be sent in an hour."""
    if error.reason:
        refusal_tally.count_refusal(error.form, error.reason)
    answer = form_again(429, str(error))
    answer.headers["Retry-After"] = str(error_pages.RETRY_AFTER[429])
    return answer


def keep_typed(blueprint: Blueprint, form_again: Callable[[int, str], AnyResponse]) -> None:
    """Answer a form that is not from our page, or comes too often, with the form again, given its status and notice."""
    blueprint.register_error_handler(CSRFError, lambda _error: form_again(400, ONCE_MORE))
    blueprint.register_error_handler(TooManyRequests, lambda error: come_back_later(error, form_again))


def _refused_proof(guard: FormGuard, made_at: datetime) -> Reason | None:
    try:
        nonce = proof_of_work.solved_nonce(services().settings, guard.proof, guard.waited)
    except Invalid:
        return Reason.PROOF_REFUSED
    is_new = group_commit.write(services().sessions, lambda session: signup_limits.use_proof(session, nonce, made_at))
    return None if is_new else Reason.PROOF_REUSED
