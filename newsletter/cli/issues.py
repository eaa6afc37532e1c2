"""`newsletter issues`: load, look at, check, schedule and send."""

import functools
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy import Select
from sqlalchemy.orm import Session

from newsletter import freemail, printing, publication_file, publications, publishing
from newsletter.cli.checking import check
from newsletter.cli.common import (
    as_json,
    in_house,
    mind_arming,
    now,
    print_json,
    print_table,
    publication_option,
)
from newsletter.cli.doubts import doubts, settle
from newsletter.cli.halting import cancel, pause, resume
from newsletter.cli.proofing import approve, test
from newsletter.cli.queue import queue_, unqueue
from newsletter.cli.rehearsal import rehearse
from newsletter.cli.sending import send
from newsletter.delivery import accounts, breaker, heartbeat
from newsletter.delivery.heartbeat import Carried
from newsletter.editorial import cadence, filing, pictures, shelf
from newsletter.editorial.models import Issue, IssueState, Readiness
from newsletter.editorial.pictures import TakenIn
from newsletter.editorial.shelf import Saved, Text
from newsletter.errors import Conflict
from newsletter.publications import Publication
from newsletter.wiring import House

_FOLDER = Path("issues")
_WRITTEN = {Saved.NEW, Saved.CHANGED}


@click.group()
def issues() -> None:
    """Load, show, check, schedule and send issues."""


issues.add_command(approve)
issues.add_command(cancel)
issues.add_command(check)
issues.add_command(doubts)
issues.add_command(pause)
issues.add_command(resume)
issues.add_command(send)
issues.add_command(settle)
issues.add_command(test)
issues.add_command(unqueue)
issues.add_command(queue_)
issues.add_command(rehearse)


@issues.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=_FOLDER)
@in_house
def load(house: House, path: Path) -> None:
    """Load Markdown files into the database. Conflicts are named, and nothing is overwritten."""
    # No issue is touched before every file and picture is found to be right; a picture that nothing shows does no harm.
    texts = filing.read(path, functools.partial(_take_in, house))
    with house.sessions.begin() as session:
        described = filing.folder_of(path) / "publication.toml"
        publication, _ = publication_file.load(session, described, now(), house.settings.default_sender_address)
    if trouble := freemail.warning(publication.sender_address):
        click.echo(trouble, err=True)
    conflicts = []
    for text in texts:
        try:
            click.echo(f"{text.file_name}: {_save(house, publication.id, text).value}")
        except Conflict as error:
            conflicts.append(str(error))
    if conflicts:
        raise Conflict("\n".join(conflicts))


@issues.command()
@click.argument("path", type=click.Path(file_okay=False, path_type=Path), default=_FOLDER)
@publication_option
@in_house
def dump(house: House, path: Path, publication: str | None) -> None:
    """Write the issues back into files. Refuses to overwrite a file that differs."""
    with house.sessions.reading() as session:
        found = session.scalars(_listing(session, publication)).all()
        written = filing.write_folder(found, path, lambda kept: house.pictures.as_loaded(session, kept))
    click.echo(f"{len(written)} files in {path}")


@issues.command(name="list")
@as_json
@publication_option
@in_house
def list_(house: House, as_json: bool, publication: str | None) -> None:
    """List the issues, oldest first."""
    with house.sessions.reading() as session:
        found = [_summary(issue) for issue in session.scalars(_listing(session, publication))]
    if as_json:
        print_json(found)
    else:
        columns = ("slug", "title", "state", "scheduled_for")
        rows = ([row[column] for column in columns] for row in found)
        print_table(columns, rows, "no issues yet; `newsletter issues load` reads issues/*.md")


@issues.command()
@click.argument("slug")
@as_json
@in_house
def show(house: House, slug: str, as_json: bool) -> None:
    """Show one issue and its state."""
    with house.sessions.reading() as session:
        issue = shelf.find(session, slug)
        summary, source, away = _summary(issue), issue.revision.source, _away(session, issue)
    if as_json:
        print_json(summary)
    else:
        print_table(("", ""), summary.items(), "")
        for one in away:
            click.echo(one)
        click.echo(f"\n{source}")


@issues.command()
@click.argument("slug")
@in_house
def ready(house: House, slug: str) -> None:
    """Mark a draft as ready. Exits with 1, and the findings, when something blocks it."""
    with house.sessions.begin() as session:
        printing.mark_ready(session, shelf.find(session, slug), house.links)
    click.echo(f"{slug} is ready")


@issues.command()
@click.argument("slug")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@in_house
def render(house: House, slug: str, folder: Path) -> None:
    """Write an issue's email into files. As a reader gets it, or got it, except for the signature."""
    with house.sessions.reading() as session:
        issue, sender = shelf.find(session, slug), house.settings.issue_sender_address
        letter = printing.current_letter(issue, house.links, now(), sender=sender)
        proof = printing.proof(letter, house.links, now())
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in proof.items():
        (folder / name).write_bytes(content)
        click.echo(f"{folder / name}: {len(content):,} bytes")


@issues.command()
@click.argument("slug")
@click.option(
    "--at", "moment", metavar="ISO8601", help="2026-11-24T09:00, in the publication's time zone unless it says."
)
@click.option("--next-slot", is_flag=True, help="The next free weekly slot (the default).")
@in_house
def schedule(house: House, slug: str, moment: str | None, next_slot: bool) -> None:
    """Schedule an issue, and freeze its email."""
    if moment is not None and next_slot:
        raise click.UsageError("give --at or --next-slot, not both")
    with house.sessions.begin() as session:
        issue = shelf.find(session, slug)
        sender = house.settings.issue_sender_address
        if moment is not None:
            letter = publishing.schedule(session, house.links, issue, _moment(moment, issue), now(), sender=sender)
        else:
            letter = publishing.schedule_next(session, house.links, issue, now(), sender=sender)
        readers = publishing.readers(publishing.audience_size(session, issue))
        when = cadence.describe(letter.due_at, issue.publication.time_zone)
    click.echo(f"On {when} this goes to {readers}.")
    mind_arming(house)


@issues.command()
@click.argument("slug")
@as_json
@in_house
def status(house: House, slug: str, as_json: bool) -> None:
    """Show the counts of one issue's copies."""
    with house.sessions.reading() as session:
        issue = shelf.find(session, slug)
        counts = {"state": shelf.state(issue).value} | asdict(accounts.counts(session, issue.letter))
        hold = publishing.held(session, issue.letter, house.settings, now())
        zone = issue.publication.time_zone
        stops = breaker.open_ones(session, issue.letter.id) if issue.letter else ()
        away = _away(session, issue)
    if as_json:
        print_json(counts)
        return
    print_table(("", ""), counts.items(), "")
    for one in away:
        click.echo(one)
    for stop in stops:
        click.echo(f"{stop.why}\nThe server said: {stop.said}\nOnce that is fixed: newsletter issues resume {slug}")
    if hold:
        click.echo(f"held until {cadence.describe(hold.until, zone)}: {hold.why}")


def _away(session: Session, issue: Issue) -> list[str]:
    """The mail servers that an issue on its way waits for."""
    if shelf.state(issue) is not IssueState.SENDING:
        return []
    found, zone = heartbeat.away(session, Carried.ISSUES, now()), issue.publication.time_zone
    return [f"{one.server} has accepted no mail since {cadence.describe(one.since, zone)}: {one.why}" for one in found]


def _summary(issue: Issue) -> dict[str, str | None]:
    state = shelf.state(issue)
    due = issue.letter.due_at if issue.letter and state is not IssueState.CANCELLED else None
    return {
        "slug": issue.slug,
        "title": issue.title,
        "subject": issue.subject,
        "publication": issue.publication.slug,
        "state": state.value,
        "scheduled_for": due.isoformat() if due else None,
    }


def _listing(session: Session, publication: str | None) -> Select[Issue]:
    return shelf.listing(publications.find(session, publication).id if publication is not None else None)


def _take_in(house: House, name: str, content: bytes) -> TakenIn:
    with house.sessions.reading() as session:
        taken = house.pictures.taken_in(session, content)
    if taken:
        return taken
    # Developing takes a moment, in which others may write.
    developed = pictures.developed(name, content)
    with house.sessions.begin() as session:
        return house.pictures.take_in(session, name, content, now(), developed)


def _save(house: House, publication_id: int, text: Text) -> Saved:
    """One file in one transaction, so that a folder of a thousand keeps nobody from writing."""
    with house.sessions.in_turn() as session:
        saved = shelf.save(session, session.get_one(Publication, publication_id), text, shelf.BY_FILE, now())
        if saved in _WRITTEN:
            _judge(shelf.find(session, text.file.slug), house)
        return saved


def _judge(issue: Issue, house: House) -> None:
    """A text that came as a file is ready when nothing blocks it; there is no editor who could say so."""
    shelf.mark(issue, Readiness.DRAFT if printing.blocking(issue, house.links) else Readiness.READY)


def _moment(text: str, issue: Issue) -> datetime:
    try:
        return cadence.typed(text, issue.publication.time_zone)
    except cadence.NoMoment:
        # With a T, for a blank would have to be quoted.
        raise click.BadParameter("Give a day and a time, like 2026-11-24T09:00.", param_hint="--at") from None
