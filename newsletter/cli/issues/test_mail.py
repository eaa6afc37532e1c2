"""`newsletter issues test` and `approve`: test mails to a few people, and approval at the shell."""

import click

from newsletter import editors
from newsletter.audience.address import Address
from newsletter.cli.common import with_services
from newsletter.clock import now
from newsletter.editorial.issues import issue_store
from newsletter.wiring import Services
from newsletter.workflows import approve_issue, issue_readiness, test_mail
from newsletter.workflows.approve_issue import Review

_SHELL = "the shell"


@click.command()
@click.argument("slug")
@click.option(
    "--to", "addresses", metavar="ADDRESS", multiple=True, required=True, help="Who gets it; may be repeated."
)
@click.option("--reader", metavar="EMAIL", help="The reader it is personalised for (default: a sample reader).")
@with_services
def test(services: Services, slug: str, addresses: tuple[str, ...], reader: str | None) -> None:
    """Send an issue to a few people as a test. It says that it is one, and its links change nothing."""
    with services.sessions.begin() as session:
        issue = issue_store.find(session, slug)
        to = test_mail.recipients(session, " ".join(addresses))
        written_to = test_mail.sample_of(session, issue, Address.parse(reader)) if reader else test_mail.BUILT_IN
        order = test_mail.Order(_SHELL, to, written_to)
        test_mail.send_test(session, services.letters, issue, order, now())
    click.echo(f"{len(to)} on the way")


@click.command()
@click.argument("slug")
@click.option("--as", "email", metavar="EMAIL", required=True, help="The editor or owner who approves it.")
@click.option("--comment", default="", help="A comment to keep with it.")
@with_services
def approve(services: Services, slug: str, email: str, comment: str) -> None:
    """Approve an issue as it is now. In the name of an editor or owner who wrote none of it."""
    with services.sessions.begin() as session:
        issue, editor = issue_store.find(session, slug), editors.find(session, email)
        # Anybody with a shell can run this, so the record says where the approval was given.
        content = issue_readiness.approvable_content(issue, services.links)
        review = Review(content, editor.email, f"Given at the shell. {comment}")
        approve_issue.approve(session, services.links, issue, review, now())
    click.echo(f"{slug} is approved as revision {content.revision_number}")
