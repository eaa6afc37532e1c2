"""`newsletter bounce`: incoming mail from a mail server's pipe, or a folder of it, read and told as JSON."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from newsletter import config
from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.report import Recipient, Report
from newsletter.errors import Invalid, PressError
from newsletter.tokens import TokenSeal


@click.command()
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--dry-run", is_flag=True, help="Only say what it is; needs no database.")
def bounce(folder: Path | None, dry_run: bool) -> None:
    """Read one bounce, complaint, auto-reply or unsubscribe mail from standard input, or a folder of mails.

    Prints what it is as JSON: one object, or a line for each file of DIR, by name.
    """
    if not dry_run:
        raise click.UsageError("Missing option '--dry-run'.")
    seal = _seal()
    if folder is None:
        click.echo(_as_json(parse(sys.stdin.buffer), seal))
    for path in _mails(folder):
        with path.open("rb") as mail:
            click.echo(_as_json(parse(mail), seal, file=path.name))


def _mails(folder: Path | None) -> Iterator[Path]:
    files = sorted(folder.iterdir()) if folder else []
    return (path for path in files if path.is_file() and not path.name.startswith("."))


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
