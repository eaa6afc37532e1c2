"""`newsletter bounce`: incoming mail from a mail server's pipe, or a folder of it, read and told as JSON."""

import functools
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import click

from newsletter import config
from newsletter.cli.common import now, opened_services
from newsletter.delivery.bounces.events import MOST_RAW
from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.record import Origin
from newsletter.delivery.bounces.report import Recipient, Report
from newsletter.errors import Invalid, PressError
from newsletter.tokens import TokenSeal
from newsletter.wiring import Services
from newsletter.workflows import record_bounce


class _Incoming:
    """A mail while it is read: by what it is known again, and its beginning, which is kept."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.head = bytearray()

    def read(self, size: int) -> bytes:
        """The next octets; empty at the end."""
        chunk = self._file.read(size)
        self.digest.update(chunk)
        self.head += chunk[: MOST_RAW - len(self.head)]
        return chunk


@click.command()
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--dry-run", is_flag=True, help="Only say what it is; needs no database.")
def bounce(folder: Path | None, dry_run: bool) -> None:
    """Read one bounce, complaint, auto-reply or unsubscribe mail from standard input, or a folder of mails.

    Does what follows from it, and prints what it is as JSON: one object, or a line for each file of DIR, by name.
    """
    if dry_run:
        _tell(folder, _seal())
        return
    with opened_services() as services:
        _tell(folder, services.links.seal, functools.partial(_record, services))


def _tell(
    folder: Path | None, seal: TokenSeal | None, record: Callable[[Report, _Incoming], None] | None = None
) -> None:
    for name, file in _mails(folder):
        mail = _Incoming(file)
        report = parse(mail)
        if record:
            record(report, mail)
        click.echo(_as_json(report, seal, **({"file": name} if name else {})))


def _record(services: Services, report: Report, mail: _Incoming) -> None:
    origin = Origin(f"sha256:{mail.digest.hexdigest()}", "pipe", raw=bytes(mail.head))
    with services.sessions.begin() as session:
        record_bounce.record_report(session, services.bounces, report, origin, now())


def _mails(folder: Path | None) -> Iterator[tuple[str, BinaryIO]]:
    if folder is None:
        yield "", sys.stdin.buffer
        return
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            with path.open("rb") as file:
                yield path.name, file


def _as_json(report: Report, seal: TokenSeal | None, **more: str) -> str:
    told = {
        "kind": report.kind,
        "copy": _number(report, seal, "bounce"),
        "post": _number(report, seal, "post"),
        "recipients": [_recipient(each) for each in report.recipients],
    }
    return json.dumps(more | told, ensure_ascii=False)


def _recipient(told: Recipient) -> dict[str, str | None]:
    return {
        "address": told.address,
        "class": told.hardness,
        "reason": told.reason,
        "status": told.status,
        "code": told.code,
        "action": told.action,
        "diagnostic": told.diagnostic,
        "mta": told.mta,
    }


def _number(report: Report, seal: TokenSeal | None, purpose: str) -> int | None:
    """Which copy, or single letter, its return path was signed for; None for a stranger's, or a forged one."""
    if seal is None or not report.return_path:
        return None
    token = report.return_path.partition("@")[0].partition("+")[2]
    try:
        return seal.open_local_part(purpose, token)[0]
    except Invalid:
        return None


def _seal() -> TokenSeal | None:
    """What opens our tokens, where there is a key already; a dry run makes none."""
    try:
        settings = config.load()
    except PressError:
        return None
    known = settings.secret_key is not None or settings.secret_file.exists()
    return TokenSeal(settings.secret, *settings.older_secrets) if known else None
