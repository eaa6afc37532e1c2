"""Import at the desk: upload a list, say what is in it, try it, import it in the worker, and read the report."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from newsletter.audience.importing import sources
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.importing.progress import ImportSettings
from newsletter.audience.importing.reading import files
from newsletter.audience.importing.uploads import models, preview, report
from newsletter.audience.importing.uploads.models import ImportUpload, UploadState
from newsletter.audience.importing.uploads.preview import LEFT_OUT, FilePreview
from newsletter.audience.importing.uploads.report import PartKind
from newsletter.audience.models import Status
from newsletter.db import Session
from newsletter.delivery.message.permission_reminder import MAX_SOURCE
from newsletter.delivery.workers import heartbeat
from newsletter.editorial.imported import uploads as archives
from newsletter.errors import Invalid, NotFound
from newsletter.system import uploaded_files
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, csv_export, frame, setup_guide
from newsletter.web.desk.setup_steps import StepKind
from newsletter.workflows import peer_archives

_SHOWN = 20
_COLUMN = "column-{}"
_NO_FILE = "No file was chosen. Choose the list that you exported."
_NO_CONSENT = "Say where these readers agreed to get your mail. Each mail tells them in these words why they get it."

FIELDS = {
    FieldKind.EMAIL: "Email address",
    FieldKind.NAME: "Name",
    FieldKind.FIRST_NAME: "First name",
    FieldKind.LAST_NAME: "Last name",
    FieldKind.JOINED: "Since when they subscribe",
    FieldKind.STATUS: "Status, as a word",
    FieldKind.ACCOUNT: "Status of an account",
    FieldKind.SUBSCRIBED: "Subscribed: yes or no, or since when",
    FieldKind.UNSUBSCRIBED: "Unsubscribed: yes or no, or since when",
    FieldKind.LEFT: "When or why they left",
    FieldKind.PAUSED_UNTIL: "Until when they take a break",
    FieldKind.BOUNCED: "Bounced",
    FieldKind.COMPLAINED: "Complained",
    FieldKind.TAGS: "Tags",
    FieldKind.ATTRIBUTE: "An attribute, under this title",
    FieldKind.ATTRIBUTES: "Attributes, as JSON",
    FieldKind.PROOF: "Proof of their consent",
    FieldKind.PACE: "Each issue, or one email a month",
    FieldKind.TOPICS_OFF: "Topics that they turned off",
    FieldKind.DELIVERY_HOUR: "Hour at which issues arrive",
    FieldKind.DELIVERY_ZONE: "Time zone of that hour",
}
"""What a column can hold, in words for editors."""


def imports() -> str:
    """The newest imports, and the form for another."""
    return _list_page()


def upload_list() -> ResponseReturnValue:
    """Store an uploaded list, and ask what is in it."""
    settings = services().settings
    try:
        uploaded = request.files.get("list")
        if uploaded is None or not uploaded.filename:
            return _list_page(_NO_FILE), 422
        stored = uploaded_files.store_file(settings.import_folder, uploaded.stream, settings.import_bytes)
    except RequestEntityTooLarge:
        return _list_page(uploaded_files.too_large(settings.import_bytes)), 413
    except Invalid as error:
        return _list_page(str(error)), 422
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        upload = models.add_upload(store, publication, uploaded.filename, stored, auth.email(), now())
        audit_hook.set_publication(publication)
        audit_hook.add_details(sha256=upload.sha256, bytes=upload.size)
        upload_id = upload.id
    return redirect(url_for("desk.import_page", upload_id=upload_id), 303)


def import_page(upload_id: int) -> str:
    """One uploaded list: what is in it, its dry run, its progress or its report."""
    with services().sessions.reading() as store:
        return _page(store, _find(store, upload_id))


def answer_import(upload_id: int) -> ResponseReturnValue:
    """Store the answers about a list; begin its dry run if that was requested and no question is open."""
    with services().sessions.reading() as store:
        upload = _find(store, upload_id)
        seen = _preview(upload)
        faults = _faults()
        if faults:
            return _page(store, upload, faults), 422
    settings = _submitted_settings(upload, seen)
    with services().sessions.begin() as store:
        upload = _find(store, upload_id)
        models.answer_questions(store, upload, request.form.get("version", ""), settings, now())
        if request.form.get("act") == "check" and _preview(upload).is_ready:
            models.start_work(store, upload, upload.version, UploadState.CHECKING, now())
    return redirect(url_for("desk.import_page", upload_id=upload_id), 303)


def begin_import(upload_id: int) -> ResponseReturnValue:
    """Let the worker import what was checked, and the posts that came with it if that was chosen."""

    def begin(store: Session, upload: ImportUpload, at: datetime) -> None:
        models.start_work(store, upload, request.form.get("version", ""), UploadState.IMPORTING, at)
        upload.operator = auth.email()
        flash("The import has begun. You can leave this page; it goes on.")
        if "posts" in request.form and peer_archives.holds_posts(_stored(upload)):
            _add_archive(store, upload, at)
            flash("The posts become drafts, which you find under Issues, Imported issues.")

    return _changed(upload_id, begin)


def _add_archive(store: Session, upload: ImportUpload, at: datetime) -> None:
    settings = services().settings
    with _stored(upload).open("rb") as file:
        stored_name, *_ = uploaded_files.store_file(settings.archive_folder, file, settings.import_bytes)
    name, publication = upload.file_name, upload.publication
    archives.add_upload(
        store, publication, name, stored_name, auth.email(), at, with_pictures="pictures" in request.form
    )
    audit_hook.add_details(posts="imported as drafts")


def _stored(upload: ImportUpload) -> Path:
    return services().settings.import_folder / upload.stored_name


def pause_import(upload_id: int) -> ResponseReturnValue:
    """Stop after the rows that are being written now."""
    return _changed(upload_id, models.pause_import)


def resume_import(upload_id: int) -> ResponseReturnValue:
    """Go on with it."""
    return _changed(upload_id, models.resume_import)


def cancel_import(upload_id: int) -> ResponseReturnValue:
    """End it, and delete the file."""
    answer = _changed(upload_id, models.cancel_import)
    with services().sessions.reading() as store:
        _stored(_find(store, upload_id)).unlink(missing_ok=True)
    return answer


def import_progress(upload_id: int) -> ResponseReturnValue:
    """The part of the page that changes while the worker is at it; the whole page is asked for again at the end."""
    with services().sessions.reading() as store:
        upload = _find(store, upload_id)
        if upload.state not in models.UNDER_WAY:
            return make_response("", 200, {"HX-Refresh": "true"})
        is_worked = heartbeat.any_alive(store, now())
        return render_template("desk/parts/import_progress.html", upload=upload, is_worked=is_worked)


def refused_rows_sheet(upload_id: int) -> Response:
    """Every refused row with line and reason, as a CSV file that can be corrected and uploaded."""

    return _sheet(upload_id, f"import-{upload_id}-refused.csv", lambda store: report.refused_sheet(store, upload_id))


def import_report_sheet(upload_id: int) -> Response:
    """What became of each row, as a CSV file."""

    def lines(store: Session) -> Iterator[Sequence[Any]]:
        yield "list", "line", "address", "fate", "status", "reason"
        for number, row in report.rows_of(store, upload_id, PartKind.FATES):
            yield number + 1, *row
        for number, row in report.rows_of(store, upload_id, PartKind.REFUSED):
            yield number + 1, row[0], "", "refused", "", row[1]

    return _sheet(upload_id, f"import-{upload_id}.csv", lines)


def _sheet(upload_id: int, name: str, lines: Callable[[Session], Iterator[Sequence[Any]]]) -> Response:
    with services().sessions.reading() as store:
        _find(store, upload_id)

    def rows() -> Iterator[Sequence[Any]]:
        with services().sessions.reading() as store:
            yield from lines(store)

    return csv_export.answer(name, rows())


def _changed(upload_id: int, change: Callable[[Session, ImportUpload, datetime], None]) -> ResponseReturnValue:
    with services().sessions.begin() as store:
        upload = _find(store, upload_id)
        change(store, upload, now())
        audit_hook.add_details(sha256=upload.sha256)
    return redirect(url_for("desk.import_page", upload_id=upload_id), 303)


def _find(store: Session, upload_id: int) -> ImportUpload:
    publication = frame.current_publication(store)
    upload = models.find_upload(store, upload_id, publication)
    audit_hook.set_publication(publication)
    return upload


def _preview(upload: ImportUpload) -> FilePreview:
    settings = upload.import_settings()
    try:
        with files.open_file(_stored(upload), settings.encoding, upload.file_name) as file:
            return preview.preview(file, settings)
    except NotFound:
        return FilePreview(fault="The uploaded file is no longer on this machine. Cancel this, and upload it again.")


def _faults() -> dict[str, str]:
    """For each answer that cannot be taken, a sentence that says why."""
    consent = request.form.get("consent", "").strip()
    if request.form.get("status") == Status.ACTIVE and not consent:
        return {"consent": _NO_CONSENT}
    if len(consent) > MAX_SOURCE:
        return {"consent": f"This has {len(consent)} characters, and {MAX_SOURCE} fit."}
    return {} if consent.isprintable() else {"consent": "This contains a character that cannot be shown. Remove it."}


def _submitted_settings(upload: ImportUpload, seen: FilePreview) -> ImportSettings:
    form, before = request.form, upload.import_settings()
    status = Status.ACTIVE if form.get("status") == Status.ACTIVE else Status.PENDING
    terms = ImportTerms(status, form.get("consent", "").strip(), vouched="vouched" in form)
    source = form.get("source", "") if form.get("source", "") in sources.SOURCES else ""
    encoding = form.get("encoding", before.encoding)
    encoding = encoding if encoding in preview.ENCODINGS else ""
    answers = [form.get(_COLUMN.format(number), "") for number in range(len(seen.columns))]
    # Another source recognises other columns, so the answers given under the old one may no longer fit.
    is_same = source == before.source
    choices = preview.choices_from(seen, answers) if is_same else preview.choices_from(seen, [])
    return ImportSettings(terms, choices, source, encoding)


def _list_page(fault: str = "") -> str:
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        return frame.page(
            store,
            "imports.html",
            "readers",
            publication,
            zone=publication.time_zone,
            uploads=models.latest_uploads(store, publication, _SHOWN),
            most=services().settings.import_max_mb,
            fault_text=fault,
            guide_place=setup_guide.place(store, publication, StepKind.READERS),
        )


def _page(store: Session, upload: ImportUpload, faults: Mapping[str, str] | None = None) -> str:
    is_open = upload.state in {UploadState.DRAFT, UploadState.CHECKED}
    typed = request.form if faults else {}
    return frame.page(
        store,
        "import.html",
        "readers",
        upload.publication,
        zone=upload.publication.time_zone,
        upload=upload,
        is_worked=heartbeat.any_alive(store, now()),
        seen=_preview(upload) if is_open else None,
        settings=upload.settings,
        typed=typed,
        faults=faults or {},
        fields=FIELDS,
        left_out=LEFT_OUT,
        chosen=_chosen(upload),
        sources=sources.SOURCES.values(),
        encodings=preview.ENCODINGS,
        longest=MAX_SOURCE,
        holds_posts=is_open and peer_archives.holds_posts(_stored(upload)),
        samples=report.samples(store, upload.id) if upload.state is UploadState.CHECKED else {},
        refused=_first_refused(store, upload),
        guide_place=setup_guide.place(store, upload.publication, StepKind.READERS),
    )


def _chosen(upload: ImportUpload) -> dict[str, str]:
    """The choice for each column, by its title."""
    choices = upload.import_settings().choices
    return {title: kind.value for title, kind in choices.mapped.items()} | dict.fromkeys(choices.ignored, LEFT_OUT)


def _first_refused(store: Session, upload: ImportUpload) -> list[list[Any]]:
    rows = report.rows_of(store, upload.id, PartKind.REFUSED)
    return [row for _, row in itertools.islice(rows, report.SHOWN)]
