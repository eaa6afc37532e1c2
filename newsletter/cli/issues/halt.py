"""`newsletter issues cancel`, `pause` and `resume`, for issues and for letters about corrections."""

import click
from sqlalchemy.orm import Session

from newsletter.cli.common import correction_option, warn_if_not_armed, with_services
from newsletter.clock import now
from newsletter.delivery import stopping
from newsletter.editorial.issues import corrections, issue_store, mailings
from newsletter.editorial.models import Correction, Issue
from newsletter.i18n import formats
from newsletter.wiring import Services
from newsletter.workflows import halt_issue


@click.command()
@click.argument("slug")
@correction_option
@with_services
def cancel(services: Services, slug: str, correction: int | None) -> None:
    """Cancel an issue. Nothing more of it goes out."""
    with services.sessions.begin() as session:
        mailing = _mailing(session, slug, correction)
        spared, letter_id = halt_issue.cancel(session, mailing, now()), mailing.letter_id
    while letter_id is not None and stopping.skip_next_group(services.sessions, letter_id, now()):
        pass
    not_sent = f"; {formats.number(spared)} copies were not sent" if spared else ""
    click.echo(f"{mailings.mailing_name(slug, correction)} is cancelled{not_sent}")


@click.command()
@click.argument("slug")
@correction_option
@with_services
def pause(services: Services, slug: str, correction: int | None) -> None:
    """Hold what has not been sent yet, until `resume`."""
    with services.sessions.begin() as session:
        halt_issue.pause(session, _mailing(session, slug, correction))
    click.echo(f"{mailings.mailing_name(slug, correction)} is paused")


@click.command()
@click.argument("slug")
@correction_option
@with_services
def resume(services: Services, slug: str, correction: int | None) -> None:
    """Resume a paused issue."""
    with services.sessions.begin() as session:
        halt_issue.resume(session, _mailing(session, slug, correction), now())
    click.echo(f"{mailings.mailing_name(slug, correction)} is sending again")
    warn_if_not_armed(services)


def _mailing(session: Session, slug: str, correction: int | None) -> Issue | Correction:
    issue = issue_store.find(session, slug)
    return issue if correction is None else corrections.find(session, issue, correction)
