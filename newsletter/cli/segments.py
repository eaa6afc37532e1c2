"""`newsletter segments`: list segments, count them and print their readers."""

import click
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience.segments import store
from newsletter.audience.segments.store import Segment
from newsletter.cli.common import as_json, print_json, print_table, publication_option, with_services
from newsletter.clock import now
from newsletter.wiring import Services


@click.group()
def segments() -> None:
    """List segments, count them and print their readers."""


@segments.command(name="list")
@as_json
@publication_option
@with_services
def list_(services: Services, as_json: bool, publication: str | None) -> None:
    """List the segments, by name, with their rules."""
    with services.sessions.reading() as session:
        found = store.every(session, publications.find(session, publication).id)
    if as_json:
        print_json(
            [{"name": one.name, "changed_at": one.changed_at.isoformat(), "rule": one.stored_rule} for one in found]
        )
    else:
        rows = ((one.name, len(one.rule.conditions), one.changed_at.isoformat()) for one in found)
        print_table(("name", "conditions", "changed at"), rows, "no segments yet; they are made at the desk")


@segments.command()
@click.argument("name")
@as_json
@publication_option
@with_services
def count(services: Services, name: str, as_json: bool, publication: str | None) -> None:
    """Count the readers of a segment, and those of them whom an issue would go to."""
    with services.sessions.reading() as session:
        found = _found(session, name, publication)
        members, audience = store.count(session, found.publication, found.rule, now())
    if as_json:
        print_json({"name": found.name, "members": members, "audience": audience})
    else:
        click.echo(f"{members} belong to it; an issue would go to {audience} of them")


@segments.command()
@click.argument("name")
@publication_option
@with_services
def members(services: Services, name: str, publication: str | None) -> None:
    """Print the address and status of each reader of a segment, oldest first, separated by a tab."""
    with services.sessions.reading() as session:
        found = _found(session, name, publication)
        for email, status in store.members(session, found.publication, found.rule, now()):
            click.echo(f"{email}\t{status.value}")


def _found(session: Session, name: str, publication: str | None) -> Segment:
    return store.find(session, publications.find(session, publication).id, name)
