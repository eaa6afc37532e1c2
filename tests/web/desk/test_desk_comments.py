"""Moderating comments at the desk: lists, decisions, undoing them, replies, and who may."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter import audit
from newsletter.audit import AuditEntry
from newsletter.editorial.issues import archive
from newsletter.editors import Role
from newsletter.engagement import comments
from newsletter.engagement.comments import Comment, CommentState, NewComment
from newsletter.wiring import Services
from tests.sample_services import NOW, OUT
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor

PAGE = "/desk/comments/"
APPROVED, WAITING, SPAM, DELETED = CommentState.APPROVED, CommentState.WAITING, CommentState.SPAM, CommentState.DELETED


@pytest.fixture
def waiting(services: Services) -> list[int]:
    """Three comments that wait."""
    return [write_comment(services, name) for name in ("Ada", "Bob", "=Cleo")]


def write_comment(services: Services, name: str, state: CommentState = WAITING, **fields: object) -> int:
    with services.sessions.begin() as session:
        issue = archive.find(session, OUT[0])
        email = f"{name.lower().strip('=')}@example.org"
        text = f"<b>Words</b> of *{name}*, {state}"
        new = NewComment(issue.publication_id, issue.id, name, text, state, email=email, key=email, **fields)
        return comments.add(session, new, NOW) or 0


def states(services: Services) -> dict[str, CommentState]:
    with services.sessions.reading() as session:
        return {one.name: one.state for one in session.scalars(select(Comment).order_by(Comment.id))}


def press(visitor: Visitor, state: str = "waiting", **fields: object):
    return visitor.press(f"{PAGE}?state={state}", PAGE, **fields)


@pytest.mark.usefixtures("waiting")
def test_comments_wait_in_a_list_and_the_desk_says_how_many(editor: Visitor) -> None:
    home = editor.read("/desk/issues/")
    assert "3 comments wait" in home
    assert "Comments: 3 waiting" in home
    page = editor.open(PAGE).text
    assert page.index("=Cleo") < page.index("Bob") < page.index("Ada")
    assert "&lt;b&gt;Words&lt;/b&gt; of <em>Bob</em>, waiting" in page
    assert "bob@example.org" in page


@pytest.mark.parametrize(
    ("decision", "after", "sentence"),
    [
        ("approve", APPROVED, "1 comment approved."),
        ("spam", SPAM, "1 comment marked as spam."),
        ("delete", DELETED, "1 comment deleted."),
    ],
)
def test_one_button_decides_about_one_comment_and_another_undoes_it(
    editor: Visitor, services: Services, waiting: list[int], decision: str, after: CommentState, sentence: str
) -> None:
    answer = press(editor, **{decision: str(waiting[1]), "comment": str(waiting[0])})
    assert states(services) == {"Ada": WAITING, "Bob": after, "=Cleo": WAITING}
    page = editor.open(answer.location)
    assert sentence in page.text
    undo = page.text[page.text.index('class="said said-offer"') :]
    fields = dict(part.split('" value="')[::1] for part in _hidden(undo.partition("</form>")[0]))
    assert fields | {"csrf_token": "", "opened_by": ""} == {
        "csrf_token": "",
        "opened_by": "",
        "state": after.value,
        "do": "hold",
        "comment": str(waiting[1]),
    }
    editor.client.post(PAGE, data=fields)
    assert set(states(services).values()) == {WAITING}


def test_many_are_decided_about_at_once(editor: Visitor, services: Services, waiting: list[int]) -> None:
    answer = press(editor, do="spam", comment=[str(each) for each in waiting[:2]])
    assert states(services) == {"Ada": SPAM, "Bob": SPAM, "=Cleo": WAITING}
    assert "2 comments marked as spam." in editor.read(answer.location)


def test_what_somebody_else_decided_meanwhile_stays(editor: Visitor, services: Services, waiting: list[int]) -> None:
    page = press(editor, spam=str(waiting[0])).location
    editor.open(page)
    answer = press(editor, do="approve", comment=[str(each) for each in waiting])
    assert states(services) == {"Ada": SPAM, "Bob": APPROVED, "=Cleo": APPROVED}
    assert "1 comment had already been decided by somebody else." in editor.read(answer.location)


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize(
    "fields", [{}, {"do": "approve"}, {"do": "burn", "comment": "1"}, {"do": "spam", "comment": "x"}, {"spam": "-1"}]
)
def test_a_form_without_a_decision_or_a_comment_changes_nothing(
    editor: Visitor, services: Services, fields: dict[str, str]
) -> None:
    assert press(editor, **fields).status_code == 400
    assert set(states(services).values()) == {WAITING}


def test_a_reply_is_the_teams_and_approves_what_it_replies_to(
    editor: Visitor, services: Services, waiting: list[int], browser: FlaskClient
) -> None:
    action = f"{PAGE}{waiting[0]}/reply"
    assert editor.press(PAGE, action, text=" ").status_code == 422
    answer = editor.press(PAGE, action, text="We agree & thank you.")
    assert "Your reply is shown below the comment." in editor.read(answer.location)
    assert states(services)["Ada"] is APPROVED
    page = browser.get(f"/archive/{OUT[0]}/comments").text
    assert page.count('<span class="team">Team</span>') == 1
    assert "We agree &amp; thank you." in page
    press(editor, spam=str(waiting[1]))
    assert editor.client.post(f"{PAGE}{waiting[1]}/reply", data={"text": "No"}).status_code == 422


def test_nobody_below_an_editor_sees_or_decides(enter: Enter, services: Services, waiting: list[int]) -> None:
    for role in (Role.VIEWER, Role.AUTHOR):
        visitor = enter(role)
        assert visitor.open(PAGE).status_code == 403
        assert visitor.open("/desk/comments.csv").status_code == 403
        assert visitor.client.post(PAGE, data={"state": "waiting", "approve": waiting[0]}).status_code == 403
        home = visitor.read("/desk/issues/")
        assert "comments wait" not in home
        assert PAGE not in visitor.open("/desk/issues/").text
    assert set(states(services).values()) == {WAITING}


def test_a_decision_is_in_the_audit_log_without_anybodys_words(
    editor: Visitor, services: Services, waiting: list[int]
) -> None:
    press(editor, do="approve", comment=[str(each) for each in waiting[:2]])
    with services.sessions.reading() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry.act == "moderated comments"
    assert entry.details == {"decision": "approve", "comments": f"{waiting[0]}, {waiting[1]}"}
    assert entry.who != audit.NOBODY


@pytest.mark.usefixtures("waiting")
def test_the_sheet_holds_every_comment_and_no_formula(editor: Visitor, services: Services) -> None:
    write_comment(services, "Dan", SPAM)
    sheet = editor.open("/desk/comments.csv").text.splitlines()
    assert sheet[0] == "at,issue,name,email,by_reader_link,state,text"
    assert [line.split(",")[2] for line in sheet[1:]] == ["Ada", "Bob", "'=Cleo", "Dan"]


def test_the_settings_close_comments(enter: Enter, browser: FlaskClient) -> None:
    owner = enter(Role.OWNER)
    form = "/desk/settings/comments"
    assert owner.press(form, comments="perhaps", close_comments_after="x").status_code == 422
    assert owner.press(form, comments="held", close_comments_after="-1").status_code == 422
    assert owner.press(form, comments="off", close_comments_after="30").status_code == 303
    assert "not accepted" in owner.read("/desk/settings/")
    assert "#write" not in browser.get(f"/archive/{OUT[1]}/").text


def _hidden(form: str) -> list[str]:
    return [part.partition('">')[0] for part in form.split('<input type="hidden" name="')[1:]]
