"""Moderation of comments: lists by state, decisions about one or many, undoing them, and the team's replies."""

from collections.abc import Iterator, Mapping

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import HIGHEST_ID
from newsletter.engagement import comments_moderation, comments_text
from newsletter.engagement.comments import CommentState
from newsletter.errors import Conflict, Invalid
from newsletter.i18n import formats
from newsletter.web.context import kept_query, now, page_request, row_id, services
from newsletter.web.desk import audit_hook, csv_export, frame, undo_flash
from newsletter.web.desk.words import as_sentence
from newsletter.workflows import comment_on_issue

_A_PAGE = 25
_DECISIONS: Mapping[str, tuple[CommentState, str]] = {
    "approve": (CommentState.APPROVED, "approved"),
    "spam": (CommentState.SPAM, "marked as spam"),
    "delete": (CommentState.DELETED, "deleted"),
    "hold": (CommentState.WAITING, "waiting again"),
}
_DECISION_OF = {state: decision for decision, (state, _) in _DECISIONS.items()}


def list_comments() -> str:
    """The comments of the publication in one state, newest first; those that wait unless `?state=` says otherwise."""
    return _list_page()


def comments_sheet() -> Response:
    """All comments as a CSV file, oldest first."""
    with services().sessions.reading() as store:
        publication_id = frame.current_publication(store).id

    def lines() -> Iterator[tuple[object, ...]]:
        yield "at", "issue", "name", "email", "by_reader_link", "state", "text"
        with services().sessions.reading() as store:
            for one in comments_moderation.iter_comments(store, publication_id):
                comment, is_signed = one.comment, one.comment.subscription_id is not None
                yield (
                    *(comment.created_at, one.slug, comment.name, comment.email, is_signed),
                    *(comment.state.value, comment.text),
                )

    return csv_export.answer("comments.csv", lines())


def moderate_comments() -> ResponseReturnValue:
    """Decide about the comment whose button was pressed, or about all that were chosen."""
    decision, ids = _decided()
    before, (after, words) = _state(request.form.get("state", "")), _DECISIONS[decision]
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        moved = comments_moderation.move_comments(store, publication.id, ids, before, after, now())
        audit_hook.set_publication(publication)
        audit_hook.add_details(decision=decision, comments=", ".join(map(str, moved)))
    _say_decided(moved, len(ids) - len(moved), before, after, words)
    return redirect(url_for("desk.list_comments", **({"state": before.value} | kept_query())), 303)


def reply_to_comment(comment_id: int) -> ResponseReturnValue:
    """Reply as the team, which is shown at once; a comment that waits is approved with it."""
    text = request.form.get("text", "")
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        comment = comments_moderation.find_comment(store, publication.id, comment_id)
        audit_hook.set_publication(publication)
        audit_hook.add_details(comment=comment_id)
        before = comment.state
        try:
            comment_on_issue.reply_as_team(store, publication, comment, text, now())
        except (Invalid, Conflict) as error:
            return _list_page(before, {comment_id: as_sentence(error)}, {comment_id: text}), 422
    flash("Your reply is shown below the comment.")
    return redirect(url_for("desk.list_comments", **({"state": before.value} | kept_query())), 303)


def _decided() -> tuple[str, list[int]]:
    """The decision, and the ids of the comments that it is about."""
    for decision in _DECISIONS:
        if decision in request.form:
            return decision, _ids(request.form.getlist(decision))
    decision, ids = request.form.get("do", ""), _ids(request.form.getlist("comment"))
    if decision not in _DECISIONS or not ids:
        raise Invalid("Select some comments first, then press a button below the list.")
    return decision, ids


def _ids(texts: list[str]) -> list[int]:
    try:
        return [row_id(text, HIGHEST_ID) for text in texts[:_A_PAGE]]
    except ValueError:
        raise Invalid("Choose the comments from the list.") from None


def _say_decided(moved: list[int], missed: int, before: CommentState, after: CommentState, words: str) -> None:
    if moved:
        undo = [("state", after.value), ("do", _DECISION_OF[before]), *(("comment", str(one)) for one in moved)]
        sentence = f"{formats.counted(len(moved), 'comment')} {words}."
        undo_flash.flash_with_fields(sentence, "Undo", url_for("desk.moderate_comments", **kept_query()), undo)
    if missed:
        flash(f"{formats.counted(missed, 'comment')} had already been decided by somebody else.")


def _state(name: str) -> CommentState:
    return CommentState(name) if name in set(CommentState) else CommentState.WAITING


def _list_page(
    state: CommentState | None = None,
    faults: Mapping[int, str] | None = None,
    typed: Mapping[int, str] | None = None,
) -> str:
    wanted = state or _state(request.args.get("state", ""))
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        turn = page_request(HIGHEST_ID)
        return frame.page(
            store,
            "comments.html",
            "issues",
            publication,
            zone=publication.time_zone,
            wanted=wanted,
            counts=comments_moderation.count_by_state(store, publication.id),
            page=comments_moderation.page_of_comments(store, publication.id, wanted, turn, _A_PAGE),
            to_html=comments_text.render_comment,
            faults=faults or {},
            typed=typed or {},
        )
