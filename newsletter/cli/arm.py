"""`newsletter arm`: let a restored or copied database send, having seen what would go out."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from newsletter.cli.common import as_json, print_json, with_services
from newsletter.clock import now
from newsletter.delivery.workers import send_permission
from newsletter.delivery.workers.send_permission import SendPermission
from newsletter.editorial.issues import mailings
from newsletter.i18n import formats
from newsletter.wiring import Services
from newsletter.workflows import allow_sending


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@as_json
@with_services
def arm(services: Services, yes: bool, as_json: bool) -> None:
    """Let a restored or copied database send again. Shows first what would go out."""
    with services.sessions.reading() as session:
        may_send, known = send_permission.may_send(session), send_permission.read_permission(session)
        issues = [_plain(asdict(each)) for each in allow_sending.waiting_issues(session, services.grace, now())]
        series = asdict(allow_sending.series_backlog(session, now()))
        letters = _plain(asdict(allow_sending.outbox_backlog(session)))
        document = {"issues": issues, "series": series, "letters": letters}
    if not as_json:
        click.echo("Sending is on." if may_send else _reason(known))
        _print_waiting(document)
    if not may_send and (yes or (not as_json and click.confirm("Turn sending on?", abort=True))):
        with services.sessions.begin() as session:
            allow_sending.allow(session, services.settings.in_doubt, now())
        may_send = True
        if not as_json:
            click.echo("Sending is on: the workers send from now on.")
    if as_json:
        print_json({"armed": may_send} | document)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat(timespec="minutes") if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def _reason(known: SendPermission) -> str:
    if known.restored_from is not None and known.armed_at is None:
        when = f"This database was restored from a backup of {known.restored_from:%Y-%m-%d %H:%M} UTC."
    else:
        when = "This database is a copy of one that sends."
    return (
        f"{when}\nWhat the other one has sent since is not known here, and would go out a second time;\n"
        "`newsletter issues cancel SLUG` first, for an issue that must not; with `--correction NUMBER`, for the\n"
        "email about a correction of it."
    )


def _print_waiting(document: dict[str, Any]) -> None:
    for each in document["issues"]:
        name = mailings.mailing_name(each["issue"], each["correction"])
        click.echo(f"{name} ({each['state']}), to {formats.number(each['readers'])}: {each['then']}")
    series = document["series"]
    if any(series.values()):
        copies, due = formats.counted(series["waiting"], "copy"), formats.counted(series["due"], "reader")
        click.echo(f"welcome series: {copies} not sent yet, and {due} due for the next issue")
    letters = document["letters"]
    since = f", the oldest since {letters['oldest']}" if letters["waiting"] else ""
    corrections = sum(each["correction"] is not None for each in document["issues"])
    issues = len(document["issues"]) - corrections
    click.echo(
        f"{issues} issues, {corrections} corrections and {formats.number(letters['waiting'])} other emails wait{since}"
    )
