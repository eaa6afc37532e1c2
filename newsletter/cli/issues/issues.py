"""`newsletter issues`: load, show, check, schedule and send issues."""

import functools
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy import Select
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.addresses import freemail
from newsletter.cli.common import (
    as_json,
    print_json,
    print_listing,
    print_table,
    publication_option,
    warn_if_not_armed,
    with_services,
)
from newsletter.cli.issues.archive import import_archive, publish_imported
from newsletter.cli.issues.check import check
from newsletter.cli.issues.doubts import doubts, settle
from newsletter.cli.issues.halt import cancel, pause, resume
from newsletter.cli.issues.queue import queue_, unqueue
from newsletter.cli.issues.rehearse import rehearse
from newsletter.cli.issues.segment import segment
from newsletter.cli.issues.send import send
from newsletter.cli.issues.test_mail import approve, test
from newsletter.clock import now
from newsletter.delivery import breaker
from newsletter.delivery.reports import progress, stats
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind
from newsletter.editorial.images import pictures
from newsletter.editorial.images.pictures import ImportedPicture
from newsletter.editorial.issues import import_export, issue_store
from newsletter.editorial.issues.issue_store import Saved, Text
from newsletter.editorial.models import Issue, IssueState, Readiness
from newsletter.editorial.schedule import weekly_slots
from newsletter.errors import Conflict
from newsletter.i18n import formats
from newsletter.publications import Publication, toml_file
from newsletter.wiring import Services
from newsletter.workflows import build_letter, halt_issue, issue_readiness, prepare_issue, publish, sample_issue
from newsletter.workflows.recipients import Recipients

_FOLDER = Path("issues")
_WRITTEN = {Saved.NEW, Saved.CHANGED}


@click.group()
def issues() -> None:
    """Load, show, check, schedule and send issues."""


issues.add_command(approve)
issues.add_command(cancel)
issues.add_command(check)
issues.add_command(doubts)
issues.add_command(import_archive)
issues.add_command(publish_imported)
issues.add_command(pause)
issues.add_command(resume)
issues.add_command(segment)
issues.add_command(send)
issues.add_command(settle)
issues.add_command(test)
issues.add_command(unqueue)
issues.add_command(queue_)
issues.add_command(rehearse)


@issues.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=_FOLDER)
@with_services
def load(services: Services, path: Path) -> None:
    """Load Markdown files into the database. Conflicts are named, and nothing is overwritten."""
    # No issue is changed until every file and picture has been found valid; an unused picture does no harm.
    texts = import_export.read_folder(path, functools.partial(_take_in, services))
    with services.sessions.begin() as session:
        described = import_export.folder_of(path) / "publication.toml"
        publication, _ = toml_file.load(session, described, now(), services.settings.default_sender_address)
    if trouble := freemail.warning(publication.sender_address):
        click.echo(trouble, err=True)
    conflicts = []
    for text in texts:
        try:
            click.echo(f"{text.file_name}: {_save(services, publication.id, text).value}")
        except Conflict as error:
            conflicts.append(str(error))
    if conflicts:
        raise Conflict("\n".join(conflicts))


@issues.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=_FOLDER)
@with_services
def sample(services: Services, path: Path) -> None:
    """Publish the sample issue of a folder, for a new press whose archive is empty. Nobody is mailed.

    Does nothing where there is a publication already, or the folder has no sample.
    """
    with services.sessions.reading() as session:
        is_new = publications.first(session) is None
    if not is_new or not (path / "sample").is_dir():
        return
    text, *_ = import_export.read_folder(path / "sample", functools.partial(_take_in, services))
    with services.sessions.begin() as session:
        publication, _ = toml_file.load(
            session, path / "publication.toml", now(), services.settings.default_sender_address
        )
        issue = sample_issue.publish_sample(session, services.letters, publication, text, now())
        click.echo(f"{issue.title}: published as a sample; it can be removed at the desk")


@issues.command()
@click.argument("path", type=click.Path(file_okay=False, path_type=Path), default=_FOLDER)
@publication_option
@with_services
def dump(services: Services, path: Path, publication: str | None) -> None:
    """Write the issues back into files. Refuses to overwrite a file that differs."""
    with services.sessions.reading() as session:
        found = session.scalars(_listing(session, publication)).all()
        written = import_export.write_folder(found, path, lambda stored: services.pictures.as_loaded(session, stored))
    click.echo(f"{len(written)} files in {path}")


@issues.command(name="list")
@as_json
@publication_option
@with_services
def list_(services: Services, as_json: bool, publication: str | None) -> None:
    """List the issues, oldest first."""
    with services.sessions.reading() as session:
        found = [_summary(issue) for issue in session.scalars(_listing(session, publication))]
    columns = ("slug", "title", "state", "scheduled_for")
    print_listing(found, columns, "no issues yet; `newsletter issues load` reads issues/*.md", as_json=as_json)


@issues.command()
@click.argument("slug")
@as_json
@with_services
def show(services: Services, slug: str, as_json: bool) -> None:
    """Show one issue and its state."""
    with services.sessions.reading() as session:
        issue = issue_store.find(session, slug)
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
@with_services
def ready(services: Services, slug: str) -> None:
    """Mark a draft as ready. Exits with 1, and the findings, when something blocks it."""
    with services.sessions.begin() as session:
        issue = issue_store.find(session, slug)
        issue_readiness.mark_ready(session, issue, services.links)
        click.echo(f"{issue.slug} is ready")


@issues.command()
@click.argument("slug")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@with_services
def render(services: Services, slug: str, folder: Path) -> None:
    """Write an issue's email into files. As a reader gets it, or got it, except for the signature."""
    with services.sessions.reading() as session:
        letter = build_letter.current_letter(issue_store.find(session, slug), services.letters, now())
        proof = build_letter.sample_mail(letter, services.links, now())
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in proof.items():
        (folder / name).write_bytes(content)
        click.echo(f"{folder / name}: {formats.number(len(content))} bytes")


@issues.command()
@click.argument("slug")
@click.option(
    "--at", "moment", metavar="ISO8601", help="2026-11-24T09:00, in the publication's time zone unless it says."
)
@click.option("--next-slot", is_flag=True, help="The next free weekly slot (the default).")
@with_services
def schedule(services: Services, slug: str, moment: str | None, next_slot: bool) -> None:
    """Schedule an issue, and freeze its email."""
    if moment is not None and next_slot:
        raise click.UsageError("give --at or --next-slot, not both")
    with services.sessions.begin() as session:
        issue = issue_store.find(session, slug)
        if moment is not None:
            letter = publish.schedule(session, services.letters, issue, _moment(moment, issue), now())
        else:
            letter = publish.schedule_next(session, services.letters, issue, now(), grace=services.grace)
        readers = formats.counted(Recipients.of_issue(session, issue).count(session, now()), "reader")
        if letter.segment:
            readers += f" of the segment “{letter.segment['name']}”"
        when = formats.moment(letter.due_at, issue.publication.time_zone)
    click.echo(f"On {when} this goes to {readers}.")
    warn_if_not_armed(services)


@issues.command()
@click.argument("slug")
@as_json
@with_services
def status(services: Services, slug: str, as_json: bool) -> None:
    """Show the counts of one issue's copies."""
    with services.sessions.reading() as session:
        issue = issue_store.find(session, slug)
        counts = {"state": issue_store.state(issue).value} | asdict(stats.copy_counts(session, issue.letter))
        hold = halt_issue.current_throttle(session, issue.letter, services.settings, now())
        zone = issue.publication.time_zone
        stops = breaker.open_trips(session, issue.letter.id) if issue.letter else ()
        away = _away(session, issue)
        for_hour = progress.waiting_for_hour(session, issue.letter.id, now()) if issue.letter else None
    if as_json:
        print_json(counts)
        return
    print_table(("", ""), counts.items(), "")
    if for_hour and for_hour.last_at:
        waiting = formats.counted(for_hour.count, "copy")
        last = formats.moment(for_hour.last_at, zone)
        click.echo(f"waiting for the hours that readers chose: {waiting}, of which the last leaves on {last}")
    for one in away:
        click.echo(one)
    for stop in stops:
        click.echo(f"{stop.explanation}\n{stop.message}")
        click.echo(f"Once that is fixed: newsletter issues resume {slug}")
    if hold:
        click.echo(f"held until {formats.moment(hold.until, zone)}: {hold.why}")


def _away(session: Session, issue: Issue) -> list[str]:
    """The unreachable mail servers that an issue under way waits for, a sentence each."""
    if issue_store.state(issue) is not IssueState.SENDING:
        return []
    found, zone = heartbeat.unreachable_servers(session, MailKind.ISSUES, now()), issue.publication.time_zone
    return [f"{one.server} has accepted no mail since {formats.moment(one.since, zone)}: {one.why}" for one in found]


def _summary(issue: Issue) -> dict[str, str | None]:
    state = issue_store.state(issue)
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
    return issue_store.listing(publications.find(session, publication).id if publication is not None else None)


def _take_in(services: Services, name: str, content: bytes) -> ImportedPicture:
    with services.sessions.reading() as session:
        taken = services.pictures.find_import(session, content)
    if taken:
        return taken
    # Processing takes a moment, in which others can write.
    developed = pictures.processed(name, content)
    with services.sessions.begin() as session:
        return services.pictures.import_file(session, name, content, now(), developed)


def _save(services: Services, publication_id: int, text: Text) -> Saved:
    """Save each file in its own transaction, so that a folder of a thousand does not block writers."""
    with services.sessions.in_turn() as session:
        saved = issue_store.save(
            session, session.get_one(Publication, publication_id), text, issue_store.BY_FILE, now()
        )
        if saved in _WRITTEN:
            _judge(issue_store.find(session, text.file.slug), services)
        return saved


def _judge(issue: Issue, services: Services) -> None:
    """Mark an issue loaded from a file as ready unless something blocks it; no editor is there to do so."""
    issue_store.set_readiness(
        issue, Readiness.DRAFT if prepare_issue.prepare(issue, services.links).blocking else Readiness.READY
    )


def _moment(text: str, issue: Issue) -> datetime:
    try:
        return weekly_slots.parse_local(text, issue.publication.time_zone)
    except weekly_slots.NoMoment:
        # With a T, because a space would need quotes in a shell.
        raise click.BadParameter("Give a day and a time, like 2026-11-24T09:00.", param_hint="--at") from None
