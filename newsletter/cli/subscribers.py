"""`newsletter subscribers`: import, export, look at and erase readers."""

import sys
from pathlib import Path

import click

from newsletter import publications
from newsletter.audience import exporting, importing, privacy, roster
from newsletter.audience.models import Status
from newsletter.audience.verdicts import Tally, Terms
from newsletter.cli.common import as_json, in_house, now, print_json, print_table, publication_option
from newsletter.wiring import House

_ADMITTED = [Status.PENDING.value, Status.ACTIVE.value]


@click.group()
def subscribers() -> None:
    """Import, export, look at and erase readers."""


@subscribers.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--status", type=click.Choice(_ADMITTED), default=_ADMITTED[0], show_default=True)
@click.option(
    "--consent", default="", metavar="TEXT", help="Where their consent came from; needed for --status active."
)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@as_json
@publication_option
@in_house
def import_(
    house: House, file: Path, status: str, consent: str, dry_run: bool, as_json: bool, publication: str | None
) -> None:
    """Take readers in from a CSV file. Pending ones are each asked to confirm, by mail.

    Nobody who has left, complained or bounced is brought back. Run twice, it changes nothing.
    """
    with house.sessions.reading() as session:
        home = publications.find(session, publication)
    terms = Terms(Status(status), consent)
    groups = importing.load(house.sessions, house.practice, home, file, terms, now(), dry_run=dry_run)
    tally = sum(groups, Tally())
    (_print_tally_json if as_json else _print_tally)(tally)
    if tally.problems:
        raise click.exceptions.Exit(1)


@subscribers.command()
@publication_option
@in_house
def export(house: House, publication: str | None) -> None:
    """Everybody with their status, as CSV on standard output."""
    with house.sessions.reading() as session:
        home = publications.find(session, publication)
        sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]
        exporting.write(roster.export(session, home.id), sys.stdout)


@subscribers.command()
@click.argument("email")
@as_json
@in_house
def show(house: House, email: str, as_json: bool) -> None:
    """One reader: where they stand, and each step of their consent."""
    with house.sessions.reading() as session:
        story = roster.history(roster.find(session, email))
    if as_json:
        print_json(story)
        return
    click.echo(f"{story['email']} {story['name']}\n")
    standings = ([one["publication"], one["status"], one["since"]] for one in story["subscriptions"])
    print_table(("publication", "status", "since"), standings, "no subscriptions")
    click.echo()
    steps = ([step["at"], step["act"], step["way"], step["origin"], step["note"]] for step in story["events"])
    print_table(("at", "what", "by", "from", "note"), steps, "no events")


@subscribers.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask; it cannot be undone.")
@in_house
def erase(house: House, email: str, yes: bool) -> None:
    """Erase a reader; the ledger keeps its rows, to nobody in particular."""
    with house.sessions.reading() as session:
        found = roster.find(session, email).email
    if not yes:
        click.confirm(f"Erase {found} for good?", abort=True)
    with house.sessions.begin() as session:
        privacy.erase(session, found, now())
    click.echo(f"{found} is erased")


def _print_tally(tally: Tally) -> None:
    for problem in tally.problems:
        click.echo(f"line {problem.line}: {problem.reason}", err=True)
    click.echo(
        f"{tally.added:,} added, {tally.already:,} already there, {tally.left_alone:,} left alone, "
        f"{tally.ended:,} ended, {len(tally.problems):,} refused"
    )


def _print_tally_json(tally: Tally) -> None:
    counts = {"added": tally.added, "already": tally.already, "left_alone": tally.left_alone, "ended": tally.ended}
    print_json(counts | {"refused": [{"line": one.line, "reason": one.reason} for one in tally.problems]})
