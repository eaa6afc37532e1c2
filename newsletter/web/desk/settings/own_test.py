"""A test mail to oneself: one button, and then how the mail server responds."""

from collections.abc import Sequence

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience.address import Address
from newsletter.config import Settings
from newsletter.db import Session
from newsletter.delivery.models import OutboxState
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind
from newsletter.doctor import Area, Finding, Level, report
from newsletter.errors import Conflict
from newsletter.publications import Publication
from newsletter.system.ports import is_loopback
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, setup_guide
from newsletter.web.desk.setup_steps import StepKind
from newsletter.workflows import test_mail
from newsletter.workflows.test_mail import Order

_HARMLESS = {Area.BOUNCES.value, Area.WEB.value, Area.DATABASE.value, Area.MACHINE.value}
"""The doctor's checks of things that cannot keep mail from leaving."""
_MOST = 3


def own_test() -> str:
    """Which issue it would show, where it goes, and what happened to the last one."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        return frame.page(
            store,
            "own_test.html",
            "settings",
            publication,
            guide_place=setup_guide.place(store, publication, StepKind.TEST),
            issue=test_mail.issue_to_try(store, publication),
            address=auth.email(),
            sender=services().letters.sender_of(publication),
            inbox_url=_inbox_url(services().settings),
            has_bulk_server=_has_bulk_server(services().settings),
            **_status(store, publication),
        )


def send_own_test() -> ResponseReturnValue:
    """Put a test mail to this person into the outbox."""
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        issue = test_mail.issue_to_try(store, publication)
        if issue is None:
            raise Conflict("A test email shows an issue, and there is none yet. Write one first.")
        order = Order(auth.email(), [Address.parse(auth.email())], test_mail.BUILT_IN)
        test_mail.send_test(store, services().letters, issue, order, now())
        audit_hook.set_publication(publication)
        audit_hook.add_details(issue=issue.slug)
    return redirect(url_for("desk.own_test"), 303)


def own_test_status() -> ResponseReturnValue:
    """The part of the page that changes while the mail is being sent: empty if it is as `?seen=` says.

    At the end the whole page is asked for again.
    """
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        status = _status(store, publication)
        if not status["seen"]:
            return make_response("", 200, {"HX-Refresh": "true"})
        if request.args.get("seen") == status["seen"]:
            return make_response("", 204)
        return render_template("desk/parts/own_test_status.html", **status)


def _inbox_url(settings: Settings) -> str:
    """The local inbox's address if the mail server is on this machine, as on a laptop; else empty."""
    return f"http://127.0.0.1:{settings.inbox_port}/" if is_loopback(settings.mail_server or "") else ""


def _has_bulk_server(settings: Settings) -> bool:
    bulk = (settings.bulk_mail_server, settings.bulk_mail_port)
    return bulk[0] is not None and bulk != (settings.mail_server, settings.mail_port)


def _status(store: Session, publication: Publication) -> dict[str, object]:
    """What happened to the last test mail to this person; `seen` is empty once nothing changes any more."""
    test = test_mail.latest_to(store, publication, auth.email())
    is_open = test is not None and test.is_open
    away = heartbeat.unreachable_servers(store, MailKind.LETTERS, now()) if is_open else ()
    is_worked = heartbeat.any_alive(store, now())
    post = test.post if test else None
    has_bounced = test is not None and test.bounce is not None
    is_refused = post is not None and post.state is not OutboxState.SENT and bool(post.reply)
    has_trouble = bool(away) or has_bounced or is_refused
    return {
        "test": test,
        "away": away,
        "is_worked": is_worked,
        "seen": f"{post.state}-{post.attempts}-{len(away)}-{is_worked}" if is_open and post else "",
        "has_trouble": has_trouble,
        "causes": _causes() if has_trouble else None,
        "zone": publication.time_zone,
    }


def _causes() -> Sequence[Finding] | None:
    """The doctor's last findings that may keep mail from leaving, the worst first; None if it was never asked."""
    last = report.last_report(services().settings.data_dir)
    if last is None:
        return None
    return [
        finding
        for level in (Level.ERROR, Level.WARNING)
        for finding in last.findings
        if finding.level is level and finding.area not in _HARMLESS
    ][:_MOST]
