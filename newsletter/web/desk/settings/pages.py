"""Settings: the publication, the team, and a page for each group of settings."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import available_timezones

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter import editors
from newsletter.addresses import freemail
from newsletter.db import Session
from newsletter.editorial.issues import approvals, archive
from newsletter.editorial.issues.indexing import LabelKind
from newsletter.errors import NotFound
from newsletter.i18n import formats, messages
from newsletter.publications import Publication, contact, toml_file, wordings
from newsletter.web.context import services
from newsletter.web.desk import audit_hook, frame, setup_guide

_FOLLOWED = 8


@dataclass(frozen=True, slots=True)
class SettingField:
    """A form field: a column of the publication, and its label and input."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    required: bool = False
    choices: Sequence[tuple[str, str]] = ()
    """The values to choose from, each with its label."""


@dataclass(frozen=True, slots=True)
class SettingsPart:
    """Settings that are changed together, on one page."""

    title: str
    lead: str
    entries: Sequence[SettingField]


PARTS: Mapping[str, SettingsPart] = {
    "name": SettingsPart(
        "Name and description",
        "What readers see at the top of every page and every email.",
        (
            SettingField("name", "Name", required=True),
            SettingField(
                "tagline", "Tagline", hint="One line under the name: what it is about, and how often it comes."
            ),
            SettingField(
                "description", "Description", "lines", "Two or three sentences, for the front page and for search."
            ),
            SettingField(
                "language",
                "Language",
                hint="A language tag such as en or pl. Readers’ pages and the words around issues are in this language "
                f"if it is one of {formats.word_list(messages.languages())}, and otherwise in English.",
                required=True,
            ),
            SettingField("time_zone", "Time zone", "zone", "The desk shows every time in this zone.", required=True),
        ),
    ),
    "sender": SettingsPart(
        "Sender",
        "Who the emails are from, and where replies go. Issues that are already scheduled go out as they were frozen.",
        (
            SettingField("sender_name", "From name", required=True),
            SettingField(
                "sender_address", "From address", "email", "SPF, DKIM and DMARC must allow it.", required=True
            ),
            SettingField("reply_to", "Reply-to", "email", "Leave empty to use the From address."),
        ),
    ),
    "address": SettingsPart(
        "Postal address",
        "It appears at the foot of every email and every page. Issues that are already scheduled go out as they were "
        "frozen.",
        (
            SettingField(
                "postal_address",
                "Postal address",
                "lines",
                "The law requires one in every email. A PO box will do.",
                required=True,
            ),
        ),
    ),
    "contact": SettingsPart(
        "Questions and bookings",
        "Every page and every email links to them. What readers write waits under Issues › Requests.",
        (
            SettingField(
                "takes_requests",
                "Readers can ask and book here",
                "switch",
                "Without it, only your own pages are linked.",
            ),
            SettingField("request_topics", "Topics", "topics", "One on each line. Leave empty for the default topics."),
            SettingField(
                "mails_request_text",
                "The email to the team contains what they wrote",
                "switch",
                "It may be about their health, and stays in your mailbox after it is deleted here.",
            ),
            SettingField("ask_url", "Your own questions page", "url", "Leave empty to use the one here."),
            SettingField("booking_url", "Your own booking page", "url", "Leave empty to use the one here."),
        ),
    ),
    "follow": SettingsPart(
        "Social links",
        "Shown in the footer of every page and every issue. Clear a line to remove it.",
        (SettingField("follow", "Social links", "places"),),
    ),
    "archive": SettingsPart(
        "Archive",
        "What new readers are offered first, at the top of the archive and in the welcome email.",
        (
            SettingField(
                "start_here",
                "Start here",
                "issue",
                "An issue that is out. If none is chosen, the welcome email links to the latest.",
            ),
        ),
    ),
    "choices": SettingsPart(
        "Readers’ choices",
        "What readers may choose on their preferences page.",
        (
            SettingField(
                "offers_digest",
                "One digest a month",
                "switch",
                "Readers may choose one email a month in place of each issue. It lists the issues of the month, and "
                "goes out in the first weekly slot of the next.",
            ),
            SettingField(
                "topics",
                "Topics",
                "topics",
                "Tags of issues that readers may turn off, one on each line. An issue goes to everybody who gets at "
                "least one of its topics; an issue without a topic goes to all.",
            ),
            SettingField(
                "offers_delivery_hours",
                "Readers may choose the hour at which issues arrive",
                "switch",
                "Their copies then wait for that hour of their day, at most 24 hours. Switch it off if issues must "
                "reach everybody at once.",
            ),
        ),
    ),
    "comments": SettingsPart(
        "Comments",
        "Readers write below an issue in the archive. Their addresses are never shown.",
        (
            SettingField(
                "comments",
                "Comments on issues",
                "choice",
                "A letter can be forwarded, so its link proves only that somebody had the letter.",
                choices=(
                    ("held", "Hold every comment until an editor approves it"),
                    ("readers", "Publish comments that come by a reader’s link in the email; hold the others"),
                    ("off", "Off: take no new comments; approved ones stay"),
                ),
            ),
            SettingField(
                "close_comments_after",
                "Close after, in days",
                "number",
                "The number of days after which an issue takes no more comments; 0 means never.",
                required=True,
            ),
        ),
    ),
    "rules": SettingsPart(
        "Rules",
        "What an issue needs before it goes out, and what is counted. No opens are counted, no reader tracked.",
        (
            SettingField(
                "requires_approval", "A second person approves each issue", "switch", "Any edit voids the approval."
            ),
            SettingField(
                "counts_clicks",
                "Count clicks on links",
                "switch",
                "Per link, never per reader. It applies from the next issue that you schedule.",
            ),
        ),
    ),
}


def settings() -> str:
    """The settings of the publication and the team, with links to change them."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        own = {kind: wordings.newest(store, publication, kind) for kind in wordings.WordingKind}
        team = store.scalars(editors.team()).all()
        return frame.page(
            store,
            "settings.html",
            "settings",
            publication,
            team=team,
            parts=PARTS,
            own=own,
            start=archive.start_here(store, publication),
            request_topics=contact.request_topics(publication),
            sender_trouble=_sender_problem(publication),
            guide=setup_guide.read_guide(store, publication),
        )


def part_form(part: str) -> str:
    """The form of one group of settings."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        return _page(store, publication, part, _stored_values(publication, _part(part)), {})


def change_part(part: str) -> ResponseReturnValue:
    """Save all fields of the form, or none; each invalid field is shown with how to correct it."""
    entries = _part(part).entries
    typed = {entry.name: _typed(entry) for entry in entries}
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        before = _stored_values(publication, _part(part))
        if request.form.get("version") != _version(publication, _part(part)):
            return _page(store, publication, part, typed, {}, _differing(before, typed)), 409
        faults = toml_file.change(publication, typed)
        if faults:
            return _page(store, publication, part, typed, faults), 422
        _record_changes(publication, part, before)
        flash("Saved.")
        if part == "sender" and (trouble := _sender_problem(publication)):
            flash(trouble)
        _warn_of_unapproved(store, publication)
        next_page = setup_guide.way_on(store, publication, part, url_for("desk.settings"))
    return redirect(next_page, 303)


def _differing(stored: Mapping[str, object], typed: Mapping[str, object]) -> dict[str, object]:
    """What somebody else has saved, for each field where this form differs from it."""
    return {name: value for name, value in stored.items() if (value or "") != (typed[name] or "")}


def _record_changes(publication: Publication, part: str, before: Mapping[str, object]) -> None:
    """Record in the audit log what was changed and, for rules, their old and new values."""
    audit_hook.set_publication(publication)
    after = _stored_values(publication, _part(part))
    changed = [name for name in after if after[name] != before[name]]
    audit_hook.add_details(part=part, changed=", ".join(changed))
    for name in changed:
        if isinstance(after[name], bool):
            audit_hook.add_details(**{f"old_{name}": bool(before[name]), f"new_{name}": bool(after[name])})


def _sender_problem(publication: Publication) -> str:
    """Why mail from the publication's address, or from the sender of issues, would be refused; empty if not."""
    addresses = (publication.sender_address, services().settings.issue_sender_address or "")
    return next(filter(None, map(freemail.warning, addresses)), "")


def _warn_of_unapproved(store: Session, publication: Publication) -> None:
    """Name the scheduled issues that have no approval, when approval becomes required."""
    for issue in store.scalars(approvals.scheduled_without(publication.id)):
        flash(f"“{issue.title}” is scheduled but not approved: unless somebody does, it is held when it is due.")


def _part(name: str) -> SettingsPart:
    if name not in PARTS:
        raise NotFound("There is no such settings page.")
    return PARTS[name]


def _typed(entry: SettingField) -> object:
    if entry.kind == "switch":
        return entry.name in request.form
    if entry.kind == "places":
        places = zip(request.form.getlist("place"), request.form.getlist("url"), strict=False)
        return [{"name": name.strip(), "url": url.strip()} for name, url in places if name.strip() or url.strip()]
    if entry.kind == "topics":
        return [topic.strip() for topic in request.form.get(entry.name, "").splitlines() if topic.strip()]
    may_be_none = not entry.required and entry.kind in {"email", "url"}
    return request.form.get(entry.name, "").strip().replace("\r\n", "\n") or (None if may_be_none else "")


def _stored_values(publication: Publication, part: SettingsPart) -> dict[str, object]:
    return {entry.name: getattr(publication, entry.name) for entry in part.entries}


def _version(publication: Publication, part: SettingsPart) -> str:
    return hashlib.sha256(repr(_stored_values(publication, part)).encode()).hexdigest()[:16]


def _page(
    store: Session,
    publication: Publication,
    name: str,
    values: Mapping[str, object],
    faults: Mapping[str, str],
    saved_meanwhile: Mapping[str, object] | None = None,
) -> str:
    return frame.page(
        store,
        "settings_part.html",
        "settings",
        publication,
        name=name,
        part=_part(name),
        values=values,
        faults=faults,
        saved_meanwhile=saved_meanwhile,
        zones=sorted(available_timezones()),
        issues=archive.titles(store, publication.id) if name == "archive" else (),
        tags=[tag.name for tag in archive.labels(store, publication.id, LabelKind.TAG)] if name == "choices" else (),
        places=_FOLLOWED,
        version=_version(publication, _part(name)),
        guide_place=setup_guide.place(store, publication, name),
    )
