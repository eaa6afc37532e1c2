"""Imported issues: those that came from another program, and publishing them in the archive under their old dates."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.editorial.imported import posts
from newsletter.i18n import formats
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, lookup
from newsletter.workflows import import_archive, peer_archives

_A_PAGE = 50
_HIGHEST_ID = 2**31 - 1
_PUBLISHED = "published"


def imported_issues() -> str:
    """The imported issues that are not in the archive yet; with `?state=published`, those that are."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        wants_published = request.args.get("state") == _PUBLISHED
        turn = lookup.page_request(_HIGHEST_ID)
        return frame.page(
            store,
            "imported.html",
            "issues",
            publication,
            zone=publication.time_zone,
            counts=posts.count_imports(store, publication.id),
            wants_published=wants_published,
            page=posts.page_of_imports(store, publication.id, turn, _A_PAGE, in_archive=wants_published),
            programs=peer_archives.PROGRAMS,
            all_chosen=request.args.get("choose") == "all",
        )


def publish_imported_form() -> ResponseReturnValue:
    """Ask for confirmation, saying what will happen to the chosen issues and what will not."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        slugs = [slug.replace("\0", "") for slug in request.args.getlist("issue")[:_A_PAGE]]
        chosen = posts.unpublished(store, publication.id, slugs)
        lacking = {one.issue.id for one in chosen if import_archive.lacks_approval(one.issue, services().links)}
        return frame.page(
            store,
            "publish_imported.html",
            "issues",
            publication,
            zone=publication.time_zone,
            chosen=[one for one in chosen if one.issue.id not in lacking],
            lacking=[one for one in chosen if one.issue.id in lacking],
        )


def publish_imported() -> ResponseReturnValue:
    """Publish the chosen issues in the archive; nobody is mailed."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        chosen = posts.unpublished(store, publication.id, request.form.getlist("issue")[:_A_PAGE])
        slugs = [one.issue.slug for one in chosen]
        audit_hook.set_publication(publication)
    audit_hook.add_details(issues=", ".join(slugs))
    fates = list(import_archive.publish_each(services().sessions, services().letters, slugs, now()))
    refusals = [fate.refusal for fate in fates if fate.refusal]
    if done := len(fates) - len(refusals):
        flash(f"Published in the archive: {formats.counted(done, 'issue')}. Nobody was mailed.")
    for refusal in refusals:
        flash(refusal)
    return redirect(url_for("desk.imported_issues"), 303)
