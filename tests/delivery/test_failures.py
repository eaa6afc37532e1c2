"""What went wrong is grouped by what was said, and every group opens to its readers."""

import itertools
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from newsletter.db import Sessions
from newsletter.delivery.models import Copy, CopyState
from newsletter.delivery.reports import failures, recipients
from newsletter.delivery.reports.failures import Failure, Wording, normalized_reply, parse_reply_code
from newsletter.delivery.reports.recipients import RecipientFilter

HOSTILE = '5.7.1 <script>alert("x")</script> \x1b[31m \u202eevil ' + "x" * 900


@pytest.fixture
def letter(sessions: Sessions, running: Callable[..., int]) -> int:
    """12 readers: unknown, full, put off, in doubt, skipped, or sent."""
    letter_id = running(f"r{number}@{'gmail.com' if number < 4 else 'firm.example'}" for number in range(12))
    said = {
        range(5): (CopyState.REFUSED, 550, "5.1.1", "5.1.1 <{}>: no such user here (id {}-abc-77123)", None),
        range(5, 6): (CopyState.REFUSED, 550, "5.1.1", "5.1.1 mailbox closed", None),
        range(6, 7): (CopyState.PENDING, 452, "4.2.2", "4.2.2 over quota", None),
        range(7, 8): (CopyState.IN_DOUBT, None, None, "the connection was lost", None),
        range(8, 9): (CopyState.SKIPPED, None, None, None, "unsubscribed"),
        range(9, 10): (CopyState.REFUSED, None, "5.6.7", "no server takes this address", None),
        range(10, 12): (CopyState.SENT, 250, "2.0.0", "2.0.0 Ok", None),
    }
    with sessions.begin() as session:
        copies = session.scalars(select(Copy).where(Copy.letter_id == letter_id).order_by(Copy.id)).all()
        for numbers, (state, code, status, reply, reason) in said.items():
            for number in numbers:
                copy = copies[number]
                copy.state, copy.code, copy.status, copy.reason, copy.attempts = state, code, status, reason, 1
                copy.reply = reply and reply.format(copy.address, number)
    return letter_id


def told(sessions: Sessions, letter_id: int) -> list[Failure]:
    with sessions.reading() as session:
        return failures.list_failures(session, letter_id)


def readers(sessions: Sessions, letter_id: int, wanted: RecipientFilter, most: int = 50) -> list[str]:
    """The addresses of all pages, and that each page but the last is full."""
    found, after = [], 0
    while after is not None:
        with sessions.reading() as session:
            page = recipients.page(session, letter_id, wanted, after, most)
        assert after == 0 or page.lines, "an empty page was offered"
        found += [line.address for line in page.lines]
        after = page.after
    return found


def test_what_was_said_is_grouped_by_its_codes_and_its_wording(sessions: Sessions, letter: int) -> None:
    found = told(sessions, letter)
    assert [(each.state.value, each.reply_code, each.reason, each.copies) for each in found] == [
        ("in_doubt", "-", None, 1),
        ("refused", "550 5.1.1", None, 6),
        ("refused", "5.6.7", None, 1),
        ("pending", "452 4.2.2", None, 1),
        ("skipped", "-", "unsubscribed", 1),
    ]
    assert found[1].wordings == [
        Wording("…: no such user here (id …)", 5, ["gmail.com", "firm.example"]),
        Wording("mailbox closed", 1, ["firm.example"]),
    ]
    assert all(each.is_read for each in found)


@pytest.mark.parametrize("most", [1, 2, 50])
def test_every_group_opens_to_just_its_readers(sessions: Sessions, letter: int, most: int) -> None:
    for each in told(sessions, letter):
        put_off = each.state is CopyState.PENDING
        group = RecipientFilter(each.state, put_off=put_off, reply_code=each.reply_code, reason=each.reason)
        assert len(readers(sessions, letter, group, most)) == each.copies
        for wording in each.wordings:
            exact = RecipientFilter(each.state, put_off=put_off, reply_code=each.reply_code, words=wording.words)
            assert len(readers(sessions, letter, exact, most)) == wording.copies


@pytest.mark.parametrize("most", [1, 5, 50])
def test_the_list_of_a_state_has_each_reader_once(sessions: Sessions, letter: int, most: int) -> None:
    found = {state: readers(sessions, letter, RecipientFilter(state), most) for state in CopyState}
    assert {state.value: len(them) for state, them in found.items() if them} == {
        "pending": 1,
        "sent": 2,
        "refused": 7,
        "skipped": 1,
        "in_doubt": 1,
    }
    assert sorted(readers(sessions, letter, RecipientFilter(), most)) == sorted(itertools.chain(*found.values()))
    assert readers(sessions, letter, RecipientFilter(domain="gmail.com"), most) == [
        f"r{number}@gmail.com" for number in range(4)
    ]
    assert [line.address for line in recipients.iter_recipients(sessions, letter, RecipientFilter())] == readers(
        sessions, letter, RecipientFilter()
    )


def test_a_rare_reader_is_looked_for_in_so_many_copies_a_page(
    sessions: Sessions, letter: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "_FARTHEST", 3)
    with sessions.reading() as session:
        page = recipients.page(session, letter, RecipientFilter(words="said by nobody"))
        assert page.lines == []
        assert page.after == 3
    assert len([*recipients.iter_recipients(sessions, letter, RecipientFilter(domain="firm.example"))]) == 8


def test_wordings_of_more_copies_than_are_read_are_marked(
    sessions: Sessions, letter: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "_SAMPLE", 2)
    refused = told(sessions, letter)[1]
    assert (refused.copies, refused.is_read) == (6, False)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("5.1.1 <ada@reader.example>: Recipient address rejected", "…: Recipient address rejected"),
        ("4.7.0 try again later, see 203.0.113.77 [IPv6:2001:db8::1]", "try again later, see … …"),
        ("Ok: queued as 4F2D01C3E9", "Ok: queued as …"),
        ("5.7.1 blocked, see https://help.example/?q=10293847", "blocked, see https://help.example/?…"),
        ("", ""),
        ("552 5.2.2 mailbox is full", "… mailbox is full"),
    ],
)
def test_the_outline_of_an_answer_leaves_out_what_is_one_readers_own(reply: str, words: str) -> None:
    assert normalized_reply(reply) == words


def test_a_hostile_answer_is_one_short_printable_line(sessions: Sessions, letter: int) -> None:
    with sessions.begin() as session:
        session.execute(update(Copy).where(Copy.state == CopyState.REFUSED).values(reply=HOSTILE))
    for each in told(sessions, letter):
        for wording in each.wordings:
            assert wording.words.isprintable()
            assert len(wording.words) <= 160
            assert (
                len(
                    readers(
                        sessions,
                        letter,
                        RecipientFilter(
                            each.state, put_off=each.state == "pending", reply_code=each.reply_code, words=wording.words
                        ),
                    )
                )
                > 0
            )


@pytest.mark.parametrize("said", ["550 5.1.1", "550", "5.1.1", "-"])
def test_what_was_said_can_be_read_back(said: str) -> None:
    code, status = parse_reply_code(said)
    assert Failure(CopyState.REFUSED, code, status, None, 1).reply_code == said


@pytest.mark.parametrize("said", ["", "x", "550 5.1.1 and more", "'; DROP TABLE copies", "9" * 400])
def test_nothing_strange_is_read_from_an_address(said: str) -> None:
    assert parse_reply_code(said) == (None, None)
