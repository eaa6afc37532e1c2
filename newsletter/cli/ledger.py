"""`newsletter ledger`: the size of the ledger, and deleting old copies from it."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
from sqlalchemy.orm import Session

from newsletter.cli.common import as_json, print_json, print_table, with_services
from newsletter.db import Sessions
from newsletter.delivery.ledger import partitions
from newsletter.delivery.models import Copy, CopyNote, Letter
from newsletter.delivery.reports import retention, stats
from newsletter.editorial.issues import issue_store, mailings
from newsletter.editorial.issues.mailings import Mailing
from newsletter.errors import Conflict
from newsletter.formulas import escape_formula
from newsletter.i18n import formats
from newsletter.system import atomic_files
from newsletter.wiring import Services

_TOLD = ("id", "subscription_id", "address", "name", "state", "attempts", "ended_at", "code", "status", "reply")
_BATCH = 1_000


class _Old(NamedTuple):
    name: str
    letter_id: int
    copies: int


@click.group()
def ledger() -> None:
    """Show how large the ledger is; delete the copies of old issues."""


@ledger.command()
@as_json
@with_services
def size(services: Services, as_json: bool) -> None:
    """List the issues whose copies are kept. Corrections, too, oldest first; on PostgreSQL with their size."""
    with services.sessions.reading() as session:
        sizes, every = partitions.sizes(session), list(mailings.all_mailings(session))
        rows = [_row(session, each, sizes[each.letter.id]) for each in every if each.letter.id in sizes]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("issue", "correction", "state", "over since", "copies", "bytes"),
            (list(row.values()) for row in rows),
            "no copies are kept",
        )


@ledger.command()
@click.argument("slugs", nargs=-1, metavar="[SLUG]...")
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Every issue that had finished before that day (UTC).",
)
@click.option("--to", type=click.Path(path_type=Path), metavar="FILE.csv", help="First write the copies to this file.")
@click.option(
    "--yes", is_flag=True, help="Really delete; this cannot be undone. Without it, only say what would be deleted."
)
@with_services
def drop(services: Services, slugs: tuple[str, ...], before: datetime | None, to: Path | None, yes: bool) -> None:
    """Delete the copies of old issues for good. Finished or cancelled ones, and their corrections; the counts stay."""
    if bool(slugs) is bool(before):
        raise click.UsageError("name the issues, or say --before DATE")
    with services.sessions.reading() as session:
        old, refused = _chosen(session, slugs, before and before.replace(tzinfo=UTC))
    if yes and old:
        _drop(services.sessions, old, to)
    else:
        print_table(
            ("issue", "copies"),
            ((each.name, formats.number(each.copies)) for each in old),
            "nothing can be dropped",
        )
    if old and not yes:
        click.echo("Nothing was deleted. Add --yes to delete these copies for good; the counts stay.")
    if refused:
        raise Conflict("\n".join(refused))


def _row(session: Session, mailing: Mailing, size: int | None) -> dict[str, Any]:
    ended = mailing.letter.finished_at
    return {
        "slug": mailing.issue.slug,
        "correction": mailing.correction,
        "state": mailing.state.value,
        "over_since": ended.isoformat(timespec="seconds") if ended else None,
        "copies": stats.copy_counts(session, mailing.letter).audience,
        "bytes": size,
    }


def _chosen(session: Session, slugs: Sequence[str], before: datetime | None) -> tuple[list[_Old], list[str]]:
    """The letters whose copies can be deleted, and for each of the others the reason why not."""
    sizes = partitions.sizes(session)
    every = list(mailings.all_mailings(session) if before else _named(session, slugs))
    with_copies = [each for each in every if each.letter.id in sizes]
    old, refused = [], []
    for each in with_copies:
        if before is None or _was_over(each.letter, before):
            try:
                old.append(_Old(each.name, each.letter.id, retention.require_over(session, each.letter).audience))
            except Conflict as error:
                refused.append(f"{each.name}: {error}")
    missing = set(slugs) - {each.issue.slug for each in with_copies}
    return old, [*refused, *(f"{slug}: no copies are kept of it" for slug in slugs if slug in missing)]


def _named(session: Session, slugs: Sequence[str]) -> Iterator[Mailing]:
    for slug in slugs:
        yield from mailings.mailings_of(issue_store.find(session, slug))


def _was_over(letter: Letter, before: datetime) -> bool:
    return retention.is_over(letter) and letter.finished_at is not None and letter.finished_at < before


def _drop(sessions: Sessions, old: Sequence[_Old], to: Path | None) -> None:
    if to is not None:
        _write(sessions, old, to)
        click.echo(f"{to}: {formats.number(sum(each.copies for each in old))} copies written")
    for each in old:
        click.echo(f"{each.name}: {formats.number(retention.drop_copies(sessions, each.letter_id))} copies dropped")


def _write(sessions: Sessions, old: Iterable[_Old], to: Path) -> None:
    """Write all these copies to a new CSV file, readable by its owner only, and flush it to disk."""
    to.touch(mode=0o600, exist_ok=False)
    with sessions.reading() as session, to.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        sheet.writerow(["issue", *_TOLD, "reason", "learned_later"])
        for each in old:
            notes = retention.notes_by_copy(session, each.letter_id)
            copies = session.scalars(retention.letter_copies(each.letter_id).execution_options(yield_per=_BATCH))
            sheet.writerows(_cells(each.name, copy, notes.get(copy.id, ())) for copy in copies)
        file.flush()
        os.fsync(file.fileno())
    # On disk before the copies are deleted, because then nothing else is left of them.
    atomic_files.sync_folder(to.parent)


def _cells(name: str, copy: Copy, notes: Iterable[CopyNote]) -> list[object]:
    values = [getattr(copy, column) for column in (*_TOLD, "reason")]
    learned = " ".join(f"{note.kind} {note.at.isoformat()}" for note in notes)
    return [name, *map(_cell, values), learned]


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return escape_formula(str(value)) if isinstance(value, str) else value
