"""The pages that confirm and stop emails about replies."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter.editorial.issues import archive
from newsletter.engagement import comments, comments_privacy
from newsletter.engagement.comments import Comment, CommentState, NewComment, ReplyMail
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import NOW, Clock

pytestmark = pytest.mark.usefixtures("stocked")

NONE, ASKED, CONFIRMED = ReplyMail.NONE, ReplyMail.ASKED, ReplyMail.CONFIRMED


@pytest.fixture
def comment_id(services: Services) -> int:
    """Ada's first comment of two on an issue; Bob wrote one as well."""
    with services.sessions.begin() as session:
        issue = archive.find(session, sample_services.OUT[0])
        ids = []
        for text, email in (("one", "ada@example.org"), ("two", "ada@example.org"), ("three", "bob@example.org")):
            new = NewComment(issue.publication_id, issue.id, "Ada", text, CommentState.APPROVED, email=email, key=email)
            ids.append(comments.add(session, new, NOW) or 0)
        return ids[0]


def wishes(services: Services) -> list[ReplyMail]:
    with services.sessions.reading() as session:
        return list(session.scalars(select(Comment.reply_mail).order_by(Comment.id)))


def test_only_the_button_confirms_and_only_the_button_stops(
    browser: FlaskClient, services: Services, comment_id: int
) -> None:
    confirm = sample_services.path_of(services.links.confirm_reply_mail(comment_id, NOW))
    assert "Do you want an email when somebody replies?" in browser.get(confirm).text
    assert wishes(services) == [NONE] * 3
    for _ in range(2):
        assert "You get an email when somebody replies" in browser.post(confirm).text
    # For both of Ada's comments on the issue, and none of Bob's.
    assert wishes(services) == [CONFIRMED, CONFIRMED, NONE]
    assert "You get an email when somebody replies" in browser.get(confirm).text
    stop = sample_services.path_of(services.links.stop_reply_mail(comment_id))
    page = browser.get(stop)
    assert "Stop the emails about replies?" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert wishes(services)[0] is CONFIRMED
    assert "You will get no more emails about replies" in browser.post(stop).text
    assert wishes(services) == [NONE] * 3


def test_a_mail_program_stops_them_with_one_click_even_for_somebody_erased(
    program: FlaskClient, services: Services, comment_id: int
) -> None:
    stop = sample_services.path_of(services.links.stop_reply_mail(comment_id))
    for _ in range(2):
        answer = program.post(stop, data={"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, answer.mimetype) == (200, "text/plain")
        with services.sessions.begin() as session:
            comments_privacy.erase_comments(session, ["ada@example.org"])
    assert program.get(stop).status_code == 404


def test_a_link_to_confirm_expires_and_each_link_is_for_its_own_purpose(
    browser: FlaskClient, services: Services, comment_id: int, clock: Clock
) -> None:
    confirm = sample_services.path_of(services.links.confirm_reply_mail(comment_id, NOW))
    key = confirm.rpartition("/")[2]
    for path in (f"/comments/stop/{key}", f"{confirm[:-2]}", "/comments/replies/x", "/comments/stop/x"):
        assert browser.get(path).status_code == 404
        assert browser.post(path).status_code == 404
    assert browser.get(f"{confirm}).").status_code == 200
    clock.turn(days=7, minutes=1)
    assert browser.get(confirm).status_code == 410
    assert browser.post(confirm).status_code == 410
    assert wishes(services) == [NONE] * 3
