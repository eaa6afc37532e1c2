"""The state of an issue for its writers: what is saved, what is stored as a draft, and who else is editing."""

from collections.abc import Sequence
from datetime import datetime

from flask import url_for

from newsletter.db import Session
from newsletter.editorial.issues import drafts, issue_store, presence
from newsletter.editorial.issues.drafts import EditorText
from newsletter.editorial.models import Draft, Issue
from newsletter.editorial.schedule import weekly_slots
from newsletter.errors import Conflict
from newsletter.i18n import formats
from newsletter.web import auth, error_pages
from newsletter.web.context import now
from newsletter.web.desk import editor_names
from newsletter.web.desk.writing import editor_form
from newsletter.web.desk.writing.editor_form import FieldFault
from newsletter.workflows import build_letter


def save_state(store: Session, found: Issue, base: int = 0) -> dict[str, object]:
    """The whole state; `base` is the revision that a window's text is based on, if the window is not the draft's."""
    last = drafts.latest_draft(store, found, auth.email())
    stands_on = last.base_number if last else found.revision_number
    is_own_window = last is not None and last.tab == editor_form.window_name() != ""
    return {
        "revision": found.revision_number,
        "draft": last.number if last else 0,
        "turn": last.turn if last and is_own_window else 0,
        "base": stands_on,
        "said": own_state(found, drafts.unsaved_draft(store, found, auth.email())),
        "news": _news(store, found, max(base, stands_on) if is_own_window else base or stands_on),
        "presence": _other_writers(store, found),
        "open": is_writable(found),
        "page": url_for("desk.write_form", slug=found.slug),
    }


def own_state(found: Issue, draft: Draft | None) -> str:
    """The state of one's own text, as a sentence."""
    if draft is None:
        return f"Saved at {_clock_time(found, found.revision.created_at)}, revision {found.revision_number}."
    return f"Draft saved at {_clock_time(found, draft.kept_at)}."


def next_step(found: Sequence[FieldFault]) -> str:
    """What has to be corrected before the text can be saved as a revision."""
    many = formats.plural(len(found), "one error", formats.counted(len(found), "error"))
    return f"Draft saved. Fix {many}, then it can be saved as a revision."


def merge_notice(store: Session, found: Issue, typed: EditorText, draft: Draft) -> str:
    """What was merged into a stored text, to follow "saved" or "kept"; empty if nothing was."""
    if draft.source == typed.source:
        return ""
    if draft.base_number > typed.base and found.revision.author != auth.email():
        return f", with what {author(store, found)} saved as revision {found.revision_number}"
    return ", with what you wrote in another window"


def is_writable(found: Issue) -> bool:
    """Whether what this page was opened for may be saved: an issue that is not out, or a correction of one that is."""
    return issue_store.is_out(found) if editor_form.is_correcting() else build_letter.is_open(found)


def require_writable(found: Issue, instead: str = "What you typed is kept as your draft.") -> None:
    """Conflict for an issue whose text is frozen; `instead` says what was done with the text."""
    if not is_writable(found):
        raise Conflict(f"{_is_now(found)}, so its text stays as it is. {instead}")


def _clock_time(found: Issue, moment: datetime) -> str:
    """A time of day such as `14:02`, in the publication's time zone."""
    return formats.clock(weekly_slots.on_clocks(moment, found.publication.time_zone))


def _news(store: Session, found: Issue, base: int) -> str:
    """What happened to the issue since the revision that this text is based on."""
    if not is_writable(found):
        return f"{_is_now(found)}. What you type is kept as your draft, and is not part of it."
    if base >= found.revision_number:
        return ""
    moment = _clock_time(found, found.revision.created_at)
    saved = error_pages.sentence_of(f"{author(store, found)} saved revision {found.revision_number} at {moment}")
    return f"{saved}. Your text is based on revision {base}."


def author(store: Session, found: Issue) -> str:
    """The person who saved the newest revision."""
    newest = found.revision
    if newest.author == auth.email():
        return "You"
    return str(editor_names.find(store, newest.author, newest.created_at))


def _other_writers(store: Session, found: Issue) -> str:
    writers = presence.others(store, found, editor_form.window_name(), now())
    names, colleagues = editor_names.team_names(store), {one.editor for one in writers} - {auth.email()}
    if colleagues:
        people = formats.word_list(sorted(str(names.find(one)) for one in colleagues))
        verb = formats.plural(len(colleagues), "is", "are")
        return f"{people} {verb} also writing here, on revision {found.revision_number}."
    return "You have this issue open in another window too." if writers else ""


def _is_now(found: Issue) -> str:
    return f"“{found.title}” is now {issue_store.state(found).phrase}"
