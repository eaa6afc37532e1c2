"""`newsletter issues test` and `newsletter issues approve`: a look at an issue by a few before it goes to all."""

import click

from newsletter import approving, editors, printing, proofing
from newsletter.audience.address import Address
from newsletter.cli.common import in_house, now
from newsletter.editorial import shelf
from newsletter.wiring import House

_SHELL = "the shell"


@click.command()
@click.argument("slug")
@click.option(
    "--to", "addresses", metavar="ADDRESS", multiple=True, required=True, help="Who gets it; may be repeated."
)
@click.option("--reader", metavar="EMAIL", help="The reader it is personalised for (default: a sample reader).")
@in_house
def test(house: House, slug: str, addresses: tuple[str, ...], reader: str | None) -> None:
    """Send an issue to a few people as a test. It says that it is one, and its links change nothing."""
    with house.sessions.begin() as session:
        issue = shelf.find(session, slug)
        to = proofing.recipients(session, " ".join(addresses))
        written_to = proofing.sample_of(session, issue, Address.parse(reader)) if reader else proofing.BUILT_IN
        sender = house.settings.issue_sender_address
        proofing.send(session, house.links, issue, to, written_to, _SHELL, now(), sender=sender)
    click.echo(f"{len(to)} on the way")


@click.command()
@click.argument("slug")
@click.option("--as", "email", metavar="EMAIL", required=True, help="The editor or owner who approves it.")
@click.option("--comment", default="", help="A comment to keep with it.")
@in_house
def approve(house: House, slug: str, email: str, comment: str) -> None:
    """Approve an issue as it is now. In the name of an editor or owner who wrote none of it."""
    with house.sessions.begin() as session:
        issue, editor = shelf.find(session, slug), editors.find(session, email)
        # Whoever has the shell could be anybody, and the record says so.
        said = f"Given at the shell. {comment}"
        content = printing.content(issue, house.links)
        approving.approve(session, house.links, issue, content, editor, said, now())
    click.echo(f"{slug} is approved as revision {content.revision_number}")
