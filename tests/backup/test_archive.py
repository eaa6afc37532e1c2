"""A file that is no whole backup, or a hostile one, is told from a backup before anything is written."""

import json
import random
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.backup import archive
from newsletter.errors import Conflict, Invalid, PressError
from tests.originals import Fill, Originals

from .conftest import TAKEN, Forge

CHANCE = random.Random(20261124)  # noqa: S311  (places to damage, not secrets)


@pytest.fixture
def backup(originals: Originals, filled: Fill, tmp_path: Path) -> Iterator[Path]:
    """Where a backup comes from is all the same to what is told of its file."""
    with originals.copy("sqlite", filled, tmp_path):
        yield tmp_path / TAKEN


def look(path: Path) -> archive.Manifest:
    with archive.open_archive(path) as backup:
        return backup.manifest


def test_a_whole_backup_is_believed(backup: Path) -> None:
    manifest = look(backup)
    assert manifest.tables["subscribers"].rows == 8
    assert manifest.rows > 20


def test_a_backup_that_was_cut_short_anywhere_is_refused(backup: Path) -> None:
    whole = backup.read_bytes()
    for length in [0, 1, 4, *CHANCE.sample(range(5, len(whole)), 40), len(whole) - 1]:
        backup.write_bytes(whole[:length])
        with pytest.raises(Invalid, match="not a complete backup"):
            look(backup)


def test_a_backup_with_damage_anywhere_is_refused_unless_nothing_that_counts_was_hit(backup: Path) -> None:
    whole, manifest = backup.read_bytes(), look(backup)
    refused = 0
    for place in CHANCE.sample(range(len(whole)), 150):
        backup.write_bytes(whole[:place] + bytes([whole[place] ^ CHANCE.randrange(1, 256)]) + whole[place + 1 :])
        try:
            assert look(backup) == manifest
        except PressError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("content", [b"", b"hello\n", b"PK\x03\x04", b"SQLite format 3\0" + bytes(100)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "something"
    path.write_bytes(content)
    with pytest.raises(Invalid, match="not a complete backup of this program:"):
        look(path)


@pytest.mark.parametrize("manifest", [b"", b"{}", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"format": 1}'])
def test_another_zip_is_refused(tmp_path: Path, manifest: bytes) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("manifest.json", manifest)
    with pytest.raises(Invalid, match="not a complete backup of this program:"):
        look(path)


@pytest.mark.parametrize("said", [{"format": 2}, {"revision": "9999"}])
def test_a_backup_of_a_newer_version_says_to_install_that(forge: Forge, said: dict[str, object]) -> None:
    with pytest.raises(Conflict, match="newer version of this program; install that version"):
        look(forge(**said))


@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "/etc/escaped",
        "tables/../escaped",
        "tables/Robert'); DROP TABLE copies; --",
        "pictures/../../escaped.png",
        f"pictures/{'0' * 64}.svg",
        f"pictures/{'0' * 64}.png",
        "dkim/.hidden.pem",
        "dkim/sub/key.pem",
        "dkim\\key.pem",
        "secret_key/",
        "empty/",
    ],
)
@pytest.mark.parametrize("content", [b"", b"anything"])
def test_a_file_that_has_no_place_in_a_backup_is_refused(forge: Forge, name: str, content: bytes) -> None:
    with pytest.raises(Invalid, match="does not belong in a backup;"):
        look(forge({name: content}))


def test_a_picture_under_the_name_of_another_is_refused(forge: Forge, backup: Path) -> None:
    picture = next(name for name in zipfile.ZipFile(backup).namelist() if name.startswith("pictures/"))
    with pytest.raises(Invalid, match="does not belong in a backup;"):
        look(forge({picture: b"another"}))


def test_a_key_larger_than_any_key_is_refused(forge: Forge) -> None:
    with pytest.raises(Invalid, match="does not belong in a backup;"):
        look(forge({"secret_key": bytes(70_000)}))


def test_a_link_is_only_ever_read_as_the_bytes_that_it_is(backup: Path) -> None:
    entry = zipfile.ZipInfo("secret_key")
    entry.external_attr = 0o120777 << 16
    _again(backup, {"secret_key": (entry, b"/etc/passwd")})
    with pytest.raises(Invalid, match="secret_key is damaged"):
        look(backup)


@pytest.mark.parametrize("change", ["one more", "one twice", "one less"])
def test_other_files_than_the_manifest_says_are_refused(backup: Path, change: str) -> None:
    if change == "one less":
        _again(backup, {"secret_key": None})
    else:
        with zipfile.ZipFile(backup, "a") as file, warnings.catch_warnings(action="ignore"):
            file.writestr("tables/more" if change == "one more" else "secret_key", b"")
    with pytest.raises(Invalid, match="its files are not those it lists;"):
        look(backup)


def test_nothing_is_unpacked_beyond_the_size_that_was_promised(backup: Path) -> None:
    """A bomb: ninety megabytes that say they are ten bytes, in the manifest and in the zip itself."""
    size = 0x05A5A5A5  # no other number in the file
    bomb = zipfile.ZipInfo("tables/copies")
    bomb.compress_type = zipfile.ZIP_DEFLATED
    _again(backup, {"tables/copies": (bomb, bytes(size))})
    content = backup.read_bytes()
    true_size = size.to_bytes(4, "little")
    assert content.count(true_size) >= 2
    backup.write_bytes(content.replace(true_size, (10).to_bytes(4, "little")))
    with pytest.raises(Invalid, match=r"tables/copies is damaged|not a whole backup"):
        look(backup)


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_no_backup_uses_is_refused(backup: Path, packing: int) -> None:
    entry = zipfile.ZipInfo("secret_key")
    entry.compress_type = packing
    _again(backup, {"secret_key": (entry, zipfile.ZipFile(backup).read("secret_key"))})
    with pytest.raises(Invalid, match="secret_key is damaged"):
        look(backup)


def test_rows_other_than_counted_are_refused(forge: Forge, backup: Path) -> None:
    members = json.loads(zipfile.ZipFile(backup).read("manifest.json"))["members"]
    members["tables/subscribers"]["rows"] += 1
    with pytest.raises(Invalid, match="tables/subscribers is damaged"):
        look(forge(members=members))


def _again(path: Path, changed: dict[str, tuple[zipfile.ZipInfo, bytes] | None]) -> None:
    """The same zip with some entries changed or left out, whatever its manifest says."""
    with zipfile.ZipFile(path) as source:
        entries = {info.filename: (info, source.read(info)) for info in source.infolist()} | changed
    with zipfile.ZipFile(path, "w") as target:
        for entry in filter(None, entries.values()):
            target.writestr(*entry)
