"""The home page, the sign-up form, and the page that asks the reader to check their mailbox."""

from datetime import datetime

from flask import Blueprint, Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError

from newsletter import group_commit
from newsletter.addresses import typos
from newsletter.audience import confirm_breaker, signup, signup_limits
from newsletter.audience.refusals import Reason
from newsletter.audience.signup import SignupRequest
from newsletter.audience.signup_limits import TooManyRequests
from newsletter.db import Session
from newsletter.editorial.issues import archive
from newsletter.errors import Invalid, NotFound
from newsletter.publications import Publication
from newsletter.publications.wordings import WordingKind
from newsletter.web import consent_wording, error_pages, security
from newsletter.web.context import client, now, services
from newsletter.web.forms import WAIT, SignUpForm
from newsletter.web.public import proof_of_work, publication_param, refusal_tally
from newsletter.web.public.issue_page import PublishedIssue
from newsletter.web.template_helpers import next_letter

blueprint = Blueprint("public", __name__)

_LATEST = 3
_TOO_QUICK = "Please click the button again: that was too quick to tell from a robot."
_TOO_SOON = "That was a little too soon."
_NOT_PROVED = "We could not accept your browser’s proof."
_DOMAIN_REFUSED = "We cannot send to this email provider. Please use another address"
_ONCE_MORE = "Please click the button again: we could not tell that the form came from our own page."


@blueprint.get("/")
def home() -> str:
    """The publication's description, when it comes, and the sign-up form."""
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, request.args.get("publication"))
        latest = session.scalars(archive.published(publication.id).limit(_LATEST))
        return render_template(
            "site/home.html",
            **_form_values(session, publication, SignUpForm()),
            next_letter=next_letter(publication, now()),
            latest=[PublishedIssue.from_issue(issue) for issue in latest],
        )


@blueprint.get("/subscribe")
def form() -> Response:
    """The form alone, for links from other sites."""
    return _form(SignUpForm(publication=request.args.get("publication")))


@blueprint.post("/subscribe")
def subscribe() -> Response:
    """Send a confirm letter; the answer is the same for every address."""
    asked = SignUpForm.parse(request.form)
    if asked.is_trapped:
        refusal_tally.count_refusal(Reason.TRAP)
        return _check_mail(_ignore(asked))
    if faults := asked.faults():
        return _form(asked, 422, faults)
    if asked.has_domain_of(services().settings.refused_domains):
        refusal_tally.count_refusal(Reason.DOMAIN_REFUSED)
        return _form(asked, 422, {"email": _DOMAIN_REFUSED})
    if not asked.took_long_enough(services().links, now()):
        refusal_tally.count_refusal(Reason.TOO_QUICK)
        return _form_again(400, _TOO_QUICK)
    if not asked.is_checked and (suggested := typos.suggestion(asked.email)):
        return _check(asked, suggested=suggested)
    if _must_wait() and (reason := _refuses_now(asked)):
        refusal_tally.count_refusal(reason)
        return _wait(asked)
    return _check_mail(_ask(asked))


def _must_wait() -> bool:
    setting = services().settings.signup_wait
    if setting != "auto":
        return setting == "always"
    with services().sessions.reading() as session:
        return confirm_breaker.open_trip(session) is not None or signup_limits.is_odd(session, now())


def _refuses_now(asked: SignUpForm) -> Reason | None:
    """Why somebody has to wait; None once they have waited, or their browser has done the work instead."""
    at = now()
    waited = asked.waiting_time(services().links, at)
    if waited is None or (waited < WAIT and not asked.proof):
        return Reason.WAIT
    return None if waited >= WAIT else _refused_proof(asked, at - waited)


def _refused_proof(asked: SignUpForm, made_at: datetime) -> Reason | None:
    try:
        nonce = proof_of_work.solved_nonce(services().settings, asked.proof, asked.waited)
    except Invalid:
        return Reason.PROOF_REFUSED
    is_new = group_commit.write(services().sessions, lambda session: signup_limits.use_proof(session, nonce, made_at))
    return None if is_new else Reason.PROOF_REUSED


def _wait(asked: SignUpForm) -> Response:
    """The page to wait on. A browser whose proof was refused gets no other challenge, or it would go on for ever."""
    is_waiting = asked.waiting_time(services().links, now()) is not None
    waited = asked.waited if is_waiting else services().links.waiting(asked.email, now())
    challenge = "" if asked.proof else proof_of_work.make_challenge(services().settings, waited)
    notice = _NOT_PROVED if asked.proof else _TOO_SOON if is_waiting else ""
    answer = _check(asked, seconds=WAIT.seconds, waited=waited, notice=notice, challenge=challenge)
    answer.headers["Content-Security-Policy"] = security.policy({"worker-src": "'self'"})
    return answer


def _check(asked: SignUpForm, suggested: str = "", challenge: str = "", **values: object) -> Response:
    """A page before anything is mailed: it asks about a probable typing error, or to wait."""
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, asked.publication)
        context = {"publication": publication, "form": asked, "suggested": suggested, "challenge": challenge}
        return _uncached(render_template("site/sign_up_check.html", **context, **values))


def _check_mail(publication: Publication) -> Response:
    return _uncached(render_template("site/check_mail.html", publication=publication))


@blueprint.errorhandler(CSRFError)
def once_more(_error: CSRFError) -> Response:
    """The form again, with what was typed."""
    return _form_again(400, _ONCE_MORE)


@blueprint.errorhandler(TooManyRequests)
def later(error: TooManyRequests) -> Response:
    """The form again, to be sent in an hour."""
    if error.reason:
        refusal_tally.count_refusal(error.reason)
    answer = _form_again(429, str(error))
    answer.headers["Retry-After"] = str(error_pages.RETRY_AFTER[429])
    return answer


def _ask(asked: SignUpForm) -> Publication:
    # Looked up in a reading session first, because SQLite has one writer at a time, and sign-ups wait for each other.
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, asked.publication)
        words = consent_wording.wording_of_version(session, publication, WordingKind.SIGN_UP, asked.agreed)
    audience, came, at = services().audience, SignupRequest(asked.email, asked.name, client(), words), now()
    reason = group_commit.write(
        services().sessions, lambda session: signup.subscribe(session, audience, publication, came, at)
    )
    if reason:
        refusal_tally.count_refusal(reason)
    return publication


def _ignore(asked: SignUpForm) -> Publication:
    with services().sessions.reading() as session:
        return publication_param.publication_of(session, asked.publication)


def _form(asked: SignUpForm, status: int = 200, faults: dict[str, str] | None = None, notice: str = "") -> Response:
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, asked.publication)
        page = render_template(
            "site/subscribe.html", **_form_values(session, publication, asked, faults), notice=notice
        )
        return _uncached(page, status)


def _form_again(status: int, notice: str) -> Response:
    try:
        return _form(SignUpForm.parse(request.form), status, notice=notice)
    except NotFound as error:
        return error_pages.refused(error)


def _form_values(
    session: Session, publication: Publication, asked: SignUpForm, faults: dict[str, str] | None = None
) -> dict[str, object]:
    words = consent_wording.current_wording(session, publication, WordingKind.SIGN_UP)
    return {"publication": publication, "form": asked, "faults": faults or {}, "words": words}


def _uncached(page: str, status: int = 200) -> Response:
    answer = make_response(page, status)
    # It may contain an address that somebody typed.
    answer.headers["Cache-Control"] = "no-store"
    return answer
