import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from newsletter.db import Sessions
from newsletter.delivery.models import Letter, LetterState
from newsletter.editorial.images.pictures import FolderPictureStore, ImportedPicture
from newsletter.editorial.issues import archive, import_export, issue_store
from newsletter.editorial.issues.issue_store import BY_FILE, Saved
from newsletter.editorial.models import Issue, Revision
from newsletter.editorial.source import issue_file
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.publications import Publication, toml_file
from tests.editorial.photos import SECRET, colour_at, opened, telling_photo

SHIPPED = Path(__file__).parents[2] / "issues"
NAME = "2026-11-24-a-tight-back.md"
SOURCE = """---
title: A tight back
subject: A tight back, in ten minutes
---
Lie down.
"""


@pytest.fixture
def publication(sessions: Sessions, now: datetime) -> Publication:
    with sessions.begin() as session:
        return toml_file.load(session, SHIPPED / "publication.toml", now)[0]


@pytest.fixture
def pictures(tmp_path: Path) -> FolderPictureStore:
    return FolderPictureStore(tmp_path / "pictures")


def draft(source: str = SOURCE, name: str = NAME) -> issue_store.Text:
    return issue_store.Text(issue_file.parse(source, name), name, {})


def save(sessions: Sessions, publication: Publication, source: str, author: str, now: datetime) -> Saved:
    with sessions.begin() as session:
        home = session.get_one(Publication, publication.id)
        return issue_store.save(session, home, draft(source), author, now)


def test_the_shipped_issues_go_in_and_come_out_byte_for_byte(
    sessions: Sessions, publication: Publication, pictures: FolderPictureStore, tmp_path: Path, now: datetime
) -> None:
    with sessions.begin() as session:
        home = session.get_one(Publication, publication.id)
        for text in import_export.read_folder(
            SHIPPED, lambda name, content: pictures.import_file(session, name, content, now)
        ):
            assert issue_store.save(session, home, text, BY_FILE, now) is Saved.NEW
    with sessions.reading() as session:
        import_export.write_folder(
            session.scalars(issue_store.listing()).all(),
            tmp_path / "out",
            lambda kept: pictures.as_loaded(session, kept),
        )
    for path in [*SHIPPED.glob("*.md"), *SHIPPED.glob("*.png")]:
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_loading_the_same_text_again_makes_no_revision(
    sessions: Sessions, publication: Publication, now: datetime
) -> None:
    saved = [save(sessions, publication, SOURCE, BY_FILE, now) for _ in range(2)]
    assert saved == [Saved.NEW, Saved.SAME]
    with sessions.reading() as session:
        assert session.scalars(select(Revision.number)).all() == [1]


def test_a_changed_file_becomes_the_next_revision_and_the_old_one_stays(
    sessions: Sessions, publication: Publication, now: datetime
) -> None:
    save(sessions, publication, SOURCE, BY_FILE, now)
    assert save(sessions, publication, SOURCE + "Breathe.\n", BY_FILE, now) is Saved.CHANGED
    with sessions.reading() as session:
        assert session.scalars(select(Revision.source).order_by(Revision.number)).all() == [
            SOURCE,
            SOURCE + "Breathe.\n",
        ]


def test_a_file_never_overwrites_what_the_desk_wrote_meanwhile(
    sessions: Sessions, publication: Publication, now: datetime
) -> None:
    save(sessions, publication, SOURCE, BY_FILE, now)
    save(sessions, publication, SOURCE + "At the desk.\n", "ann@press.example", now)
    assert save(sessions, publication, SOURCE, BY_FILE, now) is Saved.KEPT
    with pytest.raises(Conflict, match=r"at the desk by ann@press\.example \(revision 2\)"):
        save(sessions, publication, SOURCE + "In the file.\n", BY_FILE, now)


def test_a_file_of_one_publication_never_becomes_the_text_of_anothers_issue(
    sessions: Sessions, publication: Publication, now: datetime
) -> None:
    save(sessions, publication, SOURCE, BY_FILE, now)
    with sessions.begin() as session:
        words = {"name": "The Other Letter", "sender_name": "Other", "sender_address": "other@letters.example"}
        session.add(other := Publication(slug="other", created_at=now, **words))
    for source in (SOURCE, SOURCE + "Of another letter.\n"):
        with pytest.raises(Conflict, match=r"BackPainHelp \(backpainhelp\) already has an issue 'a-tight-back'"):
            save(sessions, other, source, BY_FILE, now)
    with sessions.reading() as session:
        assert session.scalars(select(Revision.source)).all() == [SOURCE]


def test_a_renamed_file_is_the_same_issue_under_its_new_name(
    sessions: Sessions, publication: Publication, now: datetime
) -> None:
    save(sessions, publication, SOURCE, BY_FILE, now)
    later = NAME.replace("11-24", "12-01")
    for name, saved in ((later, Saved.RENAMED), (later, Saved.SAME)):
        with sessions.begin() as session:
            home = session.get_one(Publication, publication.id)
            assert issue_store.save(session, home, draft(name=name), BY_FILE, now) is saved
    with sessions.reading() as session:
        issue = issue_store.find(session, "a-tight-back")
        assert (issue.file_name, issue.revision_number) == (later, 1)


def test_two_files_with_one_slug_are_both_named_and_neither_is_loaded(tmp_path: Path) -> None:
    other = NAME.replace("11-24", "12-01")
    for name in (NAME, other):
        (tmp_path / name).write_text(SOURCE)
    with pytest.raises(Invalid, match=rf"{other}: has the slug 'a-tight-back', as \S+{NAME} does"):
        import_export.read_folder(tmp_path, lambda _name, _content: pytest.fail("a picture was kept"))


def test_pictures_in_folders_below_go_in_and_come_out(
    sessions: Sessions, publication: Publication, pictures: FolderPictureStore, tmp_path: Path, now: datetime
) -> None:
    files = manuscript(tmp_path / "in", "a-tight-back", "blue")
    put_in(sessions, publication, pictures, tmp_path / "in", now)
    with sessions.reading() as session:
        issues = session.scalars(select(Issue)).all()
        for _ in range(2):
            import_export.write_folder(issues, tmp_path / "out", lambda kept: pictures.as_loaded(session, kept))
    assert {path: (tmp_path / "out" / path).read_bytes() for path in files} == files


def test_two_issues_that_mean_different_pictures_by_one_name_are_not_dumped_over_each_other(
    sessions: Sessions, publication: Publication, pictures: FolderPictureStore, tmp_path: Path, now: datetime
) -> None:
    for slug, colour in (("a-tight-back", "blue"), ("a-calm-neck", "red")):
        manuscript(tmp_path / slug, slug, colour)
        put_in(sessions, publication, pictures, tmp_path / slug, now)
    with sessions.reading() as session:
        issues = session.scalars(issue_store.listing()).all()
        with pytest.raises(
            Conflict, match=r"shots/back\.png: a-calm-neck and a-tight-back use this name for different files"
        ):
            import_export.write_folder(issues, tmp_path / "out", lambda kept: pictures.as_loaded(session, kept))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(
    sessions: Sessions, publication: Publication, pictures: FolderPictureStore, tmp_path: Path, now: datetime
) -> None:
    save(sessions, publication, SOURCE, BY_FILE, now)
    (tmp_path / "out").write_text("a file where a folder should be")
    with sessions.reading() as session:
        issues = session.scalars(select(Issue)).all()
        with pytest.raises(Conflict, match="cannot be written"):
            import_export.write_folder(issues, tmp_path / "out", lambda kept: pictures.as_loaded(session, kept))


def test_an_issue_that_has_gone_out_keeps_its_text(sessions: Sessions, publication: Publication, now: datetime) -> None:
    save(sessions, publication, SOURCE, BY_FILE, now)
    with sessions.begin() as session:
        issue = issue_store.find(session, "a-tight-back")
        issue.letter = sent_letter(publication, now)
    with pytest.raises(Conflict, match="has gone out"):
        save(sessions, publication, SOURCE + "More.\n", BY_FILE, now)


def test_only_issues_that_have_begun_to_go_out_are_published(
    sessions: Sessions, publication: Publication, now: datetime
) -> None:
    save(sessions, publication, SOURCE, BY_FILE, now)
    with sessions.begin() as session:
        issue = issue_store.find(session, "a-tight-back")
        issue.letter = waiting = sent_letter(publication, now)
        waiting.state, waiting.started_at = LetterState.WAITING, None
        session.flush()
        assert session.scalars(archive.published(publication.id)).all() == []
        waiting.started_at = now
        session.flush()
        assert session.scalars(archive.published(publication.id)).all() == [issue]


def test_dumping_does_not_write_over_a_file_that_differs(
    sessions: Sessions, publication: Publication, pictures: FolderPictureStore, tmp_path: Path, now: datetime
) -> None:
    save(sessions, publication, SOURCE, BY_FILE, now)
    (tmp_path / NAME).write_text("mine")
    with sessions.reading() as session:
        issues = session.scalars(select(Issue)).all()
        with pytest.raises(Conflict, match="differs from the database;"):
            import_export.write_folder(issues, tmp_path, lambda kept: pictures.as_loaded(session, kept))
    assert (tmp_path / NAME).read_text() == "mine"


def test_every_problem_of_every_file_is_named_and_nothing_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "2026-11-24-one.md").write_text("no front matter")
    (tmp_path / "2026-12-01-two.md").write_bytes(b"---\ntitle: \xff\n---\n")
    with pytest.raises(Invalid) as refusal:
        import_export.read_folder(tmp_path, lambda _name, _content: pytest.fail("a picture was kept"))
    assert "2026-11-24-one.md" in str(refusal.value)
    assert "2026-12-01-two.md" in str(refusal.value)


def test_a_missing_picture_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(SOURCE + "\n![A back](missing.png)\n")
    with pytest.raises(Invalid, match=rf"{NAME}:7: there is no picture 'missing\.png'"):
        import_export.read_folder(tmp_path, lambda _name, _content: "")


def test_an_empty_folder_says_what_an_issue_is(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="contains no issues;"):
        import_export.read_folder(tmp_path, lambda _name, _content: "")


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture_is_refused(
    sessions: Sessions, pictures: FolderPictureStore, content: bytes, now: datetime
) -> None:
    with sessions.begin() as session, pytest.raises(Invalid, match=r"back\.png: not a PNG, JPEG or GIF"):
        pictures.keep(session, "back.png", content, now)


def test_the_same_picture_is_kept_once(
    sessions: Sessions, pictures: FolderPictureStore, tmp_path: Path, now: datetime
) -> None:
    Image.new("RGB", (4, 3)).save(tmp_path / "back.png")
    content = (tmp_path / "back.png").read_bytes()
    with sessions.begin() as session:
        first = pictures.keep(session, "back.png", content, now)
        again = pictures.keep(session, "other.png", content, now + timedelta(days=1))
        assert (first, first.width, first.height) == (again, 4, 3)
    assert pictures.path(first.file_name).read_bytes() == content


@pytest.mark.parametrize("name", ["../secret_key", "x.png", f"{'a' * 64}.svg", f"{'a' * 64}.png", ""])
def test_no_other_file_is_reached_through_a_pictures_name(pictures: FolderPictureStore, name: str) -> None:
    with pytest.raises(NotFound):
        pictures.path(name)


def test_a_photo_that_is_loaded_is_published_as_bare_upright_pixels_and_dumped_as_it_was(
    sessions: Sessions, publication: Publication, pictures: FolderPictureStore, tmp_path: Path, now: datetime
) -> None:
    photo = telling_photo(orientation=6)
    folder = tmp_path / "in"
    with_photo(folder, photo)
    put_in(sessions, publication, pictures, folder, now)
    with sessions.reading() as session:
        issue = issue_store.find(session, "a-tight-back")
        [kept] = issue_store.picture_names(issue.revision).values()
        import_export.write_folder([issue], tmp_path / "out", lambda name: pictures.as_loaded(session, name))
    published = pictures.read(kept)
    assert SECRET not in published
    assert (opened(published).size, colour_at(opened(published), 0.25, 0.25)) == ((200, 400), "blue")
    assert (tmp_path / "out" / "photo.jpg").read_bytes() == photo
    with pytest.raises(NotFound):
        pictures.open(f"originals/{hashlib.sha256(photo).hexdigest()}")


def test_a_photo_that_an_earlier_version_loaded_is_developed_when_it_is_loaded_again_unless_its_issue_is_frozen(
    sessions: Sessions, publication: Publication, pictures: FolderPictureStore, tmp_path: Path, now: datetime
) -> None:
    photo = telling_photo()
    with_photo(tmp_path, photo)
    with sessions.begin() as session:
        raw = pictures.keep(session, "photo.jpg", photo, now).file_name
        home = session.get_one(Publication, publication.id)
        text = import_export.read_folder(tmp_path, lambda _name, _content: ImportedPicture(raw, raw))[0]
        issue_store.save(session, home, text, BY_FILE, now)
        issue_store.find(session, "a-tight-back").letter = sent_letter(publication, now)
    for letter, saved, published in ((True, Saved.SAME, raw), (False, Saved.CHANGED, None)):
        with sessions.begin() as session:
            issue = issue_store.find(session, "a-tight-back")
            issue.letter = issue.letter if letter else None
            home = session.get_one(Publication, publication.id)
            text = import_export.read_folder(
                tmp_path, lambda name, content: pictures.import_file(session, name, content, now)
            )[0]
            assert issue_store.save(session, home, text, BY_FILE, now) is saved
            assert (issue_store.picture_names(issue.revision)["photo.jpg"] == raw) is bool(published)


def with_photo(folder: Path, photo: bytes) -> None:
    """An issue that shows this photo."""
    folder.mkdir(exist_ok=True)
    (folder / "photo.jpg").write_bytes(photo)
    (folder / NAME).write_text(SOURCE + "\n![A back](photo.jpg)\n")


def manuscript(folder: Path, slug: str, colour: str) -> dict[str, bytes]:
    """An issue with a picture in a folder below its own; what lies where."""
    (folder / "shots").mkdir(parents=True)
    Image.new("RGB", (4, 3), colour).save(folder / "shots" / "back.png")
    (folder / f"2026-11-24-{slug}.md").write_text(SOURCE + "\n![A back](shots/back.png)\n")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


def put_in(
    sessions: Sessions, publication: Publication, pictures: FolderPictureStore, folder: Path, now: datetime
) -> None:
    with sessions.begin() as session:
        home = session.get_one(Publication, publication.id)
        for text in import_export.read_folder(
            folder, lambda name, content: pictures.import_file(session, name, content, now)
        ):
            issue_store.save(session, home, text, BY_FILE, now)


def sent_letter(publication: Publication, now: datetime) -> Letter:
    return Letter(
        publication_id=publication.id,
        state=LetterState.FINISHED,
        due_at=now,
        created_at=now,
        started_at=now,
        content_hash="0" * 64,
        sender_name="",
        sender_address="",
        list_id="",
        feedback_id="",
        archive_url="",
        subject="",
        html="",
        text="",
    )
