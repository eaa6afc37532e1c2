"""The letter about a correction: edit, preview, mail to the readers who got the issue, and follow its progress."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.characters import storable
from newsletter.db import Session
from newsletter.delivery.models import LetterState
from newsletter.editorial.issues import corrections
from newsletter.editorial.issues.drafts import Faulty
from newsletter.editorial.models import Correction, Issue
from newsletter.editorial.preflight import Finding, Level
from newsletter.errors import Conflict
from newsletter.i18n import formats
from newsletter.web import auth
from newsletter.web.context import kept_query, now, services
from newsletter.web.desk import frame, lookup, previews, progress_view, timed_cache, words
from newsletter.web.desk.goes_to import Narrowed
from newsletter.web.desk.lookup import Mailed
from newsletter.web.desk.previews import MailParts
from newsletter.web.desk.writing import editor_form
from newsletter.web.desk.writing.editor_form import FieldFault
from newsletter.workflows import correct_issue, halt_issue
from newsletter.workflows.correct_issue import CorrectionAudience, MailingOrder


@dataclass(frozen=True, slots=True)
class _LetterOutlook:
    """What would happen if the letter were mailed now."""

    mail: MailParts | None
    """The mail; None while its text is invalid."""
    complaints: Sequence[FieldFault]
    findings: Sequence[Finding]
    blocker: str
    """The reason why nobody can be mailed now; empty if they can."""
    audience: CorrectionAudience | None
    """None while nobody can be mailed, or until they are counted."""

    @property
    def is_fit(self) -> bool:
        """Whether it can be mailed as it is."""
        blocked = any(finding.level is Level.BLOCKING for finding in self.findings)
        return self.mail is not None and not blocked and not self.blocker


def letter_form(slug: str, number: int) -> str:
    """The letter's text, its preview and what will happen; `?view=` as for every preview.

    With `?counted=1`, who gets it is counted even if that takes a while.
    """
    with services().sessions.reading() as store:
        found, made = lookup.correction(store, slug, number)
        return _page(store, found, made, (made.subject, made.body))


def word_letter(slug: str, number: int) -> ResponseReturnValue:
    """Save the letter's text, even if it is invalid, and show the faults beside it."""
    subject, body = (storable(request.form.get(name, "")) for name in ("subject", "body"))
    try:
        with services().sessions.begin() as store:
            _, made = lookup.correction(store, slug, number)
            corrections.edit_letter(store, made, request.form.get("seal", ""), subject, body, auth.email())
            flash("Saved. Nothing has been sent yet.")
    except Conflict as error:
        with services().sessions.reading() as store:
            found, made = lookup.correction(store, slug, number)
            return _page(store, found, made, (subject, body), str(error)), HTTPStatus.CONFLICT
    return redirect(url_for("desk.letter_form", slug=slug, number=number, **kept_query()), 303)


def letter_html(slug: str, number: int) -> Response:
    """The letter's HTML for the preview frame, as mailed or as it would be."""
    wanted = previews.chosen_view(request.args)
    with services().sessions.reading() as store:
        found, made = lookup.correction(store, slug, number)
        html = previews.preview_document(_rendered_mail(found, made).html, wanted, found.publication.language)
    return previews.sandboxed(Response(html, mimetype="text/html"), with_pictures=wanted != "images-off")


def mail_correction(slug: str, number: int) -> ResponseReturnValue:
    """Mail the letter that the page showed to the readers who got the issue."""
    with services().sessions.begin() as store:
        found, made = lookup.correction(store, slug, number)
        narrowed = Narrowed(store, found.publication)
        narrowed.require_unchanged()
        order = MailingOrder(auth.email(), request.form.get("seal", ""), narrowed.frozen)
        started = correct_issue.mail_correction(store, services().letters, found, made, order, now())
        flash(f"On its way to {formats.counted(started.copies, 'reader')}.")
    return _back(slug, number)


def letter_progress(slug: str, number: int) -> ResponseReturnValue:
    """The part of the page that changes while the letter is sent; the whole page once its state has changed."""
    with services().sessions.reading() as store:
        found, made = lookup.correction(store, slug, number)
        if made.letter is None or request.args.get("state") != made.letter.state:
            return make_response("", 200, {"HX-Refresh": "true"})
        progress = progress_view.progress_of(store, made.letter)
        return render_template("desk/parts/going.html", issue=found, mailed=Mailed(found, made), progress=progress)


def pause_correction(slug: str, number: int) -> ResponseReturnValue:
    """Pause the letter; the rest waits until somebody resumes."""
    return _move(
        slug, number, halt_issue.pause, "Paused. Copies that are being sent right now still go out; the rest wait."
    )


def resume_correction(slug: str, number: int) -> ResponseReturnValue:
    """Resume a paused letter."""
    return _move(slug, number, lambda store, made: halt_issue.resume(store, made, now()), "Sending has resumed.")


def stop_correction(slug: str, number: int) -> ResponseReturnValue:
    """Stop the letter: what was sent stays sent, and nothing more goes out."""
    with services().sessions.begin() as store:
        made = lookup.correction(store, slug, number)[1]
        was_going = made.letter is not None and made.letter.state is LetterState.RUNNING
        flash(words.stopped(halt_issue.cancel(store, made, now()), was_going=was_going))
    return _back(slug, number)


def _page(store: Session, found: Issue, made: Correction, letter_text: tuple[str, str], notice: str = "") -> str:
    """The letter's page, with this text in its form."""
    if made.letter_id is not None:
        raise corrections.mailed_already(made)
    narrowed = Narrowed(store, found.publication)
    return frame.page(
        store,
        "correction_letter.html",
        "issues",
        found.publication,
        issue=found,
        correction=made,
        letter_text=letter_text,
        notice=notice,
        narrowed=narrowed,
        outlook=_outlook(store, found, made, narrowed),
        nobody_left=correct_issue.nobody_left(found, narrowed.frozen),
        refusal=correct_issue.refusal(found, made, auth.email()),
        view=previews.chosen_view(request.args),
        seal=corrections.seal(made),
    )


def _outlook(store: Session, found: Issue, made: Correction, narrowed: Narrowed) -> _LetterOutlook:
    blocker, audience = correct_issue.mailing_blocker(found), None
    if not blocker:
        waits = "counted" in request.args
        audience = timed_cache.correction_audience(store, found, made.made_at, now(), narrowed.frozen, waits=waits)
    try:
        composed = corrections.compose_letter(found, made, services().links)
    except Faulty as error:
        complaints = editor_form.field_faults(corrections.letter_source(found, made), error.faults)
        return _LetterOutlook(None, _letter_faults(complaints), (), blocker, audience)
    findings = correct_issue.findings(found, composed, services().links)
    return _LetterOutlook(composed.mail, (), findings, blocker, audience)


def _letter_faults(complaints: Sequence[FieldFault]) -> list[FieldFault]:
    """Each fault once, beside one of the two fields of the form."""
    by_text = {each.text: each for each in complaints}
    return [replace(each, field="body" if each.field == "body" else "subject") for each in by_text.values()]


def _rendered_mail(found: Issue, made: Correction) -> MailParts:
    if made.letter is not None:
        return made.letter
    try:
        return corrections.compose_letter(found, made, services().links).mail
    except Faulty as error:
        raise Conflict(f"This cannot be sent yet: {error}.") from None


def _move(slug: str, number: int, move: Callable[[Session, Correction], None], done: str) -> ResponseReturnValue:
    with services().sessions.begin() as store:
        move(store, lookup.correction(store, slug, number)[1])
        flash(done)
    return _back(slug, number)


def _back(slug: str, number: int) -> ResponseReturnValue:
    return redirect(url_for("desk.correction", slug=slug, number=number), 303)
