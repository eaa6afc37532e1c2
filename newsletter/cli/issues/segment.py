"""`newsletter issues segment`: whom an issue goes to."""

import click

from newsletter.audience.segments import store as segments
from newsletter.cli.common import with_services
from newsletter.clock import now
from newsletter.editorial.issues import issue_store
from newsletter.i18n import formats
from newsletter.wiring import Services
from newsletter.workflows import build_letter
from newsletter.workflows.choose_segment import choose_segment
from newsletter.workflows.recipients import Recipients


@click.command()
@click.argument("slug")
@click.argument("name", required=False)
@click.option("--everybody", is_flag=True, help="Let it go to all readers again.")
@with_services
def segment(services: Services, slug: str, name: str | None, everybody: bool) -> None:
    """Let an issue go to the segment NAME, or to everybody. Without either, says whom it goes to."""
    if name is not None and everybody:
        raise click.UsageError("name a segment, or give --everybody, not both")
    if name is not None or everybody:
        with services.sessions.begin() as session:
            issue = issue_store.find(session, slug)
            found = segments.find(session, issue.publication_id, name) if name is not None else None
            choose_segment(session, issue, found)
    with services.sessions.reading() as session:
        issue = issue_store.find(session, slug)
        frozen = build_letter.segment_of(issue)
        readers = formats.counted(Recipients.of_issue(session, issue).count(session, now()), "reader")
    click.echo(f"{slug} goes to {readers}" + (f" of the segment “{frozen['name']}”" if frozen else ""))
