"""`newsletter issues queue` and `unqueue`: the issues that fill the weekly slots to come, and their order."""

import click
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.cli.common import as_json, in_house, now, print_json, print_table, publication_option
from newsletter.editorial import agenda, cadence, queue, shelf
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict
from newsletter.wiring import House


@click.command("queue")
@click.argument("slug", required=False)
@click.option("--before", metavar="SLUG", help="Put it right before that one, instead of at the end.")
@as_json
@publication_option
@in_house
def queue_(house: House, slug: str | None, before: str | None, as_json: bool, publication: str | None) -> None:
    """Put a ready issue into the queue, or move it there; without SLUG, show the queue and the slots it fills."""
    if slug is not None:
        if as_json or publication is not None:
            raise click.UsageError("--json and --publication are for showing the queue, without SLUG")
        with house.sessions.begin() as session:
            click.echo(_place(session, shelf.find(session, slug), before))
        return
    if before is not None:
        raise click.UsageError("say which issue goes before it")
    with house.sessions.reading() as session:
        home = publications.find(session, publication)
        found = [_told(session, issue) for issue in session.scalars(queue.listing(home.id))]
    if as_json:
        print_json(found)
    else:
        columns = ("slug", "title", "state", "slot")
        print_table(columns, ([one[column] for column in columns] for one in found), "the queue is empty")


@click.command()
@click.argument("slug")
@in_house
def unqueue(house: House, slug: str) -> None:
    """Take an issue out of the queue; it stays ready."""
    with house.sessions.begin() as session:
        if not queue.remove(session, shelf.find(session, slug).id):
            raise Conflict(f"{slug} is not in the queue")
    click.echo(f"{slug} is out of the queue")


def _place(session: Session, issue: Issue, before: str | None) -> str:
    if before is None or queue.position(session, issue) is None:
        queue.add(session, issue, now())
    if before is not None:
        _move(session, issue, shelf.find(session, before))
    at = agenda.place(session, issue, now())
    slot = f", for {cadence.describe(at, issue.publication.time_zone)}" if at else ""
    return f"{issue.slug} is number {queue.position(session, issue)} in the queue{slot}"


def _move(session: Session, issue: Issue, before: Issue) -> None:
    seen = queue.order(session, issue.publication_id)
    if before.id not in seen or before.id == issue.id:
        raise Conflict(f"{before.slug} is not in the queue before which {issue.slug} could be put")
    queue.reorder(session, issue.publication_id, seen, queue.moved(seen, issue.id, before.id))


def _told(session: Session, issue: Issue) -> dict[str, str | None]:
    at = agenda.place(session, issue, now()) if queue.is_ready(issue) else None
    state = shelf.state(issue).value
    return {"slug": issue.slug, "title": issue.title, "state": state, "slot": at.isoformat() if at else None}
