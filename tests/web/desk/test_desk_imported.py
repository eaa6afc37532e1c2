"""Issues that came from another program are chosen at the desk and published in the archive; nobody is mailed."""

import io
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from newsletter import audit, publications
from newsletter.delivery.models import Copy
from newsletter.delivery.workers.context import WorkerContext
from newsletter.delivery.workers.upload_queue import UploadQueue
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import issue_store
from newsletter.editorial.schedule import queue
from newsletter.editors import Role
from newsletter.wiring import Services
from newsletter.workflows import import_archive, peer_archives
from newsletter.workflows.import_archive import ArchiveImport, Fetch
from newsletter.workflows.peer_archives import OldPost
from tests.sample_services import NOW, WAITING
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

LIST = "/desk/issues/imported"
PUBLISH = "/desk/issues/imported/publish"
OLD = datetime(2023, 5, 6, 7, 8, tzinfo=UTC)


POSTS = b"id,web_title,status,url,content_html,created_at\n" + b"".join(
    b"b%d,Letter %d,%s,https://us.example/p/%d,<p>Hi <img src=https://us.example/a.png></p>,2023-05-0%d 07:08:00 UTC\n"
    % (number, number, b"draft" if number == 2 else b"confirmed", number, number)
    for number in range(1, 5)
)


def add_old(services: Services, *slugs: str) -> None:
    """Import a post of each slug, each a day later than the one before."""
    old = [
        OldPost(slug, f"<b>{slug}</b>", "", slug, f"/p/{slug}", OLD + timedelta(day), html="<p>Hello</p>")
        for day, slug in enumerate(slugs)
    ]
    with services.sessions.reading() as session:
        home = publications.find(session)
    job = ArchiveImport(services.sessions, services.pictures, home, "substack")
    list(import_archive.import_posts(job, old, NOW))


def upload(editor: Visitor, content: bytes, name: str = "posts.csv", **fields: str) -> TestResponse:
    """Send the form with this file."""
    own: dict[str, Any] = hidden(editor.open(LIST).text, LIST)
    data = {**own, **fields, "archive": (io.BytesIO(content), name)}
    return editor.client.post(LIST, data=data, follow_redirects=True)


def work(
    services: Services,
    fetch: Fetch | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
    is_stopping: Callable[[], bool] = lambda: False,
    name: str = "one",
) -> None:
    """What a worker does."""
    job = services.archive_job(WorkerContext(name, clock, is_stopping))
    (replace(job, fetch=fetch) if fetch else job).run()


def publish(editor: Visitor, *slugs: str) -> str:
    """Choose these issues, and confirm."""
    page = editor.client.get(PUBLISH, query_string={"issue": slugs}).text
    shown = [slug for slug in slugs if f'name="issue" value="{slug}"' in page]
    data = hidden(page) | {"issue": shown}
    return words(editor.client.post(PUBLISH, data=data, follow_redirects=True))


def test_the_chosen_ones_are_published_under_their_old_dates_and_nobody_is_mailed(
    editor: Visitor, services: Services
) -> None:
    assert "Imported" not in editor.read("/desk/issues/")
    assert "Import an archive" in editor.read(LIST)
    add_old(services, "one", "two", "three")
    assert "Imported 3" in editor.read("/desk/issues/")
    page = editor.open(LIST)
    assert "&lt;b&gt;one&lt;/b&gt;" in page.text
    assert "From Substack" in words(page)
    assert page.text.index('value="three"') < page.text.index('value="one"')
    assert page.text.count("checked") == 0
    assert editor.open(f"{LIST}?choose=all").text.count("checked") == 3
    asked = words(editor.client.get(PUBLISH, query_string={"issue": ["one", "two", "looser-by-degrees", "no"]}))
    assert "2 issues will be published in the archive, and nobody will be mailed" in asked
    assert "Published in the archive: 2 issues" in publish(editor, "one", "two")
    assert "one" in editor.read(f"{LIST}?state=published")
    assert "6 May 2023" in editor.read("/archive/one/")
    assert editor.open("/archive/three/").status_code == 404
    with services.sessions.reading() as session:
        assert not session.scalar(select(func.count()).select_from(Copy).where(Copy.letter_id > 2))
        entry = session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.act, entry.details["issues"]) == ("published imported issues", "one, two")


def test_without_a_choice_the_page_says_what_to_do_and_what_is_published_already_is_left_alone(
    editor: Visitor, services: Services
) -> None:
    add_old(services, "one")
    assert "Choose some from the list" in editor.read(PUBLISH)
    form = hidden(editor.open(f"{PUBLISH}?issue=one").text)
    for _ in range(2):
        assert editor.client.post(PUBLISH, data=form | {"issue": "one"}).status_code == 303
    assert "In the archive 1" in editor.read(LIST)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_choice_that_no_database_takes_publishes_nothing(editor: Visitor) -> None:
    form = hidden(editor.open("/desk/issues/imported").text)
    assert editor.client.post(PUBLISH, data=form | {"issue": "a\0b"}).status_code == 303


def test_the_page_of_an_imported_issue_offers_the_archive_and_no_way_to_send_it(
    editor: Visitor, services: Services
) -> None:
    add_old(services, "one")
    page = editor.open("/desk/issues/one/")
    assert "imported from Substack, where readers got it on" in words(page)
    assert f"{PUBLISH}?issue=one" in page.text
    assert "Mark as ready" not in page.text
    publish(editor, "one")
    page = editor.open("/desk/issues/one/")
    assert "in the archive under its old date" in words(page)
    assert "missed" not in page.text


def test_what_needs_an_approval_is_named_and_not_published(editor: Visitor, services: Services) -> None:
    add_old(services, "one")
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = True
        queue.add(session, issue_store.find(session, WAITING), NOW)
    page = editor.read(f"{PUBLISH}?issue=one")
    assert "nobody has approved this one yet" in page
    assert "Nothing can go out yet: “Looser by degrees” needs an approval." in page
    assert "second person" in words(
        editor.client.post(
            PUBLISH, data=hidden(editor.open("/desk/issues/new").text) | {"issue": "one"}, follow_redirects=True
        )
    )
    assert editor.open("/archive/one/").status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUTHOR])
def test_editors_publish_and_others_only_look(enter: Enter, services: Services, role: Role) -> None:
    add_old(services, "one")
    visitor = enter(role)
    assert 'type="checkbox"' not in visitor.open(LIST).text
    assert visitor.open(f"{PUBLISH}?issue=one").status_code == 403
    assert visitor.client.post(PUBLISH, data={"issue": "one"}).status_code == 403


def test_an_uploaded_archive_becomes_drafts_and_the_page_says_what_did_not(editor: Visitor, services: Services) -> None:
    asked: list[str] = []

    def fetch(url: str, _most: int) -> None:
        asked.append(url)

    assert "Its posts become drafts in the background" in words(upload(editor, POSTS, "../<i>posts.csv"))
    work(services, fetch=fetch)
    page = editor.open(LIST)
    assert "&lt;i&gt;posts.csv" in page.text
    assert "3 posts imported as drafts · by editor@desk.example" in words(page)
    assert "Not imported: 1 Letter 2: it was not published there" in words(page)
    assert "Not published 3" in words(page)
    assert asked == []
    assert list(services.settings.archive_folder.iterdir()) == []
    upload(editor, POSTS.replace(b"b1,", b"b9,"), pictures="on")
    work(services, fetch=fetch)
    assert asked == ["https://us.example/a.png"]
    assert "1 post imported as a draft" in editor.read(LIST)


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"", "This file is empty"), (b"a,b\n1,2\n", "list.csv is not an archive from Substack")],
    ids=["empty", "of no program"],
)
def test_what_is_no_archive_is_refused_with_the_reason(
    editor: Visitor, services: Services, content: bytes, fault: str
) -> None:
    shown = words(upload(editor, content, "list.csv"))
    work(services)
    assert fault in shown + editor.read(LIST)
    assert list(services.settings.archive_folder.iterdir()) == []


def test_an_archive_that_is_broken_off_goes_on_where_it_was(editor: Visitor, services: Services) -> None:
    upload(editor, POSTS)
    # Asked before the archive is claimed, and after each of its posts.
    answers = iter([False, False, True])
    work(services, is_stopping=lambda: next(answers, True))
    with services.sessions.reading() as session:
        assert len(posts.unpublished(session, publications.find(session).id)) == 1
    assert "importing" in editor.read(LIST)
    work(services)
    shown = editor.read(LIST)
    assert "3 posts imported as drafts" in shown
    assert "Not imported: 1 " in shown


def test_a_worker_that_was_killed_loses_the_archive_to_another_when_its_lease_is_over(
    editor: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(_url: str, _most: int) -> None:
        raise Killed

    upload(editor, POSTS, pictures="on")
    monkeypatch.setattr(UploadQueue, "release", lambda *_: None)
    with pytest.raises(Killed):
        work(services, fetch=kill)
    work(services)
    assert "0 posts imported" in editor.read(LIST)
    work(services, clock=lambda: NOW + timedelta(minutes=11), fetch=lambda _url, _most: None)
    assert "3 posts imported as drafts" in editor.read(LIST)


@pytest.mark.slow
def test_a_worker_that_stalls_past_its_lease_writes_no_post_and_no_count_any_more(
    editor: Visitor, services: Services
) -> None:
    another_went_on: list[bool] = []

    def stall(_url: str, _most: int) -> None:
        if not another_went_on:
            another_went_on.append(True)
            work(services, clock=lambda: NOW + timedelta(minutes=11), fetch=stall, name="two")

    upload(editor, POSTS, pictures="on")
    work(services, fetch=stall)
    assert another_went_on
    shown = editor.read(LIST)
    assert "3 posts imported as drafts" in shown
    assert "Not imported: 1 Letter 2: it was not published there" in shown
    assert "done" in shown
    with services.sessions.reading() as session:
        assert len(posts.unpublished(session, publications.find(session).id)) == 3


def test_the_lease_is_renewed_while_the_pictures_of_one_post_take_their_time(
    editor: Visitor, services: Services
) -> None:
    minutes = iter(range(0, 100, 6))
    passed = [next(minutes)]

    def fetch_slowly(_url: str, _most: int) -> None:
        passed[0] = next(minutes)
        work(services, clock=lambda: NOW + timedelta(minutes=passed[0]), name="two")

    pictures = b"".join(b"<img src=https://us.example/%d.png>" % number for number in range(4))
    upload(editor, POSTS[: POSTS.index(b"b2,")].replace(b"<img src=https://us.example/a.png>", pictures), pictures="on")
    work(services, fetch=fetch_slowly, clock=lambda: NOW + timedelta(minutes=passed[0]))
    assert passed[0] == 24
    assert "1 post imported as a draft" in editor.read(LIST)


def test_a_post_at_which_the_program_fails_is_told_and_the_others_are_imported(
    editor: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = import_archive.issue_store.create

    def fail_at_third(*of: Any) -> Any:
        if of[2].file.title == "Letter 3":
            raise RuntimeError("of a kind that nobody foresaw")
        return saved(*of)

    monkeypatch.setattr(import_archive.issue_store, "create", fail_at_third)
    upload(editor, POSTS)
    work(services)
    shown = editor.read(LIST)
    assert "2 posts imported as drafts" in shown
    assert "Letter 3: the program failed at it, and its log says why" in shown


def test_an_archive_at_which_the_program_fails_is_not_under_way_for_ever(
    editor: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_of: object, **_how: object) -> None:
        raise RuntimeError("of a kind that nobody foresaw")

    upload(editor, POSTS)
    with monkeypatch.context() as today:
        today.setattr(peer_archives, "read_archive", fail)
        work(services)
    shown = editor.read(LIST)
    assert "failed" in shown
    assert "Not imported: The program failed at this file, and the worker's log says why" in shown
    upload(editor, POSTS)
    work(services)
    assert "3 posts imported as drafts" in editor.read(LIST)


def test_reports_and_files_that_nobody_needs_are_deleted(editor: Visitor, services: Services) -> None:
    upload(editor, POSTS)
    assert "No worker is running, so this waits." in editor.read(LIST)
    (waiting,) = services.settings.archive_folder.iterdir()
    stray = services.settings.archive_folder / "stray"
    stray.touch()
    for path in (waiting, stray):
        os.utime(path, (0, 0))
    prune(services, lambda: NOW + timedelta(days=31))
    assert list(services.settings.archive_folder.iterdir()) == [waiting]
    work(services)
    prune(services, lambda: NOW + timedelta(days=29))
    assert "posts.csv" in editor.read(LIST)
    prune(services, lambda: NOW + timedelta(days=31))
    assert "posts.csv" not in editor.read(LIST)


def prune(services: Services, clock: Callable[[], datetime]) -> None:
    services.archive_job(WorkerContext("one", clock)).prune()
