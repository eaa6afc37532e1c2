"""`newsletter issues send`: to everybody now, or to the readers who missed it."""

import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from newsletter.audience.segments import store as segments
from newsletter.cli.common import as_json, print_json, warn_if_not_armed, with_services
from newsletter.clock import now
from newsletter.editorial.issues import issue_store
from newsletter.i18n import formats
from newsletter.wiring import Services
from newsletter.workflows import publish, resend_missed
from newsletter.workflows.resend_missed import Missed


def _usage_checked(command: Callable[..., None]) -> Callable[..., None]:
    """Refuse option combinations that make no sense, before the database is opened."""

    @functools.wraps(command)
    def run(*, at_once: bool, to_missed: bool, joined: bool, dry_run: bool, as_json: bool, **others: Any) -> None:
        if at_once is to_missed:
            raise click.UsageError("sending cannot be undone: say either --now or --missed, or use `issues schedule`")
        if at_once and (joined or dry_run or as_json or others["segment"]):
            raise click.UsageError("--segment, --joined, --dry-run and --json go with --missed")
        command(at_once=at_once, joined=joined, dry_run=dry_run, as_json=as_json, **others)

    return run


@click.command()
@click.argument("slug")
@click.option("--now", "at_once", is_flag=True, help="Really send it, now.")
@click.option("--missed", "to_missed", is_flag=True, help="To those who missed it through a fault on our side.")
@click.option("--joined", is_flag=True, help="With --missed: also to those who joined since, for 30 days.")
@click.option("--segment", metavar="NAME", help="With --missed: only to those who belong to this segment.")
@click.option("--dry-run", is_flag=True, help="With --missed: only say how many there are.")
@as_json
@_usage_checked
@with_services
def send(
    services: Services, slug: str, at_once: bool, segment: str | None, joined: bool, dry_run: bool, as_json: bool
) -> None:
    """Send an issue now, or to those who missed it."""
    if at_once:
        with services.sessions.begin() as session:
            started = publish.send_now(session, services.letters, issue_store.find(session, slug), now())
        click.echo(f"{slug} is going out to {formats.counted(started.copies, 'reader')}")
        warn_if_not_armed(services)
    else:
        _to_missed(services, slug, segment, joined=joined, dry_run=dry_run, as_json=as_json)


def _to_missed(
    services: Services, slug: str, segment: str | None, *, joined: bool, dry_run: bool, as_json: bool
) -> None:
    # Counted in a reading session, because on SQLite a writing one would block all other writers.
    with services.sessions.reading() as session:
        issue = issue_store.find(session, slug)
        frozen = None
        if segment is not None:
            frozen = segments.freeze(session, segments.find(session, issue.publication_id, segment))
        found = resend_missed.find_missed(session, issue, now(), joined=joined, segment=frozen)
    if not dry_run:
        with services.sessions.begin() as session:
            issue = issue_store.find(session, slug)
            resend_missed.resend(session, issue, now(), joined=joined, segment=frozen)
            letter_id = issue.letter_id
        if letter_id is not None:
            resend_missed.resend_rest(services.sessions, letter_id, now(), joined=joined, segment=frozen)
    if as_json:
        document = {name: count for name, count in asdict(found).items() if name != "with_joined"}
        print_json({"dry_run": dry_run, **document, "copies": found.copies})
    else:
        _print(slug, found, dry_run=dry_run)
    if not dry_run:
        warn_if_not_armed(services)


def _print(slug: str, found: Missed, *, dry_run: bool) -> None:
    click.echo(f"{slug} {'would go' if dry_run else 'is going'} to {formats.number(found.copies)} who missed it:")
    click.echo(
        f"  {formats.number(found.refused)} refused for a fault on our side, "
        f"{formats.number(found.failed)} given up, {formats.number(found.stopped)} stopped"
    )
    if found.joined:
        click.echo(
            f"  {formats.number(found.joined)} joined since" + ("" if found.with_joined else ": only with --joined")
        )
    if found.spared:
        why = "left, paused, or chosen the digest or other topics"
        click.echo(f"  {formats.number(found.spared)} who missed it have {why} since, and get nothing")
