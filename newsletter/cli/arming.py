"""`newsletter arm`: let a restored or copied database send, having seen what would go out."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from newsletter import rearming
from newsletter.cli.common import as_json, in_house, now, print_json
from newsletter.delivery import arming
from newsletter.delivery.models import Arming
from newsletter.editorial import mailings
from newsletter.wiring import House


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@as_json
@in_house
def arm(house: House, yes: bool, as_json: bool) -> None:
    """Let a restored or copied database send again. Shows first what would go out."""
    with house.sessions.reading() as session:
        may_send, known = arming.may_send(session), arming.look(session)
        told = _told(session, house, now())
    if not as_json:
        click.echo("Sending is on." if may_send else _reason(known))
        _print_waiting(told)
    if not may_send and (yes or (not as_json and click.confirm("Turn sending on?", abort=True))):
        with house.sessions.begin() as session:
            rearming.arm(session, house.settings.in_doubt, now())
        may_send = True
        if not as_json:
            click.echo("Sending is on: the workers send from now on.")
    if as_json:
        print_json({"armed": may_send} | told)


def _told(session: Session, house: House, at: datetime) -> dict[str, Any]:
    issues = [_plain(asdict(each)) for each in rearming.issues(session, house.grace, at)]
    return {"issues": issues, "letters": _plain(asdict(rearming.outbox(session)))}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat(timespec="minutes") if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def _reason(known: Arming) -> str:
    if known.restored_from is not None and known.armed_at is None:
        when = f"This database was restored from a backup of {known.restored_from:%Y-%m-%d %H:%M} UTC."
    else:
        when = "This database is a copy of one that sends."
    return (
        f"{when}\nWhat the other one has sent since is not known here, and would go out a second time;\n"
        "`newsletter issues cancel SLUG` first, for an issue that must not; with `--correction NUMBER`, for the\n"
        "email about a correction of it."
    )


def _print_waiting(told: dict[str, Any]) -> None:
    for each in told["issues"]:
        name = mailings.named(each["issue"], each["correction"])
        click.echo(f"{name} ({each['state']}), to {each['readers']:,}: {each['then']}")
    letters = told["letters"]
    since = f", the oldest since {letters['oldest']}" if letters["waiting"] else ""
    corrections = sum(each["correction"] is not None for each in told["issues"])
    issues = len(told["issues"]) - corrections
    click.echo(f"{issues} issues, {corrections} corrections and {letters['waiting']:,} other emails wait{since}")
