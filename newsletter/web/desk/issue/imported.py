"""Imported issues: those that came from another program, and publishing them in the archive under their old dates."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from newsletter.audience.importing.reading import files
from newsletter.characters import storable
from newsletter.db import HIGHEST_ID
from newsletter.delivery.workers import heartbeat
from newsletter.editorial.imported import posts, uploads
from newsletter.errors import Invalid
from newsletter.i18n import formats
from newsletter.system import uploaded_files
from newsletter.web import auth
from newsletter.web.context import kept_query, now, page_request, services
from newsletter.web.desk import audit_hook, frame
from newsletter.workflows import import_archive, peer_archives

_A_PAGE = 50
_PUBLISHED = "published"
_UPLOADS = 5
_COMMAND = "newsletter issues import-archive FILE"
_READERS_TOO = (
    "This zip also holds a list of readers, which is not imported here. Upload it under Readers, Import a list."
)
_NO_FILE = "No file was chosen. Choose the archive that you exported."


def imported_issues() -> str:
    """The imported issues that are not in the archive yet; with `?state=published`, those that are."""
    return _list_page()


def upload_archive() -> ResponseReturnValue:
    """Store an archive of posts, which a worker imports as drafts."""
    settings = services().settings
    try:
        uploaded = request.files.get("archive")
        if uploaded is None or not uploaded.filename:
            return _list_page(_NO_FILE), 422
        stored_name, sha256, size = uploaded_files.store_file(
            settings.archive_folder, uploaded.stream, settings.import_bytes, _COMMAND
        )
    except RequestEntityTooLarge:
        return _list_page(uploaded_files.too_large(settings.import_bytes, _COMMAND)), 413
    except Invalid as error:
        return _list_page(str(error)), 422
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        audit_hook.set_publication(publication)
        audit_hook.add_details(sha256=sha256, bytes=size)
        name = uploaded_files.clean_file_name(uploaded.filename)
        pictures = "pictures" in request.form
        uploads.add_upload(store, publication, name, stored_name, auth.email(), now(), with_pictures=pictures)
        flash("The archive has been uploaded. Its posts become drafts in the background; reload this page to see them.")
        if files.holds_list(settings.archive_folder / stored_name):
            flash(_READERS_TOO)
    return redirect(url_for("desk.imported_issues"), 303)


def _list_page(fault: str = "") -> str:
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        wants_published = request.args.get("state") == _PUBLISHED
        turn = page_request(HIGHEST_ID)
        return frame.page(
            store,
            "imported.html",
            "issues",
            publication,
            zone=publication.time_zone,
            is_worked=heartbeat.any_alive(store, now()),
            counts=posts.count_imports(store, publication.id),
            wants_published=wants_published,
            page=posts.page_of_imports(store, publication.id, turn, _A_PAGE, in_archive=wants_published),
            programs=peer_archives.PROGRAMS,
            all_chosen=request.args.get("choose") == "all",
            uploads=uploads.latest_uploads(store, publication, _UPLOADS),
            most=services().settings.import_max_mb,
            fault_text=fault,
        )


def publish_imported_form() -> ResponseReturnValue:
    """Ask for confirmation, saying what will happen to the chosen issues and what will not."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        chosen = posts.unpublished(store, publication.id, _chosen(request.args))
        unapproved = {one.issue.id for one in chosen if import_archive.lacks_approval(one.issue, services().links)}
        return frame.page(
            store,
            "publish_imported.html",
            "issues",
            publication,
            zone=publication.time_zone,
            chosen=[one for one in chosen if one.issue.id not in unapproved],
            unapproved=[one for one in chosen if one.issue.id in unapproved],
        )


def publish_imported() -> ResponseReturnValue:
    """Publish the chosen issues in the archive; nobody is mailed."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        chosen = posts.unpublished(store, publication.id, _chosen(request.form))
        slugs = [one.issue.slug for one in chosen]
        audit_hook.set_publication(publication)
    audit_hook.add_details(issues=", ".join(slugs))
    fates = list(import_archive.publish_each(services().sessions, services().letters, slugs, now()))
    refusals = [fate.refusal for fate in fates if fate.refusal]
    if done := len(fates) - len(refusals):
        flash(f"Published in the archive: {formats.counted(done, 'issue')}. Nobody was mailed.")
    for refusal in refusals:
        flash(refusal)
    return redirect(url_for("desk.imported_issues", **kept_query()), 303)


def _chosen(fields: MultiDict[str, str]) -> list[str]:
    """The slugs of the chosen issues, without what no database takes."""
    return [storable(slug) for slug in fields.getlist("issue")[:_A_PAGE]]
