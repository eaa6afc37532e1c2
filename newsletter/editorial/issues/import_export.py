"""Import and export of issues as Markdown files with pictures; an export returns the imported bytes."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath

from newsletter.editorial.images.pictures import ImportedPicture
from newsletter.editorial.issues.issue_store import Text, picture_names
from newsletter.editorial.models import Issue
from newsletter.editorial.source import issue_file
from newsletter.editorial.source.issue_file import IssueFile, PictureRef
from newsletter.errors import Conflict, Invalid
from newsletter.system import atomic_files


def read_folder(path: Path, import_file: Callable[[str, bytes], ImportedPicture]) -> list[Text]:
    """One file, or every `*.md` of a folder, with its pictures imported; Invalid lists every fault at once."""
    paths = sorted(file for file in path.glob("*.md") if file.is_file()) if path.is_dir() else [path]
    if not paths:
        raise Invalid(f"{path} contains no issues; an issue is a file like 2026-11-24-unwind-a-tight-back.md")
    return [_read(path, file, import_file) for path, file in _checked(paths)]


def folder_of(path: Path) -> Path:
    """The folder itself, or the folder of a file."""
    return path if path.is_dir() else path.parent


def write_folder(issues: Sequence[Issue], folder: Path, picture: Callable[[str], bytes]) -> list[Path]:
    """Write issues as files with their pictures; Conflict, before anything is written, if an existing file differs."""
    contents = {folder / name: content for name, content in _contents(issues, picture).items()}
    for path, content in contents.items():
        if path.exists() and path.read_bytes() != content:
            raise Conflict(f"{path} differs from the database; move it away, or dump to another folder")
    for path, content in contents.items():
        _write(path, content)
    return list(contents)


def _checked(paths: Sequence[Path]) -> list[tuple[Path, IssueFile]]:
    problems, files = [], []
    for path in paths:
        try:
            files.append((path, issue_file.read(path)))
        except Invalid as error:
            problems.append(str(error))
    problems += _twins(files)
    if problems:
        raise Invalid("\n".join(problems))
    return files


def _twins(files: Sequence[tuple[Path, IssueFile]]) -> Iterator[str]:
    """An error for each file whose slug an earlier one has."""
    first: dict[str, Path] = {}
    for path, file in files:
        if first.setdefault(file.slug, path) != path:
            yield f"{path}: has the slug {file.slug!r}, as {first[file.slug]} does; give one of them another"


def _read(path: Path, file: IssueFile, import_file: Callable[[str, bytes], ImportedPicture]) -> Text:
    taken = {ref.name: import_file(f"{path.parent / ref.name}", _bytes(path, ref)) for ref in file.pictures}
    pictures = {name: picture.file_name for name, picture in taken.items()}
    return Text(file, path.name, pictures, {name: picture.unprocessed for name, picture in taken.items()})


def _bytes(path: Path, ref: PictureRef) -> bytes:
    try:
        return (path.parent / ref.name).read_bytes()
    except (OSError, ValueError):
        raise Invalid(f"{path}:{ref.line}: there is no picture {ref.name!r} beside the issue") from None


def _contents(issues: Sequence[Issue], picture: Callable[[str], bytes]) -> dict[PurePath, bytes]:
    """Every file's content by name; Conflict where two issues have different content for one name."""
    contents: dict[PurePath, bytes] = {}
    owners: dict[PurePath, str] = {}
    for issue in issues:
        for name, content in _files(issue, picture).items():
            owner = owners.setdefault(name, issue.slug)
            if contents.setdefault(name, content) != content:
                raise Conflict(
                    f"{name}: {owner} and {issue.slug} use this name for different files; rename one of them"
                )
    return contents


def _write(path: Path, content: bytes) -> None:
    try:
        atomic_files.make_folder(path.parent)
        # A partial file would block the next export.
        atomic_files.write(path, content)
    except OSError as error:
        raise Conflict(f"{path} cannot be written: {error.strerror}") from error


def _files(issue: Issue, picture: Callable[[str], bytes]) -> dict[PurePath, bytes]:
    pictures = {PurePath(name): picture(file_name) for name, file_name in picture_names(issue.revision).items()}
    return {PurePath(issue.file_name): issue.revision.source.encode()} | pictures
