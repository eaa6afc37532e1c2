"""The home page, the sign-up form, and the page that asks the reader to check their mailbox."""

from flask import Blueprint, Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError

from newsletter import group_commit
from newsletter.audience import signup
from newsletter.audience.signup import SignupRequest
from newsletter.audience.signup_limits import TooManyRequests
from newsletter.db import Session
from newsletter.editorial.issues import archive
from newsletter.errors import NotFound
from newsletter.publications import Publication
from newsletter.publications.wordings import WordingKind
from newsletter.web import consent_wording, error_pages
from newsletter.web.context import client, now, services
from newsletter.web.forms import SignUpForm
from newsletter.web.public import publication_param
from newsletter.web.public.issue_page import PublishedIssue
from newsletter.web.template_helpers import next_letter

blueprint = Blueprint("public", __name__)

_LATEST = 3
_TOO_QUICK = "Please click the button again: that was too quick to tell from a robot."
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
            latest=[PublishedIssue.of(issue) for issue in latest],
        )


@blueprint.get("/subscribe")
def form() -> Response:
    """The form alone, for links from other sites."""
    return _form(SignUpForm(publication=request.args.get("publication")))


@blueprint.post("/subscribe")
def subscribe() -> Response:
    """Send a confirm letter; the answer is the same for every address."""
    asked = SignUpForm.parse(request.form)
    if not asked.is_trapped and (faults := asked.faults()):
        return _form(asked, 422, faults)
    if not asked.is_trapped and not asked.took_long_enough(services().links, now()):
        return _form_again(400, _TOO_QUICK)
    publication = _ignore(asked) if asked.is_trapped else _ask(asked)
    return _uncached(render_template("site/check_mail.html", publication=publication))


@blueprint.errorhandler(CSRFError)
def once_more(_error: CSRFError) -> Response:
    """The form again, with what was typed."""
    return _form_again(400, _ONCE_MORE)


@blueprint.errorhandler(TooManyRequests)
def later(error: TooManyRequests) -> Response:
    """The form again, to be sent in an hour."""
    answer = _form_again(429, str(error))
    answer.headers["Retry-After"] = str(error_pages.RETRY_AFTER[429])
    return answer


def _ask(asked: SignUpForm) -> Publication:
    # Looked up in a reading session first, because SQLite has one writer at a time, and sign-ups wait for each other.
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, asked.publication)
        words = consent_wording.wording_of_version(session, publication, WordingKind.SIGN_UP, asked.agreed)
    audience, came, at = services().audience, SignupRequest(asked.email, asked.name, client(), words), now()
    group_commit.write(services().sessions, lambda session: signup.subscribe(session, audience, publication, came, at))
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
