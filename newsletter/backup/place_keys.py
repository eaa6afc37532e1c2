"""Restore a backup's keys where there are none yet, and remove them again if the restore fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.backup.archive import Archive
from newsletter.backup.manifest import DKIM, KEY_FILE, fingerprint
from newsletter.config import Settings
from newsletter.system import atomic_files


@contextmanager
def placed_keys(archive: Archive, settings: Settings) -> Iterator[list[str]]:
    """Write the backup's keys where the settings say, and remove them if the block fails.

    Yields notes for the operator: an existing key is never replaced.
    """
    made: list[Path] = []
    try:
        remarks = [*_put_secret(archive, settings, made), *_put_dkim(archive, settings.dkim_folder, made)]
        yield remarks
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def _put_secret(archive: Archive, settings: Settings, made: list[Path]) -> list[str]:
    is_kept = KEY_FILE in archive.manifest.members
    if is_kept and settings.secret_key is None:
        _put(settings.secret_file, archive.read(KEY_FILE), made)
    if archive.manifest.key in map(fingerprint, [settings.secret, *settings.older_secrets]):
        return []
    source = (
        f"`unzip -p {archive.path} {KEY_FILE}` prints it"
        if is_kept
        else "the SECRET_KEY of the place where the backup was made"
    )
    what = "links in mail that is out do not open here, and nobody can tell who was erased"
    return [f"{what}: set SECRET_KEY_FALLBACKS to the backup's key ({source})"]


def _put_dkim(archive: Archive, folder: Path, made: list[Path]) -> list[str]:
    remarks = []
    for name in archive.named(DKIM):
        content, path = archive.read(f"{DKIM}{name}"), folder / name
        if not _put(path, content, made) and path.read_bytes() != content:
            remarks.append(f"{path}: a different key from the backup's; it was left as it is")
    return remarks


def _put(path: Path, content: bytes, made: list[Path]) -> bool:
    """Write a file readable by its owner only, atomically; False, and nothing is changed, if it exists."""
    atomic_files.make_folder(path.parent)
    try:
        atomic_files.create(path, content)
    except FileExistsError:
        return False
    made.append(path)
    return True
