"""What every command shares: the house it works in, and how it prints for people and for programs."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from newsletter import audit, config, logs, printing
from newsletter.audit import OPERATOR, Witness
from newsletter.db import Session
from newsletter.delivery import arming
from newsletter.editorial import shelf
from newsletter.errors import Conflict
from newsletter.wiring import House, open_house

T = TypeVar("T")

_FIRST: dict[type[Conflict], str] = {printing.Unready: "ready", printing.Unsent: "cancel"}

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
correction_option = click.option(
    "--correction", type=int, metavar="NUMBER", help="The email about this correction, not the issue."
)
publication_option = click.option("--publication", metavar="SLUG", help="Which publication (default: the only one).")


@contextmanager
def the_house(*, check_schema: bool = True) -> Iterator[House]:
    """The house as the settings say, closed again afterwards."""
    settings = config.load()
    logs.configure(settings)
    house = open_house(settings, check_schema=check_schema)
    try:
        yield house
    finally:
        house.close()


def in_house(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the house as its first argument; what it changes there is noted in the audit log."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        with the_house() as house, _hinting():
            command(replace(house, sessions=house.sessions.witnessed(_operator())), *args, **kwargs)

    return run


@contextmanager
def _hinting() -> Iterator[None]:
    """Say by which command to do first what has to be done first."""
    try:
        yield
    except tuple(_FIRST) as error:
        slug = click.get_current_context().params["slug"]
        raise Conflict(f"{error}: `newsletter issues {_FIRST[type(error)]} {slug}`") from None


def _operator() -> Callable[[Session], None]:
    """Whoever is at the shell, with the command as the act, and the issue or the person that it names."""
    # By no other argument: a reader's address is none of the audit log's business.
    context = click.get_current_context()
    witness = Witness(OPERATOR, f"newsletter {' '.join(_path(context))}", now())
    if person := context.params.get("person"):
        witness.kind, witness.about = "person", str(person)
    return functools.partial(_note, witness, context.params.get("slug"))


def _note(witness: Witness, slug: str | None, session: Session) -> None:
    if slug and (found := session.scalar(shelf.named((), (slug,)))):
        witness.kind, witness.about, witness.details = audit.ISSUE, audit.numbered(found.id), {"slug": slug}
    witness(session)


def _path(context: click.Context) -> list[str]:
    return [*_path(context.parent), context.info_name or ""] if context.parent else []


def mind_arming(house: House) -> None:
    """Say so, if nothing will go out whatever an editor wants."""
    with house.sessions.reading() as session:
        if not arming.may_send(session):
            click.echo(f"Note: {arming.WHY_NOT}; {arming.WHAT_TO_DO}.", err=True)


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table for people; a sentence where there is nothing to show."""
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    if table.row_count:
        Console().print(table)
    else:
        click.echo(empty)


def watched(items: Iterable[T], total: int) -> Iterator[T]:
    """The same items; while a person watches, with a bar on standard error that tells how far it is."""
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, "", total, console=console, transient=True, disable=not console.is_terminal)


def now() -> datetime:
    """This moment: the edge's, handed down to everything below."""
    return datetime.now(UTC)
