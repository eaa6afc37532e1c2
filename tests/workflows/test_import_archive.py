"""An archive of another program becomes drafts with old dates: published on demand, and never sent."""

import io
import json
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select

from newsletter import editors, publications
from newsletter.delivery.models import Copy
from newsletter.editorial.imported import posts
from newsletter.editorial.imported.convert import html_to_markdown, plain_markdown
from newsletter.editorial.issues import archive, issue_store
from newsletter.editorial.models import Issue
from newsletter.editors import Role
from newsletter.errors import Conflict, Invalid, PressError
from newsletter.web import create_app
from newsletter.wiring import Services
from newsletter.workflows import (
    approve_issue,
    import_archive,
    issue_readiness,
    peer_archives,
    publish,
    resend_missed,
)
from newsletter.workflows.approve_issue import Review
from newsletter.workflows.import_archive import PostFate
from newsletter.workflows.peer_archives import OldPost
from tests import sample_services
from tests.originals import Fill
from tests.sample_services import NOW

OLD = datetime(2023, 5, 6, 7, 8, tzinfo=UTC)
BODY = (
    '<h1>Hi</h1><p>Dear {{name}}, <a href="https://a.example/">read</a> '
    '<img src="https://a.example/pic.png" alt="A dog"></p>'
)
QUOTED = BODY.replace('"', '""')
SUBSTACK = {
    "posts.csv": "post_id,post_date,is_published,type,title,subtitle\n"
    "1.first-one,2023-05-06T07:08:00Z,true,newsletter,First one,What it is about\n"
    "2.later,2023-06-06T07:08:00Z,false,newsletter,Not out,\n"
    "3.talk,2023-06-06T07:08:00Z,true,podcast,A talk,\n",
    "posts/1.first-one.html": BODY,
}
BUTTONDOWN = {
    "emails.csv": "id,subject,publish_date,slug\nabc,First one,2023-05-06 07:08:00+00:00,first-one\n",
    "emails/first-one.md": "Hello\n\n![A dog](https://a.example/pic.png)\n",
}
GHOST = {"db": [{"data": {"posts": [
    {"id": "g1", "title": "First one", "slug": "first-one", "html": BODY, "status": "published",
     "published_at": "2023-05-06T07:08:00.000Z"},
    {"id": "g2", "title": "About", "slug": "about", "html": BODY, "status": "published", "type": "page"},
]}}]}  # fmt: skip
BEEHIIV = (
    "id,web_title,status,url,web_subtitle,content_html,created_at\n"
    f'b1,First one,confirmed,https://us.example/p/first-one,,"{QUOTED}",2023-05-06 07:08:00 UTC\n'
)


@pytest.fixture
def filled() -> Fill:
    """The shipped issues, two of them out."""
    return sample_services.stocked


@pytest.mark.parametrize("name", ["id", "slug", "title", "html"])
def test_what_no_database_stores_is_replaced(tmp_path: Path, name: str) -> None:
    export = json.loads(json.dumps(GHOST))
    export["db"][0]["data"]["posts"][0][name] += "\0\ud800"
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export))
    post = peer_archives.read_archive(path)[1][0]
    told = {"id": post.key, "slug": post.slug, "title": post.title, "html": post.html}
    assert told[name].endswith("\ufffd\ufffd")


@pytest.mark.parametrize(
    ("column", "content", "reason"),
    [
        ("html", "<b>" * 3000 + "deep", "its HTML is nested too deeply"),
        ("published_at", "0001-01-01T00:00:00+23:59", "it has no date"),
        ("published_at", "9999-12-31T23:59:59-23:59", "it has no date"),
    ],
    ids=["too deep", "too early", "too late"],
)
def test_a_post_that_no_page_could_show_is_skipped_with_the_reason(
    services: Services, tmp_path: Path, column: str, content: str, reason: str
) -> None:
    export = json.loads(json.dumps(GHOST))
    export["db"][0]["data"]["posts"][0][column] = content
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export))
    assert reason in [fate.reason for fate in take_in(services, *peer_archives.read_archive(path))]


def test_a_damaged_zip_is_refused_wherever_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in SUBSTACK.items():
            file.writestr(name, content)
    whole, refused = path.read_bytes(), 0
    for place in range(4, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            peer_archives.read_archive(path)
        except PressError:
            refused += 1
    assert refused > 50


def zipped(folder: Path, files: dict[str, str]) -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def written(folder: Path, source: str) -> Path:
    if source in {"substack", "buttondown"}:
        return zipped(folder, SUBSTACK if source == "substack" else BUTTONDOWN)
    path = folder / "export"
    path.write_text(json.dumps(GHOST) if source == "ghost" else BEEHIIV)
    return path


def take_in(services: Services, source: str, found: list[OldPost], **how: Any) -> list[PostFate]:
    with services.sessions.reading() as session:
        home = publications.find(session)
    job = import_archive.ArchiveImport(services.sessions, services.pictures, home, source, **how)
    return list(import_archive.import_posts(job, found, NOW))


PATHS = {
    "substack": "/p/first-one",
    "buttondown": "/archive/first-one",
    "ghost": "/first-one",
    "beehiiv": "/p/first-one",
}


@pytest.mark.parametrize("source", PATHS)
def test_the_archive_of_each_program_is_read(tmp_path: Path, source: str) -> None:
    found, old = peer_archives.read_archive(written(tmp_path, source))
    kept = [post for post in old if not post.skipped]
    assert found == source
    assert [(post.title, post.slug, post.path, post.posted_at) for post in kept] == [
        ("First one", "first-one", PATHS[source], OLD)
    ]
    with pytest.raises(Invalid):
        peer_archives.read_archive(written(tmp_path, source), "ghost" if source != "ghost" else "substack")


@pytest.mark.parametrize("content", [b"", b"{", b"PK\x03\x04", b'{"db": []}', b"a,b\n1,2\n", b"\xff\xfe"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(Invalid):
        peer_archives.read_archive(tmp_path / "x")


def test_html_becomes_our_markdown_and_tells_what_it_lost() -> None:
    made = html_to_markdown(
        BODY + '<script>alert(1)</script><iframe src="https://v.example"></iframe><p><a href="javascript:x">bad</a></p>'
    )
    assert made.markdown.startswith("## Hi\n\nDear \\{{name}}, [read](https://a.example/)")
    assert "[A dog](https://a.example/pic.png)" in made.markdown
    assert "alert" not in made.markdown
    assert "javascript" not in made.markdown
    assert set(made.lost) == {
        "1 × embedded page",
        "1 × picture, which is a link now",
        "1 × merge field, which is shown as text",
    }
    assert plain_markdown("A <b>bold</b> word\n").lost == ("2 × HTML tag",)


def test_they_become_drafts_once_with_pictures_only_when_asked(services: Services, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, "PNG")
    _, old = peer_archives.read_archive(written(tmp_path, "substack"))
    assert [fate.slug for fate in take_in(services, "substack", old, dry_run=True)] == ["first-one", "", ""]
    with services.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(posts.ImportedPost)) == 0
    asked: list[str] = []

    def fetch(url: str, _most: int) -> bytes:
        asked.append(url)
        return file.getvalue()

    fates = take_in(services, "substack", old, fetch=fetch)
    assert [fate.reason for fate in fates[1:]] == ["it was not published there", "it is a podcast"]
    assert asked == ["https://a.example/pic.png"]
    with services.sessions.reading() as session:
        issue = issue_store.find(session, "first-one")
        assert issue.file_name == "2023-05-06-first-one.md"
        assert list(issue_store.picture_names(issue.revision)) == ["pic-1.png"]
        assert "![A dog](pic-1.png)" in issue.revision.source
    assert take_in(services, "substack", old)[0].reason == "it was imported before"


def test_they_are_published_at_their_old_dates_redirected_to_and_never_sent(services: Services, tmp_path: Path) -> None:
    _, old = peer_archives.read_archive(written(tmp_path, "substack"))
    take_in(services, "substack", old)
    client = create_app(services, lambda: NOW).test_client()
    assert client.get("/p/first-one").status_code == 404
    with services.sessions.begin() as session:
        issue = issue_store.find(session, "first-one")
        assert_never_sent(session, services, issue)
        assert import_archive.publish_imported(session, services.letters, issue, NOW) is not None
    with services.sessions.begin() as session:
        issue = archive.find(session, "first-one")
        assert archive.published_text(issue)[0] == OLD
        assert_never_sent(session, services, issue)
        with pytest.raises(Conflict, match="already sent"):
            import_archive.publish_imported(session, services.letters, issue, NOW)
        own = issue_store.find(session, "looser-by-degrees")
        with pytest.raises(Conflict, match="was not imported"):
            import_archive.publish_imported(session, services.letters, own, NOW)
        assert not session.scalar(select(func.count()).where(Copy.letter_id == issue.letter_id))
    for path in ("/p/first-one", "/p/first-one/"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (301, "/archive/first-one/")
    page = client.get("/archive/first-one/").text
    assert "2023" in page
    assert "What it is about" in page or "First one" in page
    assert "first-one" in client.get("/sitemap.xml").text
    assert client.get("/p/nothing").status_code == 404
    assert client.get("/x//p/first-one").status_code == 404


def test_an_imported_issue_is_published_only_with_the_approval_that_its_publication_requires(
    services: Services, tmp_path: Path
) -> None:
    _, old = peer_archives.read_archive(written(tmp_path, "substack"))
    take_in(services, "substack", old)
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = True
        second = editors.add(session, "second@desk.example", Role.EDITOR, NOW)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, "first-one")
        with pytest.raises(issue_readiness.Unapproved, match="second person"):
            import_archive.publish_imported(session, services.letters, issue, NOW)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, "first-one")
        assert issue.letter is None
        content = issue_readiness.approvable_content(issue, services.links)
        approve_issue.approve(session, services.links, issue, Review(content, second.email), NOW)
        import_archive.publish_imported(session, services.letters, issue, NOW)
        assert archive.find(session, "first-one").letter is not None


def assert_never_sent(session, services: Services, issue: Issue) -> None:
    for act in (
        lambda: issue_readiness.mark_ready(session, issue, services.links),
        lambda: publish.send_now(session, services.letters, issue, NOW),
        lambda: publish.schedule(session, services.letters, issue, NOW.replace(year=2027), NOW),
    ):
        with pytest.raises(Conflict, match="never sent"):
            act()
    if issue.letter:
        with pytest.raises(Conflict, match="never sent"):
            resend_missed.find_missed(session, issue, NOW)


def test_a_row_of_brackets_is_converted_at_once() -> None:
    began = time.process_time()
    assert plain_markdown("[" * 100_000).markdown.startswith("[[")
    assert time.process_time() - began < 10
