"""`newsletter issues cancel`, `pause` and `resume`: an issue, or the letter about a correction, stops and goes on."""

import click
from sqlalchemy.orm import Session

from newsletter import correcting, publishing
from newsletter.cli.common import correction_option, in_house, mind_arming, now
from newsletter.delivery import stopping
from newsletter.editorial import corrections, mailings, shelf
from newsletter.editorial.models import Correction
from newsletter.wiring import House


@click.command()
@click.argument("slug")
@correction_option
@in_house
def cancel(house: House, slug: str, correction: int | None) -> None:
    """Cancel an issue. Nothing more of it goes out."""
    with house.sessions.begin() as session:
        if correction is None:
            issue = shelf.find(session, slug)
            spared, letter_id = publishing.cancel(session, issue, now()), issue.letter_id
        else:
            made = _correction(session, slug, correction)
            spared, letter_id = correcting.stop(session, made, now()), made.letter_id
    while letter_id is not None and stopping.go_on(house.sessions, letter_id, now()):
        pass
    told = f"; {spared:,} copies were not sent" if spared else ""
    click.echo(f"{mailings.named(slug, correction)} is cancelled{told}")


@click.command()
@click.argument("slug")
@correction_option
@in_house
def pause(house: House, slug: str, correction: int | None) -> None:
    """Hold what has not been sent yet, until `resume`."""
    with house.sessions.begin() as session:
        if correction is None:
            publishing.pause(session, shelf.find(session, slug))
        else:
            correcting.pause(session, _correction(session, slug, correction))
    click.echo(f"{mailings.named(slug, correction)} is paused")


@click.command()
@click.argument("slug")
@correction_option
@in_house
def resume(house: House, slug: str, correction: int | None) -> None:
    """Resume a paused issue."""
    with house.sessions.begin() as session:
        if correction is None:
            publishing.resume(session, shelf.find(session, slug), now())
        else:
            correcting.resume(session, _correction(session, slug, correction), now())
    click.echo(f"{mailings.named(slug, correction)} is sending again")
    mind_arming(house)


def _correction(session: Session, slug: str, number: int) -> Correction:
    return corrections.find(session, shelf.find(session, slug), number)
