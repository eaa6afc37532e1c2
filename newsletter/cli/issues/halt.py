"""`newsletter issues cancel`, `pause` and `resume`, for issues and for letters about corrections."""

import click
from sqlalchemy.orm import Session

from newsletter.cli.common import correction_option, now, warn_if_not_armed, with_services
from newsletter.delivery import stopping
from newsletter.editorial.issues import corrections, issue_store, mailings
from newsletter.editorial.models import Correction
from newsletter.i18n import formats
from newsletter.wiring import Services
from newsletter.workflows import correct_issue, publish


@click.command()
@click.argument("slug")
@correction_option
@with_services
def cancel(services: Services, slug: str, correction: int | None) -> None:
    """Cancel an issue. Nothing more of it goes out."""
    with services.sessions.begin() as session:
        if correction is None:
            issue = issue_store.find(session, slug)
            spared, letter_id = publish.cancel(session, issue, now()), issue.letter_id
        else:
            made = _correction(session, slug, correction)
            spared, letter_id = correct_issue.stop(session, made, now()), made.letter_id
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
        if correction is None:
            publish.pause(session, issue_store.find(session, slug))
        else:
            correct_issue.pause(session, _correction(session, slug, correction))
    click.echo(f"{mailings.mailing_name(slug, correction)} is paused")


@click.command()
@click.argument("slug")
@correction_option
@with_services
def resume(services: Services, slug: str, correction: int | None) -> None:
    """Resume a paused issue."""
    with services.sessions.begin() as session:
        if correction is None:
            publish.resume(session, issue_store.find(session, slug), now())
        else:
            correct_issue.resume(session, _correction(session, slug, correction), now())
    click.echo(f"{mailings.mailing_name(slug, correction)} is sending again")
    warn_if_not_armed(services)


def _correction(session: Session, slug: str, number: int) -> Correction:
    return corrections.find(session, issue_store.find(session, slug), number)
