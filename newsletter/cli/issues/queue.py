"""`newsletter issues queue` and `unqueue`: the issues that fill the coming weekly slots, and their order."""

from datetime import datetime

import click
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.cli.common import as_json, print_listing, publication_option, with_services
from newsletter.clock import now
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue
from newsletter.editorial.schedule import queue
from newsletter.errors import Conflict
from newsletter.i18n import formats
from newsletter.publications import Publication
from newsletter.wiring import Services
from newsletter.workflows import issue_readiness
from newsletter.workflows.calendar import Calendar
from newsletter.workflows.issue_readiness import Blocker


@click.command("queue")
@click.argument("slug", required=False)
@click.option("--before", metavar="SLUG", help="Put it right before this one, instead of at the end.")
@as_json
@publication_option
@with_services
def queue_(services: Services, slug: str | None, before: str | None, as_json: bool, publication: str | None) -> None:
    """Queue a ready issue, or move it in the queue. Without SLUG, shows the queue and the slots it fills."""
    if slug is not None:
        if as_json or publication is not None:
            raise click.UsageError("--json and --publication are for showing the queue, without SLUG")
        with services.sessions.begin() as session:
            click.echo(_place(services, session, issue_store.find(session, slug), before))
        return
    if before is not None:
        raise click.UsageError("say which issue goes before it")
    with services.sessions.reading() as session:
        home = publications.find(session, publication)
        found = _listed(services, session, home)
    print_listing(found, ("slug", "title", "state", "slot", "lacks"), "the queue is empty", as_json=as_json)


@click.command()
@click.argument("slug")
@with_services
def unqueue(services: Services, slug: str) -> None:
    """Remove an issue from the queue; it stays ready."""
    with services.sessions.begin() as session:
        if not queue.remove(session, issue_store.find(session, slug).id):
            raise Conflict(f"{slug} is not in the queue")
    click.echo(f"{slug} has been removed from the queue")


def _place(services: Services, session: Session, issue: Issue, before: str | None) -> str:
    if before is None or queue.position(session, issue) is None:
        queue.add(session, issue, now())
    if before is not None:
        _move(session, issue, issue_store.find(session, before))
    blocker = issue_readiness.blocker(issue, services.links)
    entry = Calendar(session, services.links, issue.publication, now(), services.grace).queued_entry(issue)
    slot = f", for {formats.moment(entry.at, entry.time_zone)}" if entry else ""
    slot = f"; it {blocker.lack}, and is passed over until that is fixed" if blocker else slot
    return f"{issue.slug} is number {queue.position(session, issue)} in the queue{slot}"


def _move(session: Session, issue: Issue, before: Issue) -> None:
    seen = queue.order(session, issue.publication_id)
    if before.id not in seen or before.id == issue.id:
        raise Conflict(f"{before.slug} is not in the queue before which {issue.slug} could be put")
    queue.reorder(session, issue.publication_id, seen, queue.moved(seen, issue.id, before.id))


def _listed(services: Services, session: Session, home: Publication) -> list[dict[str, str | None]]:
    waiting = session.scalars(queue.listing(home.id)).all()
    entries = Calendar(session, services.links, home, now(), services.grace).ahead_of_queue(1)
    slots = {entry.issue.id: entry.at for entry in entries if entry.issue}
    return [_document(issue, slots.get(issue.id), issue_readiness.blocker(issue, services.links)) for issue in waiting]


def _document(issue: Issue, at: datetime | None, blocker: Blocker | None) -> dict[str, str | None]:
    state, slot = issue_store.state(issue).value, at.isoformat() if at else None
    lacks = blocker.lack if blocker else None
    return {"slug": issue.slug, "title": issue.title, "state": state, "slot": slot, "lacks": lacks}
