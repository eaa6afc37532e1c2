"""`newsletter subscribers`: import, export, look at and erase readers."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from newsletter import audit, publications
from newsletter.audience import erasures, privacy
from newsletter.audience import export as audience_export
from newsletter.audience import subscribers as audience_subscribers
from newsletter.audience.importing import importer, sources
from newsletter.audience.importing.column_fields import ColumnChoices
from newsletter.audience.importing.headers import FieldKind, normalized
from newsletter.audience.importing.importer import ImportMode, ImportRun
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.importing.progress import ImportSettings
from newsletter.audience.importing.reading import files, list_rows
from newsletter.audience.importing.reading.files import ListFile
from newsletter.audience.models import Status, Subscriber
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Rule
from newsletter.cli.common import as_json, print_json, print_table, publication_option, with_services
from newsletter.cli.held import held
from newsletter.cli.import_report import Report, reporting
from newsletter.clock import now
from newsletter.db import Session
from newsletter.delivery.ledger import resent
from newsletter.errors import NotFound, Refused
from newsletter.system import memory
from newsletter.wiring import Services
from newsletter.workflows import peer_archives

_ADMITTED = [Status.PENDING.value, Status.ACTIVE.value]


def _mapped(_context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]) -> dict[str, FieldKind]:
    return dict(map(_column_and_field, pairs))


def _column_and_field(text: str) -> tuple[str, FieldKind]:
    column, _, name = text.rpartition("=")
    field = {normalized(each): each for each in FieldKind}.get(normalized(name))
    if not column.strip() or field is None:
        raise click.BadParameter(f"{text!r} is not COLUMN=FIELD; a field is one of: {', '.join(FieldKind)}")
    return column, field


@click.group()
def subscribers() -> None:
    """Import, export, show and erase readers."""


subscribers.add_command(held)


@subscribers.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--status", type=click.Choice(_ADMITTED), default=_ADMITTED[0], show_default=True)
@click.option(
    "--consent", default="", metavar="TEXT", help="Where their consent came from; needed for --status active."
)
@click.option(
    "--all-subscribed",
    "vouched",
    is_flag=True,
    help="You have made sure that nobody in a file that does not tell who has left has left.",
)
@click.option(
    "--source",
    type=click.Choice(list(sources.SOURCES), case_sensitive=False),
    help="Which program the file is from; recognised by its columns.",
)
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="COLUMN=FIELD",
    callback=_mapped,
    help=f"What a column holds: {', '.join(FieldKind)}. May be repeated.",
)
@click.option(
    "--ignore", "ignored", multiple=True, metavar="COLUMN", help="Leave a column out; '*': all unknown. Repeatable."
)
@click.option(
    "--encoding", default="", metavar="NAME", help="The encoding of a file that is not UTF-8, such as windows-1252."
)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option(
    "--all-or-nothing", is_flag=True, help="Check the whole file first; if one row is refused, import none of it."
)
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the refused rows into this CSV file, each with line and reason, to be corrected and imported again.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what becomes of each row into this CSV file, with the reason.",
)
@as_json
@publication_option
@with_services
def import_(
    services: Services,
    file: Path,
    status: str,
    consent: str,
    vouched: bool,
    source: str | None,
    mapped: dict[str, FieldKind],
    ignored: tuple[str, ...],
    encoding: str,
    dry_run: bool,
    all_or_nothing: bool,
    refused: Path | None,
    report: Path | None,
    as_json: bool,
    publication: str | None,
) -> None:
    """Import readers from a CSV file, a workbook (XLSX) or a peer's zip; `-` is standard input.

    Pending ones are asked by email to confirm.

    An unknown column that may tell who has unsubscribed stops it: --map says what it holds, --ignore leaves it out.

    Nobody who has unsubscribed, complained, bounced or been erased is brought back. Running it twice changes nothing.
    If it is interrupted, the rows so far are in: run it again, and it does the rest.
    """
    _refuse_same_files(file, {"--refused": refused, "--report": report})
    if all_or_nothing and not file.is_file():
        raise click.UsageError("--all-or-nothing reads the file twice, and a pipe can be read only once")
    with services.sessions.reading() as session:
        home = publications.find(session, publication)
    terms, choices = ImportTerms(Status(status), consent, vouched=vouched), ColumnChoices(mapped, frozenset(ignored))
    settings = ImportSettings(terms, choices, source or "")
    memory.collect_rarely()
    with files.open_file(file, encoding) as opened:
        surveys = list_rows.survey(opened, choices, settings.source)
        if opened.unread:
            click.echo(
                f"{opened.name}: not read: {opened.unread_names}; import by itself what belongs to the list", err=True
            )
        with reporting(surveys, as_json=as_json, listed=dry_run, refused=refused, report=report) as progress:
            if all_or_nothing:
                _check(progress, opened, choices, settings.source)
            mode = ImportMode(audit.OPERATOR, dry_run, all_or_nothing, with_fates=dry_run or report is not None)
            run = ImportRun(services.sessions, services.audience, home, settings, now(), mode)
            tally = progress.follow(run.import_file(opened, surveys), "importing")
            progress.end(tally)
    if peer_archives.holds_posts(file):
        click.echo(f"{file} also holds posts; to import them: newsletter issues import-archive {file}", err=True)
    if tally.refused:
        raise click.exceptions.Exit(1)


def _refuse_same_files(file: Path, written: Mapping[str, Path | None]) -> None:
    paths = {option: path for option, path in written.items() if path}
    for option, path in paths.items():
        if path.exists() and file.exists() and path.samefile(file):
            raise click.UsageError(f"{option} names the file that is imported; name another")
    if len({path.absolute() for path in paths.values()}) < len(paths):
        raise click.UsageError(f"{' and '.join(paths)} name the same file; name two")


def _check(report: Report, file: ListFile, choices: ColumnChoices, source: str) -> None:
    tally = report.follow(importer.check_rows(file, choices, source), "checking")
    if tally.refused:
        report.end(tally)
        raise Refused("nothing was imported, because of the refused rows")


@subscribers.command()
@click.option("--segment", metavar="NAME", help="Only the readers of this segment.")
@click.option("--json", "as_json", is_flag=True, help="An object for each reader, on a line of its own.")
@publication_option
@with_services
def export(services: Services, segment: str | None, as_json: bool, publication: str | None) -> None:
    """Write readers with their status, tags, attributes and consent as CSV to standard output."""
    memory.collect_rarely()
    with services.sessions.reading() as session:
        home = publications.find(session, publication)
        chosen = segments.find(session, home.id, segment).rule if segment else Rule()
        conditions = segments.condition(session, home, chosen, now())
        sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]
        written = audience_export.json_lines if as_json else audience_export.csv_pieces
        for line in written(session, home.id, conditions):
            sys.stdout.write(line)


@subscribers.command()
@click.argument("email")
@as_json
@with_services
def show(services: Services, email: str, as_json: bool) -> None:
    """Show one reader: their status, and each step of their consent."""
    with services.sessions.reading() as session:
        reader = _found(services, session, email)
        ties = [one.id for one in reader.subscriptions]
        theirs = resent.of_readers(ties)
        again = [
            {"at": note.at.isoformat(), "subject": letter.subject, "state": copy.state.value, "why": note.detail}
            for copy, note, letter in session.execute(theirs)
        ]
        story = privacy.export_data(session, reader) | {"sent_again": again}
    if as_json:
        print_json(story)
    else:
        _print_story(story)


# Parts of a reader's story that most readers do not have.
_MORE = {
    "confirm_letters": ("Confirmation emails (--json has their text):", ("at", "state", "answer", "message_id")),
    "bounces": (
        "Bounces and complaints (--json has all of it):",
        ("at", "kind", "reason", "status", "decision", "diagnostic"),
    ),
    "sent_again": ("Sent again, because it was in doubt whether it had arrived:", ("at", "subject", "why")),
}


def _print_story(story: Mapping[str, Any]) -> None:
    click.echo(f"{story['email']} {story['name']}\n")
    standings = ([one["publication"], one["status"], one["since"]] for one in story["subscriptions"])
    print_table(("publication", "status", "since"), standings, "no subscriptions")
    click.echo()
    steps = ([step["at"], step["act"], step["way"], step["origin"], step["note"]] for step in story["events"])
    print_table(("at", "what", "by", "from", "note"), steps, "no events")
    for part, (title, columns) in _MORE.items():
        if rows := story[part]:
            click.echo(f"\n{title}")
            print_table(columns, ([row[column] for column in columns] for row in rows), "")


def _found(services: Services, session: Session, email: str) -> Subscriber:
    try:
        return audience_subscribers.find(session, email)
    except NotFound as error:
        if at := erasures.erased_at_address(session, services.links.seal, email):
            raise NotFound(
                f"{error}: the reader with this address was erased on {at:%Y-%m-%d}, and no import brings them back"
            ) from None
        raise


@subscribers.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask; it cannot be undone.")
@with_services
def erase(services: Services, email: str, yes: bool) -> None:
    """Erase a reader for good, or what somebody who is not a reader wrote to us.

    The ledger keeps its rows without the address, and no import brings a reader back.
    """
    with services.sessions.reading() as session:
        found = privacy.find_address(session, email)
    if not yes:
        click.confirm(f"Erase {found} for good?", abort=True)
    with services.sessions.begin() as session:
        reader_id = privacy.erase(session, services.audience, found, now())
        if reader_id is not None:
            audit.set_subject(session, "reader", str(reader_id))
    services.sessions.checkpoint()
    click.echo(f"{found} is erased")
