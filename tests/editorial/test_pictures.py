from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from obstore.store import MemoryStore
from pydantic import SecretStr
from sqlalchemy import func, select

from newsletter.db import Sessions
from newsletter.editorial.images import pictures, s3_storage
from newsletter.editorial.images.pictures import FolderPictureStore, PictureStore
from newsletter.editorial.images.s3_storage import S3PictureStore
from newsletter.editorial.models import Issue, Picture, Revision, RevisionPicture
from newsletter.errors import Invalid, NotFound, Unavailable
from newsletter.publications import Publication
from tests.editorial import photos

KEY = SecretStr("a key for tests")
PNG = photos.saved(photos.quarters(), "PNG")
OTHER = photos.saved(photos.quarters((40, 30)), "JPEG")


class FakeBucket(BaseHTTPRequestHandler):
    """As much of S3 as pictures need: put an object, get it, and say that there is none."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.objects[self.path] = (self.headers["Content-Type"], body)
        self._answer(200)

    def do_GET(self) -> None:
        found = self.server.objects.get(self.path)
        if found:
            self._answer(200, found[1])
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.server.keys.add(self.headers["Authorization"].partition("/")[0])
        self.send_response(status)
        for name, value in {
            "Content-Length": len(body),
            "ETag": '"1"',
            "Last-Modified": "Fri, 20 Nov 2026 12:00:00 GMT",
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def s3() -> Iterator[ThreadingHTTPServer]:
    """A server that speaks S3 on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeBucket)
    server.objects, server.keys = {}, set()
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3: ThreadingHTTPServer) -> PictureStore:
    makers: dict[str, Callable[[], PictureStore]] = {
        "folder": lambda: FolderPictureStore(tmp_path / "pictures"),
        "memory": lambda: S3PictureStore(MemoryStore()),
        "s3": lambda: bucket_at(s3),
    }
    return makers[request.param]()


@pytest.fixture
def issue(sessions: Sessions, now: datetime) -> Issue:
    with sessions.begin() as session:
        words = {"name": "Back", "sender_name": "Back", "sender_address": "back@letters.example"}
        home = Publication(slug="back", created_at=now, **words)
        made = Issue(publication=home, slug="a", file_name="a.md", title="A", subject="A", created_at=now)
        session.add(made)
    return made


def bucket_at(s3: ThreadingHTTPServer, folder: str = "press/shown") -> S3PictureStore:
    return s3_storage.open_bucket(f"s3://{folder}", f"http://127.0.0.1:{s3.server_port}", "eu-central-1", "press", KEY)


def keep(sessions: Sessions, store: PictureStore, content: bytes, now: datetime) -> Picture:
    with sessions.begin() as session:
        return store.keep(session, "back.png", content, now)


def test_a_picture_comes_out_of_any_store_as_it_went_in(sessions: Sessions, store: PictureStore, now: datetime) -> None:
    kept = keep(sessions, store, PNG, now)
    assert store.read(kept.file_name) == PNG
    assert (store.open(kept.file_name).size, kept.size, kept.width, kept.height) == (len(PNG), len(PNG), 400, 200)
    assert keep(sessions, store, PNG, now).file_name == kept.file_name
    with sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Picture)) == 1


def test_a_picture_that_a_power_cut_emptied_is_whole_again_once_it_is_kept_again(
    sessions: Sessions, tmp_path: Path, now: datetime
) -> None:
    folder = FolderPictureStore(tmp_path)
    name = keep(sessions, folder, PNG, now).file_name
    (tmp_path / name).write_bytes(b"")
    keep(sessions, folder, PNG, now)
    assert folder.read(name) == PNG
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".png"] == [name]


@pytest.mark.parametrize("name", ["../newsletter.db", "x.png", "a" * 64 + ".svg", "a" * 64 + ".png", "", "a" * 64])
def test_no_store_hands_out_what_is_no_picture_of_ours(store: PictureStore, name: str) -> None:
    with pytest.raises(NotFound, match="there is no such picture"):
        store.read(name)


def test_what_is_no_picture_gets_into_no_store(sessions: Sessions, store: PictureStore, now: datetime) -> None:
    with pytest.raises(Invalid, match="not a PNG, JPEG or GIF"):
        keep(sessions, store, b"<svg/>", now)


def test_two_who_keep_one_picture_at_once_both_have_it(sessions: Sessions, store: PictureStore, now: datetime) -> None:
    with ThreadPoolExecutor(4) as pool:
        names = {one.file_name for one in pool.map(lambda _: keep(sessions, store, PNG, now), range(8))}
    assert len(names) == 1
    assert store.read(names.pop()) == PNG


def test_a_bucket_is_asked_in_its_folder_with_its_key_and_told_the_kind(
    sessions: Sessions, s3: ThreadingHTTPServer, now: datetime
) -> None:
    kept = keep(sessions, bucket_at(s3), PNG, now)
    assert s3.objects == {f"/press/shown/{kept.file_name}": ("image/png", PNG)}
    assert s3.keys == {"AWS4-HMAC-SHA256 Credential=press"}


def test_a_bucket_that_does_not_answer_is_a_sentence_without_its_secrets(s3: ThreadingHTTPServer) -> None:
    away = bucket_at(s3)
    s3.shutdown()
    s3.server_close()
    with pytest.raises(Unavailable, match="The picture store is not responding") as refusal:
        away.read("a" * 64 + ".png")
    assert not {"press", KEY.get_secret_value(), "127.0.0.1"} & set(str(refusal.value).split())


def attach(sessions: Sessions, issue: Issue, wished: str, picture: Picture) -> str:
    with sessions.begin() as session:
        return pictures.attach(session, session.get_one(Issue, issue.id), wished, picture)


def attached(sessions: Sessions, issue: Issue) -> dict[str, str]:
    with sessions.reading() as session:
        return pictures.attached(session, issue)


def test_each_picture_of_an_issue_has_a_name_of_its_own(
    sessions: Sessions, issue: Issue, tmp_path: Path, now: datetime
) -> None:
    store = FolderPictureStore(tmp_path)
    first, second = (keep(sessions, store, photos.saved(photos.quarters((n, n)), "PNG"), now) for n in (20, 30))
    names = [attach(sessions, issue, "Back.PNG", picture) for picture in (first, second, first, second)]
    assert names == ["back.png", "back-2.png", "back.png", "back-2.png"]
    assert attached(sessions, issue) == {"back.png": first.file_name, "back-2.png": second.file_name}


@pytest.mark.parametrize(
    ("wished", "stem"),
    [
        ("Müde Schultern (1).PNG", "mude-schultern-1"),
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\Back.jpeg", "back"),
        ("背中.jpg", "picture"),
        ("", "picture"),
        ('"><script>.jpg', "script"),
        ("a" * 300 + ".gif", "a" * 60),
    ],
)
def test_a_name_becomes_one_that_every_system_can_spell(wished: str, stem: str) -> None:
    assert pictures.clean_stem(wished) == stem


def test_pictures_that_come_at_once_by_one_name_get_two(
    sessions: Sessions, issue: Issue, tmp_path: Path, now: datetime
) -> None:
    store = FolderPictureStore(tmp_path)
    all_of_them = [keep(sessions, store, photos.saved(photos.quarters((n, n)), "PNG"), now) for n in range(20, 26)]
    with ThreadPoolExecutor(6) as pool:
        names = list(pool.map(lambda picture: attach(sessions, issue, "back.png", picture), all_of_them))
    assert set(names) == {"back.png", *(f"back-{n}.png" for n in range(2, 7))}
    assert attached(sessions, issue) == {name: one.file_name for name, one in zip(names, all_of_them, strict=True)}


def test_what_a_revision_means_by_a_name_holds_and_an_older_ones_pictures_are_still_there(
    sessions: Sessions, issue: Issue, tmp_path: Path, now: datetime
) -> None:
    store = FolderPictureStore(tmp_path)
    old, new = keep(sessions, store, PNG, now).file_name, keep(sessions, store, OTHER, now).file_name
    with sessions.begin() as session:
        for number, shown in enumerate(({"a.png": old, "b.png": old}, {"a.png": new}), 1):
            rows = [RevisionPicture(name=name, file_name=kept) for name, kept in shown.items()]
            words = {"source": "", "sha256": "", "author": "ann@press.example", "created_at": now}
            session.add(Revision(issue_id=issue.id, number=number, pictures=rows, **words))
    assert attached(sessions, issue) == {"a.png": new, "b.png": old}
