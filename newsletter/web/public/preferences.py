"""The preferences page, where readers change, download or erase their data, by the link in every letter."""

import json
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from flask import Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from newsletter import audit
from newsletter.addresses.masking import mask_address
from newsletter.audience import (
    change_address,
    chosen_hour,
    delivery_hours,
    preferences,
    privacy,
    statuses,
    subscribers,
    topics,
)
from newsletter.audience.address import Address
from newsletter.audience.models import Pace, Status, Subscription
from newsletter.audience.preferences import NotFresh
from newsletter.audience.refusals import FormKind, Reason
from newsletter.audit import AuditWriter
from newsletter.characters import storable
from newsletter.db import Session, group_commit
from newsletter.delivery.message import permission_reminder
from newsletter.delivery.reports import recipients
from newsletter.errors import Invalid
from newsletter.i18n import locales, messages
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication
from newsletter.web.context import client, now, page_request, services
from newsletter.web.forms import FormGuard
from newsletter.web.public import form_guard, pause_form, private_pages, publication_param, refusal_tally
from newsletter.web.public.delivery_hour_form import DeliveryHourForm
from newsletter.web.public.pause_form import PauseForm
from newsletter.workflows import monthly_digest

blueprint = private_pages.blueprint("preferences", __name__)

_ISSUES_PER_PAGE = 20
_DONE = {
    "link": lazy_gettext(
        "A link that opens your data is on its way to your address, unless you asked for several today. "
        "It works for an hour."
    ),
    "rename": lazy_gettext("Your name has been saved."),
    "address": lazy_gettext(
        "A link is on its way to the new address, provided that we may send mail there. Open it within a "
        "day and click the button; only then does your address change."
    ),
    "topics": lazy_gettext("Your topics have been saved."),
    "hour": lazy_gettext("Your choice has been saved. It applies from the next issue on."),
    "pace": lazy_gettext("We have saved how often you want to hear from us."),
    "language": lazy_gettext("Your language has been saved."),
    "pause": lazy_gettext("Your break has started."),
    "resume": lazy_gettext("Your break is over: emails come again."),
}
_TICK_FIRST = lazy_gettext("Tick the box first, so that nobody is erased by mistake.")


@blueprint.get("/preferences/<token>")
def show(token: str) -> str:
    """The reader's status, and what they can change."""
    return _page(token, notice=_DONE.get(request.args.get("done", ""), ""))


@blueprint.post("/preferences/<token>")
def change(token: str) -> str | AnyResponse:
    """Apply the button that was pressed."""
    name = request.form.get("do", "")
    if name == "erase":
        return _erase(token)
    do = _CHANGES.get(name) or abort(400)
    try:
        with services().sessions.begin() as session:
            follows = do(session, token) or url_for(".show", token=token, done=name)
    except Invalid as error:
        return Response(_page(token, faults={name: str(error)}), 422)
    return redirect(follows, 303)


@blueprint.get("/preferences/<token>/my-data")
def my_data_page(token: str) -> str:
    """Everything stored about this reader, to read, save or print (GDPR, article 15)."""
    with services().sessions.reading() as session:
        subscription = preferences.open_manage_link(session, services().audience, token, now())
        reader = subscription.subscriber
        return private_pages.reader_page(
            "site/my_data.html",
            subscription,
            data=privacy.export_data(session, reader),
            names={one.publication.slug: one.publication.name for one in reader.subscriptions},
            language_name=locales.own_name(reader.language) if reader.language else "",
            token=token,
        )


@blueprint.get("/preferences/<token>/my-data.json")
def my_data(token: str) -> Response:
    """The same, as a JSON file (GDPR, article 20)."""
    with services().sessions.reading() as session:
        reader = preferences.open_manage_link(session, services().audience, token, now()).subscriber
        data = privacy.export_data(session, reader)
    answer = Response(json.dumps(data, ensure_ascii=False, indent=2), mimetype="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return answer


@blueprint.get("/preferences/<token>/sent")
def sent_issues(token: str) -> str:
    """The issues that were sent to this reader and what became of each, newest first; `?before=`, `?after=` page."""
    with services().sessions.reading() as session:
        subscription = preferences.open_manage_link(session, services().audience, token, now())
        ids = [one.id for one in subscription.subscriber.subscriptions]
        page = recipients.copies_of_readers(session, ids, page_request(), _ISSUES_PER_PAGE)
        return private_pages.reader_page(
            "site/sent_issues.html",
            subscription,
            page=page,
            notes=recipients.notes_of_copies(session, [copy.id for copy, _ in page.rows]),
            token=token,
        )


@blueprint.get("/link")
def link_form() -> str:
    """The form that sends a reader the link to their preferences and personal data."""
    return _link_form()


@blueprint.post("/link")
def send_link() -> str | Response:
    """Send the link; the answer is the same for every address."""
    guard, email = FormGuard.parse(request.form), request.form.get("email", "")
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, _asked_publication(request.form))
    if guard.is_trapped:
        _count_refusal(Reason.TRAP)
        return render_template("site/link_sent.html", publication=publication)
    try:
        Address.parse(email)
    except Invalid as error:
        return Response(_link_form({"email": str(error)}), 422)
    if not guard.took_long_enough(services().links, now()):
        _count_refusal(Reason.TOO_QUICK)
        return Response(_link_form(notice=form_guard.TOO_QUICK), 400)
    with services().sessions.reading() as session:
        reason = form_guard.asks_to_wait(session, FormKind.LINK, guard, email)
    if reason:
        _count_refusal(reason)
        fields = {"email": email, "publication": publication.slug}
        return form_guard.wait_page(guard, publication, url_for(".send_link"), fields, lazy_gettext("Send me my link"))
    _mail_link(publication, email)
    return render_template("site/link_sent.html", publication=publication)


@blueprint.errorhandler(NotFresh)
def ask_for_fresh(error: NotFresh) -> Response:
    """The page with what this link does open, and the button that sends another."""
    return Response(_page((request.view_args or {})["token"], faults={"link": str(error)}), 403)


def _mail_link(publication: Publication, email: str) -> None:
    audience, who, at = services().audience, client(), now()
    reason = group_commit.write(
        services().sessions, lambda session: preferences.send_link(session, audience, publication, email, who, at)
    )
    if reason:
        _count_refusal(reason)


def _count_refusal(reason: Reason) -> None:
    refusal_tally.count_refusal(FormKind.LINK, reason)


def _link_form(faults: Mapping[str, str] | None = None, notice: str = "") -> str:
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, _asked_publication(request.values))
        email = request.form.get("email", "")
        context = {"publication": publication, "email": email, "faults": faults or {}, "notice": notice}
        return render_template("site/link.html", **context)


def _asked_publication(fields: Mapping[str, str]) -> str | None:
    return storable(fields.get("publication", "")) or None


def _link(session: Session, token: str) -> None:
    audience = services().audience
    subscription, _ = preferences.open_preferences_link(session, audience, token, now())
    email = subscription.subscriber.email
    preferences.send_link(session, audience, subscription.publication, email, client(), now())


def _rename(session: Session, token: str) -> None:
    preferences.rename(session, services().audience, token, request.form.get("name", ""), client(), now())


def _address(session: Session, token: str) -> None:
    change_address.ask(session, services().audience, token, request.form.get("email", ""), client(), now())


def _topics(session: Session, token: str) -> None:
    subscription, _ = preferences.open_preferences_link(session, services().audience, token, now())
    topics.choose_topics(session, services().audience, subscription, request.form.getlist("topic"), client(), now())


def _hour(session: Session, token: str) -> None:
    wanted = chosen_hour.parse(request.form.get("zone", ""), request.form.get("hour", ""))
    subscription, _ = preferences.open_preferences_link(session, services().audience, token, now())
    delivery_hours.choose(session, services().audience, subscription, wanted, client(), now())


def _pace(session: Session, token: str) -> None:
    wanted = request.form.get("pace", "")
    pace = Pace(wanted) if wanted in set(Pace) else abort(400)
    subscription, _ = preferences.open_preferences_link(session, services().audience, token, now())
    monthly_digest.choose_pace(session, services().audience, subscription, pace, client(), now())


def _language(session: Session, token: str) -> None:
    audience, language = services().audience, request.form.get("language", "")
    preferences.choose_language(session, audience, token, language, client(), now())


def _pause(session: Session, token: str) -> None:
    until = pause_form.parse_until(request.form)
    subscription, _ = preferences.open_preferences_link(session, services().audience, token, now())
    preferences.pause(session, services().audience, subscription, until, client(), now())


def _resume(session: Session, token: str) -> None:
    preferences.resume(session, services().audience, token, client(), now())


def _leave(session: Session, token: str) -> str:
    subscription = preferences.unsubscribe_by_preferences(session, services().audience, token, client(), now())
    # With undo, and the question why.
    return services().links.unsubscribe(subscription.id)


_CHANGES: Mapping[str, Callable[[Session, str], str | None]] = {
    # Each returns the page that follows, if it is not this one.
    "link": _link,
    "rename": _rename,
    "address": _address,
    "topics": _topics,
    "hour": _hour,
    "pace": _pace,
    "language": _language,
    "pause": _pause,
    "resume": _resume,
    "leave": _leave,
}


def _erase(token: str) -> str | Response:
    if request.form.get("sure") != "yes":
        return Response(_page(token, faults={"erase": _TICK_FIRST}), 422)
    with services().sessions.begin() as session:
        subscription = preferences.open_manage_link(session, services().audience, token, now())
        page = private_pages.reader_page("site/erased.html", subscription)
        audit.record(
            session, AuditWriter(audit.READER, "erase", now(), kind="reader", about=str(subscription.subscriber.id))
        )
        privacy.erase_reader(session, services().audience, subscription.subscriber, now())
    services().sessions.checkpoint()
    return page


def _others(subscription: Subscription) -> list[tuple[Subscription, str]]:
    """The other publications that the same address reads, each with the link to its preferences."""
    theirs = [one for one in subscription.subscriber.subscriptions if one.status in statuses.SUBSCRIBED]
    return [(one, services().links.preferences(one.id)) for one in theirs if one.id != subscription.id]


def _page(token: str, notice: str = "", faults: Mapping[str, str] | None = None) -> str:
    with services().sessions.reading() as session:
        subscription, is_fresh = preferences.open_preferences_link(session, services().audience, token, now())
        publication, (source, since) = subscription.publication, subscribers.source_and_since(subscription)
        return private_pages.reader_page(
            "site/preferences.html",
            subscription,
            subscription=subscription,
            why=permission_reminder.reminder(since, source, ZoneInfo(publication.time_zone), subscription.language),
            languages={each: locales.own_name(each) for each in messages.languages()},
            name=request.form.get("name", subscription.subscriber.name),
            new_email=request.form.get("email", ""),
            gets_letters=subscription.status in statuses.SUBSCRIBED,
            offers_digest=monthly_digest.is_offered(subscription),
            next_digest=monthly_digest.next_time(session, publication, now()),
            topics_off=topics.names_off(session, subscription),
            delivery=DeliveryHourForm.for_reader(subscription, request.form, subscription.language, now()),
            others=_others(subscription) if is_fresh else (),
            is_paused=subscription.status is Status.PAUSED,
            pauses=PauseForm.for_publication(publication, now()),
            token=token,
            is_fresh=is_fresh,
            address=subscription.subscriber.email if is_fresh else mask_address(subscription.subscriber.email),
            notice=notice,
            faults=faults or {},
        )
