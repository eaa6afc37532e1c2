"""What all commands share: the services they work with, and output for people and for programs."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import click

from newsletter import audit, config, logs
from newsletter.audit import OPERATOR, AuditWriter
from newsletter.clock import now
from newsletter.db import HIGHEST_ID, Session
from newsletter.delivery.workers import send_permission
from newsletter.editorial.issues import issue_store
from newsletter.errors import Conflict
from newsletter.wiring import Services, open_services
from newsletter.workflows import issue_readiness

T = TypeVar("T")

_FIRST: dict[type[Conflict], str] = {issue_readiness.Unready: "ready", issue_readiness.Unsent: "cancel"}

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
correction_option = click.option(
    "--correction",
    type=click.IntRange(1, HIGHEST_ID),
    metavar="NUMBER",
    help="The email about this correction, not the issue.",
)
publication_option = click.option("--publication", metavar="SLUG", help="Which publication (default: the only one).")


@contextmanager
def opened_services(*, check_schema: bool = True) -> Iterator[Services]:
    """The services made from the settings, closed at the end."""
    settings = config.load()
    logs.configure(settings)
    services = open_services(settings, check_schema=check_schema)
    try:
        yield services
    finally:
        services.close()


def with_services(command: Callable[..., None]) -> Callable[..., None]:
    """Pass a command the services as its first argument; its changes are recorded in the audit log."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        with opened_services() as services, _command_hints():
            command(replace(services, sessions=services.sessions.witnessed(_operator())), *args, **kwargs)

    return run


@contextmanager
def _command_hints() -> Iterator[None]:
    """Add to an error the command that has to be run first."""
    try:
        yield
    except tuple(_FIRST) as error:
        slug = click.get_current_context().params["slug"]
        raise Conflict(f"{error}: `newsletter issues {_FIRST[type(error)]} {slug}`") from None


def _operator() -> Callable[[Session], None]:
    """Records changes in the audit log as made at the shell, with the command as the act, and its issue or person."""
    # Only from these arguments: readers' addresses must not get into the audit log.
    context = click.get_current_context()
    witness = AuditWriter(OPERATOR, f"newsletter {' '.join(_path(context))}", now())
    if person := context.params.get("person"):
        witness.kind, witness.about = "person", str(person)
    return functools.partial(_note, witness, context.params.get("slug"))


def _note(witness: AuditWriter, slug: str | None, session: Session) -> None:
    if slug and (found := session.scalar(issue_store.named((), (slug,)))):
        witness.kind, witness.about, witness.details = audit.ISSUE, audit.issue_subject(found.id), {"slug": slug}
    witness(session)


def _path(context: click.Context) -> list[str]:
    return [*_path(context.parent), context.info_name or ""] if context.parent else []


def warn_if_not_armed(services: Services) -> None:
    """Warn if this database may not send, so that nothing goes out."""
    with services.sessions.reading() as session:
        if not send_permission.may_send(session):
            click.echo(f"Note: {send_permission.WHY_NOT}; {send_permission.WHAT_TO_DO}.", err=True)


def print_json(value: object) -> None:
    """Print a JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print a table for people, or a sentence if there are no rows."""
    # Imported here, because not every command prints a table.
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    if table.row_count:
        Console().print(table)
    else:
        click.echo(empty)


def print_listing(found: Sequence[Mapping[str, object]], columns: Sequence[str], empty: str, *, as_json: bool) -> None:
    """Print what was found as JSON, else these columns of it as a table, or a sentence if nothing was."""
    if as_json:
        print_json(found)
    else:
        print_table(columns, ([one[column] for column in columns] for one in found), empty)


def with_progress_bar(items: Iterable[T], total: int) -> Iterator[T]:
    """The same items; on a terminal, with a progress bar on standard error."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, "", total, console=console, transient=True, disable=not console.is_terminal)
