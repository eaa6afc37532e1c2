"""A list is imported at the desk: uploaded, asked about, tried, confirmed, followed and reported."""

import io
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import func, select

from newsletter import audit, publications
from newsletter.audience import export, privacy
from newsletter.audience.importing import importer
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.progress import Import, ImportState
from newsletter.audience.importing.uploads import models
from newsletter.audience.importing.uploads.job import UploadJob
from newsletter.audience.importing.uploads.models import ImportUpload, UploadState
from newsletter.audience.models import ConsentEvent, ImportedFile, Status, Subscriber, Subscription
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.context import WorkerContext
from newsletter.delivery.workers.upload_queue import UploadQueue
from newsletter.editors import Role
from newsletter.errors import Unavailable
from newsletter.web.desk.readers import imports
from newsletter.wiring import Services
from tests.sample_services import NOW
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

HOME = "/desk/readers/import/"
KIT = (
    "First Name,Email,Status,Subscribed at,Tags\n"
    "<b>Ada</b>,ada@example.org,active,2024-01-02,poets\n"
    "Ben,ben@example.org,cancelled,2024-01-02,\n"
    "=1+1,nonsense,active,2024-01-02,\n"
)
AGREED = {"status": "active", "consent": "Readers of our list at Kit", "act": "check"}


class Killed(BaseException):
    """What ends a process in the middle."""


def upload(editor: Visitor, content: str | bytes, name: str = "list.csv") -> str:
    """Upload a list; the address of its page."""
    data = content.encode() if isinstance(content, str) else content
    fields: dict[str, Any] = hidden(editor.open(HOME).text)
    answer = editor.client.post(HOME, data={**fields, "list": (io.BytesIO(data), name)})
    assert answer.status_code == 303, words(answer)
    return answer.headers["Location"]


def press(editor: Visitor, page: str, way: str, **fields: str) -> str:
    own = hidden(editor.open(page).text, f"{page}{way}")
    return words(editor.client.post(f"{page}{way}", data=own | fields, follow_redirects=True))


def job(services: Services, worker: str = "one", **how: Any) -> UploadJob:
    of = {"clock": lambda: NOW, "is_stopping": lambda: False} | how
    context = WorkerContext(worker, **of)
    return UploadJob(services.sessions, services.audience, services.settings.import_folder, context)


def only(services: Services) -> ImportUpload:
    with services.sessions.reading() as session:
        found = session.scalars(select(ImportUpload)).one()
        session.expunge(found)
        return found


def checked(editor: Visitor, services: Services, content: str | bytes) -> str:
    page = upload(editor, content)
    press(editor, page, "answers", **AGREED)
    job(services).run()
    return page


def test_a_list_is_taken_that_is_longer_than_what_is_read_at_once(editor: Visitor, services: Services) -> None:
    upload(editor, "email,name\n" + "reader@example.org,Reader\n" * 12_000)
    assert only(services).size == 312_011


def test_our_own_export_is_recognised_and_each_of_its_columns_has_a_name(editor: Visitor, services: Services) -> None:
    with services.sessions.reading() as session:
        header = "".join(export.csv_pieces(session, publications.find(session).id))
    page = upload(editor, header + "ada@example.org,Ada,active,,,,,,,,each,,,,[]\r\n")
    shown = editor.read(page)
    for part in ("Newsletter Press (recognised)", "Until when they take a break", "Each issue, or one email a month"):
        assert part in shown
    assert imports.FIELDS.keys() == set(FieldKind)


def test_a_list_is_uploaded_tried_and_imported_and_everything_says_who_did_it(
    editor: Visitor, services: Services
) -> None:
    page = upload(editor, KIT, "../../etc/<i>kit\x00\u202e.csv")
    shown = editor.open(page).text
    assert "Kit (ConvertKit) (recognised)" in shown or "Kit (recognised)" in shown
    assert "&lt;b&gt;Ada&lt;/b&gt;" in shown
    assert "<i>kit" not in shown
    assert only(services).file_name == "<i>kit.csv"
    assert [path.parent for path in services.settings.import_folder.iterdir()] == [services.settings.import_folder]
    assert "0 % No worker is running, so this waits." in press(editor, page, "answers", **AGREED)
    with services.sessions.begin() as session:
        heartbeat.beat(session, "w", NOW)
    assert "No worker" not in editor.read(f"{page}progress")
    job(services).run()
    tried = editor.read(page)
    assert "Added 1 Already here 0" in tried
    assert "Ended: the list says they left 1" in tried
    assert "Refused: cannot be read 1" in tried
    assert "ada@example.org as active" in tried
    refused = editor.open(f"{page}refused.csv").text.splitlines()
    assert refused[0] == "line,reason,First Name,Email,Status,Subscribed at,Tags"
    assert "'=1+1,nonsense,active" in refused[1]
    with services.sessions.reading() as session:
        assert session.scalar(select(Subscriber).where(Subscriber.key == "ada@example.org")) is None
    assert "Importing" in press(editor, page, "begin")
    job(services).run()
    assert "Done. Added 1" in editor.read(page)
    assert editor.open(f"{page}progress").headers["HX-Refresh"] == "true"
    report_of = editor.open(f"{page}report.csv").text.splitlines()
    assert report_of[1:3] == ["1,2,ada@example.org,added,active,", "1,3,ben@example.org,ended,unsubscribed,"]
    assert report_of[3].startswith("1,4,,refused,,")
    assert list(services.settings.import_folder.iterdir()) == []
    with services.sessions.reading() as session:
        step = session.scalars(select(ConsentEvent).where(ConsentEvent.file_id.is_not(None)).limit(1)).one()
        assert (step.file.sha256, step.file.operator) == (only(services).sha256, "editor@desk.example")  # type: ignore[union-attr]
        acts = session.scalars(select(audit.AuditEntry.act)).all()
    assert {"uploaded a list", "said what a list holds", "imported a list"} <= set(acts)


def test_what_may_tell_who_has_left_is_asked_for_before_anything_is_tried(editor: Visitor, services: Services) -> None:
    page = upload(editor, "email,Blacklist\nada@example.org,2024-01-02\nben@example.org,\n")
    assert "“Blacklist” may tell who has left" in press(editor, page, "answers", **AGREED)
    assert only(services).state is UploadState.DRAFT
    assert "Checking" in press(editor, page, "answers", **AGREED, **{"column-1": "left"})
    job(services).run()
    assert "Ended: the list says they left 1" in editor.read(page)


def test_a_list_without_states_needs_somebody_to_vouch_for_it(editor: Visitor, services: Services) -> None:
    page = upload(editor, "Email,First Name,Last Name,Data,External ID\nada@example.org,Ada,,{},7\n")
    press(editor, page, "answers", source="listmonk")
    assert "does not tell who has left" in press(editor, page, "answers", source="listmonk", **AGREED)
    assert only(services).state is UploadState.DRAFT
    assert "Checking" in press(editor, page, "answers", source="listmonk", vouched="on", **AGREED)


def test_an_encoding_is_chosen_by_how_a_word_reads_in_it(editor: Visitor, services: Services) -> None:
    page = upload(editor, "email,name\nada@example.org,Zoë\n".encode("windows-1252"))
    assert "Zoë · windows-1252" in editor.read(page)
    press(editor, page, "answers", encoding="windows-1252", **AGREED)
    press(editor, page, "answers", **AGREED)
    job(services).run()
    press(editor, page, "begin")
    job(services).run()
    with services.sessions.reading() as session:
        assert session.scalars(select(Subscriber.name).where(Subscriber.key == "ada@example.org")).one() == "Zoë"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "active", "consent": " "}, "Say where these readers agreed"),
        ({"status": "active", "consent": "x" * 500}, "fit"),
        ({"status": "active", "consent": "a\x1bb"}, "cannot be shown"),
    ],
)
def test_active_readers_need_a_proof_in_words(editor: Visitor, fields: dict[str, str], said: str) -> None:
    page = upload(editor, KIT)
    assert said in press(editor, page, "answers", act="check", **fields)


def test_too_large_or_empty_files_are_refused_and_leave_nothing(
    editor: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(services.settings), "import_bytes", 1000)
    fields: dict[str, Any] = hidden(editor.open(HOME).text)
    for content, status, said in (
        (b"", 422, "empty"),
        (b"x" * 2000, 422, "larger than"),
        (b"x" * 200_000, 413, "larger than"),
    ):
        answer = editor.client.post(HOME, data={**fields, "list": (io.BytesIO(content), "a.csv")})
        assert (answer.status_code, said in answer.text) == (status, True)
    assert editor.client.post(HOME, data=fields).status_code == 422
    assert not list(services.settings.import_folder.glob("*"))


@pytest.mark.parametrize("content", [b"PK\x03\x04broken", b"\x00\x01\x02" * 500, b"\xd0\xcf\x11\xe0old", b"\n\n"])
def test_what_is_no_list_says_why(editor: Visitor, content: bytes) -> None:
    page = upload(editor, content)
    assert 'class="warn"' in editor.open(page).text
    assert "Checking" not in press(editor, page, "answers", **AGREED)


def test_only_what_was_checked_is_imported_and_another_window_is_told(editor: Visitor, services: Services) -> None:
    page = checked(editor, services, KIT)
    old = hidden(editor.open(page).text, f"{page}begin")
    press(editor, page, "answers", status="pending", act="check")
    job(services).run()
    answer = editor.client.post(f"{page}begin", data=old)
    assert (answer.status_code, "changed in another window" in answer.text) == (409, True)
    press(editor, page, "begin")
    own = hidden(editor.open(page).text, f"{page}pause")
    assert editor.client.post(f"{page}begin", data=old | own).status_code == 409


def test_it_pauses_goes_on_and_is_cancelled(
    editor: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "GROUP", 2)
    page = checked(editor, services, "email\n" + "".join(f"new{one}@example.org\n" for one in range(10)))
    press(editor, page, "begin")
    paused: list[str] = []

    def pause_after_some() -> bool:
        if new_readers(services) == 4 and not paused:
            paused.append(press(editor, page, "pause"))
        return False

    job(services, is_stopping=pause_after_some).run()
    assert "Paused" in paused[0]
    assert "Added 4" in editor.read(page)
    assert new_readers(services) == 4
    press(editor, page, "resume")
    job(services).run()
    assert "Done. Added 10" in editor.read(page)
    other = checked(editor, services, "email\nlast@example.org\n")
    press(editor, other, "begin")
    assert "Cancelled" in press(editor, other, "cancel")
    job(services).run()
    assert new_readers(services) == 10
    assert list(services.settings.import_folder.iterdir()) == []


def test_after_a_kill_another_worker_goes_on_and_the_report_has_each_row_once(
    editor: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "GROUP", 2)
    page = checked(editor, services, "email\n" + "".join(f"new{one}@example.org\n" for one in range(9)) + "bad\n")
    press(editor, page, "begin")
    advanced = importer.progress.advance
    times = iter(range(100))

    def kill_third(*of: Any) -> None:
        advanced(*of)
        if next(times) == 2:
            raise Killed

    monkeypatch.setattr(importer.progress, "advance", kill_third)
    monkeypatch.setattr(UploadQueue, "release", lambda *_: None)
    with pytest.raises(Killed):
        job(services, "killed").run()
    done = new_readers(services)
    assert done == 4
    job(services, "early").run()
    assert new_readers(services) == done
    late = NOW + 2 * models.LEASE
    job(services, "late", clock=lambda: late).run()
    assert "Done. Added 9" in editor.read(page)
    lines = editor.open(f"{page}report.csv").text.splitlines()[1:]
    assert sorted(int(line.split(",")[1]) for line in lines) == list(range(2, 12))
    with services.sessions.reading() as session:
        assert session.scalars(select(Import.state)).all() == [ImportState.DONE]
        assert session.scalar(select(func.count()).select_from(ImportedFile)) == 1


def test_a_list_at_which_the_program_fails_says_so_and_does_not_hold_up_the_next(
    editor: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (checked(editor, services, f"email\n{name}@example.org\n") for name in ("ada", "ben"))
    for page in (first, second):
        press(editor, page, "begin")
    imported = importer.progress.advance
    times = iter(range(100))

    def fail_first(*of: Any) -> None:
        if next(times) == 0:
            raise RuntimeError("of a kind that nobody foresaw")
        imported(*of)

    monkeypatch.setattr(importer.progress, "advance", fail_first)
    job(services).run()
    assert "The program failed at this file" in editor.read(first)
    assert "The import could not be finished" in editor.read(first)
    assert "Done. Added 1" in editor.read(second)
    assert list(services.settings.import_folder.iterdir()) == []


def test_a_worker_that_is_done_with_a_list_keeps_no_idle_connection(editor: Visitor, services: Services) -> None:
    page, sessions = upload(editor, KIT), services.sessions
    press(editor, page, "answers", **AGREED)
    with sessions.reading() as one, sessions.reading() as another:
        one.connection(), another.connection()
    assert sessions.reading_engine.pool.checkedin() > 1  # type: ignore[attr-defined]
    job(services).run()
    # The one by which it looked for the next list.
    assert sessions.reading_engine.pool.checkedin() == 1  # type: ignore[attr-defined]


def test_what_was_imported_before_its_reading_was_broken_off_is_counted(
    editor: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "GROUP", 2)
    page = checked(editor, services, "email\n" + "".join(f"new{one}@example.org\n" for one in range(9)))
    press(editor, page, "begin")
    read_ahead = importer.reader_process.read_ahead

    def broken_off(*of: Any) -> Iterator[Any]:
        yield from read_ahead(*of)
        raise Unavailable("the process that reads it ended")

    monkeypatch.setattr(importer.reader_process, "read_ahead", broken_off)
    job(services).run()
    shown = editor.read(page)
    assert "the process that reads it ended" in shown
    assert f"Added {new_readers(services)} Already here 0" in shown
    assert new_readers(services) == 9


def substack_zip() -> bytes:
    """What Substack exports: a list of readers, and posts."""
    made = io.BytesIO()
    with ZipFile(made, "w") as opened:
        opened.writestr("email_list.garden.csv", "email,email_disabled,expiry\nada@example.org,false,\n")
        row = "1.hello,2023-05-06T07:08:00.000Z,true,newsletter,Hello there"
        opened.writestr("posts.csv", f"post_id,post_date,is_published,type,title\n{row}\n")
        opened.writestr("posts/1.hello.html", "<p>Hello</p>")
        opened.writestr("posts/1.opens.csv", "post_id,email\n")
    return made.getvalue()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_zip_with_readers_and_posts_brings_both_in_one_press_if_that_is_chosen(
    editor: Visitor, services: Services, wanted: bool
) -> None:
    page = upload(editor, substack_zip(), "export.zip")
    assert "This zip also holds posts. After the dry run" in editor.read(page)
    assert "Not read: 'posts/1.opens.csv'. Import by itself what belongs to the list." in editor.read(page)
    press(editor, page, "answers", **AGREED)
    job(services).run()
    assert "This zip also holds posts" in editor.read(page)
    shown = press(editor, page, "begin", **({"posts": "on"} if wanted else {}))
    assert ("The posts become drafts" in shown) is wanted
    job(services).run()
    services.archive_job(WorkerContext("one", lambda: NOW)).run()
    assert "Done. Added 1" in editor.read(page)
    assert ("1 post imported as a draft" in editor.read("/desk/issues/imported")) is wanted
    assert list(services.settings.import_folder.iterdir()) == []


def test_a_list_without_posts_offers_none_and_takes_none(editor: Visitor, services: Services) -> None:
    page = checked(editor, services, "email\nada@example.org\n")
    assert "posts" not in editor.read(page)
    assert "The posts become drafts" not in press(editor, page, "begin", posts="on")


def test_the_erased_are_gone_from_reports_and_old_ones_are_deleted(editor: Visitor, services: Services) -> None:
    page = checked(editor, services, KIT.replace("nonsense", "ada@example.org; x@example.org"))
    press(editor, page, "begin")
    job(services).run()
    with services.sessions.begin() as session:
        reader = session.scalars(select(Subscriber).where(Subscriber.key == "ada@example.org")).one()
        assert len(privacy.export_data(session, reader)["import_reports"]) == 2
        privacy.erase_reader(session, services.audience, reader, NOW)
    lines = editor.open(f"{page}report.csv").text
    assert "ada@example.org" not in lines + editor.open(f"{page}refused.csv").text
    assert "1,2,,added,active,erased here" in lines
    assert "ben@example.org" in lines
    stale = upload(editor, KIT)
    job(services, clock=lambda: NOW + 2 * models.FORGOTTEN).prune()
    assert "Cancelled" in editor.read(stale)
    assert list(services.settings.import_folder.iterdir()) == []
    job(services, clock=lambda: NOW + 3 * models.KEPT).prune()
    assert editor.open(page).status_code == 404


def test_authors_neither_see_nor_start_imports(enter: Enter) -> None:
    author = enter(Role.AUTHOR)
    assert author.open(HOME).status_code == 403
    assert author.client.post(HOME, data={"list": (io.BytesIO(b"email\n"), "a.csv")}).status_code == 403
    assert "Import a list" not in author.read("/desk/readers/")


def new_readers(services: Services) -> int:
    mine = select(func.count()).select_from(Subscription).join(Subscriber).where(Subscriber.key.startswith("new"))
    with services.sessions.reading() as session:
        return session.scalar(mine.where(Subscription.status == Status.ACTIVE)) or 0
