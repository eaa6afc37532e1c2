"""What waits for a person, each in one sentence with the page where it is dealt with."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from flask import url_for

from newsletter.audience import bulk_acts
from newsletter.audience.importing.uploads import models as imports
from newsletter.db import Session
from newsletter.delivery.bounces import holds
from newsletter.delivery.ledger import doubts
from newsletter.delivery.models import Letter
from newsletter.delivery.transactional import outbox
from newsletter.doctor import Level, report
from newsletter.editorial.imported import uploads as archives
from newsletter.editorial.imported.uploads import ArchiveState
from newsletter.editorial.issues import approvals, archive, corrections, issue_store
from newsletter.editorial.models import Issue, IssueState
from newsletter.editors import Role
from newsletter.engagement import comments_moderation, requests
from newsletter.i18n import formats
from newsletter.publications import Publication
from newsletter.web.context import now, services
from newsletter.web.desk import words
from newsletter.web.desk.lookup import Mailed
from newsletter.workflows import calendar, welcome_series


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A sentence that says what waits, and the page where a person deals with it."""

    sentence: str
    url: str


def open_tasks(store: Session, publication: Publication) -> list[OpenTask]:
    """What waits for a person, the most urgent first; only what this person may open."""
    found = [*_stopped(store, publication), *_doubts(store, publication), *_approvals(store, publication)]
    if words.may(Role.EDITOR):
        found += [*_series(store, publication), *_from_readers(store, publication), *_held(store)]
        found += [*_failed(store, publication), *_failed_mails(store), *_doctor()]
    return found


def _stopped(store: Session, publication: Publication) -> Iterator[OpenTask]:
    for issue in store.scalars(calendar.under_way(publication)):
        if words.is_held(issue):
            sentence = f"“{issue.title}” did not go out at its time, and is held. Decide when it goes out."
        elif issue_store.state(issue) is IssueState.PAUSED:
            sentence = f"“{issue.title}” is paused in the middle of sending. Go on, or stop it."
        else:
            continue
        yield OpenTask(sentence, url_for("desk.issue", slug=issue.slug))


def _doubts(store: Session, publication: Publication) -> Iterator[OpenTask]:
    for letter_id, copies in doubts.count_open_by_letter(store, publication.id).items():
        if mailed := _mailed(store, letter_id):
            title = mailed.title if mailed.correction or mailed.in_series else f"“{mailed.title}”"
            sentence = (
                f"It is not known whether {formats.counted(copies, 'copy')} of {title} arrived. Decide what to do."
            )
            yield OpenTask(sentence, url_for("desk.doubts", **mailed.place))


def _approvals(store: Session, publication: Publication) -> Iterator[OpenTask]:
    for issue in approvals.list_awaiting(store, publication.id) if publication.requires_approval else ():
        what = f"The correction of “{issue.title}”" if issue_store.is_out(issue) else f"“{issue.title}”"
        yield OpenTask(f"{what} waits for approval.", url_for("desk.approval", slug=issue.slug))


def _series(store: Session, publication: Publication) -> Iterator[OpenTask]:
    if any(trip.resumes_at is None for trip in welcome_series.stopped(store, publication)):
        sentence = "The welcome series is paused, because mail servers refuse it. See why, then resume it."
        yield OpenTask(sentence, url_for("desk.series_page"))


def _from_readers(store: Session, publication: Publication) -> Iterator[OpenTask]:
    if comments := comments_moderation.count_waiting(store, publication.id):
        waits = formats.plural(comments, "waits", "wait")
        yield OpenTask(f"{formats.counted(comments, 'comment')} {waits} for approval.", url_for("desk.list_comments"))
    if asked := requests.count_waiting(store, publication.id):
        waits = formats.plural(asked, "waits", "wait")
        yield OpenTask(f"{formats.counted(asked, 'request')} {waits} for an answer.", url_for("desk.list_requests"))


def _held(store: Session) -> Iterator[OpenTask]:
    for hold, readers in holds.open_holds(store):
        does = formats.plural(readers, "does", "do")
        claim = f"{hold.provider} says that {formats.counted(readers, 'address')} {does} not exist"
        yield OpenTask(f"{claim}, and may be mistaken. Decide whether to believe it.", url_for("desk.suppressed"))


def _failed(store: Session, publication: Publication) -> Iterator[OpenTask]:
    """Of each kind of job only the newest: whoever has started another one knows."""
    for upload in imports.latest_uploads(store, publication, 1):
        if sentence := words.WAITING_UPLOADS.get(upload.state):
            yield OpenTask(sentence.format(upload.file_name), url_for("desk.import_page", upload_id=upload.id))
    for archived in archives.latest_uploads(store, publication, 1):
        if archived.state is ArchiveState.FAILED:
            sentence = f"The import of the archive “{archived.file_name}” failed. See why."
            yield OpenTask(sentence, url_for("desk.imported_issues"))
    if failed := bulk_acts.latest_failed(store, publication.id):
        sentence = f"An act on the readers of “{failed.segment['name']}” could not be finished. See why."
        yield OpenTask(sentence, url_for("desk.show_segment", segment_id=failed.segment_id))


def _failed_mails(store: Session) -> Iterator[OpenTask]:
    if failed := outbox.count_open_failures(store, now()):
        sentence = f"{formats.counted(failed, 'single email')} did not arrive. See which, and why."
        yield OpenTask(sentence, url_for("desk.failed_mails"))


def _doctor() -> Iterator[OpenTask]:
    last = report.last_report(services().settings.data_dir)
    counts = Counter(finding.level for finding in last.findings) if last else Counter[Level]()
    found = [formats.counted(counts[level], level.value) for level in (Level.ERROR, Level.WARNING) if counts[level]]
    if found:
        yield OpenTask(f"The doctor last found {formats.word_list(found)}.", url_for("desk.doctor"))


def _mailed(store: Session, letter_id: int) -> Mailed | None:
    """What a letter carried; None if its issue is out of reach."""
    letter = store.get_one(Letter, letter_id)
    if letter.corrects_id:
        correction = corrections.with_letter(store, letter_id)
        return Mailed(store.get_one(Issue, correction.issue_id), correction) if correction else None
    issue = archive.of_letters(store, [letter_id]).get(letter_id)
    return Mailed(issue, in_series=letter if letter.repeats_id else None) if issue else None
