"""Mail from readers at the desk: listed, read as plain text, deleted, and for editors alone."""

from datetime import datetime

import pytest
from sqlalchemy import select

from newsletter import audit
from newsletter.delivery.bounces.events import RawReport
from newsletter.delivery.bounces.intake.reader_mails import ReaderMail
from newsletter.editors import Role
from newsletter.wiring import Services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

PAGE = "/desk/readers/mails/"
HTML = (
    b"From: Ben <ben@reader.example>\r\nSubject: =?utf-8?q?My_=3Cb=3Eback=3C/b=3E?=\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    b'<p>It hurts.</p><img src="https://spy.example/pixel.png"><script>alert(1)</script>&lt;i&gt;\x00\r\n'
)
PICTURE = (
    b"From: cleo@reader.example\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
)


@pytest.fixture(autouse=True)
def mails(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        for number, (raw, why) in enumerate([(HTML, ""), (PICTURE, "loop"), (None, "automatic")], start=1):
            key = f"reader{number}@reader.example"
            session.add(
                ReaderMail(source=f"sha256:{number}", key=key, publication_id=1, received_at=now, kept_because=why)
            )
            session.flush()
            if raw:
                session.add(RawReport(source=f"sha256:{number}", received_at=now, raw=raw))
        session.add(ReaderMail(source="sha256:4", key="else@where.example", publication_id=2, received_at=now))


def test_they_are_listed_newest_first_with_what_became_of_them(editor: Visitor) -> None:
    listed = words(editor.open(PAGE))
    assert listed.index("reader3@reader.example kept here") < listed.index("reader1@reader.example forwarded")
    assert "else@where.example" not in listed
    assert f'href="{PAGE}"' in editor.open("/desk/readers/").text
    for strange in ("?before=-1", "?after=abc", "?before=99999999999999999999", "?after=%00"):
        assert editor.open(f"{PAGE}{strange}").status_code == 200


def test_a_mail_is_read_as_text_and_nothing_of_it_is_carried_out(editor: Visitor) -> None:
    page = editor.open(f"{PAGE}1/").text
    assert "My &lt;b&gt;back&lt;/b&gt;" in page
    assert "It hurts." in page
    assert "&lt;i&gt;" in page
    assert "spy.example" not in page
    assert "alert(1)" not in page
    assert "\0" not in page
    assert "PNG" not in editor.open(f"{PAGE}2/").text
    assert "gone in a circle" in editor.read(f"{PAGE}2/")
    assert "is not kept any more" in editor.read(f"{PAGE}3/")
    for unknown in ("4", "5", "9223372036854775807"):
        assert editor.open(f"{PAGE}{unknown}/").status_code == 404


def test_a_mail_is_deleted_with_its_text_once_and_the_log_tells_who_but_not_what(
    editor: Visitor, services: Services
) -> None:
    form = hidden(editor.open(f"{PAGE}1/").text, f"{PAGE}1/delete")
    other = editor.client.post(f"{PAGE}2/delete", data=form)
    assert other.status_code == 409
    assert "The mail is deleted" in words(editor.client.post(f"{PAGE}1/delete", data=form, follow_redirects=True))
    assert editor.client.post(f"{PAGE}1/delete", data=form).status_code == 404
    with services.sessions.reading() as session:
        assert set(session.scalars(select(ReaderMail.id))) == {2, 3, 4}
        assert session.get(RawReport, "sha256:1") is None
        entry = session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.id.desc())).first()
        assert entry
        assert "deleted a reader's mail" in str(vars(entry))
        assert "reader1" not in str(vars(entry))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUTHOR])
def test_nobody_below_an_editor_sees_them(enter: Enter, role: Role) -> None:
    visitor = enter(role)
    assert "Mail from readers" not in visitor.read("/desk/readers/")
    assert visitor.open(PAGE).status_code == visitor.open(f"{PAGE}1/").status_code == 403
