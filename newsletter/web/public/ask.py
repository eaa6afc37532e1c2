"""Ask and book: the form by which anybody asks the team a question or for an appointment; they answer by email.

Nothing is mailed to the address that is typed, because nobody has proved that it is theirs. Readers who come by
the link in their own mail need not type it, and see it masked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from newsletter.addresses import typos
from newsletter.audience import preferences
from newsletter.audience.address import Address
from newsletter.audience.refusals import FormKind, Reason
from newsletter.characters import clean_name, storable
from newsletter.db import Session, group_commit
from newsletter.engagement import request_form
from newsletter.engagement.request_form import PreferredTime
from newsletter.engagement.requests import NewRequest
from newsletter.errors import NotFound
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication, contact
from newsletter.publications.wordings import WordingKind
from newsletter.web import consent_wording, forms
from newsletter.web.consent_wording import ConsentWording
from newsletter.web.context import client, now, services
from newsletter.web.forms import FormGuard, fault_of
from newsletter.web.public import form_guard, private_pages, publication_param, refusal_tally
from newsletter.workflows import contact_requests

FORM_BYTES = 256 * 1024
"""The maximum size of the form: more than a message may have, so that a long one comes back with what to do."""

_FIELDS = ("name", "email", "topic", "day", "time", "text")
_NO_TOPIC = lazy_gettext("Please choose a topic from the list")
_NO_CONSENT = lazy_gettext("Please tick the box: without your agreement we may not store what you write")
_LABELS = {True: lazy_gettext("Send my request"), False: lazy_gettext("Send my question")}

blueprint = private_pages.blueprint("ask", __name__)


@dataclass(frozen=True, slots=True)
class _AskForm:
    """The form as it was typed, so that it can be shown again."""

    typed: Mapping[str, str] = field(default_factory=dict)
    agrees: bool = False
    agreed: int | None = None
    """The version of the consent wording that was shown."""
    checked: str = ""
    """The address at which the person has looked again."""
    guard: FormGuard = field(default_factory=FormGuard)

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> Self:
        """The form from its fields; missing ones are empty."""
        typed = {name: storable(form.get(name, "")) for name in _FIELDS}
        guard = FormGuard.parse(form)
        return cls(typed, form.get("agree") == "yes", forms.version(form), form.get("checked", ""), guard)

    def __getitem__(self, name: str) -> str:
        return self.typed.get(name, "")

    def hidden_fields(self) -> dict[str, str]:
        """The fields with which a page sends the same form again."""
        version = "" if self.agreed is None else str(self.agreed)
        return {**self.typed, "agree": "yes", "agreed": version, "checked": self["email"]}


@dataclass(frozen=True, slots=True)
class _Asker:
    """To whom somebody writes, and with which address if their link proves one."""

    publication: Publication
    language: str
    token: str = ""
    proven: Address | None = None

    @property
    def is_booking(self) -> bool:
        """Whether the page is the one for bookings."""
        return request.endpoint == "ask.book"

    def url(self, done: str | None = None) -> str:
        """The URL of this page, or of the one that follows it."""
        if self.token:
            return url_for("ask.reader", token=self.token, done=done)
        return url_for("ask.book" if self.is_booking else "ask.ask", publication=self.publication.slug, done=done)


@blueprint.url_value_preprocessor
def make_room(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Accept a larger form than elsewhere, before it is parsed."""
    request.max_content_length = request.max_form_memory_size = FORM_BYTES


@blueprint.route("/ask", methods=["GET", "POST"], endpoint="ask")
@blueprint.route("/book", methods=["GET", "POST"], endpoint="book")
@blueprint.route("/ask/<token>", methods=["GET", "POST"], endpoint="reader")
def page(token: str = "") -> AnyResponse:
    """The form; a POST sends it."""
    with services().sessions.reading() as session:
        asker = _asker(session, token)
        if request.method == "POST":
            return _send(session, asker, _AskForm.parse(request.form))
        if request.args.get("done"):
            values = {"publication": asker.publication, "asker": asker, "language": asker.language}
            return make_response(render_template("site/ask_sent.html", **values))
        return _form(session, asker, _AskForm({"topic": request.args.get("topic", "")}))


def _send(session: Session, asker: _Asker, form: _AskForm) -> AnyResponse:
    if form.guard.is_trapped:
        _count(Reason.TRAP)
        return redirect(asker.url(done="sent"), 303)
    at = now()
    if faults := _faults(asker, form, at):
        return _form(session, asker, form, 422, faults)
    words = consent_wording.agreed_wording(session, asker.publication, WordingKind.ASK, form.agreed, asker.language)
    new = _new_request(asker, form, words, at)
    if not form.guard.took_long_enough(services().links, at):
        _count(Reason.TOO_QUICK)
        return _form(session, asker, form, 400, notice=form_guard.TOO_QUICK)
    if not asker.proven and form.checked != form["email"] and (suggested := typos.suggestion(new.email)):
        notice = lazy_gettext(
            "Did you mean %(address)s? Correct the address, or send the form again if it is right.", address=suggested
        )
        return _form(session, asker, form, 422, notice=notice)
    # Never the address of who came by a link, because the page would show it.
    waits_for = asker.token or form["email"]
    if reason := form_guard.asks_to_wait(session, FormKind.ASK, form.guard, waits_for):
        _count(reason)
        fields = {**form.hidden_fields(), "email": waits_for, "publication": asker.publication.slug}
        return form_guard.wait_page(form.guard, asker.publication, asker.url(), fields, _LABELS[asker.is_booking])
    session.close()  # so that it holds nothing while this waits for its turn to write
    _store(asker, new, at)
    return redirect(asker.url(done="sent"), 303)


def _store(asker: _Asker, new: NewRequest, at: datetime) -> None:
    audience, publication, who = services().audience, asker.publication, client()
    group_commit.write(
        services().sessions,
        lambda session: contact_requests.receive_request(session, audience, publication, new, who, at),
    )


def _asker(session: Session, token: str) -> _Asker:
    if token:
        subscription, _ = preferences.open_preferences_link(session, services().audience, token, now())
        proven = Address.parse(subscription.subscriber.email)
        asker = _Asker(subscription.publication, subscription.language, token, proven)
    else:
        slug = storable(request.values.get("publication", "")) or None
        publication = publication_param.snapshot_of(session, slug)
        asker = _Asker(publication, publication.language)
    if not asker.publication.takes_requests:
        raise NotFound(
            lazy_gettext(
                "%(newsletter)s takes no questions here. You can reply to any of its emails instead.",
                newsletter=asker.publication.name,
            )
        )
    return asker


def _faults(asker: _Asker, form: _AskForm, at: datetime) -> dict[str, str]:
    """For each invalid field, a sentence that says how to correct it."""
    zone, has_topic = asker.publication.time_zone, form["topic"] in contact.request_topics(asker.publication)
    faults = {
        "name": fault_of(clean_name, form["name"]),
        "email": "" if asker.proven else fault_of(Address.parse, form["email"]),
        "preferred_time": fault_of(lambda day: PreferredTime.parse(day, form["time"], zone, at), form["day"]),
        "text": fault_of(request_form.clean_message, form["text"]),
        "topic": "" if has_topic else _NO_TOPIC,
        "agree": "" if form.agrees else _NO_CONSENT,
    }
    return {name: sentence for name, sentence in faults.items() if sentence}


def _new_request(asker: _Asker, form: _AskForm, words: ConsentWording, at: datetime) -> NewRequest:
    address, zone = asker.proven or Address.parse(form["email"]), asker.publication.time_zone
    return NewRequest(
        publication_id=asker.publication.id,
        is_booking=asker.is_booking,
        topic=form["topic"],
        name=clean_name(form["name"]),
        email=address.email,
        key=address.key,
        is_proven=asker.proven is not None,
        preferred_time=PreferredTime.parse(form["day"], form["time"], zone, at),
        time_zone=zone,
        text=request_form.clean_message(form["text"]),
        consent=words.text,
        consent_version=words.version,
    )


def _form(
    session: Session,
    asker: _Asker,
    form: _AskForm,
    status: int = 200,
    faults: Mapping[str, str] | None = None,
    notice: str = "",
) -> Response:
    page = render_template(
        "site/ask.html",
        publication=asker.publication,
        asker=asker,
        form=form,
        topics=contact.request_topics(asker.publication),
        words=consent_wording.current_wording(session, asker.publication, WordingKind.ASK, asker.language),
        language=asker.language,
        faults=faults or {},
        notice=notice,
        label=_LABELS[asker.is_booking],
        most_characters=request_form.MOST_CHARACTERS,
    )
    return make_response(page, status)


def _form_again(status: int, notice: str) -> Response:
    with services().sessions.reading() as session:
        asker = _asker(session, (request.view_args or {}).get("token", ""))
        return _form(session, asker, _AskForm.parse(request.form), status, notice=notice)


form_guard.keep_typed(blueprint, _form_again)


def _count(reason: Reason) -> None:
    refusal_tally.count_refusal(FormKind.ASK, reason)
