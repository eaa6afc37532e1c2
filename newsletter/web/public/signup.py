"""The home page, the sign-up form, and the page that asks the reader to check their mailbox."""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from flask import Blueprint, Response, make_response, render_template, request, url_for

from newsletter.addresses import typos
from newsletter.audience import signup
from newsletter.audience.refusals import FormKind, Reason
from newsletter.audience.signup import SignupRequest
from newsletter.db import Session, group_commit
from newsletter.editorial.issues import archive
from newsletter.errors import NotFound
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication
from newsletter.publications.wordings import WordingKind
from newsletter.web import consent_wording, error_pages, security
from newsletter.web.context import client, now, services
from newsletter.web.forms import SignUpForm, as_source, site_of
from newsletter.web.public import brief_cache, form_guard, publication_param, refusal_tally
from newsletter.web.public.issue_page import PublishedIssue
from newsletter.web.public.page_cache import cacheable, cached
from newsletter.workflows.calendar import Calendar

blueprint = Blueprint("public", __name__)

_LATEST = 3
_DOMAIN_REFUSED = lazy_gettext("We cannot send to this email provider. Please use another address")
_ONE_STEP = lazy_gettext("One more step: please check your address and click the button.")


@blueprint.get("/")
@cached
def home() -> Response:
    """The publication's description, when it comes, and the sign-up form."""
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, request.args.get("publication"))
        latest = session.scalars(archive.published(publication.id).limit(_LATEST))
        next_issue_at = Calendar(session, services().links, publication, now(), services().grace).promised()
        page = render_template(
            "site/home.html",
            **_form_values(session, publication, SignUpForm()),
            next_issue_at=next_issue_at,
            latest=[PublishedIssue.from_issue(issue) for issue in latest],
        )
    return cacheable(make_response(page), lasts=next_issue_at - now() if next_issue_at else None)


@blueprint.get("/subscribe")
def form() -> Response:
    """The form alone, for links from other sites."""
    return _form(SignUpForm(publication=request.args.get("publication")))


@blueprint.get("/subscribe/<publication>")
def hosted_form(publication: str) -> Response:
    """A publication's own sign-up page, to share; `source` says where its link or QR code is."""
    return _form(SignUpForm(publication=publication, source=as_source(request.args.get("source", ""))))


@blueprint.post("/subscribe/<publication>")
@security.without_token
def form_from_elsewhere(publication: str) -> Response:
    """The sign-up page with what was typed in a form on another site; only the button there stores anything."""
    typed = SignUpForm.parse(request.form)
    site = site_of(request.origin or request.referrer)
    asked = replace(typed, publication=publication, source=typed.source or site)
    faults = asked.faults() if asked.email else {}
    return _form(asked, 422 if faults else 200, faults, _ONE_STEP if asked.email and not faults else "")


@blueprint.get("/embed/<publication>")
def embedded_form(publication: str) -> Response:
    """The sign-up form for a frame on another site; it is answered in a window of its own."""
    source = as_source(request.args.get("source", "")) or site_of(request.referrer)
    answer = _form(SignUpForm(publication=publication, source=source), template="site/embed.html")
    answer.headers.update(security.FRAMEABLE)
    return answer


@blueprint.post("/subscribe")
def subscribe() -> Response:
    """Send a confirm letter; the answer is the same for every address."""
    asked, press, at = SignUpForm.parse(request.form.to_dict()), services(), now()
    if asked.guard.is_trapped:
        _count(Reason.TRAP)
        return _check_mail(_ignore(asked))
    if faults := asked.faults():
        return _form(asked, 422, faults)
    if asked.has_domain_of(press.settings.refused_domains):
        _count(Reason.DOMAIN_REFUSED)
        return _form(asked, 422, {"email": _DOMAIN_REFUSED})
    if not asked.guard.took_long_enough(press.links, at):
        _count(Reason.TOO_QUICK)
        return _form_again(400, form_guard.TOO_QUICK)
    if not asked.is_checked and (suggested := typos.suggestion(asked.email)):
        return _suggest(asked, suggested)
    shared = asked.publication, asked.agreed
    found = brief_cache.get((subscribe, *shared), lambda: _look_up(*shared))
    if found.is_guarded and (reason := form_guard.reason_to_wait(asked.guard, asked.email)):
        _count(reason)
        return _wait(asked, found.publication)
    _store(asked, found.publication, found.words)
    return _check_mail(found.publication)


class _LookedUp(NamedTuple):
    """What a sign-up needs to know before it is written, the same for all that come with the same form."""

    publication: Publication
    words: str
    is_guarded: bool


def _look_up(slug: str | None, agreed: int | None) -> _LookedUp:
    # In a session of its own, because SQLite has one writer at a time and sign-ups wait for each other.
    with services().sessions.reading() as session:
        publication = publication_param.snapshot_of(session, slug)
        words = consent_wording.wording_of_version(session, publication, WordingKind.SIGN_UP, agreed)
        return _LookedUp(publication, words, form_guard.is_guarded(session, FormKind.SIGN_UP))


def _wait(asked: SignUpForm, publication: Publication) -> Response:
    fields = {
        "email": asked.email,
        "name": asked.name,
        "agreed": "" if asked.agreed is None else str(asked.agreed),
        "checked": "1",
        "source": asked.source,
        "publication": publication.slug,
    }
    return form_guard.wait_page(asked.guard, publication, url_for(".subscribe"), fields, lazy_gettext("Subscribe"))


def _suggest(asked: SignUpForm, suggested: str) -> Response:
    """The page that asks about a probable typing error, before anything is mailed."""
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, asked.publication)
        page = render_template("site/sign_up_check.html", publication=publication, form=asked, suggested=suggested)
        return _uncached(page)


def _check_mail(publication: Publication) -> Response:
    return _uncached(_check_mail_page(publication, request.script_root))


@lru_cache(maxsize=32)
def _check_mail_page(publication: Publication, _script_root: str) -> str:
    # Once for each snapshot of a publication: it says nothing of the reader, and hundreds may sign up in a second.
    return render_template("site/check_mail.html", publication=publication)


def _store(asked: SignUpForm, publication: Publication, words: str) -> None:
    came, press, at = SignupRequest(asked.email, asked.name, client(), words, asked.source), services(), now()
    reason = group_commit.write(
        press.sessions, lambda session: signup.subscribe(session, press.audience, publication, came, at)
    )
    if reason:
        _count(reason)


def _count(reason: Reason) -> None:
    refusal_tally.count_refusal(FormKind.SIGN_UP, reason)


def _ignore(asked: SignUpForm) -> Publication:
    with services().sessions.reading() as session:
        return publication_param.snapshot_of(session, asked.publication)


def _form(
    asked: SignUpForm,
    status: int = 200,
    faults: dict[str, str] | None = None,
    notice: str = "",
    template: str = "site/subscribe.html",
) -> Response:
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, asked.publication)
        page = render_template(template, **_form_values(session, publication, asked, faults), notice=notice)
        return _uncached(page, status)


def _form_again(status: int, notice: str) -> Response:
    try:
        return _form(SignUpForm.parse(request.form), status, notice=notice)
    except NotFound as error:
        return error_pages.refused(error)


form_guard.keep_typed(blueprint, _form_again)


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
