"""All of the desk in one table: who may ask for what, and who answers."""

from flask import Blueprint

from newsletter.editors import Role
from newsletter.web import security
from newsletter.web.desk import (
    account,
    calendar,
    door,
    frame,
    issues,
    pictures,
    previews,
    readers,
    reports,
    schedule,
    sending,
    settings,
    sorry,
)
from newsletter.web.desk.roles import ANYONE, Route, register

_ISSUE = "/issues/<slug>"

ROUTES = (
    Route("GET", "/sign-in", ANYONE, door.sign_in_form),
    Route("POST", "/sign-in", ANYONE, door.sign_in),
    Route("GET", "/sign-in/<token>", ANYONE, door.link_form),
    Route("POST", "/sign-in/<token>", ANYONE, door.use_link),
    Route("POST", "/sign-out", ANYONE, door.sign_out),
    Route("GET", "/", Role.VIEWER, issues.home),
    Route("GET", "/issues/", Role.VIEWER, issues.issues),
    Route("GET", f"{_ISSUE}/", Role.VIEWER, issues.issue),
    Route("POST", f"{_ISSUE}/readiness", Role.AUTHOR, issues.set_readiness),
    Route("GET", f"{_ISSUE}/preview.html", Role.VIEWER, previews.preview_html),
    Route("GET", f"{_ISSUE}/preview.txt", Role.VIEWER, previews.preview_text),
    Route("POST", f"{_ISSUE}/pictures", Role.AUTHOR, pictures.upload_picture, form_bytes=pictures.FORM_BYTES),
    Route("GET", f"{_ISSUE}/schedule", Role.EDITOR, schedule.schedule_form),
    Route("POST", f"{_ISSUE}/schedule", Role.EDITOR, schedule.schedule_issue),
    Route("GET", f"{_ISSUE}/send", Role.EDITOR, sending.send_form),
    Route("POST", f"{_ISSUE}/send", Role.EDITOR, sending.send),
    Route("GET", f"{_ISSUE}/cancel", Role.EDITOR, sending.cancel_form),
    Route("POST", f"{_ISSUE}/cancel", Role.EDITOR, sending.cancel),
    Route("POST", f"{_ISSUE}/pause", Role.EDITOR, sending.pause),
    Route("POST", f"{_ISSUE}/resume", Role.EDITOR, sending.resume),
    Route("GET", f"{_ISSUE}/progress", Role.VIEWER, sending.progress),
    Route("GET", "/calendar/", Role.VIEWER, calendar.calendar),
    Route("GET", "/readers/", Role.VIEWER, readers.readers),
    Route("GET", "/readers/<int(max=2147483647):subscription_id>/", Role.VIEWER, readers.reader),
    Route("GET", "/reports/", Role.VIEWER, reports.reports),
    Route("GET", "/settings/", Role.VIEWER, settings.settings),
    Route("GET", "/account/", Role.VIEWER, account.account),
    Route("POST", "/account/password", Role.VIEWER, account.change_password),
    Route("POST", "/account/end-sessions", Role.VIEWER, account.end_sessions),
    Route("POST", "/publication", Role.VIEWER, frame.switch_publication),
    Route("GET", "/<path:_anything>", Role.VIEWER, sorry.no_such_page),
)

blueprint = Blueprint("desk", __name__, url_prefix="/desk")
register(blueprint, ROUTES)
security.keep_private(blueprint)
frame.init_blueprint(blueprint)
sorry.init_blueprint(blueprint)
