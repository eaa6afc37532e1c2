"""`newsletter bounce`: reads incoming mail from a mail server's pipe, or a folder of it, and answers in JSON."""

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from newsletter import config
from newsletter.cli import streams
from newsletter.cli.common import opened_services
from newsletter.cli.failures import sentence_of
from newsletter.clock import now
from newsletter.delivery.bounces.intake.incoming import IncomingMail
from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.report import Recipient, Report
from newsletter.errors import Invalid, PressError
from newsletter.tokens import TokenSeal
from newsletter.wiring import Services
from newsletter.workflows.receive_mail import receive

_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h, by which a mail server keeps the mail and pipes it again later


@click.command()
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--dry-run", is_flag=True, help="Only say what it is; needs no database.")
def bounce(folder: Path | None, dry_run: bool) -> None:
    """Read one bounce, complaint, auto-reply or unsubscribe mail from standard input, or a folder of mails.

    Does what follows from it, and prints what it is as JSON: one object, or a line for each file of DIR, by name.
    A mail on standard input that could not be recorded now is left to the mail server to try again: exit 75.
    """
    if dry_run:
        _tell(folder, _seal(), parse)
    elif folder:
        with opened_services() as services:
            _tell(folder, services.links.seal, partial(_record, services))
    else:
        _record_from_pipe()


def _record(services: Services, mail: IncomingMail) -> Report:
    return receive(services.sessions, services.bounces, mail, "pipe", now())


def _record_from_pipe() -> None:
    # Whatever is wrong on our side, a mail server would return the mail to its sender for any other exit code.
    try:
        with opened_services() as services:
            answer = _as_json(_record(services, IncomingMail(sys.stdin.buffer)), services.links.seal)
    except Exception as error:
        click.echo(f"{sentence_of(error) or f'a fault of ours: {type(error).__name__}'}; try again later", err=True)
        sys.exit(_TRY_AGAIN)
    try:
        click.echo(answer)
    except OSError:
        # It is recorded, and would be again if the mail server gave it to us once more.
        streams.discard_rest()


def _tell(folder: Path | None, seal: TokenSeal | None, read: Callable[[IncomingMail], Report]) -> None:
    for name, file in _mails(folder):
        click.echo(_as_json(read(IncomingMail(file)), seal, **({"file": name} if name else {})))


def _mails(folder: Path | None) -> Iterator[tuple[str, BinaryIO]]:
    if folder is None:
        yield "", sys.stdin.buffer
        return
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            with path.open("rb") as file:
                yield path.name, file


def _as_json(report: Report, seal: TokenSeal | None, **more: str) -> str:
    report_json = {
        "kind": report.kind,
        "copy": _number(report, seal, "bounce"),
        "post": _number(report, seal, "post"),
        "recipients": [_recipient(each) for each in report.recipients],
    }
    return json.dumps(more | report_json, ensure_ascii=False)


def _recipient(recipient: Recipient) -> dict[str, str | None]:
    return {
        "address": recipient.address,
        "class": recipient.hardness,
        "reason": recipient.reason,
        "status": recipient.status,
        "code": recipient.code,
        "action": recipient.action,
        "diagnostic": recipient.diagnostic,
        "mta": recipient.mta,
    }


def _number(report: Report, seal: TokenSeal | None, purpose: str) -> int | None:
    """The copy or single letter that its return path was signed for; None for another or a forged one."""
    if seal is None or not report.return_path:
        return None
    token = report.return_path.partition("@")[0].partition("+")[2]
    try:
        return seal.open_local_part(purpose, token)[0]
    except Invalid:
        return None


def _seal() -> TokenSeal | None:
    """The seal that opens our tokens, if there is a key already; a dry run makes none."""
    try:
        settings = config.load()
    except PressError:
        return None
    known = settings.secret_key is not None or settings.secret_file.exists()
    return TokenSeal(settings.secret, *settings.older_secrets) if known else None
