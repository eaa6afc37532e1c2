import threading
import time

import pytest
from peers import Mailbox, honest, parsed, readers, send_all
from sqlalchemy import update

from newsletter.addresses.provider_groups import Quota
from newsletter.delivery import ledger, stopping
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause, Copy, Letter, LetterState
from newsletter.delivery.rate_limit.limits import Limits
from tests.waiting import wait_for


def test_every_reader_gets_one_copy_and_the_ledger_says_so(running, press, honest_server, mailbox, counts) -> None:
    letter = running(readers(50))
    assert press(honest_server).run_once()
    assert mailbox.recipients == readers(50)
    assert counts(letter).sent == counts(letter).audience == 50


def test_a_run_with_nothing_due_says_that_there_was_no_work(running, press, honest_server, clock, mailbox) -> None:
    running(readers(1))
    clock.pass_by(hours=-1)
    assert not press(honest_server).run_once()
    assert mailbox.taken == []


def test_the_servers_words_are_kept_for_each_copy(running, press, honest_server, copies) -> None:
    letter = running(readers(1))
    press(honest_server).run_once()
    [copy] = copies(letter).values()
    assert (copy.code, copy.status, copy.reply, copy.attempts) == (250, "2.0.0", "2.0.0 Taken", 1)
    assert copy.ended_at is not None
    assert copy.lease_until is None


def test_one_bad_reader_stops_nobody_else(running, press, honest_server, mailbox, counts, copies) -> None:
    letter = running(readers(20))
    mailbox.answers = {"reader0003@example.org": "550 5.1.1 No such user"}
    press(honest_server).run_once()
    assert (counts(letter).sent, counts(letter).refused) == (19, 1)
    refused = copies(letter)["reader0003@example.org"]
    assert (refused.code, refused.status) == (550, "5.1.1")


def test_many_letters_at_once_lose_no_copy_of_any(running, press, honest_server, mailbox, counts) -> None:
    letters = [running(readers(1)) for _ in range(60)]
    press(honest_server, limits=Limits(connections=6)).run_once()
    assert [counts(letter).sent for letter in letters] == [1] * 60
    assert len(mailbox.taken) == 60


def test_a_copy_that_was_put_off_goes_out_later(running, press, honest_server, mailbox, counts, clock) -> None:
    letter = running(readers(3))
    mailbox.answers = {"reader0001@example.org": "451 4.7.1 Greylisted"}
    run = press(honest_server)
    run.run_once()
    assert (counts(letter).sent, counts(letter).pending) == (2, 1)
    assert not run.run_once()
    mailbox.answers = {}
    clock.pass_by(minutes=2)
    assert run.run_once()
    assert mailbox.recipients == readers(3)


def test_a_copy_that_is_put_off_for_ever_fails_in_the_end(
    running, press, honest_server, mailbox, counts, copies, clock
) -> None:
    letter = running(readers(1))
    mailbox.answers = {"reader0000@example.org": "451 4.7.1 Greylisted"}
    run = press(honest_server)
    while counts(letter).pending:
        run.run_once()
        clock.pass_by(days=1)
    assert counts(letter).failed == 1
    assert copies(letter)["reader0000@example.org"].reason == "gave up"


def test_a_suppressed_reader_gets_no_queued_issue(
    running, press, honest_server, mailbox, counts, copies, sessions, now
) -> None:
    letter = running(["Reader@example.org", "other@example.org"])
    with sessions.begin() as session:
        suppression.add(session, "reader@example.org", Cause.COMPLAINT, now)
    press(honest_server).run_once()
    assert mailbox.recipients == ["other@example.org"]
    assert counts(letter).skipped == 1
    assert copies(letter)["Reader@example.org"].reason == "suppressed"


def test_an_address_that_is_none_is_refused_here(running, press, honest_server, mailbox, copies) -> None:
    letter = running(["a@example.org", "b>\r\nRCPT TO:<c@example.org"])
    press(honest_server).run_once()
    assert mailbox.recipients == ["a@example.org"]
    assert copies(letter)["b>\r\nRCPT TO:<c@example.org"].status == "5.1.3"


def test_an_international_address_goes_to_a_server_that_knows_them(running, press, honest_server, mailbox) -> None:
    running(["jürgen@bücher.example"])
    press(honest_server).run_once()
    assert mailbox.recipients == ["jürgen@xn--bcher-kva.example"]


def test_an_international_address_is_refused_where_the_server_knows_none(running, press, copies) -> None:
    letter = running(["jürgen@bücher.example"])
    with honest(Mailbox(), enable_SMTPUTF8=False) as peer:
        press(peer.server).run_once()
    assert copies(letter)["jürgen@bücher.example"].status == "5.6.7"


def test_as_many_letters_as_there_are_go_out_at_once(running, press, counts, honest_server) -> None:
    letters = [running(readers(2)) for _ in range(12)]
    press(honest_server).run_once()
    assert [counts(letter).sent for letter in letters] == [2] * 12


def test_a_letter_with_an_unknown_field_fails_and_the_others_go_on(running, press, honest_server, counts) -> None:
    bad, good = running(readers(2), subject="{{ secret }}"), running(readers(2))
    press(honest_server).run_once()
    assert (counts(bad).failed, counts(good).sent) == (2, 2)


def test_the_return_path_is_signed_for_its_copy(running, press, honest_server, mailbox, copies, links) -> None:
    letter = running(readers(1))
    press(honest_server, return_path_domain="bounces.example.org").run_once()
    sender = mailbox.taken[0][0]
    local, _, domain = sender.partition("@")
    assert domain == "bounces.example.org"
    copy = copies(letter)["reader0000@example.org"]
    assert links.seal.open_local_part("bounce", local.removeprefix("bounce+")) == (copy.id,)


def test_two_letters_share_a_claim(running, sessions, now) -> None:
    first, second = running(readers(20)), running(readers(20))
    with sessions.begin() as session:
        claimed = ledger.claim(session, "w", 10, now)
    assert {letter: [copy.letter_id for copy in claimed].count(letter) for letter in (first, second)} == {
        first: 5,
        second: 5,
    }


def test_two_presses_at_once_send_each_copy_once(running, press, honest_server, mailbox, counts) -> None:
    letter = running(readers(200))
    presses = [press(honest_server, worker=worker) for worker in ("one", "two")]
    threads = [threading.Thread(target=send_all, args=[run]) for run in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mailbox.recipients == readers(200)
    assert counts(letter).sent == 200


def test_a_stop_finishes_what_is_in_flight_and_gives_back_the_rest(
    running, press, honest_server, mailbox, counts
) -> None:
    letter = running(readers(200))
    mailbox.delay = 0.05
    run = press(honest_server)
    thread = threading.Thread(target=run.run_once)
    thread.start()
    wait_for(lambda: len(mailbox.taken) > 5)
    run.stop()
    thread.join(110)
    assert not thread.is_alive()
    now = counts(letter)
    assert (now.sending, now.in_doubt) == (0, 0)
    assert now.sent == len(mailbox.taken) == 200 - now.pending
    assert not run.run_once()


@pytest.mark.parametrize("state", [LetterState.PAUSED, LetterState.CANCELLED])
def test_pause_and_cancel_take_effect_within_a_second(
    running, press, honest_server, mailbox, counts, sessions, now, state
) -> None:
    letter = running(readers(300))
    mailbox.delay = 0.1
    thread = threading.Thread(target=press(honest_server).run_once)
    thread.start()
    wait_for(lambda: len(mailbox.taken) > 5)
    with sessions.begin() as session:
        session.execute(update(Letter).where(Letter.id == letter).values(state=state))
        if state is LetterState.CANCELLED:
            stopping.skip_group(session, letter, now)
    thread.join()
    end = counts(letter)
    assert (end.sending, end.in_doubt) == (0, 0)
    assert end.sent == len(mailbox.taken) < 300
    assert (end.pending if state is LetterState.PAUSED else end.skipped) == 300 - end.sent


def test_a_reader_who_leaves_while_a_copy_waits_for_its_retry_gets_no_more(
    running, press, honest_server, mailbox, counts, sessions, now
) -> None:
    letter = running(readers(1))
    with sessions.begin() as session:
        [copy] = ledger.claim(session, "other", 1, now)
        assert ledger.skip_pending(session, copy.subscription_id, "unsubwriterd", now) == 0
        ledger.recover(session, now + ledger.LEASE * 2, "resend")
    press(honest_server).run_once()
    assert mailbox.taken == []
    assert counts(letter).skipped == 1


def test_the_rate_is_kept(running, press, honest_server) -> None:
    running(readers(20))
    began = time.monotonic()
    press(honest_server, limits=Limits(Quota(per_second=40))).run_once()
    assert time.monotonic() - began > 0.35


def test_a_copy_sent_again_carries_the_same_message_id(running, press, honest_server, mailbox, sessions) -> None:
    running(readers(1))
    press(honest_server).run_once()
    with sessions.begin() as session:
        session.execute(update(Copy).values(state="pending"))
    press(honest_server).run_once()
    first, second = (parsed(content)["Message-ID"] for _, _, content in mailbox.taken)
    assert first == second
