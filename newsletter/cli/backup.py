"""`newsletter backup` and `restore`: everything in one file, and back."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from newsletter import config, logs
from newsletter.backup import archive, take
from newsletter.backup import restore as backup_restore
from newsletter.backup.archive import Archive
from newsletter.backup.manifest import Manifest
from newsletter.cli.common import as_json, print_json, with_services
from newsletter.clock import now
from newsletter.delivery.models import CopyState
from newsletter.i18n import formats
from newsletter.system import data_folder
from newsletter.wiring import Services, open_services

_FILE = click.Path(dir_okay=False, path_type=Path)
_THERE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@as_json
@with_services
def backup(services: Services, file: Path, as_json: bool) -> None:
    """Back up everything into one new file. All as it is at this instant, while everything keeps running."""
    at = now()
    taken = take.take(services.sessions, services.settings, services.pictures, file, at)
    # The backup is made, whether or not that can be noted for the doctor.
    with suppress(OSError):
        data_folder.note_backup(services.settings.data_dir, at)
    for name in taken.missing:
        click.echo(f"picture {name}: missing or damaged, and so not in the backup", err=True)
    if services.settings.secret_key is not None:
        click.echo(
            "SECRET_KEY is set, and so not in the backup: keep it with the backup, because links need it", err=True
        )
    _print_backup(file, taken.manifest, as_json)


@click.command()
@click.argument("file", type=_THERE)
@click.option("--check", is_flag=True, help="Only read the whole file, and say whether it is intact.")
@as_json
def restore(file: Path, check: bool, as_json: bool) -> None:
    """Restore a backup into an empty database and DATA_DIR. Nothing is sent until `newsletter arm`."""
    with archive.open_archive(file) as backup:
        if check:
            _print_backup(file, backup.manifest, as_json)
        else:
            _restore(backup, as_json)


def _restore(backup: Archive, as_json: bool) -> None:
    settings = config.load()
    logs.configure(settings)
    with backup_restore.placed_keys(backup, settings) as remarks:
        services = open_services(settings, check_schema=False)
        try:
            issues = backup_restore.restore(backup, services.sessions.engine, services.pictures, now())
        finally:
            services.close()
    for remark in remarks:
        click.echo(remark, err=True)
    if as_json:
        print_json({"armed": False, "made_at": backup.manifest.made_at.isoformat(), "issues": issues})
        return
    _print_counts(issues)
    click.echo("Sending is off until you run `newsletter arm`, which first shows what would go out.")


def _print_backup(file: Path, manifest: Manifest, as_json: bool) -> None:
    size = file.stat().st_size
    if as_json:
        document = {"file": str(file), "bytes": size, "made_at": manifest.made_at.isoformat(), "rows": manifest.rows}
        print_json(document | {"issues": manifest.issues})
        return
    _print_counts(manifest.issues)
    made_at = f"{manifest.made_at:%Y-%m-%d %H:%M} UTC"
    click.echo(
        f"{file}: intact; {formats.number(manifest.rows)} rows and {formats.number(size)} bytes, made on {made_at}"
    )


def _print_counts(issues: list[dict[str, Any]]) -> None:
    for each in issues:
        parts = " + ".join(
            f"{formats.number(each[state.value])} {state.value}" for state in CopyState if each[state.value]
        )
        click.echo(
            f"{each['issue']} ({each['state']}): {formats.number(each['audience'])} copies{parts and ' = '}{parts}"
        )
