"""Comments are moderated by the keyboard alone: one key for each decision."""

import re

from playwright.sync_api import expect
from sqlalchemy import select

from newsletter.engagement.comments import Comment, CommentState
from newsletter.wiring import Services
from tests.browser.desk.conftest import Open
from tests.browser.hands import follow
from tests.web.desk.test_desk_comments import write_comment

WAITING = CommentState.WAITING


def states(services: Services) -> dict[str, CommentState]:
    with services.sessions.reading() as session:
        return {one.name: one.state for one in session.scalars(select(Comment))}


def test_one_key_decides_about_the_focused_comment_and_no_key_elsewhere(open_desk: Open, services: Services) -> None:
    for name in ("Ada", "Bob", "Cleo", "Dan"):
        write_comment(services, name, WAITING)
    page = open_desk()
    page.goto("/desk/comments/")
    rows = page.locator("[data-comments] > li")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(0)).to_be_focused()
    for key, name, after in (
        ("a", "Dan", CommentState.APPROVED),
        ("s", "Cleo", CommentState.SPAM),
        ("d", "Bob", CommentState.DELETED),
    ):
        with page.expect_navigation():
            page.keyboard.press(key)
        assert states(services)[name] is after
        expect(rows.nth(0)).to_be_focused()
    page.get_by_role("link", name=re.compile("^Waiting")).focus()
    page.keyboard.press("s")
    rows.nth(0).get_by_text("Reply…").click()
    page.get_by_label("Your reply").press_sequentially("asd", delay=0)
    assert states(services)["Ada"] is WAITING
    follow(page.get_by_role("button", name="Undo"))
    assert states(services)["Bob"] is WAITING
