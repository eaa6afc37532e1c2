"""The desk's routes in one table: path, least role, and view."""

from flask import Blueprint

from newsletter.editors import Role
from newsletter.web import security
from newsletter.web.desk import error_pages, frame, goes_to, previews, uploads
from newsletter.web.desk.issue import (
    approval,
    correction,
    correction_letter,
    create,
    history,
    imported,
    pages,
    preflight,
    preview_link,
    test_mail,
)
from newsletter.web.desk.readers import bulk_acts, imports, mails, reader_tags, segments, suppressed
from newsletter.web.desk.readers import pages as readers_pages
from newsletter.web.desk.reports import pages as reports_pages
from newsletter.web.desk.reports import recipients
from newsletter.web.desk.roles import ANYONE, NOT_AUDITED, Route, register
from newsletter.web.desk.sending import (
    calendar,
    doubts,
    progress_stream,
    queue,
    resend_missed,
    schedule,
    slot_settings,
    start_stop,
)
from newsletter.web.desk.settings import branding, doctor, wording
from newsletter.web.desk.settings import pages as settings_pages
from newsletter.web.desk.team import account, audit_log, forgotten_password, people, second_factor, sign_in
from newsletter.web.desk.writing import autosave, editor_form, images, live_preview
from newsletter.web.desk.writing import pages as writing_pages

_ISSUE = "/issues/<slug>"
_AMENDED = "/corrections/<int(max=2147483647):number>"
_CORRECTION = f"{_ISSUE}{_AMENDED}"
_REPORT = "/reports/<slug>"
_PERSON = "/people/<int(max=2147483647):editor_id>"
_SEGMENT = "/readers/segments/<int(max=2147483647):segment_id>"
_BULK_ACT = f"{_SEGMENT}/acts/<int(max=2147483647):act_id>"
_READER = "/readers/<int(max=2147483647):subscription_id>"
_SESSION = "/account/sessions/<int(max=9223372036854775807):session_id>"
_SLOT = "/calendar/slots/<int(max=2147483647):slot_id>"
_IMPORT = "/readers/import/<int(max=2147483647):upload_id>"
_MAIL = "/readers/mails/<int(max=9223372036854775807):mail_id>"
_WEEK_OFF = "/calendar/weeks-off/<int(max=2147483647):week_id>"

ROUTES = (
    Route("GET", "/sign-in", ANYONE, sign_in.sign_in_form),
    Route("POST", "/sign-in", ANYONE, sign_in.sign_in, NOT_AUDITED),
    Route("GET", "/sign-in/<token>", ANYONE, sign_in.link_form),
    Route("POST", "/sign-in/<token>", ANYONE, sign_in.use_link, NOT_AUDITED),
    Route("GET", "/sign-in/code", ANYONE, sign_in.code_form),
    Route("POST", "/sign-in/code", ANYONE, sign_in.check_code, NOT_AUDITED),
    Route("GET", "/forgotten", ANYONE, forgotten_password.forgotten_form),
    Route("POST", "/forgotten", ANYONE, forgotten_password.ask_reset, NOT_AUDITED),
    Route("GET", "/reset/<token>", ANYONE, forgotten_password.reset_form),
    Route("POST", "/reset/<token>", ANYONE, forgotten_password.reset_password, NOT_AUDITED),
    Route("POST", "/sign-out", ANYONE, sign_in.sign_out, NOT_AUDITED),
    Route("GET", "/", Role.VIEWER, pages.home),
    Route("GET", "/issues/", Role.VIEWER, pages.issues),
    Route("GET", f"{_ISSUE}/", Role.VIEWER, pages.issue),
    Route("POST", f"{_ISSUE}/readiness", Role.AUTHOR, pages.set_readiness, "said whether it is ready"),
    Route("POST", f"{_ISSUE}/segment", Role.EDITOR, goes_to.set_segment, "chose whom it goes to"),
    Route("GET", f"{_ISSUE}/preview.html", Role.VIEWER, previews.preview_html),
    Route("GET", f"{_ISSUE}/preview.txt", Role.VIEWER, previews.preview_text),
    Route("GET", "/issues/new", Role.AUTHOR, create.begin_form),
    Route("POST", "/issues/new", Role.AUTHOR, create.begin, "began an issue", editor_form.FORM_BYTES),
    Route("GET", "/issues/imported", Role.VIEWER, imported.imported_issues),
    Route(
        "POST",
        "/issues/imported",
        Role.EDITOR,
        imported.upload_archive,
        "uploaded an archive of posts",
        takes_list=True,
    ),
    Route("GET", "/issues/imported/publish", Role.EDITOR, imported.publish_imported_form),
    Route("POST", "/issues/imported/publish", Role.EDITOR, imported.publish_imported, "published imported issues"),
    Route("GET", f"{_ISSUE}/write", Role.AUTHOR, writing_pages.write_form),
    Route("POST", f"{_ISSUE}/write", Role.AUTHOR, writing_pages.write, "saved its text", editor_form.FORM_BYTES),
    Route("GET", f"{_ISSUE}/write/sheet", Role.AUTHOR, live_preview.sheet),
    Route("POST", f"{_ISSUE}/preview", Role.AUTHOR, live_preview.preview, NOT_AUDITED, editor_form.FORM_BYTES),
    Route("POST", f"{_ISSUE}/write/hello", Role.AUTHOR, autosave.say_hello, NOT_AUDITED),
    Route("POST", f"{_ISSUE}/write/keep", Role.AUTHOR, autosave.keep_draft, NOT_AUDITED, editor_form.FORM_BYTES),
    Route("POST", f"{_ISSUE}/write/save", Role.AUTHOR, autosave.save_text, "saved its text", editor_form.FORM_BYTES),
    Route("POST", f"{_ISSUE}/write/leave", Role.AUTHOR, autosave.leave_page, NOT_AUDITED, editor_form.FORM_BYTES),
    Route("POST", f"{_ISSUE}/write/discard", Role.AUTHOR, writing_pages.discard_draft, "went back to what is saved"),
    Route("GET", f"{_ISSUE}/history", Role.VIEWER, history.history),
    Route("GET", f"{_ISSUE}/history/unsaved", Role.AUTHOR, history.unsaved_text),
    Route("GET", f"{_ISSUE}/history/<int(max=2147483647):number>", Role.VIEWER, history.revision),
    Route(
        "POST",
        f"{_ISSUE}/history/<int(max=2147483647):number>/restore",
        Role.AUTHOR,
        history.restore_revision,
        "restored an older text",
    ),
    Route("GET", f"{_ISSUE}/preview-link", Role.AUTHOR, preview_link.preview_link_form),
    Route("POST", f"{_ISSUE}/preview-link", Role.AUTHOR, preview_link.make_preview_link, "made a preview link of it"),
    Route("GET", f"{_ISSUE}/delete", Role.EDITOR, create.delete_form),
    Route("POST", f"{_ISSUE}/delete", Role.EDITOR, create.delete, "deleted it"),
    Route("POST", f"{_ISSUE}/pictures", Role.AUTHOR, images.upload_picture, form_bytes=uploads.FORM_BYTES),
    Route("GET", f"{_ISSUE}/preflight", Role.VIEWER, preflight.preflight),
    Route("POST", f"{_ISSUE}/preflight", Role.AUTHOR, preflight.ask_outside, "had its links asked"),
    Route("POST", f"{_ISSUE}/write/preflight", Role.AUTHOR, preflight.judge_text, NOT_AUDITED, editor_form.FORM_BYTES),
    Route("GET", f"{_ISSUE}/approval", Role.VIEWER, approval.approval),
    Route("POST", f"{_ISSUE}/approval/ask", Role.AUTHOR, approval.ask_approval, "asked for its approval"),
    Route("POST", f"{_ISSUE}/approval/approve", Role.EDITOR, approval.approve_issue, "approved it"),
    Route("POST", f"{_ISSUE}/approval/send-back", Role.EDITOR, approval.send_back, "sent it back"),
    Route("POST", f"{_ISSUE}/approval/withdraw", Role.EDITOR, approval.withdraw_approval, "took its approval back"),
    Route("GET", f"{_ISSUE}/test", Role.AUTHOR, test_mail.test_form),
    Route("POST", f"{_ISSUE}/test", Role.AUTHOR, test_mail.send_test, "sent a test mail of it"),
    Route("GET", f"{_ISSUE}/test/fates", Role.AUTHOR, test_mail.test_fates),
    Route("GET", f"{_ISSUE}/schedule", Role.EDITOR, schedule.schedule_form),
    Route("POST", f"{_ISSUE}/schedule", Role.EDITOR, schedule.schedule_issue, "scheduled it"),
    Route("GET", f"{_ISSUE}/send", Role.EDITOR, start_stop.send_form),
    Route("POST", f"{_ISSUE}/send", Role.EDITOR, start_stop.send, "sent it"),
    Route("GET", f"{_ISSUE}/missed", Role.EDITOR, resend_missed.missed_form),
    Route("POST", f"{_ISSUE}/missed", Role.EDITOR, resend_missed.send_to_missed, "sent it to those who missed it"),
    Route("GET", f"{_ISSUE}/cancel", Role.EDITOR, start_stop.cancel_form),
    Route("POST", f"{_ISSUE}/cancel", Role.EDITOR, start_stop.cancel, "stopped it"),
    Route("POST", f"{_ISSUE}/pause", Role.EDITOR, start_stop.pause, "paused it"),
    Route("POST", f"{_ISSUE}/resume", Role.EDITOR, start_stop.resume, "went on with it"),
    Route("GET", f"{_ISSUE}/progress", Role.VIEWER, progress_stream.progress),
    Route("GET", f"{_ISSUE}/events", Role.VIEWER, progress_stream.events),
    Route("GET", f"{_ISSUE}/doubts", Role.VIEWER, doubts.doubts),
    Route("POST", f"{_ISSUE}/doubts", Role.EDITOR, doubts.settle_doubts, "decided about copies in doubt"),
    Route("GET", f"{_CORRECTION}/doubts", Role.VIEWER, doubts.doubts),
    Route("POST", f"{_CORRECTION}/doubts", Role.EDITOR, doubts.settle_doubts, "decided about copies in doubt"),
    Route("POST", f"{_ISSUE}/unschedule", Role.EDITOR, schedule.unschedule, "undid its schedule"),
    Route("POST", f"{_ISSUE}/queue", Role.EDITOR, queue.enqueue, "put it into the queue"),
    Route("POST", f"{_ISSUE}/unqueue", Role.EDITOR, queue.unqueue, "took it out of the queue"),
    Route("GET", f"{_ISSUE}/corrections/new", Role.EDITOR, correction.amend_form),
    Route(
        "POST", f"{_ISSUE}/corrections/new", Role.EDITOR, correction.amend_issue, "corrected it", editor_form.FORM_BYTES
    ),
    Route("GET", f"{_CORRECTION}/", Role.VIEWER, correction.correction),
    Route("GET", f"{_CORRECTION}/letter", Role.EDITOR, correction_letter.letter_form),
    Route("POST", f"{_CORRECTION}/letter", Role.EDITOR, correction_letter.word_letter, "worded a correction's letter"),
    Route("GET", f"{_CORRECTION}/letter.html", Role.VIEWER, correction_letter.letter_html),
    Route("GET", f"{_CORRECTION}/progress", Role.VIEWER, correction_letter.letter_progress),
    Route("POST", f"{_CORRECTION}/mail", Role.EDITOR, correction_letter.mail_correction, "mailed a correction"),
    Route("POST", f"{_CORRECTION}/pause", Role.EDITOR, correction_letter.pause_correction, "paused a correction"),
    Route("POST", f"{_CORRECTION}/resume", Role.EDITOR, correction_letter.resume_correction, "resumed a correction"),
    Route("POST", f"{_CORRECTION}/stop", Role.EDITOR, correction_letter.stop_correction, "stopped a correction"),
    Route("GET", "/calendar/", Role.VIEWER, calendar.calendar),
    Route("POST", "/calendar/order", Role.EDITOR, queue.reorder, "reordered the queue"),
    Route("GET", "/calendar/slots", Role.EDITOR, slot_settings.timetable_page),
    Route("POST", "/calendar/slots", Role.EDITOR, slot_settings.add_slot, "added a weekly slot"),
    Route("POST", _SLOT, Role.EDITOR, slot_settings.change_slot, "changed a weekly slot"),
    Route("POST", f"{_SLOT}/remove", Role.EDITOR, slot_settings.remove_slot, "took a weekly slot away"),
    Route("POST", "/calendar/weeks-off", Role.EDITOR, slot_settings.add_week_off, "added days off"),
    Route("POST", f"{_WEEK_OFF}/remove", Role.EDITOR, slot_settings.remove_week_off, "took days off away"),
    Route("GET", "/readers/", Role.VIEWER, readers_pages.readers),
    Route("POST", "/readers/sign-ups", Role.EDITOR, readers_pages.let_sign_ups_through, "let sign-ups through again"),
    Route("GET", f"{_READER}/", Role.VIEWER, readers_pages.reader),
    Route("GET", "/readers.csv", Role.EDITOR, readers_pages.readers_sheet),
    Route("GET", "/readers/segments/", Role.VIEWER, segments.list_segments),
    Route("GET", "/readers/segments/new", Role.EDITOR, segments.new_segment_form),
    Route("POST", "/readers/segments/new", Role.EDITOR, segments.make_segment, "made a segment"),
    Route("POST", "/readers/segments/count", Role.EDITOR, segments.count_typed, NOT_AUDITED),
    Route("GET", f"{_SEGMENT}/", Role.VIEWER, segments.show_segment),
    Route("GET", f"{_SEGMENT}/count", Role.VIEWER, segments.segment_count),
    Route("GET", f"{_SEGMENT}/edit", Role.EDITOR, segments.edit_segment_form),
    Route("POST", f"{_SEGMENT}/edit", Role.EDITOR, segments.change_segment, "changed a segment"),
    Route("GET", f"{_SEGMENT}/delete", Role.EDITOR, segments.delete_segment_form),
    Route("POST", f"{_SEGMENT}/delete", Role.EDITOR, segments.remove_segment, "deleted a segment"),
    Route("GET", "/readers/import/", Role.EDITOR, imports.imports),
    Route("POST", "/readers/import/", Role.EDITOR, imports.upload_list, "uploaded a list", takes_list=True),
    Route("GET", f"{_IMPORT}/", Role.EDITOR, imports.import_page),
    Route("POST", f"{_IMPORT}/answers", Role.EDITOR, imports.answer_import, "said what a list holds"),
    Route("POST", f"{_IMPORT}/begin", Role.EDITOR, imports.begin_import, "imported a list"),
    Route("POST", f"{_IMPORT}/pause", Role.EDITOR, imports.pause_import, "paused an import"),
    Route("POST", f"{_IMPORT}/resume", Role.EDITOR, imports.resume_import, "went on with an import"),
    Route("POST", f"{_IMPORT}/cancel", Role.EDITOR, imports.cancel_import, "cancelled an import"),
    Route("GET", f"{_IMPORT}/progress", Role.EDITOR, imports.import_progress),
    Route("GET", f"{_IMPORT}/refused.csv", Role.EDITOR, imports.refused_rows_sheet),
    Route("GET", f"{_IMPORT}/report.csv", Role.EDITOR, imports.import_report_sheet),
    Route("GET", f"{_SEGMENT}/act", Role.EDITOR, bulk_acts.bulk_act_form),
    Route("POST", f"{_SEGMENT}/act", Role.EDITOR, bulk_acts.start_bulk_act, "acted on all readers of a segment"),
    Route("GET", f"{_SEGMENT}/acts", Role.VIEWER, bulk_acts.bulk_act_progress),
    Route("POST", f"{_BULK_ACT}/stop", Role.EDITOR, bulk_acts.stop_bulk_act, "stopped an act on a segment"),
    Route("POST", f"{_BULK_ACT}/undo", Role.EDITOR, bulk_acts.undo_bulk_act, "undid an act on a segment"),
    Route("POST", f"{_READER}/tag", Role.EDITOR, reader_tags.tag_reader, "tagged a reader"),
    Route("POST", f"{_READER}/untag", Role.EDITOR, reader_tags.untag_reader, "untagged a reader"),
    Route("POST", f"{_READER}/attribute", Role.EDITOR, reader_tags.set_reader_attribute, "set a reader's attribute"),
    Route("GET", "/readers/mails/", Role.EDITOR, mails.list_mails),
    Route("GET", f"{_MAIL}/", Role.EDITOR, mails.show_mail),
    Route("POST", f"{_MAIL}/delete", Role.EDITOR, mails.remove_mail, "deleted a reader's mail"),
    Route("GET", "/readers/suppressed/", Role.EDITOR, suppressed.suppressed),
    Route("GET", "/readers/suppressed.csv", Role.EDITOR, suppressed.suppressed_sheet),
    Route("POST", "/readers/suppressed/add", Role.EDITOR, suppressed.suppress_address, "suppressed an address"),
    Route("POST", "/readers/suppressed/lift", Role.EDITOR, suppressed.lift_suppression, "lifted a suppression"),
    Route("POST", "/readers/suppressed/held", Role.EDITOR, suppressed.settle_hold, "decided about held readers"),
    Route("GET", "/reports/", Role.VIEWER, reports_pages.reports),
    Route("GET", f"{_REPORT}/", Role.VIEWER, reports_pages.report),
    Route("GET", f"{_REPORT}/report.csv", Role.VIEWER, reports_pages.report_sheet),
    Route("GET", f"{_REPORT}/copies", Role.VIEWER, recipients.copies),
    Route("GET", f"{_REPORT}/copies.csv", Role.EDITOR, recipients.copies_sheet),
    Route("GET", f"{_REPORT}{_AMENDED}/copies", Role.VIEWER, recipients.copies),
    Route("GET", f"{_REPORT}{_AMENDED}/copies.csv", Role.EDITOR, recipients.copies_sheet),
    Route("GET", f"{_REPORT}/leavers", Role.VIEWER, recipients.leavers),
    Route("GET", "/unsubscribed/", Role.VIEWER, recipients.reasons),
    Route("GET", "/settings/", Role.VIEWER, settings_pages.settings),
    Route("GET", "/settings/look", Role.OWNER, branding.look_form),
    Route("POST", "/settings/look", Role.OWNER, branding.change_colours, "changed the colours"),
    Route("POST", "/settings/logo", Role.OWNER, branding.change_logo, "changed the logo", uploads.FORM_BYTES),
    Route("GET", "/settings/words/<kind>", Role.OWNER, wording.words_form),
    Route("POST", "/settings/words/<kind>", Role.OWNER, wording.change_words, "changed the words of a page"),
    Route("GET", "/settings/doctor/", Role.EDITOR, doctor.doctor),
    Route("POST", "/settings/doctor/", Role.EDITOR, doctor.run_doctor, "had the doctor look at everything"),
    Route("GET", "/settings/<part>", Role.OWNER, settings_pages.part_form),
    Route("POST", "/settings/<part>", Role.OWNER, settings_pages.change_part, "changed the settings"),
    Route("GET", "/account/", Role.VIEWER, account.account),
    Route("POST", "/account/password", Role.VIEWER, account.change_password, "changed their password"),
    Route("POST", "/account/end-sessions", Role.VIEWER, account.end_sessions, "signed out everywhere else"),
    Route("POST", f"{_SESSION}/end", Role.VIEWER, account.end_session, "ended a session of theirs"),
    Route("GET", "/account/second-factor", Role.VIEWER, second_factor.factor),
    Route("POST", "/account/second-factor", Role.VIEWER, second_factor.set_up_factor, "set up a second factor"),
    Route(
        "POST", "/account/second-factor/codes", Role.VIEWER, second_factor.renew_codes, "renewed their recovery codes"
    ),
    Route(
        "POST",
        "/account/second-factor/off",
        Role.VIEWER,
        second_factor.turn_off_factor,
        "turned off their second factor",
    ),
    Route("GET", "/people/", Role.OWNER, people.people),
    Route("POST", "/people/", Role.OWNER, people.invite, "invited somebody"),
    Route("POST", "/people/second-factor", Role.OWNER, people.require_factor, "decided who needs a second factor"),
    Route("GET", f"{_PERSON}/", Role.OWNER, people.one_person),
    Route("POST", f"{_PERSON}/role", Role.OWNER, people.change_role, "changed a role"),
    Route("POST", f"{_PERSON}/invitation", Role.OWNER, people.invite_again, "sent an invitation again"),
    Route("POST", f"{_PERSON}/sessions", Role.OWNER, people.sign_out_person, "signed somebody out everywhere"),
    Route("POST", f"{_PERSON}/second-factor", Role.OWNER, people.reset_factor, "reset a second factor"),
    Route("POST", f"{_PERSON}/remove", Role.OWNER, people.remove_person, "removed somebody"),
    Route("GET", "/audit/", Role.OWNER, audit_log.audit_log),
    Route("GET", "/audit.csv", Role.OWNER, audit_log.audit_sheet),
    Route("GET", f"{_ISSUE}/acts", Role.VIEWER, audit_log.issue_acts),
    Route("POST", "/publication", Role.VIEWER, frame.switch_publication, NOT_AUDITED),
    Route("GET", "/<path:_anything>", Role.VIEWER, error_pages.no_such_page),
)

blueprint = Blueprint("desk", __name__, url_prefix="/desk")
register(blueprint, ROUTES)
security.keep_private(blueprint)
frame.init_blueprint(blueprint)
error_pages.init_blueprint(blueprint)
