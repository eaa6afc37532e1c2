"""A copy that was in doubt and goes out again is noted: nobody is sent a second one unlisted."""

import pytest
from peers import HANG_UP, readers, scripted
from sqlalchemy import select

from newsletter.delivery import ledger
from newsletter.delivery.ledger import doubts, resent
from newsletter.delivery.models import CopyNote, CopyState, Note


@pytest.fixture
def noted(sessions):
    def of(letter_id: int) -> list[tuple[str, str | None]]:
        with sessions.reading() as session:
            return [(copy.address, note.detail) for copy, note in session.execute(resent.of_letter(session, letter_id))]

    return of


def claim_and_begin(sessions, clock, worker: str) -> list[int]:
    with sessions.begin() as session:
        copies = ledger.claim(session, worker, 9, clock.now)
        ledger.begin(session.connection(), worker, copies[:1], clock.now)
    return [copy.id for copy in copies]


def test_what_a_worker_that_ended_had_begun_is_noted_when_it_is_sent_again(running, sessions, clock, noted) -> None:
    letter = running(readers(2))
    for _ in range(2):
        claim_and_begin(sessions, clock, "w")
        with sessions.begin() as session:
            recovered = ledger.recover_from(session, "w", "resend", clock.now)
        assert (len(recovered.again), len(recovered.unsent)) == (1, 1)
    assert noted(letter) == [(readers(1)[0], "its worker ended before the server had answered")]


def test_what_is_held_for_a_person_is_noted_only_once_that_person_has_it_sent_again(
    running, sessions, clock, noted
) -> None:
    letter = running(readers(2))
    first, *_ = claim_and_begin(sessions, clock, "w")
    with sessions.begin() as session:
        ledger.recover_from(session, "w", "hold", clock.now)
    assert noted(letter) == []
    with sessions.begin() as session:
        doubts.send_again(session, letter, [first], clock.now)
    assert noted(letter) == [(readers(1)[0], "a person had it sent again")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_that_hangs_up_on_the_final_dot_leaves_the_same_note(running, press, copies, noted) -> None:
    letter = running(readers(1))
    with scripted({".": HANG_UP}) as (peer, _liar):
        press(peer.server).run_once()
    [copy] = copies(letter).values()
    assert copy.state is CopyState.PENDING
    [(_, why)] = noted(letter)
    assert "hung up after the final dot" in why


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_copy_that_was_never_begun_leaves_none(running, press, sessions) -> None:
    running(readers(2))
    with scripted({"RCPT": b"451 4.3.0 Later\r\n"}) as (peer, _liar):
        press(peer.server).run_once()
    with sessions.reading() as session:
        assert session.scalars(select(CopyNote).where(CopyNote.kind == Note.RESENT)).all() == []
