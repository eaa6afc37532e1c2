"""A correction before it is published: what would change, what preflight finds, the note, and its approval."""

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.characters import storable
from newsletter.db import Session
from newsletter.editorial.issues import archive, correction_draft, corrections, diff, drafts
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.issues.correction_draft import NoNote
from newsletter.editorial.models import Issue
from newsletter.editors import Role
from newsletter.errors import Invalid, Refused
from newsletter.i18n import formats
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, lookup, timed_cache, words
from newsletter.web.desk.writing import live_preview
from newsletter.workflows import approve_issue, correct_issue, run_preflight
from newsletter.workflows.approve_issue import Review
from newsletter.workflows.correct_issue import MailingOrder

_Act = Callable[[Session, Issue, Content], str]
"""Does something with the correction, and returns the URL of the page to go on with."""


def review_correction(slug: str) -> str:
    """The correction as it would be published; with `?counted=1`, its readers are counted even if it takes a while."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        corrections.require_out(found)
        return page(store, found)


def publish_correction(slug: str) -> ResponseReturnValue:
    """Publish what the page showed, with the note; if asked for, approve it first, and mail it then: all or nothing."""

    def publish(store: Session, found: Issue, content: Content) -> str:
        person = auth.email()
        if "approve" in request.form:
            approve_issue.approve(store, services().links, found, Review(content, person), now())
        made = correct_issue.publish_correction(store, services().links, found, content, person, now())
        audit_hook.add_details(correction=made.number)
        done = "Corrected. The archive shows the new text, with the note above it."
        if "mail" in request.form:
            order = MailingOrder(person, corrections.seal(made))
            started = correct_issue.mail_correction(store, services().letters, found, made, order, now())
            audit_hook.add_details(copies=started.copies)
            done += f" The email about it is on its way to {formats.counted(started.copies, 'reader')}."
        flash(done)
        return url_for("desk.correction", slug=slug, number=made.number)

    return _decide(slug, publish)


def keep_note(slug: str) -> ResponseReturnValue:
    """Keep the note; then go back to the text, or ask those who can approve the correction."""

    def keep(store: Session, found: Issue, content: Content) -> str:
        if "write" in request.form:
            return url_for("desk.write_form", slug=slug)
        if "ask" in request.form:
            corrections.require_note(store, found)
            asking = Review(content, auth.email())
            asked = approve_issue.request_approval(store, services().audience, found, asking, (), now())
            flash(f"Asked {formats.word_list(asked)} by email.")
        else:
            flash("The note is saved.")
        return url_for("desk.review_correction", slug=slug)

    return _decide(slug, keep)


def discard_correction(slug: str) -> ResponseReturnValue:
    """Discard the correction."""

    def discard(store: Session, found: Issue, _content: Content) -> str:
        correction_draft.discard_correction(store, found, auth.email(), now())
        flash("The correction is discarded. What was written stays among the revisions.")
        return url_for("desk.issue", slug=slug)

    return _decide(slug, discard)


def page(
    store: Session, found: Issue, *, note: str | None = None, fault: str = "", above: str = "", comment: str = ""
) -> str:
    """The page, with what was typed and why it was refused: beside the note, or at the top."""
    draft = correction_draft.find_draft(store, found)
    stored = draft.note if draft else ""
    return frame.page(
        store,
        "correction_review.html",
        "issues",
        found.publication,
        issue=found,
        content=correction_draft.content(store, found),
        version=lookup.version(found),
        note=stored if note is None else note,
        stored_note=stored,
        longest_note=correction_draft.LONGEST_NOTE,
        **_audience(store, found),
        fault=fault,
        above=above,
        comment=comment,
        **_text(store, found),
        **_approval(store, found),
    )


def _text(store: Session, found: Issue) -> dict[str, object]:
    """What would change in the archive, what preflight finds in it, and what is not part of it yet."""
    pieces = diff.compare(archive.published_text(found)[1].source, found.revision.source)
    read = drafts.examine(store, found, found.revision.source)
    mail, may_ask = live_preview.render_mail(store, found, read), services().settings.link_checks
    return {
        "pieces": diff.fold_unchanged(pieces) if diff.is_changed(pieces) else (),
        "inspection": run_preflight.inspect_text(store, found, read, mail, services().links, may_ask=may_ask),
        "unsaved": store.scalars(drafts.unsaved_drafts(found)).all(),
    }


def _approval(store: Session, found: Issue) -> dict[str, object]:
    """Where its approval stands; of a correction that nobody has begun, nothing has been asked or approved."""
    is_prepared = correction_draft.is_prepared(store, found)
    status, person = approve_issue.approval_status(store, services().links, found), auth.person()
    refusal = status.refusal(person.email, person.role) if person and is_prepared else ""
    return {
        "is_prepared": is_prepared,
        "approval": status,
        "is_approved": is_prepared and status.approval is not None,
        "can_approve": is_prepared and not refusal,
        "refusal": refusal,
    }


def _audience(store: Session, found: Issue) -> dict[str, object]:
    """Whether this person can have it mailed now, and to whom; the audience is None until it is counted."""
    if not words.may(Role.EDITOR) or correct_issue.mailing_blocker(found):
        return {"may_mail": False, "audience": None}
    audience = timed_cache.correction_audience(store, found, None, now(), waits="counted" in request.args)
    return {"may_mail": audience is None or audience.size + audience.coming > 0, "audience": audience}


def _decide(slug: str, act: _Act) -> ResponseReturnValue:
    note = storable(request.form.get("note", ""))
    fault = above = ""
    try:
        with services().sessions.begin() as store:
            found = lookup.issue(store, slug)
            corrections.require_out(found)
            page_to_open = act(store, found, _content(store, found, note))
        return redirect(page_to_open, 303)
    except NoNote as error:
        fault, status = words.as_sentence(error), 422
    except Refused as error:
        above, status = words.as_sentence(error), 422 if isinstance(error, Invalid) else 409
    with services().sessions.reading() as store:
        return page(store, lookup.issue(store, slug), note=note, fault=fault, above=above), status


def _content(store: Session, found: Issue, note: str) -> Content:
    """The correction that the page showed, with the note as it was typed there; Conflict if it has changed since."""
    correction_draft.lock(store, found, request.form.get("content", ""))
    if "note" in request.form:
        correction_draft.keep_note(store, found, note, auth.email())
    return correction_draft.content(store, found)
