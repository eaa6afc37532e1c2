"""Comments as they are stored, shown, moderated, pruned and erased, on both databases."""

from datetime import datetime, timedelta

from sqlalchemy import select

from newsletter.db import Sessions
from newsletter.engagement import comments, comments_moderation, comments_privacy
from newsletter.engagement.comments import Comment, CommentState, Discussion
from newsletter.pagination import FIRST_PAGE
from tests.engagement.conftest import Write

APPROVED, WAITING, SPAM, DELETED = CommentState.APPROVED, CommentState.WAITING, CommentState.SPAM, CommentState.DELETED


def everything(store: Sessions) -> dict[int, Comment]:
    with store.reading() as session:
        return {one.id: one for one in session.scalars(select(Comment))}


def seen(store: Sessions, **page: int) -> Discussion:
    with store.reading() as session:
        (issue_id,) = set(session.scalars(select(Comment.issue_id)))
        return comments.discussion(session, issue_id, **{"limit": 10} | page)


def tree(found: Discussion) -> list[tuple[str, list[str]]]:
    return [
        (thread.comment.text if thread.is_shown else "-", [one.text for one in thread.replies])
        for thread in found.threads
    ]


def test_only_approved_comments_are_shown_the_newest_first_and_replies_in_order(store: Sessions, write: Write) -> None:
    first, hidden = write("one"), write("held", WAITING)
    write("two")
    write("spam", SPAM)
    for text in ("a", "b"):
        write(text, parent_id=first)
    write("c", parent_id=hidden)
    write("d", WAITING, parent_id=first)
    found = seen(store)
    assert tree(found) == [("two", []), ("-", ["c"]), ("one", ["a", "b"])]
    assert (found.total, found.has_more) == (5, False)
    page = seen(store, skip=1, limit=1)
    assert (tree(page), page.has_more) == ([("-", ["c"])], True)


def test_the_same_comment_is_stored_once_and_another_persons_as_well(store: Sessions, write: Write) -> None:
    first = write("Thank you")
    assert [write("Thank you"), write("Thank you", key="bob@example.org") > first] == [0, True]
    assert write("Thank you", parent_id=first)
    assert len(everything(store)) == 3


def test_the_third_report_hides_a_comment_until_a_moderator_has_looked(
    store: Sessions, write: Write, now: datetime
) -> None:
    one, ours = write("insult"), write("answer", is_team=True)
    for number in range(1, 6):
        with store.begin() as session:
            for comment_id in (one, ours):
                comments.report(session, comment_id, now)
            state = session.get_one(Comment, one).state
            assert state is (APPROVED if number < 3 or number > 3 else WAITING)
            if state is WAITING:
                publication_id = session.get_one(Comment, one).publication_id
                moved = comments_moderation.move_comments(session, publication_id, [one], WAITING, APPROVED, now)
                assert moved == [one]
    assert everything(store)[ours].state is APPROVED


def test_a_decision_moves_only_what_is_still_as_the_moderator_saw_it(
    store: Sessions, write: Write, now: datetime
) -> None:
    ids = [write("one", WAITING), write("two", SPAM), write("three", WAITING)]
    with store.begin() as session:
        publication_id = session.get_one(Comment, ids[0]).publication_id
        assert comments_moderation.move_comments(session, publication_id, ids, WAITING, APPROVED, now) == ids[::2]
        assert comments_moderation.move_comments(session, publication_id + 1, ids, SPAM, APPROVED, now) == []
    with store.reading() as session:
        counts = comments_moderation.count_by_state(session, publication_id)
        assert counts == {WAITING: 0, APPROVED: 2, SPAM: 1, DELETED: 0}
        page = comments_moderation.page_of_comments(session, publication_id, APPROVED, FIRST_PAGE, 1)
        assert [one.comment.text for one in page.rows] == ["three"]
        assert page.next == {"before": ids[2]}
        assert len(list(comments_moderation.iter_comments(session, publication_id))) == 3


def test_spam_and_deleted_comments_go_after_thirty_days(store: Sessions, write: Write, now: datetime) -> None:
    old = now - timedelta(days=30)
    parent = write("parent", DELETED, old)
    write("reply", APPROVED, old, parent_id=parent)
    write("young", SPAM, old + timedelta(seconds=1))
    write("spam", SPAM, old)
    write("waits", WAITING, old)
    with store.begin() as session:
        assert comments_moderation.prune(session, now) == 2
    with store.begin() as session:
        assert comments_moderation.prune(session, now) == 0
    found = everything(store)
    assert sorted(one.text for one in found.values()) == ["", "reply", "waits", "young"]
    assert (found[parent].name, found[parent].email, found[parent].key) == ("", "", "")
    assert tree(seen(store)) == [("-", ["reply"])]


def test_erasing_somebody_leaves_what_others_replied(store: Sessions, write: Write) -> None:
    parent = write("mine")
    write("also mine", parent_id=parent)
    theirs = write("theirs", parent_id=parent, name="Bob", key="bob@example.org", email="bob@example.org")
    alone = write("mine alone")
    write("my answer to myself", parent_id=alone)
    with store.begin() as session:
        told = comments_privacy.comments_of(session, ["ada@example.org"])
        assert [one["text"] for one in told] == ["mine", "also mine", "mine alone", "my answer to myself"]
        assert comments_privacy.erase_comments(session, ["ada@example.org", ""]) == 4
    found = everything(store)
    assert set(found) == {parent, theirs}
    assert "ada" not in "".join(map(repr, vars(found[parent]).values())).lower()
    assert tree(seen(store)) == [("-", ["theirs"])]
    with store.begin() as session:
        comments_privacy.erase_comments(session, ["bob@example.org"])
        assert comments_privacy.comments_of(session, ["ada@example.org"]) == []
