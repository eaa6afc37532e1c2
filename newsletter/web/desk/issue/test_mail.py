"""Test mails of an issue: recipients, the sample reader, and the state of each."""

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter import editors
from newsletter.db import Session
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind
from newsletter.editorial.models import Issue
from newsletter.errors import Invalid
from newsletter.i18n import formats
from newsletter.web import auth
from newsletter.web.context import now, parse_id, services
from newsletter.web.desk import editor_names, frame, lookup, words
from newsletter.web.desk.issue import changes
from newsletter.workflows import issue_readiness, test_mail


def test_form(slug: str) -> str:
    """Ask for the recipients; `?q=` searches for a sample reader."""
    return _page(slug)


def send_test(slug: str) -> ResponseReturnValue:
    """Put a test mail for each address into the outbox."""
    try:
        with services().sessions.begin() as store:
            found = lookup.issue(store, slug)
            sent = _send(store, found)
            flash(f"{formats.counted(sent, 'test email')} on the way.")
    except Invalid as error:
        return _page(slug, "\n".join(map(words.as_sentence, str(error).splitlines()))), 422
    return redirect(url_for("desk.test_form", slug=slug), 303)


def test_fates(slug: str) -> ResponseReturnValue:
    """The part of the page that changes while mails are being sent; empty if nothing changed since `?seen=`."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        fates = _fates(store, found)
        if request.args.get("seen") == fates["seen"]:
            return make_response("", 204)
        editor_names.look_up_in(store)
        return render_template("desk/parts/test_fates.html", issue=found, **fates)


def _fates(store: Session, found: Issue) -> dict[str, object]:
    """What became of the mails; `seen` changes with their states and the servers they wait for, empty if none waits."""
    fates = test_mail.recent_tests(store, found)
    away = heartbeat.unreachable_servers(store, MailKind.LETTERS, now())
    is_worked = heartbeat.any_alive(store, now())
    still_open = [f"{fate.test.id}.{fate.post.state if fate.post else ''}" for fate in fates if fate.is_open]
    waited_for = [f"{one.server}.{one.since:%H%M%S}" for one in away]
    seen = "-".join([*still_open, *waited_for, str(is_worked)]) if still_open else ""
    return {"fates": fates, "away": away, "is_worked": is_worked, "seen": seen}


def _send(store: Session, found: Issue) -> int:
    typed = " ".join([*request.form.getlist("to"), request.form.get("others", "")])
    to, reader = test_mail.recipients(store, typed), test_mail.sample(store, found, _sample_chosen())
    order = test_mail.Order(auth.email(), to, reader)
    return len(test_mail.send_test(store, services().letters, found, order, now()))


def _page(slug: str, fault: str = "") -> str:
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        search = request.values.get("q", "") if words.sees_addresses() else ""
        lately = test_mail.recent_addresses(store, auth.email()) if words.sees_addresses() else []
        suggested = test_mail.suggested_addresses(lately, store.scalars(editors.team()))
        return frame.page(
            store,
            "test_mail.html",
            "issues",
            found.publication,
            issue=found,
            suggested=suggested,
            checked=request.form.getlist("to") or ([] if fault else [auth.email()]),
            others=request.form.get("others", ""),
            samples=[test_mail.BUILT_IN, *test_mail.samples(store, found, search)],
            sample_chosen=_sample_chosen(),
            search=search,
            tested=test_mail.latest_test(store, found),
            since_test=changes.changes_since_test(store, found),
            content=issue_readiness.approvable_content(found, services().links),
            fault=fault,
            **_fates(store, found),
        )


def _sample_chosen() -> int:
    """The sample reader; the made-up one for people who may see no reader's address."""
    return parse_id(request.form.get("sample", "")) if words.sees_addresses() else 0
