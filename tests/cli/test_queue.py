import json

import pytest

from .conftest import Press

FIRST, SECOND = "unwind-a-tight-back", "under-the-hands"


@pytest.fixture
def queued(loaded: Press) -> Press:
    """The two first issues, in the queue in the order of their dates."""
    for slug in (FIRST, SECOND):
        assert loaded("issues", "queue", slug).code == 0
    return loaded


def shown(press: Press) -> list[str]:
    return [row["slug"] for row in json.loads(press("issues", "queue", "--json").out)]


def test_an_issue_is_told_its_place_and_its_slot(loaded: Press) -> None:
    answer = loaded("issues", "queue", FIRST)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"{FIRST} is number 1 in the queue, for Tuesday ")
    assert " at 09:00 (Europe/Warsaw)" in answer.out


def test_the_queue_is_shown_to_people_and_to_programs(queued: Press) -> None:
    rows = json.loads(queued("issues", "queue", "--json").out)
    assert [(row["slug"], row["state"]) for row in rows] == [(FIRST, "ready"), (SECOND, "ready")]
    assert rows[0]["slot"] < rows[1]["slot"]
    assert FIRST in queued("issues", "queue").out
    # A queued issue is ready, as the contract has it.
    listed = json.loads(queued("issues", "list", "--json").out)
    assert {row["state"] for row in listed} == {"ready"}


def test_the_queue_shows_its_slots_after_those_that_other_issues_are_scheduled_for(queued: Press) -> None:
    for slug in ("break-the-circle", "looser-by-degrees"):
        # Behind the one that stays queued, and so before the other.
        assert queued("issues", "unqueue", FIRST).code == 0
        assert queued("issues", "schedule", slug).code == 0
        assert queued("issues", "queue", FIRST).code == 0
    rows = json.loads(queued("issues", "queue", "--json").out)
    assert [row["slug"] for row in rows] == [SECOND, FIRST]
    assert all(row["slot"] for row in rows)


def test_an_empty_queue_says_so(loaded: Press) -> None:
    assert loaded("issues", "queue").out == "the queue is empty\n"
    assert loaded("issues", "queue", "--json").out == "[]\n"


def test_an_issue_moves_before_another_and_leaves(queued: Press) -> None:
    assert queued("issues", "queue", SECOND, "--before", FIRST).code == 0
    assert shown(queued) == [SECOND, FIRST]
    assert queued("issues", "unqueue", SECOND).out == f"{SECOND} has been removed from the queue\n"
    assert shown(queued) == [FIRST]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("queue", FIRST), 1, "is already in the queue"),
        (("queue", "break-the-circle", "--before", "looser-by-degrees"), 1, "looser-by-degrees is not in the queue"),
        (("queue", "no-such-issue"), 1, "there is no issue"),
        (("unqueue", "break-the-circle"), 1, "break-the-circle is not in the queue"),
        (("queue", "--before", FIRST), 2, "say which issue goes before it"),
        (("queue", FIRST, "--json"), 2, "without SLUG"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    queued: Press, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    answer = queued("issues", *arguments)
    assert answer.code == code
    assert sentence in answer.err
    assert shown(queued) == [FIRST, SECOND]
