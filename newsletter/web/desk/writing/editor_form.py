"""Input from the writing page: the form or the full text, and the revision or draft that it is based on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from flask import request
from werkzeug.datastructures import MultiDict

from newsletter.characters import storable
from newsletter.db import Session
from newsletter.editorial.issues import issue_store, slugs
from newsletter.editorial.issues.drafts import EditorText
from newsletter.editorial.models import Draft, Issue
from newsletter.editorial.source import issue_file, issue_form, proposals
from newsletter.editorial.source.fields import Source
from newsletter.editorial.source.front_matter import Fault, split
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.errors import Invalid, NotFound
from newsletter.web.desk import audit_hook, lookup
from newsletter.web.desk.words import as_sentence

FORM_BYTES = 4 * issue_file.MOST_BYTES
"""The size of a whole issue; URL encoding may take three bytes for each."""

_MOST_PASSAGES = 10_000
_WORDS = tuple(name for name in issue_form.FORM if name not in {"sources", "body"})


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A fault and where in the form it is: a field, a row of the sources, or a line of the body; "" for none."""

    field: str
    line: int
    text: str


def issue(store: Session, slug: str) -> Issue:
    """The issue that the page was opened for, even if its slug has changed since; NotFound if it was deleted."""
    opened = request.form.get("issue", "")
    found = issue_store.by_id(store, _counted(opened.partition(".")[0])) if opened else lookup.issue(store, slug)
    if found is None or (opened and lookup.issue_mark(found) != opened):
        raise NotFound("This issue has been deleted. Your text is still here, on this page.")
    audit_hook.set_issue(found)
    return found


def text(store: Session, found: Issue) -> EditorText:
    """The window's text, the revision that it is based on, and what it knows of the draft."""
    return EditorText(
        _whole(store, found, request.form),
        base_revision(),
        parse_count("draft"),
        window_name(),
        window_turn(),
        _known(store, found),
    )


def first_text(store: Session, found: Issue) -> EditorText:
    """The text of a page that had no issue yet when it was opened; it is based on the issue's first revision."""
    first = issue_store.revision(store, found, 1)
    source = issue_form.apply_form(first.source, slugs.shown_slug(found), form(request.form))
    return EditorText(source, first.number, 0, window_name(), window_turn())


def _known(store: Session, found: Issue) -> str | None:
    """What the window last had in common with the draft: a form, or at least a revision; None if it does not say."""
    before = request.form.get("before")
    if not before:
        return None if before is None else issue_store.revision(store, found, base_revision()).source
    return _whole(store, found, MultiDict(parse_qsl(before, keep_blank_values=True)))


def _whole(store: Session, found: Issue, fields: MultiDict[str, str]) -> str:
    """The full text: as submitted, as chosen passage by passage in the merge view, or the form applied to its base."""
    if "source" in fields:
        return storable(fields["source"])
    if "passages" in fields:
        return _chosen(fields)
    before = issue_store.revision(store, found, _counted(fields.get("base", "0")))
    return issue_form.apply_form(before.source, slugs.shown_slug(found), form(fields))


def _chosen(fields: MultiDict[str, str]) -> str:
    passages = [fields.get(f"passage-{place}") for place in range(min(_counted(fields["passages"]), _MOST_PASSAGES))]
    if None in passages:
        raise Invalid("Choose a version of each passage that both changed. Go back; nothing is lost.")
    return storable("".join(passage or "" for passage in passages))


def form(fields: MultiDict[str, str]) -> IssueForm:
    """The submitted form, with any text in its fields."""
    words = {name: storable(fields.get(name, "")).strip() for name in _WORDS}
    titles, urls = fields.getlist("source_title"), fields.getlist("source_url")
    sources = (Source(storable(title).strip(), storable(url).strip()) for title, url in zip(titles, urls, strict=False))
    filled = tuple(source for source in sources if source.title or source.url)
    return _with_proposal(IssueForm(**words, sources=filled, body=storable(fields.get("body", ""))), fields.get("take"))


def _with_proposal(typed: IssueForm, name: str | None) -> IssueForm:
    """The form with the proposal whose button was pressed; nothing that was typed is replaced."""
    if name not in proposals.PROPOSED or getattr(typed, name):
        return typed
    return replace(typed, **{name: getattr(proposals.propose(typed.title, typed.body), name)})


def is_correcting() -> bool:
    """Whether the page was opened to correct an issue that is out."""
    return "correcting" in request.args


def base_revision() -> int:
    """The revision that the window's text is based on."""
    return parse_count("base")


def window_name() -> str:
    """The window's own name, by which it is told from others."""
    return re.sub("[^0-9a-f-]", "", request.form.get("tab", ""))[:36]


def window_turn() -> int:
    """Which of the window's texts this is."""
    return parse_count("turn")


def field_faults(source: str, faults: Sequence[Fault]) -> list[FieldFault]:
    """Each fault beside its field or its line."""
    front = split(source)
    places = ((fault, issue_form.form_place(front, fault.line)) for fault in faults if fault.line)
    found = [FieldFault(place.field, place.line, as_sentence(fault.text)) for fault, place in places]
    return found + [FieldFault("", 0, as_sentence(fault.text)) for fault in faults if not fault.line]


def current_form(found: Issue, draft: Draft | None) -> IssueForm:
    """The form of what an editor wrote last: their draft, or else the newest revision."""
    return issue_form.parse_form(draft.source if draft else found.revision.source, slugs.shown_slug(found))


def parse_count(name: str) -> int:
    """A count that the page itself put into its form; Invalid for anything else."""
    return _counted(request.form.get(name, "0"))


def _counted(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Invalid(f"The page sent “{text}” where a number belongs. Open it again.")
    return int(text)
