"""`newsletter ledger`: how large the record of every copy is, and dropping what is old of it."""

import csv
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
from sqlalchemy.orm import Session

from newsletter import publishing
from newsletter.audience.exporting import defused
from newsletter.cli.common import as_json, in_house, print_json, print_table
from newsletter.db import Sessions
from newsletter.delivery import partitions, retention
from newsletter.delivery.models import Copy, CopyNote
from newsletter.editorial import shelf
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict
from newsletter.wiring import House

_TOLD = ("id", "subscription_id", "address", "name", "state", "attempts", "ended_at", "code", "status", "reply")
_BATCH = 1_000


class _Old(NamedTuple):
    slug: str
    letter_id: int
    copies: int


@click.group()
def ledger() -> None:
    """How large the ledger is; drop the copies of old issues."""


@ledger.command()
@as_json
@in_house
def size(house: House, as_json: bool) -> None:
    """The issues that copies are kept of, oldest first; PostgreSQL says how many bytes, too."""
    with house.sessions.reading() as session:
        kept = partitions.sizes(session)
        rows = [_row(session, issue, kept[issue.letter_id]) for issue in _issues(session) if issue.letter_id in kept]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("issue", "state", "over since", "copies", "bytes"),
            (list(row.values()) for row in rows),
            "no copies are kept",
        )


@ledger.command()
@click.argument("slugs", nargs=-1, metavar="[SLUG]...")
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="Every issue that was over before that day (UTC).")
@click.option("--to", type=click.Path(path_type=Path), metavar="FILE.csv", help="First write the copies down there.")
@click.option("--yes", is_flag=True, help="Do it: it cannot be undone. Without this it is only said what would go.")
@in_house
def drop(house: House, slugs: tuple[str, ...], before: datetime | None, to: Path | None, yes: bool) -> None:
    """Delete the copies of finished or cancelled issues for good; their counts stay."""
    if bool(slugs) is bool(before):
        raise click.UsageError("name the issues, or say --before DATE")
    with house.sessions.reading() as session:
        old, held = _chosen(session, slugs, before and before.replace(tzinfo=UTC))
    if yes and old:
        _drop(house.sessions, old, to)
    else:
        print_table(("issue", "copies"), ((each.slug, f"{each.copies:,}") for each in old), "nothing can be dropped")
    if old and not yes:
        click.echo("Nothing was dropped. Say --yes to delete these copies for good; the counts stay.")
    if held:
        raise Conflict("\n".join(held))


def _issues(session: Session) -> Sequence[Issue]:
    return session.scalars(shelf.listing(None)).all()


def _row(session: Session, issue: Issue, size: int | None) -> dict[str, Any]:
    ended = issue.letter.finished_at if issue.letter else None
    return {
        "slug": issue.slug,
        "state": shelf.state(issue).value,
        "over_since": ended.isoformat(timespec="seconds") if ended else None,
        "copies": publishing.counts(session, issue).audience,
        "bytes": size,
    }


def _chosen(session: Session, slugs: Sequence[str], before: datetime | None) -> tuple[list[_Old], list[str]]:
    """What can be dropped, and of the rest why not."""
    kept = partitions.sizes(session)
    issues = [shelf.find(session, slug) for slug in slugs] if slugs else _issues(session)
    old, held = [], []
    for issue in issues:
        letter = issue.letter
        if letter is None or letter.id not in kept:
            held += [f"{issue.slug}: no copies are kept of it"] if slugs else []
        elif before is None or (retention.is_over(letter) and letter.finished_at and letter.finished_at < before):
            try:
                old.append(_Old(issue.slug, letter.id, retention.require_over(session, letter).audience))
            except Conflict as error:
                held.append(f"{issue.slug}: {error}")
    return old, held


def _drop(sessions: Sessions, old: Sequence[_Old], to: Path | None) -> None:
    if to is not None:
        _write(sessions, old, to)
        click.echo(f"{to}: {sum(each.copies for each in old):,} copies written down")
    for each in old:
        click.echo(f"{each.slug}: {retention.drop(sessions, each.letter_id):,} copies dropped")


def _write(sessions: Sessions, old: Iterable[_Old], to: Path) -> None:
    """All these copies as one CSV file, safely on the disk; it may not be there yet, and only its owner reads it."""
    to.touch(mode=0o600, exist_ok=False)
    with sessions.reading() as session, to.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        sheet.writerow(["issue", *_TOLD, "reason", "learned_later"])
        for each in old:
            notes = retention.notes(session, each.letter_id)
            copies = session.scalars(retention.copies(each.letter_id).execution_options(yield_per=_BATCH))
            sheet.writerows(_cells(each.slug, copy, notes.get(copy.id, ())) for copy in copies)
        file.flush()
        os.fsync(file.fileno())


def _cells(slug: str, copy: Copy, notes: Iterable[CopyNote]) -> list[object]:
    values = [getattr(copy, name) for name in (*_TOLD, "reason")]
    learned = " ".join(f"{note.kind} {note.at.isoformat()}" for note in notes)
    return [slug, *map(_cell, values), learned]


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return defused(str(value)) if isinstance(value, str) else value
